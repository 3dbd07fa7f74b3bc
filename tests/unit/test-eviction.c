/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/eviction-kubelet.h"
#include "core/eviction-parse.h"
#include "core/eviction.h"
#include "random.h"

#define NOT_MEASURED UINT64_MAX

static struct eviction_policy parse_policy(const char *hard, const char *soft, const char *grace,
					   const char *reclaim, usec_t transition_period)
{
	struct eviction_policy policy = { .transition_period = transition_period };
	struct eviction_texts texts = { hard, soft, grace, reclaim };
	struct err e = { 0 };
	if (eviction_parse_texts(&texts, EVICTION_OURS, &policy.thresholds, &e) < 0)
		fail_msg("%s", e.msg);
	return policy;
}

/* One sample of nodefs, which has that many bytes and no inodes. */
static struct eviction_verdict step_nodefs(struct eviction_state *state,
					   const struct eviction_policy *policy, usec_t now,
					   uint64_t total, uint64_t available)
{
	struct space space = { .size_bytes = total, .avail_bytes = available };
	const struct space *spaces[_ROLE_MAX] = {
		[ROLE_NODEFS] = available == NOT_MEASURED ? NULL : &space,
	};
	struct eviction_verdict verdict;
	eviction_step(state, policy, now, spaces, &verdict);
	return verdict;
}

static const struct eviction_pressure *nodefs_bytes(const struct eviction_verdict *v,
						    enum eviction_level level)
{
	return &v->pressure[ROLE_NODEFS][RESOURCE_BYTES][level];
}

/* "mfa": met, in force, active. */
static const char *letters(const struct eviction_pressure *p, char text[4])
{
	text[0] = p->met ? 'm' : '-';
	text[1] = p->in_force ? 'f' : '-';
	text[2] = p->active ? 'a' : '-';
	text[3] = '\0';
	return text;
}

struct row {
	int64_t seconds;
	uint64_t available;
	const char *soft, *hard;
	bool kubelet;
};

static void run_rows(const struct eviction_policy *policy, const struct row *rows, size_t n)
{
	struct eviction_state state = { 0 };
	for (size_t i = 0; i < n; i++) {
		char soft[4], hard[4];
		struct eviction_verdict v = step_nodefs(
			&state, policy, rows[i].seconds * USEC_PER_SEC, 1000, rows[i].available);
		(void)letters(nodefs_bytes(&v, EVICTION_SOFT), soft);
		(void)letters(nodefs_bytes(&v, EVICTION_HARD), hard);
		if (strcmp(soft, rows[i].soft) != 0 || strcmp(hard, rows[i].hard) != 0 ||
		    v.kubelet_disk_pressure != rows[i].kubelet)
			fail_msg("row %zu: soft %s hard %s, DiskPressure %d", i, soft, hard,
				 v.kubelet_disk_pressure);
	}
}

/* Below 200 for a minute, below 100 at once, until there are 50 more; five minutes to calm down. */
static void levels_over_time(void **state)
{
	(void)state;
	struct eviction_policy policy =
		parse_policy("nodefs.available<10%", "nodefs.available<200", "nodefs.available=1m",
			     "nodefs.available=5%", 5 * USEC_PER_MINUTE);
	static const struct row rows[] = {
		{ 0, 1000, "---", "---", false },
		{ 10, 200, "---", "---", false },
		{ 20, 199, "m--", "---", true }, /* the kubelet reports this already */
		{ 79, 199, "m--", "---", true },
		{ 80, 199, "mfa", "---", true },
		{ 81, 249, "mfa", "---", true }, /* needs 50 more now */
		{ 82, 250, "--a", "---", true },
		{ 83, 249, "--a", "---", true }, /* was out of force */
		{ 84, 199, "m-a", "---", true }, /* a new grace period */
		{ 85, 100, "m-a", "---", true },
		{ 86, 99, "m-a", "mfa", true },
		{ 143, 149, "m-a", "mfa", true },
		{ 144, 149, "mfa", "mfa", true },
		{ 145, 150, "mfa", "--a", true },
		{ 146, 250, "--a", "--a", true },
		{ 443, 1000, "--a", "--a", true }, /* hard was in force at 144, soft at 145 */
		{ 444, 1000, "--a", "---", true },
		{ 445, 1000, "---", "---", false },
		{ 10000, 99, "m--", "mfa", true },
		{ 10001, 200, "---", "--a", true },
		{ 10300, 200, "---", "---", false },
		/* a break in between starts the grace period again */
		{ 20000, 150, "m--", "---", true },
		{ 20059, 150, "m--", "---", true },
		{ 20060, 200, "---", "---", true },
		{ 20061, 150, "m--", "---", true },
		{ 20120, 150, "m--", "---", true },
		{ 20121, 0, "mfa", "mfa", true },
		/* nothing measured: all stays as it is, and goes on from there */
		{ 20122, NOT_MEASURED, "mfa", "mfa", true },
		{ 30000, NOT_MEASURED, "mfa", "mfa", true },
		{ 30001, 1000, "--a", "--a", true },
		{ 30299, NOT_MEASURED, "--a", "--a", true },
		{ 30300, NOT_MEASURED, "---", "---", false },
		{ 40000, 150, "m--", "---", true },
		{ 50000, NOT_MEASURED, "m--", "---", true },
		{ 50001, 150, "mfa", "---", true },
	};
	run_rows(&policy, rows, ELEMENTS(rows));
}

