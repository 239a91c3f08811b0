/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files that keep the objects of the device: what is known of them, how they are listed, how they are found.
 *
 * What others change on the device is noticed thus. An object that has ended is one when it is used. A search by CKA_LABEL or CKA_ID
 * whose result is not empty reads class, type, id and label of what it found again, unless that was done in the last second; one
 * whose result is empty asks the device. The whole list is made anew when handles may have changed (connection, login), for a search
 * that is neither by label nor by id when the list is older than 5 seconds or 20 times what it took, and for one that is when it is
 * older than 5 seconds or 1000 times that, at most 15 minutes: only a further object of a label or id that is known already is
 * missed for so long.
 */
#ifndef HZ_BACKEND_P11_TABLE_H
#define HZ_BACKEND_P11_TABLE_H

#include "backend/p11_int.h"

/* What an object is known by: class, type, id, label, private. */
#define HZ_P11_IDENTITY 5
extern const CK_ATTRIBUTE_TYPE hz_p11_identity[HZ_P11_IDENTITY];

struct hz_p11_handles {
	CK_OBJECT_HANDLE *v; /* malloc'ed */
	size_t n;
};

/* Milliseconds of a clock that does not jump. */
uint64_t hz_p11_now(void);
uint64_t hz_p11_hash(const struct hz_attr *a); /* NULL: as of an empty value */
/* The name under which an object is found again when handles have changed. */
void hz_p11_name(const struct hz_attrs *a, uint8_t name[32]);

/* With the table's lock: what is known of an object; a new one (NULL: no memory), held by the table alone; the table lets go of one. */
void hz_p11_note(struct hz_p11_line *l, const struct hz_attrs *attrs);
struct hz_p11_obj *hz_p11_table_add(struct hz_p11 *p, CK_OBJECT_HANDLE h, const struct hz_attrs *attrs, bool session);
void hz_p11_table_end(struct hz_p11 *p, struct hz_p11_obj *o);

/* The device's own search; what was found so far stays in *out whatever the result. */
CK_RV hz_p11_search(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_ATTRIBUTE *tmpl, CK_ULONG n, struct hz_p11_handles *out);
/* Class, type, id, label and private of an object, by one call where the device has them all. */
CK_RV hz_p11_read_identity(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, struct hz_attrs *out);
/* With the listing lock, and not the table's: list all token objects. */
CK_RV hz_p11_list(struct hz_p11 *p, CK_SESSION_HANDLE s);

#endif
