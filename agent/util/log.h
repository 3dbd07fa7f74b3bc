/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <syslog.h>

/*
 * The agent's log. Only agent.c, main.c and cli/ log; everything below returns errors. Safe from
 * any thread; errno is kept. Writing never blocks: on a stalled reader lines are dropped and counted.
 */

/* A structured field. name is camelCase as in JSON ("filesystem", "measuredBytes"); a journal sink
 * writes it as DPA_MEASURED_BYTES=. Numbers are written as numbers in JSON. */
struct log_field {
	const char *name;
	const char *text; /* NULL: number counts */
	long long number;
};
#define LOG_TEXT(name_, value_) ((struct log_field){ .name = (name_), .text = (value_) })
#define LOG_NUMBER(name_, value_) \
	((struct log_field){ .name = (name_), .number = (long long)(value_) })

struct log_entry {
	int priority;		/* LOG_DEBUG ... LOG_ERR */
	const char *message_id; /* 32 hex digits, or NULL */
	const char *message;	/* one line */
	const struct log_field *fields;
	size_t n_fields;
};

/* Where entries go: formats and writes one; returns 0 or negative when it was dropped. */
typedef int log_sink(const struct log_entry *entry);

/*
 * Built-in sinks, to standard error, one line and one write() an entry, at most BUF_MAX_LOG_LINE
 * bytes; control characters and what is not UTF-8 are escaped, since names come from outside.
 *
 * Text: "message name=value name=\"two words\"", cut with "..." where it is too long. The priority
 * stands in front as "<6>" when standard error is the stream that systemd connected to the journal:
 * $JOURNAL_STREAM names its device and inode, so a terminal, a file or a pipe further down in the
 * same unit gets none. $INVOCATION_ID says nothing of the kind and is not looked at. No colour.
 *
 * JSON: {"time":RFC3339,"level":"info","message":...,"messageId":...,fields}. An entry that is too
 * long keeps the start of its message and has "truncated":"yes" in place of its fields.
 */
int log_sink_text(const struct log_entry *entry);
int log_sink_json(const struct log_entry *entry);

/* Sets where and down to which priority (inclusive) is logged, and looks at standard error anew.
 * Default: text, LOG_INFO. */
void log_setup(log_sink *sink, int max_priority);
/* Level names as in the configuration: error warning notice info debug. NULL/-EINVAL if unknown. */
const char *log_level_to_string(int priority);
int log_level_from_string(const char *s);
/* Entries dropped since the start because the sink could not take them. */
unsigned long long log_dropped(void);

void log_entry(const struct log_entry *entry);
void log_message(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...)	 log_message(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_message(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_message(LOG_DEBUG, __VA_ARGS__)