/* With a transition period of 0 the kubelet never reports pressure. We do while there is some. */
static void no_transition_period(void **state)
{
	(void)state;
	struct eviction_policy policy = parse_policy("nodefs.available<100", NULL, NULL, NULL, 0);
	static const struct row rows[] = {
		{ 0, 100, "---", "---", false },
		{ 1, 99, "---", "mfa", false },
		{ 2, 99, "---", "mfa", false },
		{ 3, 100, "---", "---", false },
	};
	run_rows(&policy, rows, ELEMENTS(rows));
}

static void amounts(void **state)
{
	(void)state;
	static const struct {
		const char *hard, *reclaim;
		uint64_t total, amount, clear_amount;
	} rows[] = {
		{ "nodefs.available<10%", NULL, 1000, 100, 100 },
		{ "nodefs.available<10%", NULL, 1009, 100, 100 },
		{ "nodefs.available<10%", "nodefs.available=5%", 1009, 100, 150 },
		{ "nodefs.available<10%", "nodefs.available=0.5", 1000, 100, 101 },
		{ "nodefs.available<0.5", "nodefs.available=0.5", 1000, 1, 1 },
		{ "nodefs.available<1.05Gi", NULL, UINT64_C(1) << 40, 1127428916, 1127428916 },
		{ "nodefs.available<1Gi", "nodefs.available=512Mi", UINT64_C(1) << 40, 1 << 30,
		  3 << 29 },
		{ "nodefs.available<0.0%", NULL, 1000, 0, 0 },
		{ "nodefs.available<100.0%", NULL, 1000, 1000, 1000 },
		{ "nodefs.available<12E", "nodefs.available=12E", 1000,
		  UINT64_C(12000000000000000000), UINT64_MAX },
		{ "nodefs.available<1e100", "nodefs.available=1", 1000, UINT64_MAX, UINT64_MAX },
		{ "nodefs.available<100%", NULL, 1000, 0, 0 }, /* none */
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct eviction_policy policy =
			parse_policy(rows[i].hard, NULL, NULL, rows[i].reclaim, 0);
		struct eviction_state s = { 0 };
		struct eviction_verdict v = step_nodefs(&s, &policy, 0, rows[i].total, 0);
		const struct eviction_pressure *p = nodefs_bytes(&v, EVICTION_HARD);
		if (p->amount != rows[i].amount || p->clear_amount != rows[i].clear_amount ||
		    p->known != (policy.thresholds.n > 0) || p->met != (rows[i].amount > 0))
			fail_msg("row %zu: %" PRIu64 ", %" PRIu64, i, p->amount, p->clear_amount);
	}
	/* 640 bytes are between the two arithmetics; what is between them makes the difference */
	struct eviction_policy policy = parse_policy("nodefs.available<15%", NULL, NULL, NULL, 0);
	struct eviction_state s = { 0 };
	uint64_t total = UINT64_C(107374182400), available = UINT64_C(16106127500);
	struct eviction_verdict v = step_nodefs(&s, &policy, 0, total, available);
	assert_false(nodefs_bytes(&v, EVICTION_HARD)->met);
	policy.thresholds.float32 = true;
	v = step_nodefs(&s, &policy, 0, total, available);
	assert_true(nodefs_bytes(&v, EVICTION_HARD)->met);
	assert_int_equal(nodefs_bytes(&v, EVICTION_HARD)->amount, UINT64_C(16106128000));
}

