# SPDX-License-Identifier: Apache-2.0
# Fuzz targets. replay_X runs the corpus of X in every `make check`; fuzz_X is the libFuzzer program of --enable-fuzzing:
#     tests/fuzz/fuzz_X -max_total_time=60 NEW_FOLDER tests/fuzz/corpus/X
check_PROGRAMS += \
	tests/fuzz/replay_ck_attrs \
	tests/fuzz/replay_ck_mech \
	tests/fuzz/replay_ck_rows
tests_fuzz_replay_ck_attrs_SOURCES = tests/fuzz/fuzz_ck_attrs.c tests/fuzz/replay.c
tests_fuzz_replay_ck_mech_SOURCES = tests/fuzz/fuzz_ck_mech.c tests/fuzz/replay.c
tests_fuzz_replay_ck_rows_SOURCES = tests/fuzz/fuzz_ck_rows.c tests/fuzz/replay.c
EXTRA_DIST += tests/fuzz/README tests/fuzz/corpus

if FUZZING
noinst_PROGRAMS += \
	tests/fuzz/fuzz_ck_attrs \
	tests/fuzz/fuzz_ck_mech \
	tests/fuzz/fuzz_ck_rows
tests_fuzz_fuzz_ck_attrs_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ck_mech_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ck_rows_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# libhanzo-attest: the seeds are named in the target (stored vectors, texts) and mutated the same way on every machine.
FUZZ_ATTEST_LIBS = libhz-attest.la libhz-base.la $(OPENSSL_LIBS) $(JSON_LIBS)
check_PROGRAMS += \
	tests/fuzz/replay_attest_certs \
	tests/fuzz/replay_attest_collateral \
	tests/fuzz/replay_attest_evidence \
	tests/fuzz/replay_attest_gpu \
	tests/fuzz/replay_attest_parts \
	tests/fuzz/replay_attest_policy \
	tests/fuzz/replay_attest_rim \
	tests/fuzz/replay_jsoncheck
tests_fuzz_replay_attest_certs_SOURCES = tests/fuzz/fuzz_attest_certs.c tests/fuzz/seeds.c tests/fuzz/seeds.h
tests_fuzz_replay_attest_certs_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_replay_attest_collateral_SOURCES = tests/fuzz/fuzz_attest_collateral.c tests/fuzz/seeds.c tests/fuzz/seeds.h
tests_fuzz_replay_attest_collateral_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_replay_attest_evidence_SOURCES = tests/fuzz/fuzz_attest_evidence.c tests/fuzz/seeds.c tests/fuzz/seeds.h
tests_fuzz_replay_attest_evidence_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_replay_attest_gpu_SOURCES = tests/fuzz/fuzz_attest_gpu.c tests/fuzz/seeds.c tests/fuzz/seeds.h
tests_fuzz_replay_attest_gpu_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_replay_attest_parts_SOURCES = tests/fuzz/fuzz_attest_parts.c tests/fuzz/seeds.c tests/fuzz/seeds.h
tests_fuzz_replay_attest_parts_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_replay_attest_policy_SOURCES = tests/fuzz/fuzz_attest_policy.c tests/fuzz/seeds.c tests/fuzz/seeds.h
tests_fuzz_replay_attest_policy_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_replay_attest_rim_SOURCES = tests/fuzz/fuzz_attest_rim.c tests/fuzz/seeds.c tests/fuzz/seeds.h
tests_fuzz_replay_attest_rim_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_replay_jsoncheck_SOURCES = tests/fuzz/fuzz_jsoncheck.c tests/fuzz/seeds.c tests/fuzz/seeds.h
tests_fuzz_replay_jsoncheck_LDADD = $(FUZZ_ATTEST_LIBS)
if FUZZING
noinst_PROGRAMS += \
	tests/fuzz/fuzz_attest_certs \
	tests/fuzz/fuzz_attest_collateral \
	tests/fuzz/fuzz_attest_evidence \
	tests/fuzz/fuzz_attest_gpu \
	tests/fuzz/fuzz_attest_parts \
	tests/fuzz/fuzz_attest_policy \
	tests/fuzz/fuzz_attest_rim \
	tests/fuzz/fuzz_jsoncheck
