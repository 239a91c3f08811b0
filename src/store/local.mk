# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/store/aead.c \
	src/store/aead.h \
	src/store/db.c \
	src/store/db.h \
	src/store/files.c \
	src/store/files.h \
	src/store/find.c \
	src/store/gate.c \
	src/store/gate.h \
	src/store/gen.c \
	src/store/gen.h \
	src/store/nonce.c \
	src/store/nonce.h \
	src/store/nonce_int.h \
	src/store/nonce_state.c \
	src/store/nonce_table.c \
	src/store/pin.c \
	src/store/row.c \
	src/store/row.h \
	src/store/schema.c \
	src/store/schema.h \
	src/store/seal.c \
	src/store/seal.h \
	src/store/seal_pin.c \
	src/store/seal_sim.c \
	src/store/store.c \
	src/store/store.h \
	src/store/store_int.h
