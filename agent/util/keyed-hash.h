/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/alloc.h"

/*
 * HMAC-SHA256 by a random key that lives as long as the process: secrets are compared and looked up by
 * it, so that neither time nor memory tells what they are.
 */

#define KEYED_HASH_LEN 32

struct keyed_hash_key {
	uint8_t bytes[KEYED_HASH_LEN];
};

struct keyed_hash {
	uint8_t bytes[KEYED_HASH_LEN];
};

/* Makes a random key. -EIO: there is no randomness. */
must_check int keyed_hash_key_make(struct keyed_hash_key *ret);
/* -EIO: GnuTLS refuses, which it does for no data; *ret is undefined then. */
must_check int keyed_hash(const struct keyed_hash_key *key, const void *data, size_t len,
			  struct keyed_hash *ret);
/* Takes the same time whatever differs. */
bool keyed_hash_equal(const struct keyed_hash *a, const struct keyed_hash *b);
