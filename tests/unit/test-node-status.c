/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "core/eviction-parse.h"
#include "core/threshold.h"
#include "node-status.h"
#include "own-directory.h"

#define GIB ((uint64_t)1 << 30)

/* --- helpers ----------------------------------------------------------------------------------- */

/* The defaults with one path. */
static struct config *config_with(enum fs_role role, const char *path)
{
	struct config *c = config_defaults();
	free(c->filesystem_paths[role]);
	c->filesystem_paths[role] = xstrdup(path);
	return c;
}

/* --- text -------------------------------------------------------------------------------------- */

static void text_is_cut(void **state)
{
	(void)state;
	static const size_t lengths[] = { 0, 1, 254, 255, 256, 1000 };
	for (size_t i = 0; i < ELEMENTS(lengths); i++) {
		cleanup_free char *text = xcalloc(lengths[i] + 1, 1);
		char ret[STATUS_TEXT_MAX];
		memset(ret, 'z', sizeof(ret));
		memset(text, 'a', lengths[i]);
		node_status_text(ret, text);
		assert_int_equal(strlen(ret), lengths[i] < 255 ? lengths[i] : 255);
		assert_int_equal(strncmp(ret, text, strlen(ret)), 0);
	}
}

/* In front of a character that does not fit as a whole. */
static void text_is_cut_between_characters(void **state)
{
	(void)state;
	static const struct {
		const char *tail; /* behind 252 letters */
		size_t len;
	} rows[] = {
		{ "bcdef", 255 },
		{ "b\303\244cd", 255 }, /* ä ends where the room does */
		{ "bc\303\244d", 254 }, /* and here it would not */
		{ "\342\202\254d", 255 },
		{ "b\342\202\254d", 253 },
		{ "bc\342\202\254d", 254 },
		{ "bcd\342\202\254", 255 },
		{ "\360\237\220\263d", 252 },
		{ "b\360\237\220\263d", 253 },
		{ "bc\360\237\220\263d", 254 },
		{ "bc\303\244", 254 },
		/* what is no character is cut somewhere */
		{ "\200\200\200\200\200\200\200\200", 252 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char text[300], ret[STATUS_TEXT_MAX];
		memset(text, 'a', 252);
		(void)snprintf(text + 252, sizeof(text) - 252, "%s", rows[i].tail);
		node_status_text(ret, text);
		assert_int_equal(strlen(ret), rows[i].len);
		assert_int_equal(strncmp(ret, text, rows[i].len), 0);
	}
}

/* --- paths ------------------------------------------------------------------------------------- */

static void paths(void **state)
{
	(void)state;
	static const struct {
		enum fs_role role;
		const char *configured, *root, *store, *path;
	} rows[] = {
		{ ROLE_NODEFS, "/data", "", "", "/data" },
		/* all of them are the host's own, whatever the root */
		{ ROLE_NODEFS, "/data", "/host", "", "/data" },
		{ ROLE_NODEFS, "/", "/host", "", "/" },
		/* images: what is configured outranks what the runtime says */
		{ ROLE_IMAGEFS, "auto", "", "", "" },
		{ ROLE_IMAGEFS, "auto", "/host", "", "" },
		{ ROLE_IMAGEFS, "auto", "", "/var/lib/containerd", "/var/lib/containerd" },
		{ ROLE_IMAGEFS, "auto", "/host", "/var/lib/c", "/var/lib/c" },
		{ ROLE_IMAGEFS, "/images", "/host", "/var/lib/c", "/images" },
		/* there is none of its own unless one is configured */
		{ ROLE_CONTAINERFS, "auto", "/host", "/var/lib/c", "" },
		{ ROLE_CONTAINERFS, "/c", "/host", "", "/c" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char path[64] = "z";
		cleanup_config struct config *c = config_with(rows[i].role, rows[i].configured);
		node_status_path(c, rows[i].root, rows[i].role, rows[i].store, path, sizeof(path));
		assert_string_equal(path, rows[i].path);
	}
}

/* nodefs is where the kubelet is, below the root. */
static void path_of_the_kubelet(void **state)
{
	(void)state;
	char path[512];
	cleanup_config struct config *c = config_defaults();
	node_status_path(c, own_directory, ROLE_NODEFS, "/elsewhere", path, sizeof(path));
	assert_string_equal(path, "/");
	assert_int_equal(mkdir(at("var"), 0700), 0);
	assert_int_equal(mkdir(at("var/lib"), 0700), 0);
	/* as people do who have a disk for it; to be followed below the root */
	assert_int_equal(symlink("/elsewhere", at("var/lib/kubelet")), 0);
	node_status_path(c, own_directory, ROLE_NODEFS, "", path, sizeof(path));
	assert_string_equal(path, "/");
	assert_int_equal(mkdir(at("elsewhere"), 0700), 0);
	node_status_path(c, own_directory, ROLE_NODEFS, "", path, sizeof(path));
	assert_string_equal(path, "/var/lib/kubelet");
}

/* Half a path would be another place. */
static void paths_that_do_not_fit(void **state)
{
	(void)state;
	char path[8];
	cleanup_config struct config *c = config_with(ROLE_NODEFS, "/123456");
	node_status_path(c, "", ROLE_NODEFS, "", path, sizeof(path));
	assert_string_equal(path, "/123456");
	cleanup_config struct config *longer = config_with(ROLE_NODEFS, "/1234567");
	node_status_path(longer, "", ROLE_NODEFS, "", path, sizeof(path));
	assert_string_equal(path, "");
	node_status_path(c, "", ROLE_IMAGEFS, "/123456", path, sizeof(path));
	assert_string_equal(path, "/123456");
	node_status_path(c, "", ROLE_IMAGEFS, "/1234567", path, sizeof(path));
	assert_string_equal(path, "");
}

/* --- samples ----------------------------------------------------------------------------------- */

static void init(void **state)
{
	(void)state;
	struct status s = { 0 };
	cleanup_config struct config *c = config_defaults();
	c->dry_run = true;
	node_status_init(&s, c);
	assert_string_equal(s.version, PACKAGE_VERSION);
	assert_true(s.dry_run);
	assert_true(s.config_reload_successful);
	assert_true(s.started_wall_usec > 1577836800 * USEC_PER_SEC);
	assert_int_equal(s.started_wall_usec, s.now_wall_usec);
	assert_int_equal(s.started_wall_usec, s.config_reload_success_wall_usec);
}

static void a_sample(void **state)
{
	(void)state;
	static const struct space space = { 100 * GIB, 40 * GIB, 1000, 600 };
	static const struct mount mount = { "/dev/sda1", "/data", "ext4" };
	struct status_filesystem f = { .error = "no answer", .stuck = true };
	node_status_sampled(&f, &space, &mount, 1234);
	assert_true(f.sampled);
	assert_string_equal(f.error, "");
	assert_memory_equal(&f.space, &space, sizeof(space));
	assert_int_equal(f.sampled_wall_usec, 1234);
	assert_int_equal(f.samples, 1);
	assert_string_equal(f.device, "/dev/sda1");
	assert_string_equal(f.mountpoint, "/data");
	assert_string_equal(f.fstype, "ext4");
	/* where it is mounted is not looked up each time */
	node_status_sampled(&f, &space, NULL, 1235);
	assert_int_equal(f.samples, 2);
	assert_string_equal(f.device, "/dev/sda1");
}

static void thresholds(void **state)
{
	(void)state;
	static const struct {
		struct space space;
		int high[_RESOURCE_MAX], low[_RESOURCE_MAX];
		bool known[_RESOURCE_MAX];
	} rows[] = {
		{ { 100 * GIB, 40 * GIB, 1000, 600 }, { 80, 90 }, { 75, 85 }, { true, true } },
		/* without inodes, as on btrfs */
		{ { 100 * GIB, 40 * GIB, 0, 0 }, { 80, 90 }, { 75, 85 }, { true, false } },
		/* never */
		{ { 100 * GIB, 40 * GIB, 1000, 600 }, { 101, 101 }, { 75, 85 }, { false, false } },
		{ { 100 * GIB, 40 * GIB, 1000, 600 }, { 100, 90 }, { 99, 0 }, { true, true } },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct status_filesystem f = { .space = rows[i].space };
		struct image_gc_policy policy = { 0 };
		memcpy(policy.high_percent, rows[i].high, sizeof(policy.high_percent));
		memcpy(policy.low_percent, rows[i].low, sizeof(policy.low_percent));
		/* what was there before does not show through */
		memset(f.thresholds, 0x7f, sizeof(f.thresholds));
		node_status_thresholds(&f, &policy);
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			const struct status_threshold *high = &f.thresholds[r][LEVEL_HIGH];
			const struct status_threshold *low = &f.thresholds[r][LEVEL_LOW];
			uint64_t total = r == RESOURCE_BYTES ? 100 * GIB : 1000, trigger = 0;
			assert_int_equal(high->known, rows[i].known[r]);
			assert_int_equal(low->known, rows[i].known[r]);
			assert_int_equal(f.pressure[r][PRESSURE_GC].known, rows[i].known[r]);
			assert_int_equal(high->percent, rows[i].high[r]);
			assert_int_equal(low->percent, rows[i].low[r]);
			if (!rows[i].known[r])
				continue;
			assert_true(threshold_trigger_available(total, high->percent, &trigger));
			assert_int_equal(high->available, trigger);
			assert_int_equal(low->available,
					 threshold_target_available(total, low->percent));
		}
	}
}

/* 80 % of 100 GiB: from 21 GiB available down, as usage is rounded up; 75 %: at 25 GiB. */
static void thresholds_in_figures(void **state)
{
	(void)state;
	struct status_filesystem f = { .space = { 100 * GIB, 40 * GIB, 0, 0 } };
	struct image_gc_policy policy = { .high_percent = { 80, 90 }, .low_percent = { 75, 85 } };
	node_status_thresholds(&f, &policy);
	assert_int_equal(f.thresholds[RESOURCE_BYTES][LEVEL_HIGH].available, 21 * GIB - 1);
	assert_int_equal(f.thresholds[RESOURCE_BYTES][LEVEL_LOW].available, 25 * GIB);
}

/* Its image garbage collection concerns images only, its evictions each filesystem by its signal. */
static void thresholds_of_the_kubelet(void **state)
{
	(void)state;
	struct status_filesystem f = { .space = { 100 * GIB, 40 * GIB, 1000, 600 } };
	struct kubelet_limits k = { .known = true, .gc_high_percent = 85 }, none = { 0 };
	struct eviction_texts texts = { .hard = "imagefs.available<15%,nodefs.inodesFree<5%" };
	const struct status_threshold *bytes = f.thresholds[RESOURCE_BYTES];
	const struct status_threshold *inodes = f.thresholds[RESOURCE_INODES];
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &k.eviction, NULL), 0);

	node_status_kubelet(&f, ROLE_IMAGEFS, &k);
	assert_true(bytes[LEVEL_KUBELET_GC_HIGH].known);
	assert_int_equal(bytes[LEVEL_KUBELET_GC_HIGH].percent, 85);
	assert_in_range(bytes[LEVEL_KUBELET_GC_HIGH].available, 15 * GIB, 16 * GIB);
	assert_true(bytes[LEVEL_KUBELET_HARD].known);
	/* not quite: it reckons with a float of 32 bits */
	assert_in_range(bytes[LEVEL_KUBELET_HARD].available, 15 * GIB, 15 * GIB + 1024);
	assert_int_equal(bytes[LEVEL_KUBELET_HARD].percent, -1);
	assert_false(inodes[LEVEL_KUBELET_GC_HIGH].known);
	assert_false(inodes[LEVEL_KUBELET_HARD].known);

	node_status_kubelet(&f, ROLE_NODEFS, &k);
	assert_false(bytes[LEVEL_KUBELET_GC_HIGH].known);
	assert_false(bytes[LEVEL_KUBELET_HARD].known);
	assert_true(inodes[LEVEL_KUBELET_HARD].known);
	assert_int_equal(inodes[LEVEL_KUBELET_HARD].available, 50);

	node_status_kubelet(&f, ROLE_IMAGEFS, &none);
	assert_false(bytes[LEVEL_KUBELET_GC_HIGH].known);
	assert_false(bytes[LEVEL_KUBELET_HARD].known);
	assert_false(inodes[LEVEL_KUBELET_HARD].known);
}

