/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "util/err.h"

/* How the value of a key is written and stored. */
enum config_type {
	CONFIG_BOOL,	  /* bool: yes/no, true/false, on/off, 1/0 */
	CONFIG_INTEGER,	  /* int64_t within min..max */
	CONFIG_PERCENT,	  /* int64_t within min..max, no percent sign, as in KubeletConfiguration */
	CONFIG_DURATION,  /* usec_t within min..max (microseconds), Go syntax: 2m, 1h30m, 500ms */
	CONFIG_CHOICE,	  /* int or enum: one of choices, stored as its index */
	CONFIG_LOG_LEVEL, /* int: syslog priority by name */
	CONFIG_PATH,	  /* char *: "auto" (if the default is) or an absolute path */
	CONFIG_STRING,	  /* char *, checked by check */
	CONFIG_WORDS,	  /* struct word_list of at most max words, each checked by check */
};

/* The largest duration that KubeletConfiguration can hold: 64 bits of nanoseconds. */
#define CONFIG_DURATION_MAX (INT64_MAX / 1000)

/* One key: the single source for parsing, printing and etc/agent.conf. */
struct config_key {
	const char *section, *name;
	enum config_type type;
	size_t offset; /* of the member in struct config; of the first, where there are several */
	int64_t min, max;
	const char *const *choices; /* CHOICE: NULL-terminated */
	const char *default_value;  /* as it is written in a file, in the form that is printed */
	const char *expected; /* STRING, WORDS: what check accepts, as it follows "expected" */
	/* STRING, WORDS: NULL when value is right, "" when it is not, else what is wrong with it.
	 * STRING without it: what concerns several keys, see loader_validate(). */
	const char *(*check)(const char *value);
	const char *doc; /* sentences for agent.conf */
};

extern const struct config_key config_keys[];
extern const size_t n_config_keys;

/* The key of that section and name, or NULL. */
const struct config_key *config_key_find(const char *section, const char *name);

/* The section that may be there several times, each with a name of its own. */
#define CONFIG_REPEATABLE_SECTION "runtime"
bool config_key_is_repeatable(const struct config_key *key);
/* How many times c has the key. */
size_t config_key_instances(const struct config_key *key, const struct config *c);

/* In the following, instance is an index of c's runtimes for keys that are repeatable, else 0. */

/* Parses value and stores it into c. -EINVAL: e says what is allowed, without file and line. */
must_check int config_key_set(const struct config_key *key, struct config *c, size_t instance,
			      const char *value, struct err *e);
/* Appends the value as it is written in a file. */
void config_key_print(const struct config_key *key, const struct config *c, size_t instance,
		      struct buf *out);
/* Where c holds it; the type is the key's. */
const void *config_key_member(const struct config_key *key, const struct config *c,
			      size_t instance);
/* Releases what c holds for the key. */
void config_key_done(const struct config_key *key, struct config *c, size_t instance);
