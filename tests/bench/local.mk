# SPDX-License-Identifier: Apache-2.0
# Measurements; built on demand (`make tests/bench/poai_bench`), never run by `make check`.
EXTRA_PROGRAMS += tests/bench/nonce_bench
EXTRA_PROGRAMS += tests/bench/poai_bench
tests_bench_poai_bench_LDADD = $(SECP256K1_LIBS) -ldl $(PTHREAD_LIBS)
EXTRA_PROGRAMS += tests/bench/ecies_bench
tests_bench_ecies_bench_LDADD = $(SECP256K1_LIBS) $(OPENSSL_LIBS) -ldl
EXTRA_PROGRAMS += tests/bench/gate_bench
EXTRA_PROGRAMS += tests/bench/device_bench
tests_bench_device_bench_LDADD = -ldl $(PTHREAD_LIBS)
