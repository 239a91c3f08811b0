# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/collect/collect.c \
	src/collect/collect.h \
	src/collect/collect_int.h \
	src/collect/file.c \
	src/collect/nvml.c \
	src/collect/sev_guest.c \
	src/collect/sim.c \
	src/collect/socket.c \
	src/collect/stream.c \
	src/collect/stream.h \
	src/collect/tdx_guest.c \
	src/collect/tpm.c \
	src/collect/tsm.c
