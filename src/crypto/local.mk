# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/crypto/aead.c \
	src/crypto/aead.h \
	src/crypto/aead_ccm.c \
	src/crypto/aead_gcm.c \
	src/crypto/aead_int.h \
	src/crypto/der.c \
	src/crypto/der.h \
	src/crypto/ecies.c \
	src/crypto/ecies.h \
	src/crypto/eip712.c \
	src/crypto/eip712.h \
	src/crypto/eip712_int.h \
	src/crypto/eip712_types.c \
	src/crypto/eip712_value.c \
	src/crypto/ethaddr.c \
	src/crypto/ethaddr.h \
	src/crypto/hash.c \
	src/crypto/hash.h \
	src/crypto/hmac.c \
	src/crypto/hmac.h \
	src/crypto/jfields.c \
	src/crypto/jfields.h \
	src/crypto/k256.c \
	src/crypto/k256.h \
	src/crypto/keccak.c \
	src/crypto/keccak.h \
	src/crypto/libctx.c \
	src/crypto/libctx.h \
	src/crypto/poai.c \
	src/crypto/poai.h \
	src/crypto/poai_profiles.c \
	src/crypto/poai_profiles.h \
	src/crypto/shamir.c \
	src/crypto/shamir.h \
	src/crypto/u256.c \
	src/crypto/u256.h