static void forecast(void **state)
{
	(void)state;
	struct status_filesystem f = { .space = { 100 * GIB, 40 * GIB, 0, 0 } };
	struct forecast filling = { .has_sample = true, .fill_rate = (int64_t)GIB };
	struct forecast idle = { .has_sample = true };
	node_status_forecast(&f, &filling, 20 * GIB);
	assert_int_equal(f.fill_rate, GIB);
	assert_int_equal(f.time_to_full, 40 * USEC_PER_SEC);
	assert_int_equal(f.time_to_full_after_reclaim, 60 * USEC_PER_SEC);
	/* what a runtime claims to be reclaimable may be any number */
	node_status_forecast(&f, &filling, UINT64_MAX);
	assert_true(f.time_to_full_after_reclaim > f.time_to_full);
	node_status_forecast(&f, &idle, 20 * GIB);
	assert_int_equal(f.fill_rate, 0);
	assert_int_equal(f.time_to_full, USEC_INFINITY);
	assert_int_equal(f.time_to_full_after_reclaim, USEC_INFINITY);
}

static void observation(void **state)
{
	(void)state;
	struct status s = { 0 };
	struct observation o = { .facts.reclaimable = { 5 * GIB, 700 } };
	o.images[KEEP_NONE] = 3;
	o.images[KEEP_IN_USE] = 4;
	node_status_observation(&s, &o);
	assert_true(s.images_known);
	assert_int_equal(s.images[KEEP_NONE], 3);
	assert_int_equal(s.images[KEEP_IN_USE], 4);
	assert_int_equal(s.filesystems[ROLE_IMAGEFS].reclaimable_bytes, 5 * GIB);
	assert_int_equal(s.filesystems[ROLE_NODEFS].reclaimable_bytes, 0);
}

