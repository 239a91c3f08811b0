# SPDX-License-Identifier: Apache-2.0
libhz_la_SOURCES += \
	src/gov/audit.c \
	src/gov/audit.h \
	src/gov/audit_file.c \
	src/gov/audit_file.h \
	src/gov/audit_text.c \
	src/gov/audit_text.h \
	src/gov/config.c \
	src/gov/config.h \
	src/gov/config_device.c \
	src/gov/config_int.h \
	src/gov/config_login.c \
	src/gov/config_parse.c \
	src/gov/config_path.c \
	src/gov/config_scan.c \
	src/gov/config_seal.c \
	src/gov/config_serial.c \
	src/gov/evidence.c \
	src/gov/evidence.h
