/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/keep.h"
#include "core/plan.h"
#include "random.h"

#define MINUTE USEC_PER_MINUTE
#define NOW    (1000 * MINUTE)

static const char *const keep_patterns[] = { "reg.io/keep/*" };

static const struct image_gc_policy defaults = {
	.high_percent = { 80, 90 },
	.low_percent = { 75, 85 },
	.minimum_age = 2 * MINUTE,
	.keep = keep_patterns,
	.n_keep = 1,
	.keep_unrecoverable = true,
};

/* One image with what is known about it; a node is an array of them. */
struct row {
	struct image image;
	struct image_use use;
	bool unknown; /* no entry in the history */
	usec_t first_seen, last_used;
};

#define GOOD(name)                                     \
	.image = { .id = name,                         \
		   LIST(names, "reg.io/" name),        \
		   LIST(digests, "reg.io/" name "@d"), \
		   .predicted_bytes = 10,              \
		   .predicted_inodes = 1 }
#define UNUSED .use = { KEEP_NONE, "" }

#define N_MAX 64
struct node {
	struct image images[N_MAX];
	struct image_use use[N_MAX];
	struct usage_entry entries[N_MAX];
	struct inventory inv;
	struct usage_history history;
};

static int entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct usage_entry *)a)->id, ((const struct usage_entry *)b)->id);
}

/* The history is made by hand: usage_observe() has its own test. */
static void node_build(struct node *n, const struct row *rows, size_t n_rows)
{
	*n = (struct node){ 0 };
	n->inv.images = n->images;
	n->history.entries = n->entries;
	for (size_t i = 0; i < n_rows; i++) {
		n->images[n->inv.n_images] = rows[i].image;
		n->use[n->inv.n_images++] = rows[i].use;
		if (!rows[i].unknown)
			n->entries[n->history.n_entries++] =
				(struct usage_entry){ .id = (char *)(uintptr_t)rows[i].image.id,
						      .first_seen = rows[i].first_seen,
						      .last_used = rows[i].last_used };
	}
	if (n->history.n_entries)
		qsort(n->entries, n->history.n_entries, sizeof(n->entries[0]), entry_compare);
}

static void plan_rows(const struct row *rows, size_t n_rows, const struct image_gc_policy *policy,
		      struct plan *ret)
{
	struct node n;
	node_build(&n, rows, n_rows);
	plan_build(&n.inv, n.use, &n.history, policy, NOW, ret);
	/* the node's array ends here: point at the rows' images instead */
	for (size_t i = 0; i < ret->n_verdicts; i++)
		ret->verdicts[i].image = &rows[ret->verdicts[i].image - n.images].image;
}

static const struct verdict *find(const struct plan *p, const char *id)
{
	for (size_t i = 0; i < p->n_verdicts; i++)
		if (strcmp(p->verdicts[i].image->id, id) == 0)
			return &p->verdicts[i];
	fail_msg("no %s in the plan", id);
	return NULL;
}

/* --- reasons ------------------------------------------------------------------------------------- */

