# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/token/module.h \
	src/token/object.h \
	src/token/op.h \
	src/token/session.h \
	src/token/token.h
