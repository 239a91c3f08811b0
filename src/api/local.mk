# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/api/functions.def
libhz_la_SOURCES += \
	src/api/api.h \
	src/api/guard.c \
	src/api/guard.h \
	src/api/lists.c \
	src/api/stubs.c