static void every_reason(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ GOOD("free"), UNUSED, .last_used = USEC_NEVER },
		{ GOOD("used"), .use = { KEEP_IN_USE, "c1" }, .last_used = NOW },
		{ GOOD("volume"), .use = { KEEP_IMAGE_VOLUME, "c2" }, .last_used = NOW },
		{ GOOD("sandbox"), .use = { KEEP_SANDBOX, "pause:1" }, .last_used = NOW },
		{ .image = { .id = "pinned", LIST(digests, "x@d"), .pinned = true }, UNUSED },
		{ .image = { .id = "rule", LIST(names, "reg.io/keep/x:1"), LIST(digests, "x@d") },
		  UNUSED },
		{ .image = { .id = "local", LIST(names, "localhost/x:1") }, UNUSED },
		{ GOOD("young"), UNUSED, .first_seen = NOW - MINUTE, .last_used = USEC_NEVER },
		{ GOOD("new"), UNUSED, .unknown = true },
	};
	static const struct {
		const char *id;
		enum keep_reason keep;
		const char *by;
		usec_t eligible_at;
	} expected[] = {
		{ "free", KEEP_NONE, "", USEC_NEVER },
		{ "used", KEEP_IN_USE, "c1", USEC_NEVER },
		{ "volume", KEEP_IMAGE_VOLUME, "c2", USEC_NEVER },
		{ "sandbox", KEEP_SANDBOX, "pause:1", USEC_NEVER },
		{ "pinned", KEEP_PINNED, "", USEC_NEVER },
		{ "rule", KEEP_RULE, "reg.io/keep/*", USEC_NEVER },
		{ "local", KEEP_UNRECOVERABLE, "", USEC_NEVER },
		{ "young", KEEP_TOO_YOUNG, "", NOW + MINUTE },
		{ "new", KEEP_TOO_YOUNG, "", NOW + 2 * MINUTE },
	};
	struct plan p;
	plan_rows(rows, ELEMENTS(rows), &defaults, &p);
	assert_int_equal(p.n_verdicts, ELEMENTS(rows));
	assert_int_equal(p.n_candidates, 1);
	assert_int_equal(p.n_over_age, 0);
	assert_string_equal(p.verdicts[0].image->id, "free");
	for (size_t i = 0; i < ELEMENTS(expected); i++) {
		const struct verdict *v = find(&p, expected[i].id);
		assert_int_equal(v->keep, expected[i].keep);
		assert_string_equal(v->by, expected[i].by);
		assert_int_equal(v->eligible_at, expected[i].eligible_at);
		assert_false(v->removed);
		assert_false(v->over_age);
	}
	assert_int_equal(find(&p, "new")->first_seen, NOW);
	assert_int_equal(find(&p, "new")->last_used, USEC_NEVER);
	assert_int_equal(find(&p, "used")->last_used, NOW);
	assert_int_equal(p.next_eligible, NOW + MINUTE);

	uint64_t count[_KEEP_REASON_MAX];
	plan_count(&p, count);
	for (int r = 0; r < _KEEP_REASON_MAX; r++)
		assert_int_equal(count[r],
				 r == KEEP_TOO_YOUNG
					 ? 2
					 : r < KEEP_TOO_YOUNG && r != KEEP_NEWEST_OF_REPOSITORY);
	plan_done(&p);
}

/* Everything speaks for keeping it; take the strongest reason away, and the next one shows. */
static void precedence(void **state)
{
	(void)state;
	static const enum keep_reason expected[] = { KEEP_IN_USE,    KEEP_IMAGE_VOLUME,
						     KEEP_SANDBOX,   KEEP_PINNED,
						     KEEP_RULE,	     KEEP_UNRECOVERABLE,
						     KEEP_TOO_YOUNG, KEEP_NONE };
	for (size_t i = 0; i < ELEMENTS(expected); i++) {
		struct row row = { .image = { .id = "x",
					      .names = STRINGS("reg.io/keep/x:1"),
					      .n_names = 1,
					      .digests = STRINGS("x@d"),
					      .n_digests = i > 5 ? 1 : 0,
					      .pinned = i <= 3 },
				   .use = { i <= 2 ? expected[i] : KEEP_NONE, "" },
				   .first_seen = NOW - (i <= 6 ? 0 : 10 * MINUTE),
				   .last_used = USEC_NEVER };
		struct image_gc_policy policy = defaults;
		policy.n_keep = i <= 4 ? 1 : 0;
		struct plan p;
		plan_rows(&row, 1, &policy, &p);
		assert_int_equal(p.verdicts[0].keep, expected[i]);
		assert_int_equal(p.n_candidates, expected[i] == KEEP_NONE);
		plan_done(&p);
	}
}

static void policy_switches(void **state)
{
	(void)state;
	const struct row local = { .image = { .id = "local" }, UNUSED, .last_used = USEC_NEVER };
	struct image_gc_policy policy = defaults;
	struct plan p;
	policy.keep_unrecoverable = false;
	plan_rows(&local, 1, &policy, &p);
	assert_int_equal(p.verdicts[0].keep, KEEP_NONE);
	plan_done(&p);
}

