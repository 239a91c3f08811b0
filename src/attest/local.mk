# SPDX-License-Identifier: Apache-2.0
# libhanzo-attest: built once as a convenience library, installed on its own, and linked into the module.
noinst_LTLIBRARIES += libhz-attest.la
libhz_attest_la_SOURCES = \
	src/attest/attest-int.h \
	src/attest/azure.c \
	src/attest/b64.c \
	src/attest/b64.h \
	src/attest/binding.c \
	src/attest/bundle.c \
	src/attest/bundle.h \
	src/attest/cbor.c \
	src/attest/cbor.h \
	src/attest/cca-claims.c \
	src/attest/cca-cose.c \
	src/attest/cca.c \
	src/attest/cca.h \
	src/attest/collateral.c \
	src/attest/crl.c \
	src/attest/der.c \
	src/attest/der.h \
	src/attest/input.c \
	src/attest/json.c \
	src/attest/nvidia-cert.c \
	src/attest/nvidia-known.c \
	src/attest/nvidia-opaque.c \
	src/attest/nvidia-policy.c \
	src/attest/nvidia.c \
	src/attest/nvidia.h \
	src/attest/object.c \
	src/attest/policy-indexed.c \
	src/attest/policy-int.h \
	src/attest/policy-read.c \
	src/attest/policy.c \
	src/attest/reason.c \
	src/attest/result.c \
	src/attest/result.h \
	src/attest/rim-c14n.c \
	src/attest/rim-sig.c \
	src/attest/rim-xml.c \
	src/attest/rim-xml.h \
	src/attest/rim.c \
	src/attest/rim.h \
	src/attest/seen.c \
	src/attest/seen.h \
	src/attest/sig.c \
	src/attest/sim.c \
	src/attest/snp-cert.c \
	src/attest/snp-policy.c \
	src/attest/snp-report.c \
	src/attest/snp-table.c \
	src/attest/snp.c \
	src/attest/snp.h \
	src/attest/spdm.c \
	src/attest/spki.c \
	src/attest/spki.h \
	src/attest/tdx-collateral.c \
	src/attest/tdx-pck.c \
	src/attest/tdx-policy.c \
	src/attest/tdx-quote.c \
	src/attest/tdx-tcb.c \
	src/attest/tdx.c \
	src/attest/tdx.h \
	src/attest/tpm-quote.c \
	src/attest/tpm.c \
	src/attest/tpm.h \
	src/attest/tsm.c \
	src/attest/verifier.c \
	src/attest/x509.c
libhz_attest_la_LIBADD = $(OPENSSL_LIBS) $(JSON_LIBS)
libhz_la_LIBADD += libhz-attest.la

lib_LTLIBRARIES += libhanzo-attest.la
include_HEADERS += include/hanzo-attest.h
pkgconfig_DATA += src/attest/libhanzo-attest.pc
# Of the base floor only what has no state: the rest registers fork handlers and keeps a log and secret memory.
libhanzo_attest_la_SOURCES = src/base/hex.c src/base/jsoncheck.c
libhanzo_attest_la_LIBADD = libhz-attest.la $(OPENSSL_LIBS) $(JSON_LIBS)
libhanzo_attest_la_LDFLAGS = $(AM_LDFLAGS) $(HZ_MODULE_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols-regex '^hz_attest_' -Wl,-z,now -Wl,-z,relro
