# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/crypto/libctx.h
