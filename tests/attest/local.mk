# SPDX-License-Identifier: Apache-2.0
# Tests of libhanzo-attest over the stored vectors; they link the convenience library, as the module does.
ATTEST_TEST_LIBS = libhz-attest.la libhz-base.la $(OPENSSL_LIBS) $(JSON_LIBS)
check_PROGRAMS += \
	tests/attest/t_attest_bundle \
	tests/attest/t_attest_cost \
	tests/attest/t_attest_gpu \
	tests/attest/t_attest_known \
	tests/attest/t_attest_nvidia \
	tests/attest/t_attest_others \
	tests/attest/t_attest_policy \
	tests/attest/t_attest_snp \
	tests/attest/t_attest_tdx \
	tests/attest/t_attest_tdxmade \
	tests/attest/t_attest_threads
tests_attest_t_attest_snp_SOURCES = tests/attest/t_attest_snp.c tests/attest/vectors.c tests/attest/vectors.h
tests_attest_t_attest_snp_LDADD = $(ATTEST_TEST_LIBS)
tests_attest_t_attest_tdx_SOURCES = tests/attest/t_attest_tdx.c tests/attest/vectors.c tests/attest/vectors.h
tests_attest_t_attest_tdx_LDADD = $(ATTEST_TEST_LIBS)
tests_attest_t_attest_policy_SOURCES = tests/attest/t_attest_policy.c tests/attest/vectors.c tests/attest/vectors.h \
	tests/attest/forge.c tests/attest/forge.h
tests_attest_t_attest_policy_LDADD = $(ATTEST_TEST_LIBS)
tests_attest_t_attest_bundle_SOURCES = tests/attest/t_attest_bundle.c tests/attest/vectors.c tests/attest/vectors.h \
	tests/attest/forge.c tests/attest/forge.h
tests_attest_t_attest_bundle_LDADD = $(ATTEST_TEST_LIBS)
dist_check_SCRIPTS += \
	tests/attest/t_attest_alone.sh \
	tests/attest/t_attest_tool.sh
tests_attest_t_attest_known_SOURCES = tests/attest/t_attest_known.c tests/attest/vectors.c tests/attest/vectors.h
tests_attest_t_attest_known_LDADD = $(ATTEST_TEST_LIBS)
tests_attest_t_attest_cost_SOURCES = tests/attest/t_attest_cost.c tests/attest/vectors.c tests/attest/vectors.h
tests_attest_t_attest_cost_LDADD = $(ATTEST_TEST_LIBS)
tests_attest_t_attest_threads_SOURCES = tests/attest/t_attest_threads.c tests/attest/vectors.c tests/attest/vectors.h \
	tests/attest/forge.c tests/attest/forge.h
tests_attest_t_attest_threads_LDADD = $(ATTEST_TEST_LIBS) $(PTHREAD_LIBS)
tests_attest_t_attest_tdxmade_SOURCES = tests/attest/t_attest_tdxmade.c tests/attest/vectors.c tests/attest/vectors.h
tests_attest_t_attest_tdxmade_LDADD = $(ATTEST_TEST_LIBS)
tests_attest_t_attest_nvidia_SOURCES = tests/attest/t_attest_nvidia.c tests/attest/vectors.c tests/attest/vectors.h \
	tests/attest/forge_gpu.c tests/attest/forge_gpu.h
tests_attest_t_attest_nvidia_LDADD = $(ATTEST_TEST_LIBS)
check_PROGRAMS += tests/attest/t_collect
tests_attest_t_collect_SOURCES = tests/attest/t_collect.c tests/attest/vectors.c tests/attest/vectors.h \
	tests/attest/forge.c tests/attest/forge.h
tests_attest_t_collect_LDADD = libhz.la $(OPENSSL_LIBS) $(JSON_LIBS) $(PTHREAD_LIBS)
tests_attest_t_attest_others_SOURCES = tests/attest/t_attest_others.c tests/attest/vectors.c tests/attest/vectors.h
tests_attest_t_attest_others_LDADD = $(ATTEST_TEST_LIBS)
tests_attest_t_attest_gpu_SOURCES = tests/attest/t_attest_gpu.c tests/attest/vectors.c tests/attest/vectors.h \
	tests/attest/forge.c tests/attest/forge.h tests/attest/forge_gpu.c tests/attest/forge_gpu.h
tests_attest_t_attest_gpu_LDADD = $(ATTEST_TEST_LIBS)
check_LTLIBRARIES += fake-nvml.la
fake_nvml_la_SOURCES = tests/attest/fake_nvml.c
fake_nvml_la_CFLAGS = $(AM_CFLAGS) -fvisibility=default
fake_nvml_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
# Collectors over a TPM and in a TD.
check_PROGRAMS += tests/attest/t_collect_tpm
tests_attest_t_collect_tpm_SOURCES = tests/attest/t_collect_tpm.c tests/attest/vectors.c tests/attest/vectors.h \
	tests/attest/forge.c tests/attest/forge.h tests/swtpm.h
tests_attest_t_collect_tpm_LDADD = libhz.la $(OPENSSL_LIBS) $(JSON_LIBS) $(PTHREAD_LIBS)
