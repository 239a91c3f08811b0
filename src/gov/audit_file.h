/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an audit log: lines that are chained by their hashes, and the tail that says where they end. */
#ifndef HZ_GOV_AUDIT_FILE_H
#define HZ_GOV_AUDIT_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "pkcs11.h"

#define HZ_AUDIT_LINE 4096u /* longest line with its line feed, bytes */
#define HZ_AUDIT_TAIL 1024u

/* The end of the chain at some moment. */
struct hz_audit_end {
	uint64_t seq, at; /* number of the last line (0: none yet), and the offset behind it */
	uint8_t hash[32]; /* its SHA-256; zeros: none yet */
};

struct hz_audit_tail {
	struct hz_audit_end last, vouched;
	uint8_t mac[32];  /* over `vouched`; meaningless while vouched.seq is 0 */
};

/* An end as HZ_AUDIT_END bytes, and back. */
#define HZ_AUDIT_END 48u
void hz_audit_end_write(const struct hz_audit_end *e, uint8_t out[HZ_AUDIT_END]);
void hz_audit_end_read(const uint8_t p[HZ_AUDIT_END], struct hz_audit_end *e);

/* The newer good slot of a tail file's HZ_AUDIT_TAIL bytes; false: neither is good. */
bool hz_audit_tail_read(const uint8_t *p, struct hz_audit_tail *out);
/* Its bytes, and the offset where they go. Returns how many. */
size_t hz_audit_tail_write(const struct hz_audit_tail *t, uint8_t out[256], uint32_t *offset);

/* What the HMAC is over: domain, serial and end. Returns how many bytes. */
size_t hz_audit_vouched(const char *serial, const struct hz_audit_end *e, uint8_t out[256]);

/*
 * Take one line (with its line feed) as the chain's next: does it begin as it must, {"seq":N,"prev":"H", with the number and the hash
 * that follow *e? Then *e is moved behind it.
 */
bool hz_audit_next(struct hz_audit_end *e, const char *line, size_t len);
/* Write that beginning into `out`. Returns how many bytes. */
size_t hz_audit_begin(const struct hz_audit_end *e, char out[128]);

/*
 * Look through a whole log from its first line. The report gets a text for whatever is wrong, records of earlier findings included;
 * returns how many there were. *n: lines. `tail` NULL: there is no good tail, which is reported, too; read it before the log, which others
 * may be writing.
 */
unsigned hz_audit_look_through(FILE *log, const struct hz_audit_tail *tail, uint64_t *n, void (*report)(void *arg, const char *text), void *arg);

#endif