/* What "auto" means for images that cannot be pulled again is the runtime's to say. */
static void where_local_is_ordinary(void **state)
{
	(void)state;
	static const struct {
		bool keep, unless_ordinary, ordinary;
		enum keep_reason reason;
	} rows[] = {
		{ true, false, false, KEEP_UNRECOVERABLE },
		{ true, false, true, KEEP_UNRECOVERABLE },
		{ true, true, false, KEEP_UNRECOVERABLE },
		{ true, true, true, KEEP_NONE },
		{ false, true, false, KEEP_NONE },
		{ false, true, true, KEEP_NONE },
	};
	const struct row local = { .image = { .id = "local" }, UNUSED, .last_used = USEC_NEVER };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct image_gc_policy policy = defaults;
		struct node n;
		struct plan p;
		policy.keep_unrecoverable = rows[i].keep;
		policy.unless_local_is_ordinary = rows[i].unless_ordinary;
		node_build(&n, &local, 1);
		n.inv.local_is_ordinary = rows[i].ordinary;
		plan_build(&n.inv, n.use, &n.history, &policy, NOW, &p);
		assert_int_equal(p.verdicts[0].keep, rows[i].reason);
		plan_done(&p);
	}
}

/* Exactly the minimum age is old enough, as in the kubelet. */
static void minimum_age(void **state)
{
	(void)state;
	static const struct {
		usec_t minimum, age;
		enum keep_reason keep;
	} rows[] = {
		{ 2 * MINUTE, 2 * MINUTE - 1, KEEP_TOO_YOUNG },
		{ 2 * MINUTE, 2 * MINUTE, KEEP_NONE },
		{ 2 * MINUTE, 2 * MINUTE + 1, KEEP_NONE },
		{ 0, 0, KEEP_NONE },
		{ 1, 0, KEEP_TOO_YOUNG },
		{ 2 * MINUTE, -5 * MINUTE, KEEP_TOO_YOUNG }, /* first seen in the future */
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct row row = { GOOD("x"), UNUSED, .first_seen = NOW - rows[i].age,
				   .last_used = USEC_NEVER };
		struct image_gc_policy policy = defaults;
		policy.minimum_age = rows[i].minimum;
		struct plan p;
		plan_rows(&row, 1, &policy, &p);
		assert_int_equal(p.verdicts[0].keep, rows[i].keep);
		bool young = rows[i].keep == KEEP_TOO_YOUNG;
		usec_t eligible = row.first_seen + rows[i].minimum;
		assert_int_equal(p.next_eligible, young ? eligible : USEC_INFINITY);
		assert_int_equal(p.verdicts[0].eligible_at, young ? eligible : USEC_NEVER);
		plan_done(&p);
	}
}

static void maximum_age(void **state)
{
	(void)state;
	static const struct {
		usec_t maximum, first_seen, last_used;
		enum keep_reason use;
		bool over_age;
	} rows[] = {
		{ 0, 0, USEC_NEVER, KEEP_NONE, false }, /* off */
		{ 1, 0, USEC_NEVER, KEEP_NONE, true },
		{ 60 * MINUTE, NOW - 60 * MINUTE, USEC_NEVER, KEEP_NONE, false },
		{ 60 * MINUTE, NOW - 60 * MINUTE - 1, USEC_NEVER, KEEP_NONE, true },
		{ 60 * MINUTE, 0, NOW - 60 * MINUTE, KEEP_NONE, false },
		{ 60 * MINUTE, 0, NOW - 60 * MINUTE - 1, KEEP_NONE, true },
		{ 60 * MINUTE, 0, NOW, KEEP_NONE, false },
		/* last use from before it was last pulled: it is new */
		{ 60 * MINUTE, NOW - 10 * MINUTE, 0, KEEP_NONE, false },
		/* what is kept has no age */
		{ 60 * MINUTE, 0, 0, KEEP_IN_USE, false },
		{ 60 * MINUTE, 0, 0, KEEP_SANDBOX, false },
		/* below the minimum age nothing goes, other than in the kubelet */
		{ 1, NOW - 2, USEC_NEVER, KEEP_NONE, false },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct row row = { GOOD("x"), .use = { rows[i].use, "c" },
				   .first_seen = rows[i].first_seen,
				   .last_used = rows[i].last_used };
		struct image_gc_policy policy = defaults;
		policy.maximum_age = rows[i].maximum;
		struct plan p;
		plan_rows(&row, 1, &policy, &p);
		if (p.verdicts[0].over_age != rows[i].over_age || p.n_over_age != rows[i].over_age)
			fail_msg("row %zu", i);
		plan_done(&p);
	}
}

