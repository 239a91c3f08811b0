# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/backend/backend.h \
	src/backend/op.h \
	src/backend/soft.c \
	src/backend/soft.h \
	src/backend/soft_asym.h \
	src/backend/soft_curve.c \
	src/backend/soft_curve.h \
	src/backend/soft_digest.c \
	src/backend/soft_ec.c \
	src/backend/soft_ec.h \
	src/backend/soft_ec_key.c \
	src/backend/soft_ecdh.c \
	src/backend/soft_ed.c \
	src/backend/soft_int.h \
	src/backend/soft_k256.c \
	src/backend/soft_key.c \
	src/backend/soft_mac.c \
	src/backend/soft_mechs.c \
	src/backend/soft_msgsig.c \
	src/backend/soft_param.c \
	src/backend/soft_pkcs8.c \
	src/backend/soft_pq.c \
	src/backend/soft_rsa.c \
	src/backend/soft_rsa.h \
	src/backend/soft_rsa_crypt.c \
	src/backend/soft_rsa_key.c \
	src/backend/soft_rsa_sig.c \
	src/backend/soft_secret.c \
	src/backend/soft_sig.c \
	src/backend/soft_sym.c \
	src/backend/soft_sym.h \
	src/backend/soft_vendor.c \
	src/backend/soft_vendor.h
