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
EXTRA_DIST += tests/fuzz/corpus

if FUZZING
noinst_PROGRAMS += \
	tests/fuzz/fuzz_ck_attrs \
	tests/fuzz/fuzz_ck_mech \
	tests/fuzz/fuzz_ck_rows
tests_fuzz_fuzz_ck_attrs_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ck_mech_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ck_rows_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
