# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/module/wycheproof/t_wycheproof
tests_module_wycheproof_t_wycheproof_SOURCES = \
	tests/module/wycheproof/t_wycheproof.c \
	tests/module/wycheproof/wp.c \
	tests/module/wycheproof/wp.h \
	tests/module/wycheproof/wp_asymmetric.c \
	tests/module/wycheproof/wp_symmetric.c
tests_module_wycheproof_t_wycheproof_LDADD = $(OPENSSL_LIBS) $(JSON_LIBS) -ldl

# One program a file, all with the kit.
check_LTLIBRARIES += libkit.la
libkit_la_SOURCES = \
	tests/module/kit.c \
	tests/module/kit.h \
	tests/module/kit_keys.c \
	tests/module/kit_mech.c
MODULE_KIT = libkit.la -ldl $(PTHREAD_LIBS)

check_PROGRAMS += tests/module/t_attributes
tests_module_t_attributes_LDADD = $(MODULE_KIT)

check_PROGRAMS += tests/module/t_find
tests_module_t_find_LDADD = $(MODULE_KIT)

check_PROGRAMS += tests/module/t_mech_list
tests_module_t_mech_list_LDADD = $(MODULE_KIT)

check_PROGRAMS += tests/module/t_multi_part
tests_module_t_multi_part_LDADD = $(MODULE_KIT)

check_PROGRAMS += tests/module/t_op_end
tests_module_t_op_end_LDADD = $(MODULE_KIT)

check_PROGRAMS += tests/module/t_out_len
tests_module_t_out_len_LDADD = $(MODULE_KIT)
