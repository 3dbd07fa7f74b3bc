/* SPDX-License-Identifier: Apache-2.0 */
/* How often the API server is asked: the limit on requests about events, the pauses after failures. */
#include "random.h"
#include "unit.h"

#include "kube/backoff.h"
#include "kube/condition.h"
#include "kube/event-queue.h"
#include "kube/rate-limit.h"

#define REASONS _OCCURRENCE_MAX

static void burst_then_one_in_five_minutes(void **state)
{
	(void)state;
	struct rate_limit l = { 0 };
	usec_t now = 7 * USEC_PER_HOUR;
	for (int i = 0; i < RATE_BURST; i++) {
		assert_int_equal(rate_limit_at(&l, OCCURRENCE_RECLAIMED, now), now);
		rate_limit_take(&l, OCCURRENCE_RECLAIMED, now);
		if (i < RATE_BURST - 1)
			assert_int_equal(rate_limit_at(&l, OCCURRENCE_RECLAIMED, now),
					 now + RATE_PACE);
		now += RATE_PACE;
	}
	/* The burst began to come back with its first request. */
	usec_t first = 7 * USEC_PER_HOUR;
	assert_int_equal(rate_limit_at(&l, OCCURRENCE_RECLAIMED, now), first + RATE_INTERVAL);
	/* Another reason has not had its turn. */
	assert_int_equal(rate_limit_at(&l, OCCURRENCE_RECLAIM_FUTILE, now), now);
	rate_limit_take(&l, OCCURRENCE_RECLAIM_FUTILE, now);
	assert_int_equal(rate_limit_at(&l, OCCURRENCE_RECLAIM_FUTILE, now), first + RATE_INTERVAL);
}

static void silence_fills_the_burst_up(void **state)
{
	(void)state;
	struct rate_limit l = { 0 };
	usec_t now = USEC_PER_HOUR;
	for (int i = 0; i < 40; i++) {
		now = rate_limit_at(&l, OCCURRENCE_RECLAIMED, now);
		rate_limit_take(&l, OCCURRENCE_RECLAIMED, now);
	}
	now += RATE_BURST * RATE_INTERVAL;
	usec_t begun = now;
	for (int i = 0; i < RATE_BURST; i++) {
		now = rate_limit_at(&l, OCCURRENCE_RECLAIMED, now);
		rate_limit_take(&l, OCCURRENCE_RECLAIMED, now);
	}
	assert_int_equal(now, begun + (RATE_BURST - 1) * RATE_PACE);
}

static usec_t bound(usec_t period)
{
	return RATE_BURST + (REASONS + 1) * (period / RATE_INTERVAL + 1);
}

/* Whatever is asked for, at most so much comes in any window, and nobody waits longer than promised. */
static void never_more_than_promised(void **state)
{
	(void)state;
	struct random seed = random_start("rate limit");
	static usec_t sent[20000];
	for (int round = 0; round < 50; round++) {
		struct rate_limit l = { 0 };
		size_t n = 0;
		usec_t now = (usec_t)random_below(&seed, 1000) * USEC_PER_SEC;
		unsigned greed = 1 + (unsigned)random_below(&seed, 300);
		while (n < 500) {
			enum occurrence reason = (enum occurrence)random_below(&seed, REASONS);
			now += (usec_t)random_below(&seed, greed) * USEC_PER_SEC;
			usec_t at = rate_limit_at(&l, reason, now);
			assert_true(at >= now);
			assert_true(at <= now + RATE_INTERVAL + RATE_PACE);
			if (at > now && random_below(&seed, 2))
				continue;
			rate_limit_take(&l, reason, at);
			sent[n++] = now = at;
		}
		for (size_t i = 0; i < n; i++)
			for (size_t j = i; j < n; j++)
				assert_true((usec_t)(j - i + 1) <= bound(sent[j] - sent[i]));
		for (size_t i = 1; i < n; i++)
			assert_true(sent[i] - sent[i - 1] >= RATE_PACE);
	}
}

/*
 * What 5,000 nodes ask at most: the figures of disk-pressure-agent(8), "Load on the API server". Who
 * changes a constant changes them as well.
 */
static void five_thousand_nodes(void **state)
{
	(void)state;
	const usec_t nodes = 5000, second = USEC_PER_SEC;
	enum { RECLAIM_REASONS = 4 }; /* of a node that flaps: begun, reached, partial, futile */
	assert_int_equal(nodes * second / RATE_PACE, 5000);
	assert_int_equal(RATE_BURST * RATE_PACE / second, 25);
	assert_int_equal(nodes * (RECLAIM_REASONS + 1) * second / RATE_INTERVAL, 83);
	/* rounded up to what stays true with a few reasons more */
	assert_in_range(nodes * (REASONS + 1) * second / RATE_INTERVAL, 200, 300);
	assert_int_equal((nodes * second + CONDITION_HEARTBEAT / 2) / CONDITION_HEARTBEAT, 17);
	/* full jitter: half the longest pause on average */
	assert_int_equal(nodes * second / (BACKOFF_MAX / 2), 33);
	assert_int_equal(EVENT_SPREAD / second, 2);
}

static void backoff_grows_and_is_jittered(void **state)
{
	(void)state;
	static const usec_t seconds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 };
	struct backoff low = { 0 }, high = { 0 };
	for (size_t i = 0; i < ELEMENTS(seconds); i++) {
		usec_t ceiling = seconds[i] * USEC_PER_SEC;
		assert_int_equal(backoff_failed(&low, 0, (uint64_t)ceiling + 1), 0);
		assert_int_equal(backoff_failed(&high, 0, (uint64_t)ceiling), ceiling);
	}
	low = (struct backoff){ .failures = UINT32_MAX };
	assert_int_equal(backoff_failed(&low, 0, (uint64_t)BACKOFF_MAX), BACKOFF_MAX);
	struct random seed = random_start("backoff");
	for (int i = 0; i < 1000; i++) {
		struct backoff b = { .failures = (unsigned)random_below(&seed, 20) };
		assert_in_range(backoff_failed(&b, 0, random_next(&seed)), 0, BACKOFF_MAX);
	}
}

static void backoff_keeps_what_the_server_wants(void **state)
{
	(void)state;
	struct backoff b = { 0 };
	assert_int_equal(backoff_failed(&b, 30 * USEC_PER_SEC, 0), 30 * USEC_PER_SEC);
	assert_int_equal(backoff_failed(&b, 30 * USEC_PER_SEC, 2 * USEC_PER_SEC),
			 32 * USEC_PER_SEC);
	assert_int_equal(backoff_people(0), BACKOFF_PEOPLE);
	assert_int_equal(backoff_people((uint64_t)BACKOFF_PEOPLE), 2 * BACKOFF_PEOPLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(burst_then_one_in_five_minutes),
		cmocka_unit_test(silence_fills_the_burst_up),
		cmocka_unit_test(never_more_than_promised),
		cmocka_unit_test(five_thousand_nodes),
		cmocka_unit_test(backoff_grows_and_is_jittered),
		cmocka_unit_test(backoff_keeps_what_the_server_wants),
	};
	return cmocka_run_group_tests_name("rate-limit", tests, NULL, NULL);
}
