/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that make a configuration. */
#ifndef HZ_GOV_CONFIG_INT_H
#define HZ_GOV_CONFIG_INT_H

#include <stdint.h>

#include "gov/config.h"

#define HZ_CONF_MAX 65536u /* bytes of a configuration file */
#define HZ_SLOT_ID_MAX 65535u

/* config_path.c: what the environment says. All results are malloc'ed; NULL is out of memory unless said otherwise. */

/* The store's folder without a configuration. Never fails for want of a home: then it is a folder that cannot be made. */
char *hz_conf_store_default(void);
/* HANZO_PKCS11_STORE made absolute; *out NULL when unset. CKR_OK, CKR_HOST_MEMORY, CKR_GENERAL_ERROR (no working directory). */
CK_RV hz_conf_store_env(char **out);
/* HANZO_PKCS11_LOG: "debug", "file:PATH", "syslog", "none", or "debug," and one of the latter. */
CK_RV hz_conf_log_env(struct hz_config *c);
/*
 * Read the configuration that wins: `reserved`, HANZO_PKCS11_CONF, the user's, the system's. *text NULL: there is none. A file that is
 * not ours or root's, or that others may write, is refused.
 */
CK_RV hz_conf_read(const char *reserved, char **path, char **text, size_t *len);

/* config.c: the defaults alone; then a configuration's text, read from c->path, into them (both of the following). */
CK_RV hz_conf_new(struct hz_config **out);
CK_RV hz_conf_text(struct hz_config *c, const char *text, size_t len);

/* config_scan.c: what libcrypto's parser would pass over silently: keys given twice, .include and .pragma. NUL bytes are refused too. */
CK_RV hz_conf_scan(const char *path, const char *text, size_t len);

/* config_parse.c: the text into the configuration, which holds the defaults already. */
CK_RV hz_conf_parse(struct hz_config *c, const char *text, size_t len);
/* config.c: one more slot with the defaults of its tier; NULL when memory is out. */
struct hz_slot_conf *hz_conf_add_slot(struct hz_config *c, const char *section, CK_SLOT_ID id, unsigned tier);

/*
 * config_seal.c: the keys about seals. Each takes a value and answers NULL, or why it is refused; hz_conf_seals_ok what is wrong with
 * them together, once the whole section is read.
 */
const char *hz_conf_seal(struct hz_slot_conf *slot, const char *value);
const char *hz_conf_tpm2_tcti(struct hz_slot_conf *slot, const char *value);
const char *hz_conf_tpm2_pcrs(struct hz_slot_conf *slot, const char *value);
const char *hz_conf_snp_device(struct hz_slot_conf *slot, const char *value);
const char *hz_conf_snp_key(struct hz_slot_conf *slot, const char *value);
const char *hz_conf_snp_vmpl(struct hz_slot_conf *slot, const char *value);
const char *hz_conf_seals_ok(const struct hz_slot_conf *slot);
/* A slot whose seals' hardware this machine lacks gets no token, and the reason. */
CK_RV hz_conf_seals_present(struct hz_slot_conf *slot);

/*
 * config_login.c: values of the keys about login, in a slot. Each gives NULL, or what is wrong with the value; "" is out of memory.
 */
const char *hz_conf_login(struct hz_slot_conf *s, const char *value);
const char *hz_conf_source(struct hz_slot_conf *s, const char *name, const char *value); /* name "": the default source */
const char *hz_conf_gpu_source(struct hz_slot_conf *s, const char *value);
const char *hz_conf_fallback(struct hz_slot_conf *s, const char *value);
const char *hz_conf_idle_ttl(struct hz_slot_conf *s, const char *value);
const char *hz_conf_tenant(struct hz_slot_conf *s, const char *value);
/* "90", "90s", "15m", "4h", "2d" as seconds, at most ten years; NULL or what is wrong. */
const char *hz_conf_seconds(const char *value, unsigned long *out);
/* Defaults of what no key named, and what does not fit together: NULL, or what is wrong, with *key. */
const char *hz_conf_login_finish(const struct hz_config *c, struct hz_slot_conf *s, const char **key);
void hz_conf_login_free(struct hz_slot_conf *s);

/* config_serial.c: give every slot without a serial its own. */
CK_RV hz_conf_serials(struct hz_config *c);

/* config_device.c: the keys of backend = pkcs11, in the same manner; `key` may end in a dot and a number. */
const char *hz_conf_device(struct hz_slot_conf *slot, const char *key, const char *value);
const char *hz_conf_device_ok(const struct hz_slot_conf *slot);
void hz_conf_device_free(struct hz_device_conf *d);

#endif
