/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole passes over random nodes: images with shared layers, containers that come and go while the pass
 * runs, others who write and free, calls that fail. What must never happen is checked where it
 * would happen: in the removal itself, against what the node knows rather than what core/ concluded.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "core/reclaim.h"
#include "core/use.h"
#include "random.h"
#include "util/err.h"

#define ROUNDS	     20000
#define N_IMAGES     14
#define N_LAYERS     24
#define N_CONTAINERS 10
#define NOW	     (1000 * USEC_PER_MINUTE)

struct sim_image {
	char id[80], name[64], short_name[64], digest[128];
	const char *names[1], *digests[1];
	uint32_t layers;
	bool there, pinned, kept, sandbox, local;
	usec_t first_seen, last_used; /* USEC_NEVER: none */
};

struct sim_container {
	int image; /* -1: none, i.e. no such container */
	bool mounts;
	char ref[128];
	const char *volumes[1];
};

struct sim {
	struct random r;
	struct sim_image images[N_IMAGES];
	size_t n_images;
	uint64_t layer_bytes[N_LAYERS], layer_inodes[N_LAYERS];
	uint64_t total_bytes, total_inodes, other_bytes, other_inodes;
	struct sim_container containers[N_CONTAINERS];
	struct container listed[N_CONTAINERS];
	struct container_list list;
	struct image_gc_policy policy;
	const char *keep[1];
	struct pass_report report;

	/* what the pass knows, to be compared with what it does */
	struct space measured;
	bool was_measured, was_listed, failed;
	int fail_in; /* one call in so many fails; 0: none */
	unsigned calls, removed, stop_at;
	size_t next_verdict;
};

/* --- the node -------------------------------------------------------------------------------------- */

static struct space sim_space(const struct sim *s)
{
	uint64_t bytes = s->other_bytes, n = s->other_inodes;
	uint32_t layers = 0;
	for (size_t i = 0; i < s->n_images; i++)
		if (s->images[i].there)
			layers |= s->images[i].layers;
	for (int l = 0; l < N_LAYERS; l++)
		if (layers & (uint32_t)1 << l) {
			bytes += s->layer_bytes[l];
			n += s->layer_inodes[l];
		}
	return (struct space){ .size_bytes = s->total_bytes,
			       .avail_bytes = bytes < s->total_bytes ? s->total_bytes - bytes : 0,
			       .inodes = s->total_inodes,
			       .inodes_free = n < s->total_inodes ? s->total_inodes - n : 0 };
}

static void write_something(struct sim *s)
{
	if (random_once_in(&s->r, 6))
		s->other_bytes += random_below(&s->r, s->total_bytes / 16 + 1);
	if (random_once_in(&s->r, 6))
		s->other_bytes -= random_below(&s->r, s->other_bytes / 8 + 1);
	if (random_once_in(&s->r, 12))
		s->other_inodes += random_below(&s->r, s->total_inodes / 16 + 1);
}

static void make_image(struct sim *s, size_t i)
{
	struct sim_image *image = &s->images[i];
	uint64_t a = random_next(&s->r);
	(void)snprintf(image->id, sizeof(image->id), "sha256:%016jx%048zx", (uintmax_t)a, i);
	(void)snprintf(image->name, sizeof(image->name), "docker.io/library/app-%zu:1", i);
	(void)snprintf(image->short_name, sizeof(image->short_name), "app-%zu:1", i);
	(void)snprintf(image->digest, sizeof(image->digest),
		       "docker.io/library/app-%zu@sha256:%064zx", i, i + 1);
	image->names[0] = image->name;
	image->digests[0] = image->digest;
	image->there = true;
	image->pinned = random_once_in(&s->r, 10);
	image->kept = random_once_in(&s->r, 10);
	image->sandbox = random_once_in(&s->r, 14);
	image->local = random_once_in(&s->r, 10);
	if (image->kept)
		(void)snprintf(image->name, sizeof(image->name), "reg.io/keep/app-%zu:1", i);
	/* one or two of its own, if not somebody else's as well, and one that is shared */
	image->layers = (uint32_t)1 << i | (uint32_t)1 << random_below(&s->r, N_IMAGES) |
			(uint32_t)1 << (N_IMAGES + random_below(&s->r, N_LAYERS - N_IMAGES));
	image->first_seen = NOW - (usec_t)random_below(&s->r, 6) * USEC_PER_MINUTE;
	image->last_used = random_once_in(&s->r, 2)
				   ? USEC_NEVER
				   : NOW - (usec_t)random_below(&s->r, 60) * USEC_PER_MINUTE;
}

