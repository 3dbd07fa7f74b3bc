/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/plan.h"
#include "random.h"

/* A verdict of a hand-made plan. */
struct row {
	const char *id;
	enum keep_reason keep;
	usec_t last_used;
	uint64_t gain, inodes;
	bool over_age;
};

#define N_MAX 16
static struct image images[4][N_MAX];

/* As plan_build() leaves it: candidates first. */
static struct plan make(size_t source, const struct row *rows, size_t n)
{
	struct plan p = { .next_eligible = USEC_INFINITY, .next_over_age = USEC_INFINITY };
	p.verdicts = xcalloc(n, sizeof(*p.verdicts));
	for (size_t i = 0; i < n; i++) {
		images[source][i] = (struct image){ .id = rows[i].id };
		p.verdicts[p.n_verdicts++] = (struct verdict){
			.image = &images[source][i],
			.keep = rows[i].keep,
			.by = arena_strdup(&p.arena, rows[i].id),
			.last_used = rows[i].last_used,
			.predicted = { rows[i].gain, rows[i].inodes },
			.over_age = rows[i].over_age,
		};
		p.n_candidates += rows[i].keep == KEEP_NONE;
		p.n_over_age += rows[i].over_age;
		if (rows[i].keep == KEEP_NONE)
			p.reclaimable[RESOURCE_BYTES] += rows[i].gain;
	}
	return p;
}

static void assert_order(const struct plan *p, const char *expected)
{
	char order[N_MAX * 4 + 1] = "";
	for (size_t i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		order[i] = v->image->id[0];
		/* texts live on with the plan that is whole now */
		assert_string_equal(v->by, v->image->id);
		assert_ptr_equal(v->image, &images[v->source][v->image - images[v->source]]);
	}
	assert_string_equal(order, expected);
}

static const struct row one[] = {
	{ "a", KEEP_NONE, 1, 10, 1, true },
	{ "c", KEEP_NONE, 30, 500, 5, false },
	{ "d", KEEP_NONE, 50, 5, 7, false },
	{ "x", KEEP_IN_USE, 0, 9, 1, false },
};
static const struct row two[] = {
	{ "b", KEEP_NONE, 9, 70, 1, true },	 { "e", KEEP_NONE, 40, 20, 6, false },
	{ "f", KEEP_NONE, 50, 400, 1, false },	 { "y", KEEP_PINNED, 0, 9, 1, false },
	{ "z", KEEP_TOO_YOUNG, 0, 9, 1, false },
};

static void candidates_of_all_in_one_order(void **state)
{
	(void)state;
	struct image_gc_policy policy = { .order = ORDER_LRU };
	struct plan plans[] = { make(0, one, ELEMENTS(one)), make(1, two, ELEMENTS(two)) }, p;
	plans[0].next_eligible = 700;
	plans[1].next_eligible = 600;
	plans[1].next_over_age = 900;
	plan_merge(plans, 2, &policy, &p);
	assert_order(&p, "abcedfxyz");
	assert_int_equal(p.verdicts[3].source, 1);
	assert_int_equal(p.n_candidates, 6);
	assert_int_equal(p.n_over_age, 2);
	assert_int_equal(p.reclaimable[RESOURCE_BYTES], 1005);
	assert_int_equal(p.next_eligible, 600);
	assert_int_equal(p.next_over_age, 900);
	assert_int_equal(plans[0].n_verdicts + plans[1].n_verdicts, 0);
	plan_done(&p);
}

/* Each plan's order is kept: what comes later in it frees that much only after what is before it. */
static void by_what_they_free(void **state)
{
	(void)state;
	struct image_gc_policy policy = { .order = ORDER_FEWEST_REMOVALS };
	struct plan plans[] = { make(0, one, ELEMENTS(one)), make(1, two, ELEMENTS(two)) }, p;
	plan_merge(plans, 2, &policy, &p);
	assert_order(&p, "abcefdxyz");
	plan_done(&p);
	policy.scarce = RESOURCE_INODES;
	struct plan again[] = { make(0, two, ELEMENTS(two)), make(1, one, ELEMENTS(one)) };
	plan_merge(again, 2, &policy, &p);
	assert_order(&p, "abecdfyzx");
	plan_done(&p);
}

/* Age goes before gain on either side, and equal gains are in the order of age. */
static void age_before_gain(void **state)
{
	(void)state;
	static const struct row old[] = { { "o", KEEP_NONE, 5, 1, 1, true } };
	static const struct row large[] = { { "l", KEEP_NONE, 3, 900, 90, false } };
	static const struct row alike[] = { { "m", KEEP_NONE, 4, 900, 90, false } };
	struct image_gc_policy policy = { .order = ORDER_FEWEST_REMOVALS };
	struct plan p, plans[] = { make(0, old, 1), make(1, large, 1), make(2, alike, 1) };
	plan_merge(plans, 3, &policy, &p);
	assert_order(&p, "olm");
	plan_done(&p);
	struct plan again[] = { make(0, alike, 1), make(1, large, 1), make(2, old, 1) };
	plan_merge(again, 3, &policy, &p);
	assert_order(&p, "olm");
	plan_done(&p);
}

static void of_none_and_of_one(void **state)
{
	(void)state;
	struct image_gc_policy policy = { .order = ORDER_LRU };
	struct plan p, empty = { .next_eligible = USEC_INFINITY, .next_over_age = USEC_INFINITY };
	plan_merge(NULL, 0, &policy, &p);
	assert_int_equal(p.n_verdicts, 0);
	assert_int_equal(p.next_eligible, USEC_INFINITY);
	plan_done(&p);
	struct plan plans[] = { empty, make(1, one, ELEMENTS(one)), empty };
	plan_merge(plans, 3, &policy, &p);
	assert_order(&p, "acdx");
	assert_int_equal(p.verdicts[0].source, 1);
	plan_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(candidates_of_all_in_one_order),
		cmocka_unit_test(by_what_they_free),
		cmocka_unit_test(age_before_gain),
		cmocka_unit_test(of_none_and_of_one),
	};
	return cmocka_run_group_tests_name("plan-merge", tests, NULL, NULL);
}
