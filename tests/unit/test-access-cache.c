/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "kube/access-cache.h"

#define NOW ((usec_t)1000 * USEC_PER_SEC)

static struct keyed_hash id(unsigned n)
{
	struct keyed_hash hash = { 0 };
	memcpy(hash.bytes + KEYED_HASH_LEN - sizeof(n), &n, sizeof(n));
	return hash;
}

/* -1: nothing is known. */
static int find(const struct access_cache *c, unsigned n, usec_t now)
{
	struct keyed_hash key = id(n);
	enum access_verdict verdict;
	return access_cache_find(c, &key, now, &verdict) ? (int)verdict : -1;
}

static void put(struct access_cache *c, unsigned n, enum access_verdict verdict, usec_t now)
{
	struct keyed_hash key = id(n);
	access_cache_put(c, &key, verdict, now);
}

static void test_how_long(void **state)
{
	static const struct {
		enum access_verdict verdict;
		usec_t holds;
	} rows[] = {
		{ ACCESS_ALLOWED, 2 * USEC_PER_MINUTE },
		{ ACCESS_DENIED, 10 * USEC_PER_SEC },
		{ ACCESS_UNKNOWN, 10 * USEC_PER_SEC },
		{ ACCESS_UNDECIDED, 2 * USEC_PER_SEC },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct access_cache c = { 0 };
		assert_int_equal(find(&c, 7, NOW), -1);
		put(&c, 7, rows[i].verdict, NOW);
		assert_int_equal(find(&c, 7, NOW), rows[i].verdict);
		assert_int_equal(find(&c, 7, NOW + rows[i].holds - 1), rows[i].verdict);
		assert_int_equal(find(&c, 7, NOW + rows[i].holds), -1);
		assert_int_equal(find(&c, 8, NOW), -1);
	}
}

/* A later word takes the place of the one before. */
static void test_again(void **state)
{
	struct access_cache c = { 0 };
	(void)state;
	put(&c, 1, ACCESS_ALLOWED, NOW);
	put(&c, 2, ACCESS_ALLOWED, NOW);
	put(&c, 1, ACCESS_DENIED, NOW + 1);
	assert_int_equal(c.n, 2);
	assert_int_equal(find(&c, 1, NOW + 1), ACCESS_DENIED);
	assert_int_equal(find(&c, 2, NOW + 1), ACCESS_ALLOWED);
}

static void test_bounded(void **state)
{
	struct access_cache c = { 0 };
	(void)state;
	/* those who may stay, however many others try */
	put(&c, 0, ACCESS_ALLOWED, NOW);
	for (unsigned n = 1; n <= 10 * ACCESS_CACHE_MAX; n++)
		put(&c, n, n % 2 ? ACCESS_UNKNOWN : ACCESS_DENIED, NOW + n);
	assert_int_equal(c.n, ACCESS_CACHE_MAX);
	assert_int_equal(find(&c, 0, NOW + 2000), ACCESS_ALLOWED);
	assert_int_equal(find(&c, 10 * ACCESS_CACHE_MAX, NOW + 2000), ACCESS_DENIED);
	assert_int_equal(find(&c, 1, NOW + 2000), -1);

	/* nor for what remains of their time, were it less than the others have */
	for (unsigned n = 1; n <= 2 * ACCESS_CACHE_MAX; n++)
		put(&c, 2000 + n, ACCESS_UNKNOWN, NOW + 115 * USEC_PER_SEC + n);
	assert_int_equal(find(&c, 0, NOW + 116 * USEC_PER_SEC), ACCESS_ALLOWED);

	/* and go when there is no other place, the oldest first */
	usec_t late = NOW + 116 * USEC_PER_SEC;
	for (unsigned n = 0; n <= ACCESS_CACHE_MAX; n++)
		put(&c, 5000 + n, ACCESS_ALLOWED, late + n);
	assert_int_equal(find(&c, 0, late + 1000), -1);
	assert_int_equal(find(&c, 5000, late + 1000), -1);
	assert_int_equal(find(&c, 5001, late + 1000), ACCESS_ALLOWED);
	assert_int_equal(find(&c, 5000 + ACCESS_CACHE_MAX, late + 1000), ACCESS_ALLOWED);
}

/* What holds no more is no better than anything else. */
static void test_expired_goes_first(void **state)
{
	struct access_cache c = { 0 };
	usec_t later = NOW + ACCESS_HOLDS_ALLOWED + 1;
	(void)state;
	put(&c, 0, ACCESS_ALLOWED, NOW);
	for (unsigned n = 1; n < ACCESS_CACHE_MAX; n++)
		put(&c, n, ACCESS_UNKNOWN, later);
	put(&c, 999, ACCESS_UNKNOWN, later);
	for (unsigned n = 1; n < ACCESS_CACHE_MAX; n++)
		assert_int_equal(find(&c, n, later), ACCESS_UNKNOWN);
	assert_int_equal(find(&c, 999, later), ACCESS_UNKNOWN);
}

static void test_rate(void **state)
{
	struct access_rate r = { 0 };
	unsigned taken = 0;
	(void)state;
	for (int i = 0; i < 100; i++)
		taken += access_rate_take(&r, NOW);
	assert_int_equal(taken, ACCESS_BURST);
	assert_false(access_rate_take(&r, NOW + ACCESS_PACE - 1));
	assert_true(access_rate_take(&r, NOW + ACCESS_PACE));
	assert_false(access_rate_take(&r, NOW + ACCESS_PACE));
	/* in ten seconds as many as the pace says */
	taken = 0;
	for (usec_t t = ACCESS_PACE; t < 10 * USEC_PER_SEC; t += USEC_PER_MSEC)
		taken += access_rate_take(&r, NOW + t);
	assert_in_range(taken, 97, 99);
	/* rest fills the burst, and no more than it */
	taken = 0;
	for (int i = 0; i < 100; i++)
		taken += access_rate_take(&r, NOW + USEC_PER_HOUR);
	assert_int_equal(taken, ACCESS_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_how_long), cmocka_unit_test(test_again),
		cmocka_unit_test(test_bounded),	 cmocka_unit_test(test_expired_goes_first),
		cmocka_unit_test(test_rate),
	};
	return cmocka_run_group_tests_name("access-cache", tests, NULL, NULL);
}
