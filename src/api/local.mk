# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/api/functions.def
libhz_la_SOURCES += \
	src/api/api.h \
	src/api/api_crypt.c \
	src/api/api_digest.c \
	src/api/api_general.c \
	src/api/api_key.c \
	src/api/api_message.c \
	src/api/api_object.c \
	src/api/api_session.c \
	src/api/api_sign.c \
	src/api/api_vendor.c \
	src/api/guard.c \
	src/api/guard.h \
	src/api/lists.c \
	src/api/stubs.c
