# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += \
	tests/unit/test_jsoncheck \
	tests/unit/test_reader \
	tests/unit/t_base_log \
	tests/unit/t_base_secmem \
	tests/unit/t_base_text
check_PROGRAMS += \
	tests/unit/t_jdoc \
	tests/unit/t_eip712
check_PROGRAMS += \
	tests/unit/t_poai