/* When the next image that may be removed gets over age: only candidates that are not yet count. */
static void next_over_age(void **state)
{
	(void)state;
	static const struct {
		usec_t first_seen, last_used;
		enum keep_reason use;
	} rows[] = {
		{ NOW - 50 * MINUTE, USEC_NEVER, KEEP_NONE }, /* this one, in ten minutes */
		{ NOW - 90 * MINUTE, NOW - 40 * MINUTE, KEEP_NONE },
		{ NOW - 90 * MINUTE, NOW - 70 * MINUTE, KEEP_NONE }, /* is over age */
		{ NOW - 90 * MINUTE, NOW - 50 * MINUTE, KEEP_IN_USE },
		{ NOW - MINUTE, USEC_NEVER, KEEP_NONE }, /* too young */
	};
	static const char *const ids[] = { "a", "b", "c", "d", "e" };
	/* a compound literal would end with the loop that fills the rows */
	static const char *const digests[] = { "x@d" };
	for (size_t n = 0; n <= ELEMENTS(rows); n++) {
		struct row nodes[ELEMENTS(rows)];
		struct image_gc_policy policy = defaults;
		struct plan p;
		for (size_t i = 0; i < n; i++)
			nodes[i] = (struct row){
				.image = { .id = ids[i], .digests = digests, .n_digests = 1 },
				.use = { rows[i].use, "" },
				.first_seen = rows[i].first_seen,
				.last_used = rows[i].last_used
			};
		policy.maximum_age = 60 * MINUTE;
		plan_rows(nodes, n, &policy, &p);
		assert_int_equal(p.next_over_age, n == 0 ? USEC_INFINITY : NOW + 10 * MINUTE + 1);
		plan_done(&p);
		policy.maximum_age = 0;
		plan_rows(nodes, n, &policy, &p);
		assert_int_equal(p.next_over_age, USEC_INFINITY);
		plan_done(&p);
	}
}

/* The runtime removes by ID: what protects one entry of an ID protects the other. */
static void one_id_twice(void **state)
{
	(void)state;
	const struct {
		const char *what;
		struct image other;
		struct image_use use;
		enum keep_reason keep;
		const char *by;
	} rows[] = {
		{ "both free",
		  { .id = "x", LIST(digests, "x@d") },
		  { KEEP_NONE, "" },
		  KEEP_NONE,
		  "" },
		{ "pinned",
		  { .id = "x", LIST(digests, "x@d"), .pinned = true },
		  { KEEP_NONE, "" },
		  KEEP_PINNED,
		  "" },
		{ "used",
		  { .id = "x", LIST(digests, "x@d") },
		  { KEEP_IN_USE, "c1" },
		  KEEP_IN_USE,
		  "c1" },
		{ "rule",
		  { .id = "x", LIST(names, "reg.io/keep/x") },
		  { KEEP_NONE, "" },
		  KEEP_RULE,
		  "reg.io/keep/*" },
		{ "local", { .id = "x" }, { KEEP_NONE, "" }, KEEP_UNRECOVERABLE, "" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		for (size_t place = 0; place < 2; place++) {
			struct row twins[3] = { { GOOD("x"), UNUSED, .last_used = USEC_NEVER },
						{ GOOD("w"), UNUSED, .last_used = USEC_NEVER },
						{ GOOD("x"), UNUSED, .unknown = true } };
			struct plan p;
			twins[2 * place].image = rows[i].other;
			twins[2 * place].use = rows[i].use;
			struct image_gc_policy policy = defaults;
			policy.maximum_age = MINUTE;
			plan_rows(twins, 3, &policy, &p);
			bool free = rows[i].keep == KEEP_NONE;
			assert_int_equal(p.n_candidates, free ? 3 : 1);
			assert_int_equal(p.n_over_age, free ? 3 : 1);
			assert_int_equal(p.verdicts[2].keep, rows[i].keep);
			assert_string_equal(p.verdicts[2].by, rows[i].by);
			assert_int_equal(p.verdicts[1].keep, rows[i].keep);
			assert_string_equal(p.verdicts[1].by, rows[i].by);
			assert_int_equal(p.verdicts[1].over_age, free);
			assert_int_equal(p.verdicts[2].over_age, free);
			plan_done(&p);
		}
}

/* Of the strongest reason only: what is pinned does not become eligible by getting older. */
static void one_id_twice_and_young(void **state)
{
	(void)state;
	struct row twins[2] = { { GOOD("x"), UNUSED, .first_seen = NOW, .last_used = USEC_NEVER },
				{ GOOD("x"), UNUSED, .unknown = true } };
	struct plan p;
	plan_rows(twins, 2, &defaults, &p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.verdicts[i].keep, KEEP_TOO_YOUNG);
		assert_int_equal(p.verdicts[i].eligible_at, NOW + 2 * MINUTE);
	}
	plan_done(&p);
	twins[1].image.pinned = true;
	plan_rows(twins, 2, &defaults, &p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.verdicts[i].keep, KEEP_PINNED);
		assert_int_equal(p.verdicts[i].eligible_at, USEC_NEVER);
	}
	assert_int_equal(p.next_eligible, USEC_INFINITY);
	plan_done(&p);
}