/*
 * evictionSoft without a grace period makes a hard threshold: two of that level, the higher one
 * first.
 */
static void soft_without_grace(void **state)
{
	(void)state;
	struct eviction_policy policy =
		parse_policy("nodefs.available<100", "nodefs.available<200", "nodefs.available=0s",
			     "nodefs.available=10", 5 * USEC_PER_MINUTE);
	static const struct row rows[] = {
		{ 0, 200, "---", "---", false }, { 1, 199, "---", "mfa", true },
		{ 2, 99, "---", "mfa", true },	 { 3, 150, "---", "mfa", true },
		{ 4, 210, "---", "--a", true },
	};
	run_rows(&policy, rows, ELEMENTS(rows));
	struct eviction_state s = { 0 };
	struct eviction_verdict v = step_nodefs(&s, &policy, 0, 1000, 500);
	assert_false(nodefs_bytes(&v, EVICTION_SOFT)->known);
	assert_int_equal(nodefs_bytes(&v, EVICTION_HARD)->amount, 200);
	assert_int_equal(nodefs_bytes(&v, EVICTION_HARD)->clear_amount, 210);
	/* the other way round it is the same */
	policy = parse_policy("nodefs.available<200", "nodefs.available<100", "nodefs.available=0s",
			      NULL, 0);
	v = step_nodefs(&s, &policy, 1, 1000, 150);
	assert_true(nodefs_bytes(&v, EVICTION_HARD)->met);
	assert_int_equal(nodefs_bytes(&v, EVICTION_HARD)->amount, 200);
}

static void filesystems_and_resources_apart(void **state)
{
	(void)state;
	struct eviction_policy policy = {
		.transition_period = EVICTION_DEFAULT_TRANSITION_PERIOD,
	};
	eviction_defaults(&policy.thresholds);
	struct eviction_state s = { 0 };
	struct space nodefs = { 1000, 500, 100, 4 }, imagefs = { 1000, 149, 0, 0 };
	const struct space *spaces[_ROLE_MAX] = { &nodefs, &imagefs, NULL };
	struct eviction_verdict v;
	eviction_step(&s, &policy, 0, spaces, &v);
	for (int role = 0; role < _ROLE_MAX; role++) {
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			const struct eviction_pressure *p = &v.pressure[role][r][EVICTION_HARD];
			bool met = (role == ROLE_NODEFS && r == RESOURCE_INODES) ||
				   (role == ROLE_IMAGEFS && r == RESOURCE_BYTES);
			/* imagefs does not count inodes; containerfs has no thresholds */
			bool known = met || (role == ROLE_NODEFS && r == RESOURCE_BYTES);
			assert_int_equal(p->known, known);
			assert_int_equal(p->met, met);
			assert_int_equal(p->in_force, met);
			assert_int_equal(p->active, met);
			assert_int_equal(s.transitions[role][r][EVICTION_HARD], met);
			assert_false(v.pressure[role][r][EVICTION_SOFT].known);
		}
	}
	assert_false(eviction_satisfied(&policy.thresholds, spaces));
	nodefs.inodes_free = 5;
	assert_false(eviction_satisfied(&policy.thresholds, spaces));
	imagefs.avail_bytes = 150;
	assert_true(eviction_satisfied(&policy.thresholds, spaces));
	spaces[ROLE_IMAGEFS] = NULL;
	assert_true(eviction_satisfied(&policy.thresholds, spaces));
}

