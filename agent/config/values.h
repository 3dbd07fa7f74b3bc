/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/keys.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * Values by type. member is the address of key's member in a struct config; text is the value as a
 * file has it, without comment and surrounding space.
 */

/* Parses text into member and releases what was there. -EINVAL: e says what is allowed. */
must_check int value_parse(const struct config_key *key, void *member, const char *text,
			   struct err *e);
/* Appends the value in the form value_parse() reads; durations as "2m", not "2m0s". */
void value_print(const struct config_key *key, const void *member, struct buf *out);
/* Appends what is allowed, to follow "expected": "a duration from 10ms to 1h". */
void value_describe(const struct config_key *key, struct buf *out);
/* Releases what member holds and zeroes it. */
void value_done(const struct config_key *key, void *member);
