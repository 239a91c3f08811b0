# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += hanzo-p11
hanzo_p11_SOURCES = \
	tools/cmd_attest.c \
	tools/cmd_doctor.c \
	tools/cmd_init.c \
	tools/cmd_list.c \
	tools/hanzo-p11.c \
	tools/tool.c \
	tools/tool.h
hanzo_p11_CPPFLAGS = $(AM_CPPFLAGS) -DHZ_MODULE_PATH='"$(P11_MODULE_DIR)/libhanzo-pkcs11.so"'
hanzo_p11_LDADD = libhz.la -ldl
