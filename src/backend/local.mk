# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/backend/backend.h \
	src/backend/op.h \
	src/backend/soft.c \
	src/backend/soft.h \
	src/backend/soft_digest.c \
	src/backend/soft_int.h \
	src/backend/soft_mac.c \
	src/backend/soft_mechs.c \
	src/backend/soft_secret.c \
	src/backend/soft_sym.c \
	src/backend/soft_sym.h