/* --- the runtime ------------------------------------------------------------------------------- */

static struct node_runtime *only_runtime(struct pass_node *node, const char *endpoint)
{
	char none[] = "", any[] = "auto", path[64];
	(void)snprintf(path, sizeof(path), "%s", endpoint);
	struct runtime_config section = { none, path, any, USEC_PER_SEC };
	pass_node_init(node, "");
	node->n_runtimes = 1;
	node_runtime_init(&node->runtimes[0], &section);
	return &node->runtimes[0];
}

/* One that went away keeps its name, as that is a label of metrics, and what was measured of it. */
static void runtime_states(void **state)
{
	(void)state;
	struct pass_node node;
	struct status_runtimes all = { .n = 5 };
	struct err e = { .code = ECONNREFUSED, .msg = "refused" }, none = { 0 };
	cleanup_config struct config *c = config_defaults();
	struct node_runtime *r = only_runtime(&node, "unix:///run/a.sock");
	const struct status_runtime *s = &all.items[0];

	r->error = e;
	node_status_runtimes(&all, &node, c, -ECONNREFUSED, &e);
	assert_int_equal(all.n, 1);
	assert_true(s->configured && !s->up);
	assert_string_equal(s->name, "unix:///run/a.sock");
	assert_string_equal(s->endpoint, "unix:///run/a.sock");
	assert_string_equal(s->error, "refused");
	assert_ptr_equal(status_runtime_down(&all), s);
	assert_false(status_runtime_any_up(&all));

	(void)snprintf(r->name, sizeof(r->name), "cri-o");
	(void)snprintf(r->version, sizeof(r->version), "cri-o 1.37.0");
	(void)snprintf(r->address, sizeof(r->address), "unix:///host/run/a.sock");
	r->statistics.requests[OPERATION_LIST_IMAGES].count = 7;
	r->error = none;
	r->elsewhere = true;
	node_status_runtimes(&all, &node, c, 0, &none);
	assert_true(s->configured && s->up && s->elsewhere);
	assert_string_equal(s->name, "cri-o");
	assert_string_equal(s->version, "cri-o 1.37.0");
	assert_string_equal(s->endpoint, "unix:///host/run/a.sock");
	assert_string_equal(s->error, "");
	assert_int_equal(s->statistics.requests[OPERATION_LIST_IMAGES].count, 7);
	assert_null(status_runtime_down(&all));
	assert_true(status_runtime_any_up(&all));

	r->error = e;
	node_status_runtimes(&all, &node, c, -ECONNREFUSED, &e);
	assert_false(s->up);
	assert_string_equal(s->name, "cri-o");
	assert_int_equal(s->statistics.requests[OPERATION_LIST_IMAGES].count, 7);
	pass_node_done(&node);
}

