# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/store/nonce.c \
	src/store/nonce.h \
	src/store/nonce_int.h \
	src/store/nonce_state.c \
	src/store/nonce_table.c \
	src/store/store.h