/* The state outlives a reload; what is no longer asked for is over at once. */
static void policy_changes(void **state)
{
	(void)state;
	struct eviction_policy soft = parse_policy(NULL, "nodefs.available<200",
						   "nodefs.available=1m", NULL, USEC_PER_MINUTE);
	struct eviction_policy sooner = parse_policy(NULL, "nodefs.available<300",
						     "nodefs.available=10s", NULL, USEC_PER_MINUTE);
	struct eviction_policy none = parse_policy(NULL, NULL, NULL, NULL, USEC_PER_MINUTE);
	struct eviction_state s = { 0 };
	struct eviction_verdict v = step_nodefs(&s, &soft, 0, 1000, 100);
	assert_false(nodefs_bytes(&v, EVICTION_SOFT)->in_force);
	v = step_nodefs(&s, &sooner, 10 * USEC_PER_SEC, 1000, 250);
	assert_true(nodefs_bytes(&v, EVICTION_SOFT)->in_force);
	assert_int_equal(nodefs_bytes(&v, EVICTION_SOFT)->amount, 300);
	v = step_nodefs(&s, &none, 11 * USEC_PER_SEC, 1000, 250);
	assert_false(nodefs_bytes(&v, EVICTION_SOFT)->known);
	assert_false(nodefs_bytes(&v, EVICTION_SOFT)->active);
	assert_int_equal(s.transitions[ROLE_NODEFS][RESOURCE_BYTES][EVICTION_SOFT], 2);
	v = step_nodefs(&s, &sooner, 12 * USEC_PER_SEC, 1000, 250);
	assert_true(nodefs_bytes(&v, EVICTION_SOFT)->met);
	assert_false(nodefs_bytes(&v, EVICTION_SOFT)->in_force);
	/* never measured, so nothing is known of it */
	s = (struct eviction_state){ 0 };
	v = step_nodefs(&s, &none, 0, 1000, 100);
	v = step_nodefs(&s, &soft, 0, 1000, NOT_MEASURED);
	assert_false(nodefs_bytes(&v, EVICTION_SOFT)->known);
}

/* NaN is a number that nothing is less than, not even with a minimum reclaim. */
static void not_a_number(void **state)
{
	(void)state;
	struct eviction_texts texts = { .hard = "nodefs.available<NaN%,imagefs.available<1",
					.minimum_reclaim = "nodefs.available=150%,"
							   "imagefs.available=NaN%" };
	struct eviction_policy policy = { .transition_period = USEC_PER_MINUTE };
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &policy.thresholds, NULL),
			 0);
	struct space empty = { 1000, 0, 0, 0 }, enough = { 1000, 1, 0, 0 };
	const struct space *spaces[_ROLE_MAX] = { &empty, &enough, NULL };
	assert_true(eviction_satisfied(&policy.thresholds, spaces));
	struct eviction_state s = { 0 };
	struct eviction_verdict v = step_nodefs(&s, &policy, 0, 1000, 0);
	assert_true(nodefs_bytes(&v, EVICTION_HARD)->known);
	assert_false(nodefs_bytes(&v, EVICTION_HARD)->met);
}

static void memory_is_ignored(void **state)
{
	(void)state;
	struct eviction_texts texts = { .hard = "memory.available<99%,pid.available<99%,"
						"nodefs.available<1" };
	struct eviction_policy policy = { .transition_period = USEC_PER_MINUTE };
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &policy.thresholds, NULL),
			 0);
	assert_int_equal(policy.thresholds.n, 3);
	struct eviction_state s = { 0 };
	struct space empty = { 1000, 1, 1000, 1 };
	const struct space *spaces[_ROLE_MAX] = { &empty, &empty, &empty };
	struct eviction_verdict v;
	eviction_step(&s, &policy, 0, spaces, &v);
	assert_false(v.kubelet_disk_pressure);
	assert_int_equal(eviction_changes_at(&s, &policy, 0), USEC_INFINITY);
	assert_true(eviction_satisfied(&policy.thresholds, spaces));
}

static void containerfs_is_lost(void **state)
{
	(void)state;
	struct eviction_texts texts = {
		.hard = "containerfs.inodesFree<1,nodefs.available<7",
		.soft = "containerfs.available<2,nodefs.inodesFree<8",
		.soft_grace_period = "containerfs.available=1m,nodefs.inodesFree=1h",
		.minimum_reclaim = "nodefs.available=3",
	};
	struct eviction_thresholds given, t;
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &given, NULL), 0);
	struct err e = { 0 };
	t = given;
	assert_true(eviction_derive_containerfs(&t, (struct eviction_layout){ 0 }, &e));
	assert_string_equal(e.msg, "found containerfs.available for soft eviction. ignoring");
	assert_int_equal(t.n, 4);
	const struct eviction_threshold *c =
		eviction_find(&t, EVICTION_CONTAINERFS_AVAILABLE, EVICTION_HARD);
	assert_int_equal(quantity_compare_amount(&c->value.quantity, 7), 0);
	assert_int_equal(quantity_compare_amount(&c->min_reclaim.quantity, 3), 0);
	c = eviction_find(&t, EVICTION_CONTAINERFS_INODES_FREE, EVICTION_SOFT);
	assert_int_equal(quantity_compare_amount(&c->value.quantity, 8), 0);
	assert_int_equal(c->grace, USEC_PER_HOUR);

	/* there is nothing to be had from imagefs */
	t = given;
	assert_true(eviction_derive_containerfs(&t, (struct eviction_layout){ true, false }, NULL));
	assert_int_equal(t.n, 2);
	/* once derived they are derived again */
	assert_false(eviction_derive_containerfs(&t, (struct eviction_layout){ true, true }, NULL));
	assert_int_equal(t.n, 4);
	t = given;
	assert_false(eviction_derive_containerfs(&t, (struct eviction_layout){ false, true }, &e));
	assert_int_equal(t.n, 4);
}

