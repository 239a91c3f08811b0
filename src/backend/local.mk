# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/backend/backend.h \
	src/backend/op.h \
	src/backend/soft.h \
	src/backend/soft_int.h
