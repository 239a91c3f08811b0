/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the call inside a session does, noted on its way for the audit log. The guard of the entry writes the record when the call ends;
 * nothing of this happens on a token without an audit log.
 */
#ifndef HZ_TOKEN_NOTE_H
#define HZ_TOKEN_NOTE_H

#include "token/token.h"

/*
 * The call makes, changes or ends something, or logs in or out: one record, however it ends. Where records are required and cannot be
 * written: the code that refuses the call.
 */
CK_RV hz_note_change(struct hz_session *s);
void hz_note_user(struct hz_session *s, CK_USER_TYPE who);
void hz_note_mech(struct hz_session *s, CK_MECHANISM_TYPE type);
void hz_note_key(struct hz_session *s, struct hz_object *key);       /* one that is used: the first two are kept */
void hz_note_made(struct hz_session *s, const struct hz_attrs *set); /* the one that is made; NULL: it was not */
void hz_note_nothing(struct hz_session *s);                          /* the call has only asked for a length */

/* An operation begins: what is fed to it from now on is noted. */
void hz_note_begin(struct hz_session *s, struct hz_active *a, enum hz_op_kind kind);
/* It was refused: one record. */
void hz_note_refused(struct hz_session *s, enum hz_op_kind kind, CK_MECHANISM_TYPE type);
/* The call is a step of it: one record, should it end here. Codes as of hz_note_change. */
CK_RV hz_note_step(struct hz_session *s, struct hz_active *a, enum hz_op_kind kind);
/* A whole message of a message-based operation: one record. Codes as of hz_note_change. */
CK_RV hz_note_message(struct hz_session *s, struct hz_active *a);
/* Where the step's result goes: taken back where the record that is required cannot be written. */
void hz_note_output(struct hz_session *s, CK_BYTE *out, CK_ULONG *len);

void hz_note_feed(struct hz_active *a, const uint8_t *in, size_t len);
static inline void hz_note_input(struct hz_active *a, const uint8_t *in, size_t len)
{
	if (a->noted)
		hz_note_feed(a, in, len);
}

/* The call ends with rv: write what was noted. Returns rv, or why the record that is required was not written. */
CK_RV hz_note_write(struct hz_session *s, const char *function, CK_RV rv);
static inline CK_RV hz_note_end(struct hz_session *s, const char *function, CK_RV rv)
{
	return s->note.on || s->note.n_ops != 0 || s->note.used[0] != NULL ? hz_note_write(s, function, rv) : rv;
}

/* A call without a session, or what the module did by itself. reason NULL: why the call failed. */
CK_RV hz_note_token(struct hz_token *t, const char *function, CK_RV rv, const char *reason);

#endif
