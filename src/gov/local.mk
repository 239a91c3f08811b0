# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/gov/config.h