/* --- order and sums -------------------------------------------------------------------------------- */

static void exact_order(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ GOOD("k-used"), .use = { KEEP_IN_USE, "c" }, .last_used = USEC_NEVER },
		{ GOOD("g-recent"), UNUSED, .last_used = NOW - MINUTE },
		{ GOOD("d-never-late"), UNUSED, .first_seen = NOW - 9 * MINUTE,
		  .last_used = USEC_NEVER },
		{ GOOD("f-early"), UNUSED, .first_seen = 3, .last_used = NOW - 2 * MINUTE },
		{ GOOD("e-earlier"), UNUSED, .first_seen = 2, .last_used = NOW - 2 * MINUTE },
		{ GOOD("c-never"), UNUSED, .first_seen = NOW - 10 * MINUTE,
		  .last_used = USEC_NEVER },
		{ GOOD("b-never"), UNUSED, .first_seen = NOW - 10 * MINUTE,
		  .last_used = USEC_NEVER },
		{ GOOD("a-over-age"), UNUSED, .last_used = NOW - 31 * MINUTE },
		{ GOOD("0-over-age"), UNUSED, .last_used = NOW - 32 * MINUTE },
		{ GOOD("l-young"), UNUSED, .first_seen = NOW, .last_used = USEC_NEVER },
	};
	static const char *const expected[] = {
		"0-over-age",	"a-over-age", "b-never", "c-never",
		"d-never-late", "e-earlier",  "f-early", "g-recent"
	};
	struct image_gc_policy policy = defaults;
	struct plan p;
	policy.maximum_age = 30 * MINUTE;
	plan_rows(rows, ELEMENTS(rows), &policy, &p);
	assert_int_equal(p.n_candidates, ELEMENTS(expected));
	assert_int_equal(p.n_over_age, 2);
	assert_int_equal(p.reclaimable[RESOURCE_BYTES], 80);
	assert_int_equal(p.reclaimable[RESOURCE_INODES], 8);
	for (size_t i = 0; i < ELEMENTS(expected); i++)
		assert_string_equal(p.verdicts[i].image->id, expected[i]);
	for (size_t i = 0; i < p.n_verdicts; i++)
		assert_int_equal(p.verdicts[i].keep == KEEP_NONE, i < ELEMENTS(expected));

	/* what was removed is counted no more */
	uint64_t count[_KEEP_REASON_MAX];
	p.verdicts[0].removed = p.verdicts[3].removed = true;
	plan_count(&p, count);
	assert_int_equal(count[KEEP_NONE], 6);
	assert_int_equal(count[KEEP_IN_USE], 1);
	plan_done(&p);
	assert_null(p.verdicts);
	assert_int_equal(p.n_verdicts, 0);
}