static void make_container(struct sim *s, struct sim_container *c)
{
	c->image = (int)random_below(&s->r, s->n_images);
	c->mounts = random_once_in(&s->r, 4);
	const struct sim_image *image = &s->images[c->image];
	const char *const forms[] = {
		image->id,     image->id + strlen("sha256:"),
		image->name,   image->kept ? image->name : image->short_name,
		image->digest, image->local ? image->id : strchr(image->digest, '@') + 1
	};
	const char *form = forms[random_below(&s->r, ELEMENTS(forms))];
	if (form == image->digest && image->local)
		form = image->name;
	if (random_once_in(&s->r, 4))
		(void)snprintf(c->ref, sizeof(c->ref), "%.20s", image->id + strlen("sha256:"));
	else
		(void)snprintf(c->ref, sizeof(c->ref), "%s", form);
}

static void make_node(struct sim *s)
{
	s->n_images = random_below(&s->r, N_IMAGES + 1);
	s->total_bytes = 1000 + random_below(&s->r, 1000000);
	s->total_inodes = random_once_in(&s->r, 4) ? 0 : 100 + random_below(&s->r, 10000);
	for (int l = 0; l < N_LAYERS; l++) {
		s->layer_bytes[l] = random_below(&s->r, s->total_bytes / 12 + 1);
		s->layer_inodes[l] = random_below(&s->r, s->total_inodes / 12 + 1);
	}
	for (size_t i = 0; i < s->n_images; i++)
		make_image(s, i);
	/* some of what the images leave, so that any usage comes up */
	struct space left = sim_space(s);
	s->other_bytes = random_below(&s->r, left.avail_bytes + 1);
	s->other_inodes = random_below(&s->r, left.inodes_free + 1);
	for (int c = 0; c < N_CONTAINERS; c++) {
		s->containers[c].image = -1;
		if (s->n_images && random_once_in(&s->r, 6))
			make_container(s, &s->containers[c]);
	}
}

/* A threshold that may be in force, somewhat above what is available. */
static void make_goal(struct sim *s, enum resource r, struct reclaim_goal *ret)
{
	struct space space = sim_space(s);
	uint64_t total = space_total(&space, r);
	if (!random_once_in(&s->r, 4) || total == 0)
		return;
	ret->clear = 1 + random_below(&s->r, total);
	ret->target =
		ret->clear + (random_once_in(&s->r, 2) ? random_below(&s->r, total / 4 + 1) : 0);
}

static void make_policy(struct sim *s)
{
	struct image_gc_policy *p = &s->policy;
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		/* mostly somewhat below what is used, so that there is something to do */
		struct space space = sim_space(s);
		int high = space_used_percent(&space, r) + 2 - (int)random_below(&s->r, 15);
		if (high < 1 || random_once_in(&s->r, 4))
			high = 1 + (int)random_below(&s->r, 101);
		int apart = 1 + (int)random_below(&s->r, random_once_in(&s->r, 4) ? 100 : 8);
		p->high_percent[r] = high;
		p->low_percent[r] = apart < high ? high - apart : 0;
	}
	for (int r = 0; r < _RESOURCE_MAX; r++)
		for (int level = 0; level < _EVICTION_LEVEL_MAX; level++)
			for (int role = 0; role < _ROLE_MAX; role++)
				make_goal(s, r, &p->eviction[r][level][role]);
	s->keep[0] = "reg.io/keep/*";
	p->keep = s->keep;
	p->n_keep = 1;
	p->minimum_age = (usec_t)random_below(&s->r, 4) * USEC_PER_MINUTE;
	p->maximum_age = random_once_in(&s->r, 2) ? 0 : 30 * USEC_PER_MINUTE;
	p->keep_unrecoverable = random_once_in(&s->r, 2);
	p->proceed_when_futile = random_once_in(&s->r, 2);
	p->max_removals = random_once_in(&s->r, 6) ? (uint32_t)random_below(&s->r, 5) : 0;
}

static bool is_referenced(const struct sim *s, size_t image)
{
	for (int c = 0; c < N_CONTAINERS; c++)
		if (s->containers[c].image == (int)image)
			return true;
	return false;
}

/* --- the ops --------------------------------------------------------------------------------------- */

/* Every call counts against an endless pass, and none may follow one that failed. */
static bool call_fails(struct sim *s)
{
	assert_false(s->failed);
	assert_true(++s->calls <= 5 * N_IMAGES + 5);
	s->failed = s->fail_in && random_once_in(&s->r, (uint64_t)s->fail_in);
	return s->failed;
}

static int sim_measure(void *ctx, struct space *ret, struct err *e)
{
	struct sim *s = ctx;
	if (call_fails(s))
		return err_set(e, EIO, "measure");
	write_something(s);
	*ret = s->measured = sim_space(s);
	s->was_measured = true;
	s->was_listed = false;
	return 0;
}

static int sim_measure_after(void *ctx, const struct verdict *victim, const struct space *before,
			     struct space *ret, struct err *e)
{
	struct sim *s = ctx;
	(void)victim;
	assert_memory_equal(before, &s->measured, sizeof(*before));
	return sim_measure(ctx, ret, e);
}

static int sim_containers(void *ctx, const struct verdict *victim,
			  const struct container_list **ret, struct err *e)
{
	(void)victim;
	struct sim *s = ctx;
	if (call_fails(s))
		return err_set(e, ECONNRESET, "list");
	if (s->n_images && random_once_in(&s->r, 3))
		make_container(s, &s->containers[random_below(&s->r, N_CONTAINERS)]);
	if (random_once_in(&s->r, 3))
		s->containers[random_below(&s->r, N_CONTAINERS)].image = -1;
	s->list = (struct container_list){ s->listed, 0 };
	for (int i = 0; i < N_CONTAINERS; i++) {
		struct sim_container *c = &s->containers[i];
		struct container *listed = &s->listed[s->list.n_containers];
		if (c->image < 0)
			continue;
		*listed = (struct container){ .id = "c", .references = { "", "", "", "" } };
		c->volumes[0] = c->ref;
		if (c->mounts) {
			listed->volume_images = c->volumes;
			listed->n_volume_images = 1;
		} else {
			listed->references[random_below(&s->r, CONTAINER_N_REFERENCES)] = c->ref;
		}
		s->list.n_containers++;
	}
	s->was_listed = true;
	*ret = &s->list;
	return 0;
}

static bool below_target(const struct sim *s)
{
	const struct pass_report *report = &s->report;
	return space_available(&s->measured, RESOURCE_BYTES) < report->target[RESOURCE_BYTES] ||
	       space_available(&s->measured, RESOURCE_INODES) < report->target[RESOURCE_INODES];
}

static void check_victim(const struct sim *s, size_t i, const struct verdict *v)
{
	const struct sim_image *image = &s->images[i];
	/* rule 1: nothing that anything refers to */
	assert_false(is_referenced(s, i));
	assert_false(image->pinned);
	assert_false(image->kept);
	assert_false(image->sandbox);
	assert_false(image->local && s->policy.keep_unrecoverable);
	assert_true(NOW - image->first_seen >= s->policy.minimum_age);
	/* rule 2: facts that are fresh */
	assert_true(s->was_measured && s->was_listed);
	/* rule 3: only while it is needed, so at most one image past the target */
	assert_true(v->over_age || below_target(s));
	assert_true(image->there);
	if (s->policy.max_removals)
		assert_true(s->removed < s->policy.max_removals);
	assert_true(s->removed < s->stop_at);
}

static int sim_remove(void *ctx, const struct verdict *victim, struct err *e)
{
	static const int errors[] = { EBUSY, EIO, ETIMEDOUT, ENOENT };
	struct sim *s = ctx;
	size_t i = (size_t)(victim->image - s->report.inventories[0]->images);
	size_t v = (size_t)(victim - s->report.plan.verdicts);
	assert_in_range(i, 0, s->n_images - 1);
	/* in the plan's order, each once */
	assert_in_range(v, s->next_verdict, s->report.plan.n_candidates - 1);
	s->next_verdict = v + 1;
	check_victim(s, i, victim);
	s->was_measured = s->was_listed = false;
	assert_true(++s->calls <= 5 * N_IMAGES + 5);
	if (s->fail_in && random_once_in(&s->r, 8))
		return err_set(e, errors[random_below(&s->r, ELEMENTS(errors))], "remove");
	s->images[i].there = false;
	s->removed++;
	return 0;
}

static bool sim_stopping(void *ctx)
{
	const struct sim *s = ctx;
	return s->removed >= s->stop_at;
}

static usec_t sim_now(void *ctx)
{
	(void)ctx;
	return NOW;
}

static const struct reclaim_ops ops = {
	.measure = sim_measure,
	.measure_after = sim_measure_after,
	.containers = sim_containers,
	.remove = sim_remove,
	.stopping = sim_stopping,
	.now = sim_now,
};

/* --- one round ------------------------------------------------------------------------------------- */

static void list_images(struct sim *s, struct inventory *inv)
{
	inv->images = arena_calloc(&inv->arena, s->n_images + 1, sizeof(*inv->images));
	inv->n_images = s->n_images;
	for (size_t i = 0; i < s->n_images; i++) {
		struct sim_image *from = &s->images[i];
		inv->images[i] = (struct image){
			.id = from->id,
			.names = from->names,
			.n_names = 1,
			.digests = from->digests,
			.n_digests = from->local ? 0 : 1,
			.pinned = from->pinned,
			/* anything from far too little to far too much */
			.predicted_bytes = random_below(&s->r, s->total_bytes / 4 + 1),
			.predicted_inodes = random_below(&s->r, s->total_inodes / 4 + 1),
		};
	}
}

static void plan_node(struct sim *s)
{
	struct inventory *inv = inventory_new();
	struct image_use use[N_IMAGES];
	struct usage_entry entries[N_IMAGES];
	struct usage_history history = { .entries = entries };
	const char *sandboxes[N_IMAGES];
	size_t n_sandboxes = 0;
	const struct container_list *containers;
	struct err e;
	list_images(s, inv);
	for (size_t i = 0; i < s->n_images; i++) {
		if (s->images[i].sandbox)
			sandboxes[n_sandboxes++] = s->images[i].name;
		entries[history.n_entries++] =
			(struct usage_entry){ .id = s->images[i].id,
					      .first_seen = s->images[i].first_seen,
					      .last_used = s->images[i].last_used };
	}
	usage_sort(&history);
	assert_int_equal(sim_containers(s, NULL, &containers, &e), 0);
	use_resolve(inv->images, inv->n_images, containers, sandboxes, n_sandboxes, use);
	for (size_t i = 0; i < s->n_images; i++)
		if (is_referenced(s, i) || s->images[i].sandbox)
			assert_int_not_equal(use[i].reason, KEEP_NONE);
	plan_build(inv, use, &history, &s->policy, NOW, &s->report.plan);
	s->report.inventories[0] = inv;
	s->report.n_inventories = 1;
}

static bool cleared(const struct pass_report *report, enum resource r)
{
	for (int i = 0; i < _PRESSURE_MAX * _ROLE_MAX; i++) {
		const struct reclaim_goal *goal = &report->goals[r][i / _ROLE_MAX][i % _ROLE_MAX];
		if (goal->target && space_available(&report->after, r) >= goal->clear)
			return true;
	}
	return false;
}

static void check_result(const struct sim *s)
{
	const struct pass_report *report = &s->report;
	bool met = !below_target(s);
	bool any_cleared = cleared(report, RESOURCE_BYTES) || cleared(report, RESOURCE_INODES);
	uint64_t refused = report->removal_errors[REMOVAL_ERROR_REFUSED] +
			   report->removal_errors[REMOVAL_ERROR_OTHER];
	switch (report->result) {
	case RESULT_REACHED:
		assert_true(met && !report->stopped);
		break;
	case RESULT_PARTIAL:
		assert_true(report->stopped || (!met && any_cleared) ||
			    (refused && report->n_removals));
		break;
	case RESULT_FUTILE:
		assert_true((!met && !any_cleared) || (refused && report->n_removals == 0));
		break;
	case RESULT_NOTHING_TO_DO:
		assert_true(met);
		assert_int_equal(report->n_removals, 0);
		break;
	default:
		assert_int_equal(report->result, RESULT_ERROR);
		assert_true(report->error.code > 0);
		return;
	}
	assert_false(s->failed);
	assert_memory_equal(&report->after, &s->measured, sizeof(report->after));
}

static void check_sums(const struct sim *s)
{
	const struct pass_report *report = &s->report;
	uint64_t predicted[_RESOURCE_MAX] = { 0 }, measured[_RESOURCE_MAX] = { 0 };
	size_t gone = 0;
	assert_int_equal(report->n_removals, s->removed);
	for (size_t i = 0; i < report->n_removals; i++) {
		const struct removal *removal = &report->removals[i];
		const struct verdict *v = &report->plan.verdicts[removal->verdict];
		assert_true(v->removed);
		assert_int_equal(v->keep, KEEP_NONE);
		assert_int_equal(removal->reason == REMOVE_AGE, v->over_age);
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			predicted[r] += removal->predicted[r];
			measured[r] += removal->measured[r];
		}
	}
	assert_memory_equal(report->predicted, predicted, sizeof(predicted));
	assert_memory_equal(report->measured, measured, sizeof(measured));
	for (size_t i = 0; i < s->n_images; i++)
		gone += !s->images[i].there;
	assert_int_equal(gone, s->removed);
}

static void one_round(struct random *r, uint64_t count[_PASS_RESULT_MAX], uint64_t *removals)
{
	struct sim s = { .r = { random_next(r) | 1 }, .stop_at = UINT32_MAX };
	make_node(&s);
	make_policy(&s);
	plan_node(&s);
	s.was_listed = false;
	s.fail_in = random_once_in(&s.r, 3) ? 10 : 0;
	if (random_once_in(&s.r, 8))
		s.stop_at = (unsigned)random_below(&s.r, 4);
	s.report.request = (struct pass_request){
		.trigger = (enum pass_trigger)random_below(&s.r, _PASS_TRIGGER_MAX),
		.to_percent = random_once_in(&s.r, 3) ? (int)random_below(&s.r, 101) : -1,
	};
	reclaim_run(&ops, &s, &s.policy, &s.report);
	check_sums(&s);
	check_result(&s);
	count[s.report.result]++;
	*removals += s.removed;
	pass_report_done(&s.report);
}

static void random_passes(void **state)
{
	(void)state;
	struct random r = random_start("passes");
	uint64_t count[_PASS_RESULT_MAX] = { 0 }, removals = 0;
	for (int round = 0; round < ROUNDS; round++)
		one_round(&r, count, &removals);
	/* a simulation in which something never happens proves nothing about it */
	print_message("# %ju removals", (uintmax_t)removals);
	for (int result = 0; result < _PASS_RESULT_MAX; result++)
		print_message(", %ju %s", (uintmax_t)count[result], pass_result_to_string(result));
	print_message("\n");
	assert_true(removals > ROUNDS / 10);
	for (int result = 0; result < _PASS_RESULT_MAX; result++)
		assert_true(count[result] > ROUNDS / 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_passes) };
	return cmocka_run_group_tests_name("reclaim-random", tests, NULL, NULL);
}
