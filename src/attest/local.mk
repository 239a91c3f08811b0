# SPDX-License-Identifier: Apache-2.0
# libhanzo-attest: built once as a convenience library, installed on its own, and linked into the module.
noinst_LTLIBRARIES += libhz-attest.la
libhz_attest_la_SOURCES = \
	include/hanzo-attest.h \
	src/attest/attest-int.h

libhz_attest_la_LIBADD = libhz-base.la $(OPENSSL_LIBS) $(JSON_LIBS)
