# SPDX-License-Identifier: Apache-2.0
# Tests by what they need: unit (internal functions, Check), module (the built module through dlopen, as an application has it),
# interop (real clients), fuzz (targets and the replay of their corpora).
EXTRA_DIST += tests/valgrind.supp tests/bench/compare.sh tests/bench/RESULTS.md
# Measurements, built only when asked for: make tests/bench/store_bench
EXTRA_PROGRAMS += tests/bench/store_bench
# A unit test of a moment has a minute for a machine that is busy or slow (Check's own limit: 4 s).
# ASan guesses where the thread-local storage of a dlopen()ed module is; after a dlclose() it guesses wrong now and then, and its search
# for leaks crashes.
AM_TESTS_ENVIRONMENT = \
	HANZO_MODULE='$(abs_top_builddir)/.libs/libhanzo-pkcs11.so' ; export HANZO_MODULE ; \
	HANZO_P11='$(abs_top_builddir)/hanzo-p11' ; export HANZO_P11 ; \
	HANZO_SRCDIR='$(abs_top_srcdir)' ; export HANZO_SRCDIR ; \
	HANZO_BUILDDIR='$(abs_top_builddir)' ; export HANZO_BUILDDIR ; \
	HANZO_VECTORS="$${HANZO_VECTORS-$(abs_top_srcdir)/../shared/vectors}" ; export HANZO_VECTORS ; \
	HANZO_SANITIZED='$(HZ_SANITIZED)' ; export HANZO_SANITIZED ; \
	ASAN_OPTIONS="$${ASAN_OPTIONS:+$$ASAN_OPTIONS:}intercept_tls_get_addr=0" ; export ASAN_OPTIONS ; \
	CK_DEFAULT_TIMEOUT=60 ; export CK_DEFAULT_TIMEOUT ; \
	unset HANZO_PKCS11_CONF HANZO_PKCS11_STORE HANZO_PKCS11_LOG ;

# What test programs link unless they say otherwise; programs under tests/module say tests_module_t_x_LDADD = $(MODULE_TEST_LIBS).
LDADD = libhz.la $(CHECK_LIBS)
MODULE_TEST_LIBS = libkit.la -ldl $(PTHREAD_LIBS)

# A test that hangs fails after this many seconds, and says where it was.
TEST_SECONDS = 600
TEST_EXTENSIONS = .sh
noinst_PROGRAMS += tests/run-bounded
tests_run_bounded_LDADD =
LOG_COMPILER = $(top_builddir)/tests/run-bounded $(TEST_SECONDS)
SH_LOG_COMPILER = $(LOG_COMPILER) $(SHELL)
dist_check_SCRIPTS += \
	tests/t_floors.sh \
	tests/t_headers.sh \
	tests/t_install.sh \
	tests/t_man.sh
TESTS += $(check_PROGRAMS) $(dist_check_SCRIPTS)

include tests/unit/local.mk
include tests/attest/local.mk
include tests/mock/local.mk
include tests/module/local.mk
include tests/interop/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk

# The programs that need nothing but the build: what sanitizer builds and distcheck run.
core_tests = $(check_PROGRAMS) tests/t_floors.sh
check-core:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(core_tests)'
distcheck-core:
	$(MAKE) $(AM_MAKEFLAGS) distcheck TESTS='$(core_tests)'
core-list:
	@echo $(core_tests)
.PHONY: core-list check-core distcheck-core check-valgrind

# memcheck over programs that neither fork nor derive from PINs by the hundred: the parsers, the cryptography of our own, the rules of
# attributes, what the software backend does with secrets, and a module that is loaded and used. Definite leaks and errors fail.
valgrind_tests = \
	tests/unit/t_base_log \
	tests/unit/t_base_text \
	tests/unit/t_ck_attrs \
	tests/unit/t_ck_change \
	tests/unit/t_ck_mech \
	tests/unit/t_ck_schema \
	tests/unit/t_eip712 \
	tests/unit/t_jdoc \
	tests/unit/t_k256 \
	tests/unit/t_model \
	tests/unit/t_poai \
	tests/unit/t_shamir \
	tests/unit/t_soft_poai \
	tests/unit/t_soft_sym_cipher \
	tests/unit/t_soft_sym_msg \
	tests/unit/test_jsoncheck \
	tests/unit/test_reader \
	tests/module/t_init_args \
	tests/module/t_interfaces \
	tests/module/t_null_args
check-valgrind: $(valgrind_tests)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(valgrind_tests)' CK_FORK=no \
		LOG_COMPILER='$(LOG_COMPILER) $(LIBTOOL) --mode=execute valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --suppressions=$(top_srcdir)/tests/valgrind.supp'