/* --- random --------------------------------------------------------------------------------- */

#define N_STEPS 200

/* The same by looking back at all that was, with one hard and one soft threshold. */
struct history {
	usec_t now[N_STEPS];
	bool met[_EVICTION_LEVEL_MAX][N_STEPS];
	bool in_force[_EVICTION_LEVEL_MAX][N_STEPS];
	size_t n;
};

static bool reference_met(const struct history *h, int level, uint64_t available, uint64_t amount,
			  uint64_t clear_amount)
{
	bool was_in_force = h->n > 0 && h->in_force[level][h->n - 1];
	return available < (was_in_force ? clear_amount : amount);
}

/* Met without a break for as long as grace. */
static bool reference_in_force(const struct history *h, int level, usec_t grace)
{
	size_t first = h->n;
	while (first > 0 && h->met[level][first - 1])
		first--;
	return first < h->n && h->now[h->n - 1] - h->now[first] >= grace;
}

/*
 * Whether it ever was within the period before the last step; the last step is, whatever the
 * period.
 */
static bool reference_lately(const struct history *h, const bool *values, usec_t period,
			     bool now_too)
{
	for (size_t i = 0; i < h->n; i++)
		if (values[i] &&
		    (h->now[h->n - 1] - h->now[i] < period || (now_too && i == h->n - 1)))
			return true;
	return false;
}

struct walk {
	uint64_t amount[_EVICTION_LEVEL_MAX], reclaim;
	usec_t grace[_EVICTION_LEVEL_MAX], transition_period;
	struct eviction_policy policy;
};

static struct walk random_walk(struct random *r)
{
	struct walk w = {
		.amount = { 1 + random_below(r, 600), 1 + random_below(r, 400) },
		.reclaim = random_once_in(r, 3) ? 0 : random_below(r, 200),
		.grace = { 1 + (usec_t)random_below(r, 60), 0 },
		.transition_period = random_once_in(r, 4) ? 0 : (usec_t)random_below(r, 100),
	};
	char text[4][64];
	(void)snprintf(text[0], 64, "nodefs.available<%" PRIu64, w.amount[EVICTION_HARD]);
	(void)snprintf(text[1], 64, "nodefs.available<%" PRIu64, w.amount[EVICTION_SOFT]);
	(void)snprintf(text[2], 64, "nodefs.available=%" PRId64 "us", w.grace[EVICTION_SOFT]);
	(void)snprintf(text[3], 64, "nodefs.available=%" PRIu64, w.reclaim);
	w.policy = parse_policy(text[0], text[1], text[2], text[3], w.transition_period);
	return w;
}

static void compare_step(const struct walk *w, struct history *h, const struct eviction_verdict *v,
			 usec_t now, uint64_t available)
{
	h->now[h->n] = now;
	for (int level = 0; level < _EVICTION_LEVEL_MAX; level++)
		h->met[level][h->n] = reference_met(h, level, available, w->amount[level],
						    w->amount[level] + w->reclaim);
	h->n++;
	bool pressure = false;
	for (int level = 0; level < _EVICTION_LEVEL_MAX; level++) {
		const struct eviction_pressure *p = nodefs_bytes(v, level);
		bool in_force = reference_in_force(h, level, w->grace[level]);
		h->in_force[level][h->n - 1] = in_force;
		bool active = reference_lately(h, h->in_force[level], w->transition_period, true);
		pressure =
			pressure || reference_lately(h, h->met[level], w->transition_period, false);
		if (p->met != h->met[level][h->n - 1] || p->in_force != in_force ||
		    p->active != active || !p->known || p->amount != w->amount[level] ||
		    p->clear_amount != w->amount[level] + w->reclaim)
			fail_msg("step %zu, level %d, %" PRIu64 " available: met %d, in force %d, "
				 "active %d",
				 h->n, level, available, p->met, p->in_force, p->active);
	}
	if (v->kubelet_disk_pressure != pressure)
		fail_msg("step %zu: DiskPressure %d", h->n, v->kubelet_disk_pressure);
}

