/* SPDX-License-Identifier: Apache-2.0 */
/* The log: syslog by default, a file when configured; never stdout or stderr. */
#ifndef HZ_BASE_LOG_H
#define HZ_BASE_LOG_H

#include <stdbool.h>

enum hz_log_level { HZ_LOG_ERROR, HZ_LOG_WARNING, HZ_LOG_INFO, HZ_LOG_DEBUG };

/*
 * Choose the sink: "syslog", "file:PATH" or "none"; debug adds HZ_LOG_DEBUG lines. False when the text is neither or the
 * file cannot be opened (opened O_APPEND|O_CLOEXEC|O_NOFOLLOW, mode 0600); the former sink then stays.
 */
bool hz_log_open(const char *sink, bool debug);

/* Back to syslog at warning level; closes a file. */
void hz_log_close(void);

/* One line, with time, process and thread. Thread-safe; a line is one write(). Control characters are replaced. */
void hz_log(enum hz_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool hz_log_enabled(enum hz_log_level level);

/* What a terminal or a line-oriented reader would act on becomes '?': C0, DEL, and C1 in UTF-8 (c2 80 .. c2 9f). */
void hz_log_defuse(char *s);

#endif