static void sums_do_not_wrap(void **state)
{
	(void)state;
	struct row rows[] = { { GOOD("a"), UNUSED }, { GOOD("b"), UNUSED }, { GOOD("c"), UNUSED } };
	struct plan p;
	rows[0].image.predicted_bytes = UINT64_MAX - 1;
	rows[1].image.predicted_bytes = 3;
	rows[2].image.predicted_inodes = UINT64_MAX;
	plan_rows(rows, 3, &defaults, &p);
	assert_int_equal(p.reclaimable[RESOURCE_BYTES], UINT64_MAX);
	assert_int_equal(p.reclaimable[RESOURCE_INODES], UINT64_MAX);
	plan_done(&p);
}

static void empty_inventory(void **state)
{
	(void)state;
	struct plan p;
	uint64_t count[_KEEP_REASON_MAX];
	plan_rows(NULL, 0, &defaults, &p);
	assert_int_equal(p.n_verdicts, 0);
	assert_int_equal(p.n_candidates, 0);
	assert_int_equal(p.next_eligible, USEC_INFINITY);
	plan_count(&p, count);
	for (int r = 0; r < _KEEP_REASON_MAX; r++)
		assert_int_equal(count[r], 0);
	plan_done(&p);
}

/* --- random nodes ---------------------------------------------------------------------------------- */

/* The order as the header has it, written another way. */
static bool comes_before(const struct verdict *a, const struct verdict *b)
{
	bool candidates[] = { a->keep == KEEP_NONE, b->keep == KEEP_NONE };
	if (candidates[0] != candidates[1])
		return candidates[0];
	if (a->over_age != b->over_age)
		return a->over_age;
	if (a->last_used != b->last_used)
		return a->last_used < b->last_used;
	if (a->first_seen != b->first_seen)
		return a->first_seen < b->first_seen;
	return strcmp(a->image->id, b->image->id) < 0;
}

static void random_row(struct random *r, struct row *row, char id[16], size_t i)
{
	static const enum keep_reason uses[] = { KEEP_NONE,   KEEP_NONE,	 KEEP_NONE,
						 KEEP_IN_USE, KEEP_IMAGE_VOLUME, KEEP_SANDBOX };
	static const char *const names[] = { "reg.io/keep/x", "reg.io/x" };
	static const char *const digests[] = { "x@d" };
	(void)snprintf(id, 16, "%02jx-%zu", (uintmax_t)random_below(r, 256), i);
	/* few different instants, so that there are ties */
	*row = (struct row){ .image = { .id = id,
					.names = names + random_below(r, 2),
					.n_names = random_once_in(r, 4) ? 0 : 1,
					.digests = digests,
					.n_digests = random_once_in(r, 8) ? 0 : 1,
					.pinned = random_once_in(r, 10),
					.predicted_bytes = random_below(r, 1000),
					.predicted_inodes = random_below(r, 10) },
			     .use = { uses[random_below(r, ELEMENTS(uses))], "c" },
			     .unknown = random_once_in(r, 10),
			     .first_seen = NOW - (usec_t)random_below(r, 4) * MINUTE,
			     .last_used = random_once_in(r, 2)
						  ? USEC_NEVER
						  : NOW - (usec_t)random_below(r, 4) * MINUTE };
}

