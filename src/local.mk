# SPDX-License-Identifier: Apache-2.0
# The floors, lowest first; everything but the C_* list itself is in one convenience library that tests link too.
noinst_LTLIBRARIES += libhz-base.la libhz.la
libhz_base_la_SOURCES =
libhz_base_la_LIBADD = $(OPENSSL_LIBS) $(PTHREAD_LIBS)
libhz_la_SOURCES =
libhz_la_LIBADD = libhz-base.la $(OPENSSL_LIBS) $(SECP256K1_LIBS) $(P11KIT_LIBS) $(CURL_LIBS) $(JSON_LIBS) $(SQLITE_LIBS) $(PTHREAD_LIBS)
include src/base/local.mk
include src/ck/local.mk
include src/crypto/local.mk
include src/collect/local.mk
include src/store/local.mk
include src/backend/local.mk
include src/gov/local.mk
include src/token/local.mk
include src/api/local.mk

p11moduledir = $(P11_MODULE_DIR)
p11module_LTLIBRARIES = libhanzo-pkcs11.la
libhanzo_pkcs11_la_SOURCES = src/api/exports.c
libhanzo_pkcs11_la_LIBADD = libhz.la
libhanzo_pkcs11_la_LDFLAGS = $(AM_LDFLAGS) $(HZ_MODULE_LDFLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^(C_GetFunctionList|C_GetInterface|C_GetInterfaceList)$$' \
	-Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete
