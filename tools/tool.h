/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of hanzo-p11 share: exit codes, loading the module, PINs, output. */
#ifndef HZ_TOOLS_TOOL_H
#define HZ_TOOLS_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"

struct json_object;

/* Exit codes of every command: done, refused (by the token, a policy, a check), called wrongly. */
enum { TOOL_OK = 0, TOOL_REFUSED = 1, TOOL_USAGE = 2 };

/* Options that every command takes; tool_options parses them out of argv. */
struct tool {
	const char *module;      /* --module PATH: the module to load; default: the installed one */
	CK_FUNCTION_LIST *p11;   /* set by tool_load */
	CK_SLOT_ID slot;         /* --slot N */
	bool has_slot;
	const char *pin_source;  /* --pin-source file:PATH | env:NAME; a terminal is asked otherwise */
	bool json;               /* --json */
};

/* One command: argv[0] is its name. Returns an exit code. */
struct tool_command {
	const char *name, *synopsis, *summary;
	int (*run)(int argc, char **argv);
};

int hz_cmd_attest(int argc, char **argv);
int hz_cmd_audit(int argc, char **argv);
int hz_cmd_attest_collect(int argc, char **argv); /* argv[0] is "collect" */
int hz_cmd_attest_key(int argc, char **argv);     /* argv[0] is "key" */
int hz_cmd_import(int argc, char **argv);
int hz_cmd_init(int argc, char **argv);
int hz_cmd_doctor(int argc, char **argv);
int hz_cmd_ecies(int argc, char **argv);
int hz_cmd_list(int argc, char **argv);
int hz_cmd_migrate(int argc, char **argv);
int hz_cmd_poai(int argc, char **argv);
int hz_cmd_hmm(int argc, char **argv);
int hz_cmd_threshold(int argc, char **argv);

/* Print "hanzo-p11: ..." on stderr and return `code`. */
int tool_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Print a refused call with its code's name and return TOOL_REFUSED. */
int tool_refused(const char *what, CK_RV rv);

/*
 * dlopen and C_Initialize t->module. False, after a message with the module's own reason, when that fails. tool_unload finalises.
 */
bool tool_load(struct tool *t);
void tool_unload(struct tool *t);

/*
 * Read a PIN into `pin` (room bytes; wiped by the caller): from `source`, or from the terminal with `prompt` (no echo).
 * The file must not be readable by others. Returns the length, or -1 with a message.
 */
long tool_pin(const char *source, const char *prompt, char *pin, size_t room);
/* tool_terminal.c: the terminal's part of it. Its echo is back whatever ends the question, a signal too. */
long tool_ask(const char *prompt, char *pin, size_t room);
/* Is it of the form of a source? False after a message. */
bool tool_source(const char *text);

/*
 * Log the user in, where the token's flags say that it wants a login: with NULL where it has an authentication path of its own and no
 * source of a PIN is named, else with the PIN of tool_pin. *rv: what C_Login answered. False when there was no PIN, after a message.
 */
bool tool_login(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_FLAGS token, const char *source, const char *prompt, CK_RV *rv);

/* Parse a slot number; false when it is none. */
bool tool_number(const char *text, CK_ULONG *out);

/* A blank-padded field as a C string without the padding. */
void tool_field(const CK_UTF8CHAR *field, size_t n, char *out);

/* Print an object as one JSON text and release it. */
void tool_print_json(struct json_object *o);

#endif
