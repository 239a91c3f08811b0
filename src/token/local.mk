# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/token/access.c \
	src/token/access.h \
	src/token/builtin.c \
	src/token/builtin.h \
	src/token/calls.h \
	src/token/derive.c \
	src/token/find.c \
	src/token/kem.c \
	src/token/keygen.c \
	src/token/login.c \
	src/token/login.h \
	src/token/module.c \
	src/token/module.h \
	src/token/newkey.c \
	src/token/newkey.h \
	src/token/object.c \
	src/token/object.h \
	src/token/object_ops.c \
	src/token/op.c \
	src/token/op.h \
	src/token/op_crypt.c \
	src/token/op_digest.c \
	src/token/op_dual.c \
	src/token/op_int.h \
	src/token/op_message.c \
	src/token/op_sign.c \
	src/token/op_step.c \
	src/token/session.c \
	src/token/session.h \
	src/token/slot.c \
	src/token/slot.h \
	src/token/table.c \
	src/token/table.h \
	src/token/token.h \
	src/token/wrap.c