/* On a host without any, it is nobody's fault. */
static void no_runtimes(void **state)
{
	(void)state;
	struct pass_node node;
	struct status_runtimes all = { 0 };
	struct err e = { .code = ENOENT, .msg = "not there" };
	cleanup_config struct config *c = config_defaults();
	pass_node_init(&node, "");
	node_status_runtimes(&all, &node, c, -ENOENT, &e);
	assert_int_equal(all.n, 1);
	assert_false(all.items[0].configured);
	assert_string_equal(all.items[0].error, "not there");
	assert_null(status_runtime_down(&all));
	node_status_runtimes(&all, &node, c, -EACCES, &e);
	assert_true(all.items[0].configured);
	assert_ptr_equal(status_runtime_down(&all), &all.items[0]);
	pass_node_done(&node);
}

/* --- passes ------------------------------------------------------------------------------------ */

static struct removal removals[] = {
	{ .reason = REMOVE_SPACE, .duration = 2 * USEC_PER_SEC },
	{ .reason = REMOVE_SPACE, .duration = USEC_PER_SEC },
	{ .reason = REMOVE_AGE, .duration = USEC_PER_SEC },
};

static struct pass_report report_of(enum pass_trigger trigger, enum pass_result result,
				    bool dry_run)
{
	struct pass_report report = {
		.request = { .trigger = trigger, .dry_run = dry_run, .to_percent = -1 },
		.result = result,
		.removals = removals,
		.n_removals = ELEMENTS(removals),
		.predicted = { 3 * GIB, 30 },
		.measured = { 2 * GIB, 20 },
		.started = 10 * USEC_PER_SEC,
		.ended = 15 * USEC_PER_SEC,
	};
	report.removal_errors[REMOVAL_ERROR_TIMEOUT] = 2;
	return report;
}

