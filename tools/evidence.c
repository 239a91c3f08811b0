/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, collateral and policies out of files. */
#include "evidence.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool.h"

void evidence_free(struct evidence *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->held[i]);
	e->n = 0;
}

void *evidence_hold(struct evidence *e, size_t room)
{
	void *p = e->n < EVIDENCE_FILES ? malloc(room != 0 ? room : 1) : NULL;

	if (p != NULL)
		e->held[e->n++] = p;
	return p;
}

void *evidence_file(struct evidence *e, const char *path, size_t *len)
{
	FILE *f = fopen(path, "rbe");
	void *p = f != NULL ? evidence_hold(e, HZ_ATTEST_MAX_INPUT + 1) : NULL;

	if (f == NULL || p == NULL) {
		tool_fail(0, "%s: %s", path, f == NULL ? strerror(errno) : "too many files");
		if (f != NULL)
			fclose(f);
		return NULL;
	}
	*len = fread(p, 1, HZ_ATTEST_MAX_INPUT + 1, f);
	if (ferror(f) || *len > HZ_ATTEST_MAX_INPUT) {
		tool_fail(0, "%s: %s", path, ferror(f) ? strerror(errno) : "longer than 1 MiB");
		p = NULL;
	}
	fclose(f);
	return p;
}

bool evidence_certs(struct evidence *e, hz_attest_input *in, const char *path)
{
	size_t n;
	void *p = evidence_file(e, path, &n);

	return p != NULL && hz_attest_input_certs(in, p, n);
}

/* A file that cannot be told is refused: it may be the list that revokes. */
static bool add_collateral(struct evidence *e, hz_attest_input *in, const char *folder, const char *name)
{
	enum hz_attest_collateral kind;
	char path[4096];
	size_t n;
	void *p;

	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
		tool_fail(0, "%s: too long a path", folder);
		return false;
	}
	p = evidence_file(e, path, &n);
	if (p == NULL)
		return false;
	kind = hz_attest_collateral_of(name, p, n);
	if (kind == HZ_ATTEST_COLL_NONE)
		tool_fail(0, "%s: neither its name nor its content says what collateral it is; see hanzo-p11(1)", path);
	else if (!hz_attest_input_collateral(in, kind, p, n))
		tool_fail(0, "%s: more than %d files of collateral", folder, HZ_ATTEST_MAX_FILES);
	else
		return true;
	return false;
}

bool evidence_collateral(struct evidence *e, hz_attest_input *in, const char *folder)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	bool ok = d != NULL;

	if (d == NULL)
		tool_fail(0, "%s: %s", folder, strerror(errno));
	while (ok && (errno = 0, entry = readdir(d)) != NULL)
		ok = entry->d_name[0] == '.' || add_collateral(e, in, folder, entry->d_name);
	if (ok && errno != 0) {
		tool_fail(0, "%s: %s", folder, strerror(errno));
		ok = false;
	}
	if (d != NULL)
		closedir(d);
	return ok;
}

/* timegm() takes 30 February for 2 March: the fields must come out as they went in. */
bool evidence_time(const char *text, int64_t *out)
{
	struct tm tm = { 0 }, norm;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (end == NULL || (strcmp(end, "Z") != 0 && strcmp(end, "+00:00") != 0))
		return false;
	norm = tm;
	*out = timegm(&norm);
	return norm.tm_year == tm.tm_year && norm.tm_mon == tm.tm_mon && norm.tm_mday == tm.tm_mday && norm.tm_hour == tm.tm_hour &&
	       norm.tm_min == tm.tm_min && norm.tm_sec == tm.tm_sec;
}

hz_attest_policy *evidence_policy(struct evidence *e, const char *path)
{
	char err[256];
	hz_attest_policy *p;
	size_t n;
	void *text;

	if (path == NULL)
		return hz_attest_policy_reference();
	text = evidence_file(e, path, &n);
	if (text == NULL)
		return NULL;
	p = hz_attest_policy_parse(text, n, err, sizeof err);
	if (p == NULL)
		tool_fail(0, "%s: %s", path, err);
	return p;
}