tests_fuzz_fuzz_attest_certs_SOURCES = tests/fuzz/fuzz_attest_certs.c tests/fuzz/seeds.h
tests_fuzz_fuzz_attest_certs_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_fuzz_attest_certs_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_attest_collateral_SOURCES = tests/fuzz/fuzz_attest_collateral.c tests/fuzz/seeds.h
tests_fuzz_fuzz_attest_collateral_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_fuzz_attest_collateral_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_attest_evidence_SOURCES = tests/fuzz/fuzz_attest_evidence.c tests/fuzz/seeds.h
tests_fuzz_fuzz_attest_evidence_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_fuzz_attest_evidence_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_attest_gpu_SOURCES = tests/fuzz/fuzz_attest_gpu.c tests/fuzz/seeds.h
tests_fuzz_fuzz_attest_gpu_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_fuzz_attest_gpu_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_attest_parts_SOURCES = tests/fuzz/fuzz_attest_parts.c tests/fuzz/seeds.h
tests_fuzz_fuzz_attest_parts_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_fuzz_attest_parts_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_attest_policy_SOURCES = tests/fuzz/fuzz_attest_policy.c tests/fuzz/seeds.h
tests_fuzz_fuzz_attest_policy_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_fuzz_attest_policy_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_attest_rim_SOURCES = tests/fuzz/fuzz_attest_rim.c tests/fuzz/seeds.h
tests_fuzz_fuzz_attest_rim_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_fuzz_attest_rim_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_jsoncheck_SOURCES = tests/fuzz/fuzz_jsoncheck.c tests/fuzz/seeds.h
tests_fuzz_fuzz_jsoncheck_LDADD = $(FUZZ_ATTEST_LIBS)
tests_fuzz_fuzz_jsoncheck_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# Keys and shares.
check_PROGRAMS += \
	tests/fuzz/replay_pkcs8 \
	tests/fuzz/replay_audit \
	tests/fuzz/replay_share
tests_fuzz_replay_pkcs8_SOURCES = tests/fuzz/fuzz_pkcs8.c tests/fuzz/replay.c
tests_fuzz_replay_audit_SOURCES = tests/fuzz/fuzz_audit.c tests/fuzz/replay.c
tests_fuzz_replay_share_SOURCES = tests/fuzz/fuzz_share.c tests/fuzz/replay.c
if FUZZING
noinst_PROGRAMS += \
	tests/fuzz/fuzz_pkcs8 \
	tests/fuzz/fuzz_audit \
	tests/fuzz/fuzz_share
tests_fuzz_fuzz_pkcs8_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_audit_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_share_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# Key generation and refresh without a dealer.
check_PROGRAMS += tests/fuzz/replay_dkg
tests_fuzz_replay_dkg_SOURCES = tests/fuzz/fuzz_dkg.c tests/fuzz/replay.c
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_dkg
tests_fuzz_fuzz_dkg_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# Model weights files.
check_PROGRAMS += tests/fuzz/replay_model
tests_fuzz_replay_model_SOURCES = tests/fuzz/fuzz_model.c tests/fuzz/replay.c
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_model
tests_fuzz_fuzz_model_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# The store's rows.
check_PROGRAMS += \
	tests/fuzz/replay_store_row
tests_fuzz_replay_store_row_SOURCES = tests/fuzz/fuzz_store_row.c tests/fuzz/replay.c
if FUZZING
noinst_PROGRAMS += \
	tests/fuzz/fuzz_store_row
tests_fuzz_fuzz_store_row_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# EIP-712 and what is signed by its rules.
check_PROGRAMS += tests/fuzz/replay_eip712 tests/fuzz/replay_poai
tests_fuzz_replay_eip712_SOURCES = tests/fuzz/fuzz_eip712.c tests/fuzz/replay.c
tests_fuzz_replay_poai_SOURCES = tests/fuzz/fuzz_poai.c tests/fuzz/replay.c
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_eip712 tests/fuzz/fuzz_poai
tests_fuzz_fuzz_eip712_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_poai_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# The configuration.
check_PROGRAMS += tests/fuzz/replay_config
tests_fuzz_replay_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/replay.c
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# Sequences of calls.
check_PROGRAMS += tests/fuzz/replay_calls
tests_fuzz_replay_calls_SOURCES = tests/fuzz/fuzz_calls.c tests/fuzz/replay.c
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_calls
tests_fuzz_fuzz_calls_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# Each target for FUZZ_SECONDS, as many at a time as there are processors.
FUZZ_SECONDS = 10
fuzz_programs = $(filter tests/fuzz/fuzz_%,$(noinst_PROGRAMS))
fuzz: $(fuzz_programs) $(fuzz_programs:tests/fuzz/fuzz_%=tests/fuzz/replay_%)
	HANZO_VECTORS="$${HANZO_VECTORS-$(abs_top_srcdir)/../shared/vectors}" $(srcdir)/tests/fuzz/run.sh $(FUZZ_SECONDS) $(srcdir) $(fuzz_programs)
.PHONY: fuzz
EXTRA_DIST += tests/fuzz/run.sh