static void random_walks(void **state)
{
	(void)state;
	struct random r = random_start("eviction");
	for (int round = 0; round < 300; round++) {
		struct walk w = random_walk(&r);
		struct eviction_state s = { 0 };
		struct history h = { 0 };
		uint64_t available = random_below(&r, 1001), transitions = 0;
		bool active = false;
		usec_t now = (usec_t)random_below(&r, 1000);
		for (int i = 0; i < N_STEPS; i++) {
			struct eviction_verdict v =
				step_nodefs(&s, &w.policy, now, 1000, available);
			compare_step(&w, &h, &v, now, available);
			transitions += nodefs_bytes(&v, EVICTION_HARD)->active != active;
			active = nodefs_bytes(&v, EVICTION_HARD)->active;
			/* small steps, so that the bands are visited */
			uint64_t step = random_below(&r, 121);
			available = available + step < 60 ? 0 : available + step - 60;
			available = available > 1000 ? 1000 : available;
			now += (usec_t)random_below(&r, 20);
		}
		assert_int_equal(s.transitions[ROLE_NODEFS][RESOURCE_BYTES][EVICTION_HARD],
				 transitions);
	}
}

static bool same_levels(const struct eviction_verdict *a, const struct eviction_verdict *b)
{
	for (int level = 0; level < _EVICTION_LEVEL_MAX; level++) {
		char x[4], y[4];
		if (strcmp(letters(nodefs_bytes(a, level), x),
			   letters(nodefs_bytes(b, level), y)) != 0)
			return false;
	}
	return true;
}

/* Up to that instant nothing changes by itself, and then something does. */
static void changes_by_itself(void **state)
{
	(void)state;
	struct random r = random_start("changes of eviction");
	struct eviction_policy policy =
		parse_policy("nodefs.available<100", "nodefs.available<200", "nodefs.available=10s",
			     "nodefs.available=50", 25 * USEC_PER_SEC);
	struct eviction_state s = { 0 };
	usec_t now = 0;
	int never = 0, changes = 0;
	for (int i = 0; i < 20000; i++) {
		uint64_t available = random_below(&r, 400);
		struct eviction_verdict v = step_nodefs(&s, &policy, now, 1000, available);
		usec_t next = eviction_changes_at(&s, &policy, now);
		for (int k = 0; k < 2 && next != USEC_INFINITY; k++) {
			assert_true(next > now);
			struct eviction_state copy = s;
			struct eviction_verdict before =
				step_nodefs(&copy, &policy, next - 1, 1000, available);
			struct eviction_verdict then =
				step_nodefs(&copy, &policy, next, 1000, available);
			assert_true(same_levels(&v, &before));
			assert_false(same_levels(&v, &then));
			changes++;
			/* and from there */
			now = next;
			v = step_nodefs(&s, &policy, now, 1000, available);
			next = eviction_changes_at(&s, &policy, now);
		}
		struct eviction_state copy = s;
		struct eviction_verdict later =
			step_nodefs(&copy, &policy, now + USEC_PER_HOUR, 1000, available);
		never += next == USEC_INFINITY;
		if (next == USEC_INFINITY)
			assert_true(same_levels(&v, &later));
		now += (usec_t)random_below(&r, 15 * USEC_PER_SEC) + 1;
	}
	assert_true(never > 100 && changes > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_over_time),
		cmocka_unit_test(no_transition_period),
		cmocka_unit_test(amounts),
		cmocka_unit_test(soft_without_grace),
		cmocka_unit_test(filesystems_and_resources_apart),
		cmocka_unit_test(policy_changes),
		cmocka_unit_test(memory_is_ignored),
		cmocka_unit_test(not_a_number),
		cmocka_unit_test(containerfs_is_lost),
		cmocka_unit_test(random_walks),
		cmocka_unit_test(changes_by_itself),
	};
	return cmocka_run_group_tests_name("eviction", tests, NULL, NULL);
}
