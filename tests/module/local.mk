# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/module/wycheproof/t_wycheproof
tests_module_wycheproof_t_wycheproof_SOURCES = \
	tests/module/wycheproof/t_wycheproof.c \
	tests/module/wycheproof/wp.c \
	tests/module/wycheproof/wp.h \
	tests/module/wycheproof/wp_asymmetric.c \
	tests/module/wycheproof/wp_symmetric.c
tests_module_wycheproof_t_wycheproof_LDADD = $(OPENSSL_LIBS) $(JSON_LIBS) -ldl
