# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += hanzo-p11
hanzo_p11_SOURCES = \
	tools/attested.c \
	tools/attested.h \
	tools/cmd_audit.c \
	tools/cmd_attest.c \
	tools/cmd_attest_collect.c \
	tools/cmd_attest_key.c \
	tools/cmd_doctor.c \
	tools/cmd_ecies.c \
	tools/cmd_hmm.c \
	tools/cmd_import.c \
	tools/cmd_init.c \
	tools/cmd_list.c \
	tools/cmd_migrate.c \
	tools/cmd_poai.c \
	tools/cmd_threshold.c \
	tools/evidence.c \
	tools/evidence.h \
	tools/hanzo-p11.c \
	tools/keyed.c \
	tools/keyed.h \
	tools/move.h \
	tools/move_end.c \
	tools/move_put.c \
	tools/move_report.c \
	tools/move_same.c \
	tools/move_thing.c \
	tools/move_token.c \
	tools/move_wrap.c \
	tools/pem.c \
	tools/pem.h \
	tools/statement.c \
	tools/statement.h \
	tools/statement_sign.c \
	tools/statement_verify.c \
	tools/threshold.h \
	tools/threshold_combine.c \
	tools/threshold_dkg.c \
	tools/threshold_record.c \
	tools/threshold_split.c \
	tools/tool.c \
	tools/tool.h \
	tools/tool_terminal.c
hanzo_p11_CPPFLAGS = $(AM_CPPFLAGS) -DHZ_MODULE_PATH='"$(P11_MODULE_DIR)/libhanzo-pkcs11.so"'
hanzo_p11_LDADD = libhz.la -ldl
