# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/ck/attrs.h \
	src/ck/mech.h \
	src/ck/names.h \
	src/ck/outlen.h \
	src/ck/schema.h