static void check_plan(const struct plan *p, const struct image_gc_policy *policy)
{
	size_t candidates = 0, over_age = 0;
	uint64_t reclaimable[_RESOURCE_MAX] = { 0 }, count[_KEEP_REASON_MAX], total = 0;
	usec_t next = USEC_INFINITY;
	for (size_t i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		for (size_t k = i + 1; k < p->n_verdicts; k++)
			assert_false(comes_before(&p->verdicts[k], v));
		bool candidate = v->keep == KEEP_NONE;
		assert_true(candidate || !v->over_age);
		candidates += candidate;
		over_age += v->over_age;
		if (v->keep == KEEP_TOO_YOUNG && v->eligible_at < next)
			next = v->eligible_at;
		if (!candidate)
			continue;
		assert_false(v->image->pinned);
		assert_true(NOW - v->first_seen >= policy->minimum_age);
		assert_true(v->image->n_digests > 0 || !policy->keep_unrecoverable);
		assert_null(keep_match(v->image, policy->keep, policy->n_keep));
		reclaimable[RESOURCE_BYTES] += v->image->predicted_bytes;
		reclaimable[RESOURCE_INODES] += v->image->predicted_inodes;
	}
	assert_int_equal(p->n_candidates, candidates);
	assert_int_equal(p->n_over_age, over_age);
	assert_int_equal(p->next_eligible, next);
	assert_memory_equal(p->reclaimable, reclaimable, sizeof(reclaimable));
	plan_count(p, count);
	for (int r = 0; r < _KEEP_REASON_MAX; r++)
		total += count[r];
	assert_int_equal(total, p->n_verdicts);
	assert_int_equal(count[KEEP_NONE], candidates);
}

/* The order is total: it does not depend on the order of the inventory, and every pair agrees. */
static void random_nodes(void **state)
{
	(void)state;
	struct random r = random_start("plan");
	for (int round = 0; round < 2000; round++) {
		struct row rows[24], shuffled[24];
		char ids[24][16];
		struct image_gc_policy policy = defaults;
		size_t n = random_below(&r, ELEMENTS(rows) + 1);
		policy.keep_unrecoverable = random_once_in(&r, 2);
		policy.n_keep = random_below(&r, 2);
		policy.minimum_age = (usec_t)random_below(&r, 3) * MINUTE;
		policy.maximum_age = (usec_t)random_below(&r, 3) * MINUTE;
		for (size_t i = 0; i < n; i++)
			random_row(&r, &rows[i], ids[i], i);
		struct plan p, q;
		plan_rows(rows, n, &policy, &p);
		check_plan(&p, &policy);
		memcpy(shuffled, rows, sizeof(rows));
		for (size_t i = n; i > 1; i--) {
			size_t k = random_below(&r, i);
			struct row row = shuffled[k];
			shuffled[k] = shuffled[i - 1];
			shuffled[i - 1] = row;
		}
		plan_rows(shuffled, n, &policy, &q);
		for (size_t i = 0; i < n; i++)
			assert_string_equal(p.verdicts[i].image->id, q.verdicts[i].image->id);
		plan_done(&p);
		plan_done(&q);
	}
}

/* What is known of an image's past goes along, for whoever shows it. */
static void the_past(void **state)
{
	(void)state;
	const struct row rows[] = { { GOOD("a"), UNUSED }, { GOOD("b"), UNUSED, .unknown = true } };
	struct node n;
	struct plan p;
	node_build(&n, rows, ELEMENTS(rows));
	n.entries[0].uses = 12;
	n.entries[0].gain_known = true;
	n.entries[0].gain[RESOURCE_BYTES] = 300;
	n.entries[0].gain[RESOURCE_INODES] = 4;
	plan_build(&n.inv, n.use, &n.history, &defaults, NOW, &p);
	const struct verdict *a = find(&p, "a"), *b = find(&p, "b");
	assert_int_equal(a->uses, 12);
	assert_true(a->gain_known);
	assert_int_equal(a->gain[RESOURCE_BYTES], 300);
	assert_int_equal(a->gain[RESOURCE_INODES], 4);
	assert_int_equal(b->uses, 0);
	assert_false(b->gain_known);
	plan_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason),
		cmocka_unit_test(precedence),
		cmocka_unit_test(policy_switches),
		cmocka_unit_test(where_local_is_ordinary),
		cmocka_unit_test(minimum_age),
		cmocka_unit_test(maximum_age),
		cmocka_unit_test(next_over_age),
		cmocka_unit_test(one_id_twice),
		cmocka_unit_test(one_id_twice_and_young),
		cmocka_unit_test(exact_order),
		cmocka_unit_test(sums_do_not_wrap),
		cmocka_unit_test(empty_inventory),
		cmocka_unit_test(the_past),
		cmocka_unit_test(random_nodes),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
