# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += \
	tests/unit/t_ecies \
	tests/unit/t_k256 \
	tests/unit/t_model \
	tests/unit/t_shamir \
	tests/unit/t_soft_asym \
	tests/unit/t_soft_asym_vectors
EXTRA_DIST += tests/unit/asym_util.h
check_PROGRAMS += \
	tests/unit/test_jsoncheck \
	tests/unit/test_reader \
	tests/unit/t_base_log \
	tests/unit/t_base_secmem \
	tests/unit/t_base_text
check_PROGRAMS += tests/unit/t_audit
check_PROGRAMS += tests/unit/t_jdoc
check_PROGRAMS += tests/unit/t_dkg
check_PROGRAMS += tests/unit/t_eip712
check_PROGRAMS += tests/unit/t_poai
check_PROGRAMS += tests/unit/t_nonce tests/unit/t_nonce_many
check_PROGRAMS += tests/unit/t_soft_poai
check_PROGRAMS += \
	tests/unit/t_ck_attrs \
	tests/unit/t_ck_change \
	tests/unit/t_ck_mech \
	tests/unit/t_ck_numbers \
	tests/unit/t_ck_schema
EXTRA_DIST += \
	tests/unit/ck_functions.h \
	tests/unit/ck_numbers.h \
	tests/unit/ck_util.h \
	tests/unit/mech_equal.h
check_PROGRAMS += \
	tests/unit/t_soft_sym_cipher \
	tests/unit/t_soft_sym_hash \
	tests/unit/t_soft_sym_key \
	tests/unit/t_soft_sym_msg \
	tests/unit/t_soft_sym_vectors
EXTRA_DIST += \
	tests/unit/soft_sym_help.h
check_PROGRAMS += \
	tests/unit/t_store_crash \
	tests/unit/t_store_gen \
	tests/unit/t_store_objects \
	tests/unit/t_store_pin \
	tests/unit/t_store_rows \
	tests/unit/t_store_sealed \
	tests/unit/t_store_sync \
	tests/unit/t_store_turn \
	tests/unit/t_store_ways
EXTRA_DIST += \
	tests/unit/store_util.h

# The configuration, and the lock of sessions.
check_PROGRAMS += tests/unit/t_config tests/unit/t_base_lock

# Hardware seals.
check_PROGRAMS += tests/unit/t_seal_snp tests/unit/t_seal_tpm2
EXTRA_DIST += tests/sanitized.h tests/swtpm.h

# What sessions keep of keys.
check_PROGRAMS += tests/unit/t_token_retired

# The examples of hanzo-pkcs11-policy(5).
check_PROGRAMS += tests/unit/t_policy_page
