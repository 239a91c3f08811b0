# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/crypto/keccak.c \
	src/crypto/keccak.h \
	src/crypto/libctx.c \
	src/crypto/libctx.h