static void passes_are_counted(void **state)
{
	(void)state;
	struct status *s = xnew(struct status);
	const struct status_filesystem *f = &s->filesystems[ROLE_IMAGEFS];
	struct pass_report report = report_of(TRIGGER_SPACE, RESULT_PARTIAL, false);
	report.error = (struct err){ .code = EBUSY, .msg = "an image was busy" };
	node_status_pass(s, ROLE_IMAGEFS, &report, 99);
	assert_true(s->last_pass.known);
	assert_int_equal(s->last_pass.filesystem, ROLE_IMAGEFS);
	assert_int_equal(s->last_pass.trigger, TRIGGER_SPACE);
	assert_int_equal(s->last_pass.result, RESULT_PARTIAL);
	assert_false(s->last_pass.dry_run);
	assert_int_equal(s->last_pass.removed, 3);
	assert_int_equal(s->last_pass.duration, 5 * USEC_PER_SEC);
	assert_int_equal(s->last_pass.ended_wall_usec, 99);
	assert_int_equal(s->last_pass.measured[RESOURCE_BYTES], 2 * GIB);
	assert_int_equal(s->last_pass.predicted[RESOURCE_INODES], 30);
	assert_string_equal(s->last_pass.error, "an image was busy");

	report = report_of(TRIGGER_INODES, RESULT_REACHED, false);
	node_status_pass(s, ROLE_IMAGEFS, &report, 100);
	report = report_of(TRIGGER_INODES, RESULT_REACHED, false);
	node_status_pass(s, ROLE_IMAGEFS, &report, 101);
	assert_string_equal(s->last_pass.error, "");
	assert_int_equal(f->runs[TRIGGER_SPACE][RESULT_PARTIAL], 1);
	assert_int_equal(f->runs[TRIGGER_INODES][RESULT_REACHED], 2);
	assert_int_equal(f->runs[TRIGGER_SPACE][RESULT_REACHED], 0);
	assert_int_equal(f->last_gc_wall_usec, 101);
	assert_int_equal(f->predicted_bytes, 9 * GIB);
	assert_int_equal(f->reclaimed[RESOURCE_BYTES], 6 * GIB);
	assert_int_equal(f->reclaimed[RESOURCE_INODES], 60);
	assert_int_equal(s->gc_duration.count, 3);
	assert_int_equal(s->gc_duration.sum, 15 * USEC_PER_SEC);
	assert_int_equal(s->removal_duration.count, 9);
	assert_int_equal(s->removal_duration.sum, 12 * USEC_PER_SEC);
	assert_int_equal(s->images_removed[REMOVE_SPACE], 6);
	assert_int_equal(s->images_removed[REMOVE_AGE], 3);
	assert_int_equal(s->removal_errors[REMOVAL_ERROR_TIMEOUT], 6);
	assert_int_equal(s->filesystems[ROLE_NODEFS].reclaimed[RESOURCE_BYTES], 0);
	free(s);
}

static void dry_runs_are_not_counted(void **state)
{
	(void)state;
	struct status *s = xnew(struct status), *expected = xnew(struct status);
	struct pass_report report = report_of(TRIGGER_MANUAL, RESULT_REACHED, true);
	node_status_pass(s, ROLE_IMAGEFS, &report, 99);
	assert_true(s->last_pass.known);
	assert_true(s->last_pass.dry_run);
	assert_int_equal(s->last_pass.removed, 3);
	/* and that is all */
	expected->last_pass = s->last_pass;
	assert_memory_equal(s, expected, sizeof(*s));
	free(s);
	free(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(paths),
		IN_OWN_DIRECTORY(path_of_the_kubelet),
		cmocka_unit_test(paths_that_do_not_fit),
		cmocka_unit_test(init),
		cmocka_unit_test(a_sample),
		cmocka_unit_test(thresholds),
		cmocka_unit_test(thresholds_in_figures),
		cmocka_unit_test(thresholds_of_the_kubelet),
		cmocka_unit_test(forecast),
		cmocka_unit_test(observation),
		cmocka_unit_test(runtime_states),
		cmocka_unit_test(no_runtimes),
		cmocka_unit_test(passes_are_counted),
		cmocka_unit_test(dry_runs_are_not_counted),
	};
	return cmocka_run_group_tests_name("node-status", tests, NULL, NULL);
}
