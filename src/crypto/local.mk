# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/crypto/hash.c \
	src/crypto/hash.h \
	src/crypto/hmac.c \
	src/crypto/hmac.h \
	src/crypto/keccak.c \
	src/crypto/keccak.h \
	src/crypto/libctx.c \
	src/crypto/libctx.h
