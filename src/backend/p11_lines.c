/* SPDX-License-Identifier: Apache-2.0 */
/* Lines by number: new ones at the end, ended ones left empty until they are worth closing the gaps. */
#include <stdlib.h>

#include "backend/p11_int.h"

#define FEW 32 /* empty lines that are never worth it */

/* The last one at or before the number, which may be empty. */
static struct hz_p11_line *at(const struct hz_p11_lines *t, hz_oid oid)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->v[mid].oid <= oid)
			low = mid + 1;
		else
			high = mid;
	}
	return low != 0 ? &t->v[low - 1] : NULL;
}

struct hz_p11_line *hz_p11_line_of(const struct hz_p11_lines *t, hz_oid oid)
{
	struct hz_p11_line *l = at(t, oid);

	return l != NULL && l->oid == oid && l->what != NULL ? l : NULL;
}

static void close_gaps(struct hz_p11_lines *t)
{
	size_t k = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].what != NULL)
			t->v[k++] = t->v[i];
	t->n = k;
	t->ended = 0;
}

void hz_p11_lines_settle(struct hz_p11_lines *t)
{
	if (t->ended > FEW && t->ended > t->n / 2)
		close_gaps(t);
}

static bool make_room(struct hz_p11_lines *t)
{
	size_t cap = t->cap != 0 ? 2 * t->cap : 64;
	struct hz_p11_line *v;

	if (t->n < t->cap)
		return true;
	v = reallocarray(t->v, cap, sizeof *v);
	if (v == NULL)
		return false;
	t->v = v;
	t->cap = cap;
	return true;
}

struct hz_p11_line *hz_p11_line_add(struct hz_p11_lines *t, void *what)
{
	hz_p11_lines_settle(t);
	if (!make_room(t))
		return NULL;
	t->v[t->n] = (struct hz_p11_line){ .oid = ++t->last, .what = what };
	return &t->v[t->n++];
}

void *hz_p11_line_end(struct hz_p11_lines *t, hz_oid oid)
{
	struct hz_p11_line *l = hz_p11_line_of(t, oid);
	void *what = NULL;

	if (l != NULL) {
		what = l->what;
		l->what = NULL;
		t->ended++;
	}
	return what;
}
