/* SPDX-License-Identifier: Apache-2.0 */
/* A logged-in session for the commands that use keys, keys by label or id, and whole files. */
#ifndef HZ_TOOLS_KEYED_H
#define HZ_TOOLS_KEYED_H

#include <getopt.h>
#include <stdint.h>

#include "base/buf.h"
#include "hanzo-pkcs11.h"
#include "tool.h"

struct keyed {
	struct tool tool;
	const char *label, *id; /* of the key that the command is about */
	CK_SESSION_HANDLE session;
	bool read_only;         /* a session that changes nothing on the token */
	HZ_GetLastError_t why;  /* NULL: not this module */
};

/* The options that all of these commands take; a command's own are numbered from KEYED_NEXT. */
enum { KEYED_SLOT = 1, KEYED_LABEL, KEYED_ID, KEYED_PIN, KEYED_MODULE, KEYED_JSON, KEYED_NEXT };
/* clang-format off */
#define KEYED_OPTIONS \
	{ "slot", required_argument, NULL, KEYED_SLOT }, \
	{ "label", required_argument, NULL, KEYED_LABEL }, \
	{ "id", required_argument, NULL, KEYED_ID }, \
	{ "pin-source", required_argument, NULL, KEYED_PIN }, \
	{ "module", required_argument, NULL, KEYED_MODULE }, \
	{ "json", no_argument, NULL, KEYED_JSON }
/* clang-format on */
/* Take one of them. False when it is none of them, or after a message about its value. */
bool keyed_option(struct keyed *k, int option, const char *value);

/* Have --slot and --label or --id been given? False after a message: called wrongly. */
bool keyed_named(const struct keyed *k);

/* Load the module, open a session on tool.slot (which must have been given), log in. False after a message; keyed_close in any case. */
bool keyed_open(struct keyed *k);
void keyed_close(struct keyed *k);
/* HZ_GetLastError of the module that tool_load has opened, or NULL where it is not this module. */
HZ_GetLastError_t keyed_find_why(const struct tool *t);
/* The module's own text on its last failure, or "". */
enum { KEYED_REASON = 256 };
const char *keyed_reason(const struct keyed *k, char *out, size_t room);
/* Print the code's name and the module's reason; TOOL_REFUSED. */
int keyed_refused(const struct keyed *k, const char *what, CK_RV rv);

/* How many private keys have that label and id (NULL: not asked for), two at most. False after a message: the search failed. */
bool keyed_look(const struct keyed *k, const char *label, const char *id, CK_OBJECT_HANDLE found[2], CK_ULONG *got);
/* No private key has that label. False after a message. */
bool keyed_unused(const struct keyed *k, const char *label);
/* The one private key with that label or id, of which one is given. False after a message. */
bool keyed_find(const struct keyed *k, const char *label, const char *id, CK_OBJECT_HANDLE *key);
/* The public point of a secp256k1 key, from CKA_PUBLIC_KEY_INFO. False after a message. */
bool keyed_point(const struct keyed *k, CK_OBJECT_HANDLE key, uint8_t pub[64]);
/* A session key pair on secp256k1 that wraps and unwraps; with a label: the private key stays, extractable by wrapping, and signs. */
bool keyed_pair(const struct keyed *k, const char *label, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv);
/* A session public key on secp256k1 that wraps. */
bool keyed_import_point(const struct keyed *k, const uint8_t pub[64], CK_OBJECT_HANDLE *key);
/* A session RSA public key that wraps, from SubjectPublicKeyInfo (DER). */
bool keyed_import_rsa(const struct keyed *k, const uint8_t *spki, size_t len, CK_OBJECT_HANDLE *key);
/* The key's attestation (a bundle, JSON). False after a message. */
bool keyed_attestation(const struct keyed *k, CK_OBJECT_HANDLE key, struct hz_buf *out);
/* C_WrapKey into out. */
CK_RV keyed_wrap(const struct keyed *k, CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key, struct hz_buf *out);

/* A whole file (NULL or "-": stdin). False after a message. */
bool file_read(const char *path, size_t max, struct hz_buf *out);
/*
 * NULL or "-": stdout; else a new file, mode 0600 if `secret`, never an existing one, or a device or pipe. False after a message; then
 * there is no file, so that the same can be tried again.
 */
bool file_write(const char *path, const void *p, size_t n, bool secret);
/* Remove the file that file_write has made: something that belongs to it has failed. */
void file_undo(const char *path);
/* The SubjectPublicKeyInfo in a PEM file, or a DER file as it is. False after a message. */
bool file_spki(const char *path, struct hz_buf *out);

/* "0x" (optional) and digits of any even number up to 2 * room. */
bool text_hex(const char *text, uint8_t *out, size_t room, size_t *n);
/* The value of --aad. False after a message: called wrongly. */
enum { TEXT_AAD = 4096 };
bool text_aad(const char *text, uint8_t out[TEXT_AAD], size_t *n);
/* A point on secp256k1 in hexadecimal, or the name of a PEM or DER file with a SubjectPublicKeyInfo. False after a message. */
bool text_point(const char *text, uint8_t pub[64]);

#endif
