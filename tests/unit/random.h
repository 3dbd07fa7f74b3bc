/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "util/parse.h"

/*
 * Random rounds that can be repeated: the seed is printed, and taken from SEED in the environment
 * when it is there. The generator is xorshift64*.
 */
struct random {
	uint64_t state;
};

static inline struct random random_start(const char *what)
{
	const char *text = getenv("SEED");
	struct timespec ts;
	int64_t seed;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (!text || parse_i64(text, &seed) < 0)
		seed = (ts.tv_sec * 1000003 + ts.tv_nsec) & 0xffffffff;
	printf("# %s: SEED=%lld\n", what, (long long)seed);
	(void)fflush(stdout); /* a crash shall not take it along */
	/* the state must not be 0 */
	return (struct random){ .state = ((uint64_t)seed << 1 | 1) * 0x9e3779b97f4a7c15u };
}

static inline uint64_t random_next(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

/* 0 ... n - 1; n > 0. */
static inline uint64_t random_below(struct random *r, uint64_t n)
{
	return (random_next(r) >> 8) % n;
}

/* True once in n times. */
static inline int random_once_in(struct random *r, uint64_t n)
{
	return random_below(r, n) == 0;
}

/* Any 64-bit amount, small, round and huge ones alike often. */
static inline uint64_t random_amount(struct random *r)
{
	uint64_t amount = random_next(r) >> random_below(r, 64);
	return random_once_in(r, 16) ? UINT64_MAX - amount % 5 : amount;
}
