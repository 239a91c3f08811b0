# SPDX-License-Identifier: Apache-2.0
libhz_base_la_SOURCES += \
	src/base/buf.c \
	src/base/buf.h \
	src/base/clock.h \
	src/base/error.c \
	src/base/error.h \
	src/base/fd.h \
	src/base/fork.c \
	src/base/fork.h \
	src/base/hex.c \
	src/base/hex.h \
	src/base/jdoc.c \
	src/base/jdoc.h \
	src/base/jsoncheck.c \
	src/base/jsoncheck.h \
	src/base/lock.c \
	src/base/lock.h \
	src/base/log.c \
	src/base/log.h \
	src/base/reader.h \
	src/base/secmem.c \
	src/base/secmem.h
