# SPDX-License-Identifier: Apache-2.0
# One program a promise; each loads the built module with dlopen and has a store of its own.
dist_check_SCRIPTS += tests/module/t_symbols.sh
check_PROGRAMS += \
	tests/module/t_atexit \
	tests/module/t_close_race \
	tests/module/t_dlclose \
	tests/module/t_exit_no_finalize \
	tests/module/t_fork \
	tests/module/t_fork_threads \
	tests/module/t_handles \
	tests/module/t_init_args \
	tests/module/t_interfaces \
	tests/module/t_login \
	tests/module/t_login_race \
	tests/module/t_null_args \
	tests/module/t_reinit \
	tests/module/t_slots \
	tests/module/t_wait_event
tests_module_t_atexit_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_close_race_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_dlclose_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_exit_no_finalize_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_fork_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_fork_threads_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_handles_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_init_args_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_interfaces_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_login_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_login_race_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_null_args_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_reinit_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_slots_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_wait_event_LDADD = $(MODULE_TEST_LIBS)
check_PROGRAMS += tests/module/wycheproof/t_wycheproof
tests_module_wycheproof_t_wycheproof_SOURCES = \
	tests/module/wycheproof/t_wycheproof.c \
	tests/module/wycheproof/wp.c \
	tests/module/wycheproof/wp.h \
	tests/module/wycheproof/wp_asymmetric.c \
	tests/module/wycheproof/wp_symmetric.c
tests_module_wycheproof_t_wycheproof_LDADD = $(OPENSSL_LIBS) $(JSON_LIBS) -ldl

# What they all link.
check_LTLIBRARIES += libkit.la
libkit_la_SOURCES = \
	tests/module/kit.c \
	tests/module/kit.h \
	tests/module/kit_keys.c \
	tests/module/kit_mech.c \
	tests/module/p11.c \
	tests/module/p11.h
check_PROGRAMS += tests/module/t_app_engine
tests_module_t_app_engine_LDADD = $(MODULE_TEST_LIBS) $(OPENSSL_LIBS)

check_PROGRAMS += tests/module/t_absurd
tests_module_t_absurd_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_access
tests_module_t_access_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_attributes
tests_module_t_attributes_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_device
tests_module_t_device_LDADD = $(MODULE_TEST_LIBS)
EXTRA_DIST += tests/module/mock.h

check_PROGRAMS += tests/module/t_device_block
tests_module_t_device_block_SOURCES = tests/module/t_device_block.c tests/module/clock.h
tests_module_t_device_block_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_device_block_LDFLAGS = -export-dynamic

check_PROGRAMS += tests/module/t_device_failover
tests_module_t_device_failover_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_device_faults
tests_module_t_device_faults_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_device_setup
tests_module_t_device_setup_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_device_kinds
tests_module_t_device_kinds_LDADD = $(MODULE_TEST_LIBS)

EXTRA_DIST += tests/module/softhsm.h
check_PROGRAMS += tests/module/t_device_mechs
tests_module_t_device_mechs_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_device_side
tests_module_t_device_side_LDADD = $(MODULE_TEST_LIBS) $(SQLITE_LIBS)

check_PROGRAMS += tests/module/t_model
tests_module_t_model_LDADD = $(MODULE_TEST_LIBS)
check_PROGRAMS += tests/module/t_model_device
tests_module_t_model_device_LDADD = $(MODULE_TEST_LIBS)
EXTRA_DIST += tests/module/model.h

check_PROGRAMS += tests/module/t_find
tests_module_t_find_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_mech_list
tests_module_t_mech_list_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_multi_part
tests_module_t_multi_part_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_stress
tests_module_t_stress_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_mech_sizes
tests_module_t_mech_sizes_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_memory
tests_module_t_memory_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_oom
tests_module_t_oom_LDADD = $(MODULE_TEST_LIBS)
tests_module_t_oom_LDFLAGS = -Wl,--export-dynamic

