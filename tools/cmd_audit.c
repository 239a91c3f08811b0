/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 audit: show a token's audit log, or check that nothing of it is missing or changed. Reads files only, as they are. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "gov/audit_file.h"
#include "gov/config.h"
#include "tool.h"

struct audit {
	struct tool tool;
	const char *file;          /* --file: a log that lies elsewhere, its tail beside it */
	struct json_object *findings;
};

static int parse(struct audit *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "slot", required_argument, NULL, 's' }, { "file", required_argument, NULL, 'f' },
		{ "module", required_argument, NULL, 'm' }, { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			if (!tool_number(optarg, &a->tool.slot))
				return tool_fail(TOOL_USAGE, "--slot takes a number");
			a->tool.has_slot = true;
			break;
		case 'f': a->file = optarg; break;
		case 'm': a->tool.module = optarg; break;
		case 'j': a->tool.json = true; break;
		default: return TOOL_USAGE;
		}
	}
	if (optind != argc || a->tool.has_slot == (a->file != NULL))
		return tool_fail(TOOL_USAGE, "audit show|verify --slot N | --file PATH [--json]");
	return TOOL_OK;
}

/* Where the slot's log is, malloc'ed; NULL with a message. */
static char *path_of(const struct audit *a)
{
	struct hz_config *conf = NULL;
	char *path = NULL;

	if (a->file != NULL)
		return strdup(a->file);
	if (hz_config_load(&conf, NULL) != CKR_OK) {
		(void)tool_fail(TOOL_REFUSED, "%s", hz_error_text());
		return NULL;
	}
	for (size_t i = 0; i < conf->nslots && conf->store_dir != NULL; i++)
		if (conf->slots[i].id == a->tool.slot && asprintf(&path, "%s/%s.audit", conf->store_dir, conf->slots[i].serial) < 0)
			path = NULL;
	if (path == NULL)
		(void)tool_fail(TOOL_REFUSED, "no slot %lu is configured, or there is no store", a->tool.slot);
	hz_config_free(conf);
	return path;
}

/* PATH.audit has its tail in PATH.tail. */
static bool read_tail(const char *log, struct hz_audit_tail *out)
{
	static const char ending[] = ".audit";
	size_t n = strlen(log), cut = sizeof ending - 1;
	uint8_t raw[HZ_AUDIT_TAIL] = { 0 };
	char *path = NULL;
	FILE *f;
	bool good;

	if (n > cut && strcmp(log + n - cut, ending) == 0)
		n -= cut;
	if (asprintf(&path, "%.*s.tail", (int)n, log) < 0)
		return false;
	f = fopen(path, "re");
	free(path);
	if (f == NULL)
		return false;
	good = fread(raw, 1, sizeof raw, f) != 0 && hz_audit_tail_read(raw, out);
	(void)fclose(f);
	return good;
}

/* ---- show ---- */

static const char *member(struct json_object *o, const char *name)
{
	struct json_object *v = json_object_object_get(o, name);

	return v != NULL ? json_object_get_string(v) : "";
}

/* Who writes into the log does not write to the reader's terminal. */
static void print_clean(char *text)
{
	hz_log_defuse(text);
	puts(text);
}

/* A record for a person; what is no JSON is shown as it is. */
static void show_line(const char *line)
{
	struct json_object *o = json_tokener_parse(line);
	bool record = json_object_is_type(o, json_type_object);
	char text[8192];

	if (record)
		(void)snprintf(text, sizeof text, "%6s %s %-7s %-20s %-28s %-20s %s%s", member(o, "seq"), member(o, "time"), member(o, "process"),
			       member(o, "function"), member(o, "mechanism"), member(o, "result"), member(o, "key"), member(o, "user"));
	else
		(void)snprintf(text, sizeof text, "? %s", line);
	print_clean(text);
	if (record && *member(o, "reason") != '\0') {
		(void)snprintf(text, sizeof text, "       %s", member(o, "reason"));
		print_clean(text);
	}
	json_object_put(o);
}

static int show(const struct audit *a, FILE *f)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, f)) > 0) {
		if (a->tool.json) {
			(void)fwrite(line, 1, (size_t)n, stdout);
			continue;
		}
		line[strcspn(line, "\n")] = '\0';
		show_line(line);
	}
	free(line);
	return fflush(stdout) == 0 ? TOOL_OK : tool_fail(TOOL_REFUSED, "stdout: %s", strerror(errno));
}

/* ---- verify ---- */

static void found(void *arg, const char *text)
{
	struct audit *a = arg;

	if (a->tool.json)
		json_object_array_add(a->findings, json_object_new_string(text));
	else
		printf("%s\n", text);
}

static int report(struct audit *a, uint64_t n, unsigned wrong, const struct hz_audit_tail *tail)
{
	struct json_object *o;

	if (!a->tool.json) {
		if (wrong == 0)
			printf("%llu records, none missing or changed; %llu of them lie before the last login's end\n", (unsigned long long)n,
			       (unsigned long long)(tail != NULL ? tail->vouched.seq : 0));
		else
			printf("%llu records, %u findings\n", (unsigned long long)n, wrong);
		return wrong == 0 ? TOOL_OK : TOOL_REFUSED;
	}
	o = json_object_new_object();
	json_object_object_add(o, "whole", json_object_new_boolean(wrong == 0));
	json_object_object_add(o, "records", json_object_new_int64((int64_t)n));
	json_object_object_add(o, "vouched", json_object_new_int64(tail != NULL ? (int64_t)tail->vouched.seq : 0));
	json_object_object_add(o, "findings", json_object_get(a->findings));
	tool_print_json(o);
	return wrong == 0 ? TOOL_OK : TOOL_REFUSED;
}

static int verify(struct audit *a, FILE *f, const struct hz_audit_tail *tail)
{
	uint64_t n;
	unsigned wrong;
	int code;

	a->findings = json_object_new_array();
	wrong = hz_audit_look_through(f, tail, &n, found, a);
	code = report(a, n, wrong, tail);
	json_object_put(a->findings);
	return code;
}

static int run(struct audit *a, bool check)
{
	struct hz_audit_tail tail;
	char *path = path_of(a);
	bool has_tail;
	FILE *f;
	int code;

	if (path == NULL)
		return TOOL_REFUSED;
	has_tail = read_tail(path, &tail); /* before the log, which may be growing */
	f = fopen(path, "re");
	if (f != NULL)
		code = check ? verify(a, f, has_tail ? &tail : NULL) : show(a, f);
	else
		code = tool_fail(TOOL_REFUSED, "%s: %s", path, strerror(errno));
	if (f != NULL)
		(void)fclose(f);
	free(path);
	return code;
}

int hz_cmd_audit(int argc, char **argv)
{
	struct audit a = { .file = NULL };
	bool check = argc > 1 && strcmp(argv[1], "verify") == 0;
	int code;

	if (argc < 2 || (!check && strcmp(argv[1], "show") != 0))
		return tool_fail(TOOL_USAGE, "audit show|verify --slot N | --file PATH [--json]");
	code = parse(&a, argc - 1, argv + 1);
	return code == TOOL_OK ? run(&a, check) : code;
}
