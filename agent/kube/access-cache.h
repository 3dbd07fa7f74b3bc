/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/keyed-hash.h"
#include "util/usec.h"

/*
 * What an API server said about those who asked us for something, for a while; and how often it is asked,
 * whoever asks us how often. Zero-initialised: nothing was said yet. Pure.
 */

enum access_verdict {
	ACCESS_ALLOWED,
	ACCESS_DENIED,	  /* he is known, and may not */
	ACCESS_UNKNOWN,	  /* nobody knows who that is */
	ACCESS_UNDECIDED, /* there was no answer */
};

/* For how long each holds: rights that are taken away count after that. */
#define ACCESS_HOLDS_ALLOWED   (2 * USEC_PER_MINUTE)
#define ACCESS_HOLDS_DENIED    (10 * USEC_PER_SEC)
#define ACCESS_HOLDS_UNDECIDED (2 * USEC_PER_SEC)

#define ACCESS_CACHE_MAX 128

struct access_cache {
	struct access_entry {
		struct keyed_hash id;
		enum access_verdict verdict;
		usec_t until;
	} entries[ACCESS_CACHE_MAX];
	size_t n;
};

/* Whether something that still holds is known about that. */
bool access_cache_find(const struct access_cache *c, const struct keyed_hash *id, usec_t now,
		       enum access_verdict *ret);
/* Remembers. Where it is full, what holds no more goes, else what is the least loss. */
void access_cache_put(struct access_cache *c, const struct keyed_hash *id,
		      enum access_verdict verdict, usec_t now);

/* ACCESS_BURST at once, then one in ACCESS_PACE. */
#define ACCESS_BURST 20
#define ACCESS_PACE  (100 * USEC_PER_MSEC)

struct access_rate {
	usec_t used_until; /* when all that was asked would have been asked at that pace */
};

/* Whether one more may be asked now, which it counts as. */
bool access_rate_take(struct access_rate *r, usec_t now);