check_PROGRAMS += tests/module/t_op_end
tests_module_t_op_end_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_out_len
tests_module_t_out_len_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_threshold
tests_module_t_threshold_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_copy_destroy
tests_module_t_copy_destroy_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_wrap_attacks
tests_module_t_wrap_attacks_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_audit
tests_module_t_audit_LDADD = $(MODULE_TEST_LIBS) $(JSON_LIBS) $(OPENSSL_LIBS)
# The module is to call the program's pwrite().
tests_module_t_audit_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
check_PROGRAMS += tests/module/t_always_auth
tests_module_t_always_auth_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_dual
tests_module_t_dual_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_message
tests_module_t_message_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_stale_handles
tests_module_t_stale_handles_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_ro_session
tests_module_t_ro_session_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_restart
tests_module_t_restart_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_two_processes
tests_module_t_two_processes_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_roundtrip
tests_module_t_roundtrip_LDADD = $(MODULE_TEST_LIBS)

check_PROGRAMS += tests/module/t_ecies
tests_module_t_ecies_LDADD = $(MODULE_TEST_LIBS) libhz.la $(OPENSSL_LIBS) $(JSON_LIBS)

check_PROGRAMS += tests/module/t_threshold_all
tests_module_t_threshold_all_LDADD = $(MODULE_TEST_LIBS) libhz.la $(OPENSSL_LIBS)

check_PROGRAMS += tests/module/t_seal
tests_module_t_seal_LDADD = $(MODULE_TEST_LIBS)

# Logins with evidence: they make bundles with the library.
EXTRA_DIST += tests/module/gate.h
GATE_TEST_LIBS = $(MODULE_TEST_LIBS) libhz-attest.la libhz-base.la $(OPENSSL_LIBS) $(JSON_LIBS)
check_PROGRAMS += tests/module/t_gate_login
tests_module_t_gate_login_LDADD = $(GATE_TEST_LIBS)
check_PROGRAMS += tests/module/t_gate_time
tests_module_t_gate_time_LDADD = $(GATE_TEST_LIBS)
tests_module_t_gate_time_LDFLAGS = -export-dynamic
check_PROGRAMS += tests/module/t_gate_key
tests_module_t_gate_key_LDADD = $(GATE_TEST_LIBS)
check_PROGRAMS += tests/module/t_gate_delegate
tests_module_t_gate_delegate_LDADD = $(GATE_TEST_LIBS)
check_PROGRAMS += tests/module/t_gate_ways
tests_module_t_gate_ways_LDADD = $(GATE_TEST_LIBS)
check_PROGRAMS += tests/module/t_gate_clock
tests_module_t_gate_clock_SOURCES = tests/module/t_gate_clock.c tests/module/clock.h
tests_module_t_gate_clock_LDADD = $(GATE_TEST_LIBS)
tests_module_t_gate_clock_LDFLAGS = -export-dynamic
check_PROGRAMS += tests/module/t_gate_tenant
tests_module_t_gate_tenant_LDADD = $(GATE_TEST_LIBS)

# The same mechanisms where keys are sealed, and where they are in a device.
EXTRA_DIST += tests/module/ecies_suite.h
check_PROGRAMS += tests/module/t_ecies_tiers
tests_module_t_ecies_tiers_LDADD = $(MODULE_TEST_LIBS) libhz.la $(OPENSSL_LIBS) $(JSON_LIBS)
check_PROGRAMS += tests/module/t_ecies_device
tests_module_t_ecies_device_LDADD = $(MODULE_TEST_LIBS) libhz.la $(OPENSSL_LIBS) $(JSON_LIBS)

check_PROGRAMS += tests/module/t_poai
tests_module_t_poai_LDADD = $(MODULE_TEST_LIBS) libhz.la $(OPENSSL_LIBS) $(JSON_LIBS)
check_PROGRAMS += tests/module/t_gate_race
tests_module_t_gate_race_LDADD = $(GATE_TEST_LIBS)
check_PROGRAMS += tests/module/t_gate_device
tests_module_t_gate_device_LDADD = $(GATE_TEST_LIBS)
