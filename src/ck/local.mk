# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	include/pkcs11.h \
	src/ck/attr_list.h \
	src/ck/attrs.c \
	src/ck/attrs.h \
	src/ck/attrs_in.c \
	src/ck/attrs_io.c \
	src/ck/class_list.h \
	src/ck/key_type_list.h \
	src/ck/keyspace.c \
	src/ck/keyspace.h \
	src/ck/kinds.c \
	src/ck/mech.c \
	src/ck/mech.h \
	src/ck/mech_check.h \
	src/ck/mech_list.h \
	src/ck/mech_param.c \
	src/ck/mech_param.h \
	src/ck/mech_table.c \
	src/ck/names.c \
	src/ck/names.h \
	src/ck/outlen.c \
	src/ck/outlen.h \
	src/ck/rv_list.h \
	src/ck/schema.c \
	src/ck/schema.h \
	src/ck/schema_change.c \
	src/ck/schema_get.c \
	src/ck/schema_table.c \
	src/ck/schema_table.h \
	src/ck/schema_values.c
