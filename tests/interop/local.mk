# SPDX-License-Identifier: Apache-2.0
interop_tests = \
	tests/interop/t_gate.sh \
	tests/interop/t_config.sh \
	tests/interop/t_example.sh \
	tests/interop/t_gnutls.sh \
	tests/interop/t_java.sh \
	tests/interop/t_migrate.sh \
	tests/interop/t_nginx.sh \
	tests/interop/t_openssl_engine.sh \
	tests/interop/t_openssl_provider.sh \
	tests/interop/t_p11kit.sh \
	tests/interop/t_pkcs11_tool.sh \
	tests/interop/t_pykcs11.sh \
	tests/interop/t_ssh.sh \
	tests/interop/t_tool.sh
dist_check_SCRIPTS += $(interop_tests)
EXTRA_DIST += \
	tests/interop/gate_pykcs11.py \
	tests/interop/lib.sh \
	tests/interop/prompt.py \
	tests/interop/pykcs11_client.py

# Wallet libraries from npm, installed into the build folder when the test runs.
dist_check_SCRIPTS += tests/interop/t_wallets.sh
dist_check_SCRIPTS += tests/interop/t_poai_tool.sh
noinst_PROGRAMS += tests/interop/wallets/typed
tests_interop_wallets_typed_LDADD = -ldl
EXTRA_DIST += \
	tests/interop/wallets/package-lock.json \
	tests/interop/wallets/package.json \
	tests/interop/wallets/random.mjs \
	tests/interop/wallets/wallets.mjs

# ECIES: a libcrypto-free implementation from npm, likewise, the command, and the threshold commands over several stores.
dist_check_SCRIPTS += tests/interop/t_ecies_npm.sh
dist_check_SCRIPTS += tests/interop/t_ecies_tool.sh
dist_check_SCRIPTS += tests/interop/t_threshold_tool.sh
noinst_PROGRAMS += tests/interop/ecies/nox
tests_interop_ecies_nox_LDADD = libhz.la -ldl
# A node that cheats, for the same script.
noinst_PROGRAMS += tests/interop/liar
tests_interop_liar_LDADD = libhz.la $(OPENSSL_LIBS) $(JSON_LIBS)
EXTRA_DIST += \
	tests/interop/ecies/ecies.mjs \
	tests/interop/ecies/package-lock.json \
	tests/interop/ecies/package.json

# A client of the attestation object, in the process and through remoting.
noinst_PROGRAMS += tests/interop/gate_client
tests_interop_gate_client_LDADD = $(GATE_TEST_LIBS)

# Keys in real devices: one script each sets the device up, this client uses it.
noinst_PROGRAMS += tests/interop/device_client
tests_interop_device_client_LDADD = $(MODULE_TEST_LIBS)
device_tests = \
	tests/interop/t_device_nss.sh \
	tests/interop/t_device_opencryptoki.sh \
	tests/interop/t_device_p11kit.sh \
	tests/interop/t_device_tpm2.sh \
	tests/interop/t_device_yubihsm.sh
dist_check_SCRIPTS += $(device_tests)
EXTRA_DIST += tests/interop/device.sh

# Attested keys: the simulated TEE, and evidence of a platform made by the test.
dist_check_SCRIPTS += tests/interop/t_poai_attested.sh
noinst_PROGRAMS += tests/interop/key_bundle
tests_interop_key_bundle_SOURCES = tests/interop/key_bundle.c tests/attest/vectors.c tests/attest/vectors.h \
	tests/attest/forge.c tests/attest/forge.h
tests_interop_key_bundle_LDADD = $(ATTEST_TEST_LIBS)
