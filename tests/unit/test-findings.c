/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with thresholds. */
#include "unit.h"

#include <string.h>

#include "core/eviction-parse.h"
#include "core/findings.h"
#include "util/buf.h"

#define GIB ((uint64_t)1 << 30)

static const struct space hundred = { 100 * GIB, 50 * GIB, 1000000, 500000 };
static const struct space btrfs = { .size_bytes = 100 * GIB, .avail_bytes = GIB };

/* One side's thresholds, as its configuration has them. */
struct side {
	int high, low; /* 101: off */
	const char *hard, *soft, *reclaim;
};

enum layout {
	ONE_DISK,
	TWO_DISKS,   /* images have one of their own */
	THREE_DISKS, /* and containers, too */
	SPLIT,	     /* containers are on nodefs */
	NO_IMAGES,   /* no runtime was found yet */
	NO_INODES,   /* one disk, which does not count them */
	UNMEASURED,  /* nodefs hangs */
};

static struct eviction_thresholds parse(const struct side *side, enum eviction_dialect dialect)
{
	struct eviction_thresholds thresholds;
	struct eviction_texts texts = { .hard = side->hard,
					.soft = side->soft,
					.minimum_reclaim = side->reclaim };
	cleanup_buf struct buf grace = BUF_INIT(1024);
	struct err e = { 0 };
	for (int signal = 0; side->soft && signal < _EVICTION_DISK_MAX; signal++)
		(void)buf_printf(&grace, "%s%s=1m", grace.len ? "," : "",
				 eviction_signal_to_string(signal));
	texts.soft_grace_period = buf_string(&grace);
	if (eviction_parse_texts(&texts, dialect, &thresholds, &e) < 0)
		fail_msg("%s", e.msg);
	return thresholds;
}

/* Everything that findings_find() looks at. */
struct fixture {
	struct kubelet_limits kubelet;
	struct image_gc_policy gc;
	struct eviction_thresholds eviction;
	struct findings_node node;
};

static void set_layout(struct findings_node *node, enum layout layout)
{
	bool many = layout != ONE_DISK && layout != NO_IMAGES && layout != NO_INODES;
	const struct space *space = layout == NO_INODES ? &btrfs : &hundred;
	for (int role = 0; role < _ROLE_MAX; role++) {
		node->configured[role] =
			role != ROLE_CONTAINERFS || layout == THREE_DISKS || layout == SPLIT;
		node->spaces[role] = node->configured[role] ? space : NULL;
		node->devices[role] = many ? (uint64_t)role + 7 : 7;
	}
	if (layout == NO_IMAGES)
		node->spaces[ROLE_IMAGEFS] = NULL;
	if (layout == NO_IMAGES)
		node->configured[ROLE_IMAGEFS] = false;
	if (layout == SPLIT)
		node->devices[ROLE_CONTAINERFS] = node->devices[ROLE_NODEFS];
	if (layout == UNMEASURED)
		node->spaces[ROLE_NODEFS] = NULL;
}

static void set_up(struct fixture *f, const struct side *kubelet, const struct side *ours,
		   enum layout layout)
{
	*f = (struct fixture){ .eviction = parse(ours, EVICTION_OURS) };
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		f->gc.high_percent[r] = ours->high;
		f->gc.low_percent[r] = ours->low;
	}
	if (kubelet) {
		f->kubelet.known = true;
		f->kubelet.gc_high_percent = kubelet->high;
		f->kubelet.gc_low_percent = kubelet->low;
		f->kubelet.eviction = parse(kubelet, EVICTION_KUBELET);
	}
	f->node.kubelet = &f->kubelet;
	f->node.gc = &f->gc;
	f->node.eviction = &f->eviction;
	set_layout(&f->node, layout);
}

/* "Kind role resource, ..." */
static void list(const struct findings *found, struct buf *out)
{
	for (size_t i = 0; i < found->n; i++)
		(void)buf_printf(out, "%s%s %s %s", i ? ", " : "",
				 finding_to_string(found->items[i].kind),
				 fs_role_to_string(found->items[i].role),
				 resource_to_string(found->items[i].resource));
}

#define UNSET(what)	     "KubeletDiskEvictionUnset " what
#define FIRST(what)	     "KubeletDiskActsFirst " what
#define NEVER(what)	     "DiskThresholdNeverMet " what
#define ALWAYS(what)	     "DiskThresholdAlwaysMet " what
#define TARGET(what)	     "DiskTargetUnreachable " what
#define KUBELET_ALWAYS(what) "KubeletDiskThresholdAlwaysMet " what
#define KUBELET_TARGET(what) "KubeletDiskTargetUnreachable " what

#define OURS                                              \
	{                                                 \
		80, 75, EVICTION_DEFAULT_HARD, NULL, NULL \
	}
#define KUBELETS                                          \
	{                                                 \
		85, 80, EVICTION_DEFAULT_HARD, NULL, NULL \
	}
#define WITH(h)                       \
	{                             \
		85, 80, h, NULL, NULL \
	}

static const struct {
	struct side kubelet;
	struct side ours;
	enum layout layout;
	const char *expected;
} rows[] = {
	{ KUBELETS, OURS, ONE_DISK, "" },
	{ KUBELETS, OURS, TWO_DISKS, "" },
	/* unset: a partly set evictionHard, none, ones that count as none or are never met */
	{ WITH("nodefs.available<10%"), OURS, ONE_DISK, UNSET("nodefs inodes") },
	{ WITH("nodefs.available<10%"), OURS, TWO_DISKS,
	  UNSET("nodefs inodes") ", " UNSET("imagefs bytes") ", " UNSET("imagefs inodes") },
	{ WITH("memory.available<1Gi"), OURS, ONE_DISK,
	  UNSET("nodefs bytes") ", " UNSET("nodefs inodes") },
	{ WITH(""), OURS, NO_INODES, UNSET("nodefs bytes") },
	{ WITH(""), OURS, NO_IMAGES, UNSET("nodefs bytes") ", " UNSET("nodefs inodes") },
	{ WITH(""), OURS, UNMEASURED, UNSET("imagefs bytes") ", " UNSET("imagefs inodes") },
	{ WITH("nodefs.available<0%,imagefs.available<100%,nodefs.inodesFree<NaN%,"
	       "imagefs.inodesFree<0.0%"),
	  OURS, ONE_DISK, UNSET("nodefs bytes") ", " UNSET("nodefs inodes") },
	/* the disk has two names, and either will do; so does a soft threshold */
	{ { 85, 80, "imagefs.available<15%", "nodefs.inodesFree<5%", NULL }, OURS, ONE_DISK, "" },
	{ KUBELETS, OURS, THREE_DISKS,
	  UNSET("containerfs bytes") ", " UNSET("containerfs inodes") },
	/* the kubelet first: ours is off, ours is behind, by inodes, by a soft one of its own */
	{ KUBELETS,
	  { 101, 75, "", NULL, NULL },
	  ONE_DISK,
	  FIRST("imagefs bytes") ", " FIRST("imagefs inodes") },
	{ KUBELETS,
	  { 90, 75, "imagefs.available<10%,imagefs.inodesFree<5%", NULL, NULL },
	  ONE_DISK,
	  FIRST("imagefs bytes") },
	{ KUBELETS,
	  { 101, 75, "imagefs.available<16%,imagefs.inodesFree<4%", NULL, NULL },
	  TWO_DISKS,
	  FIRST("imagefs inodes") },
	{ { 101, 80, EVICTION_DEFAULT_HARD, "nodefs.available<30%", NULL },
	  OURS,
	  ONE_DISK,
	  FIRST("imagefs bytes") },
	{ { 101, 80, EVICTION_DEFAULT_HARD, "nodefs.available<30%", NULL }, OURS, TWO_DISKS, "" },
	/* nor does our minimum reclaim */
	{ KUBELETS,
	  { 101, 75, "imagefs.available<10%,imagefs.inodesFree<5%", NULL, "imagefs.available=10%" },
	  ONE_DISK,
	  FIRST("imagefs bytes") },
	/* our soft ones wait: they do not count */
	{ KUBELETS,
	  { 101, 75, "imagefs.inodesFree<5%", "imagefs.available<30%", NULL },
	  ONE_DISK,
	  FIRST("imagefs bytes") },
	/* 15 % is not quite 15 % in floats, and the same to us */
	{ { 101, 80, EVICTION_DEFAULT_HARD, NULL, NULL },
	  { 101, 75, EVICTION_DEFAULT_HARD, NULL, NULL },
	  TWO_DISKS,
	  "" },
	{ { 101, 80, EVICTION_DEFAULT_HARD, NULL, NULL },
	  { 101, 75, "imagefs.available<14.999%,imagefs.inodesFree<5%", NULL, NULL },
	  TWO_DISKS,
	  FIRST("imagefs bytes") },
	/* where no images are, our hard threshold is to tell before the kubelet evicts; if there is one */
	{ KUBELETS,
	  { 80, 75, "nodefs.available<9%", NULL, NULL },
	  TWO_DISKS,
	  FIRST("nodefs bytes") },
	{ KUBELETS, { 80, 75, "nodefs.inodesFree<6%", NULL, NULL }, TWO_DISKS, "" },
	{ { 85, 80, EVICTION_DEFAULT_HARD, "nodefs.available<30%", NULL }, OURS, TWO_DISKS, "" },
	{ KUBELETS,
	  { 80, 75, "nodefs.available<9%", NULL, NULL },
	  NO_IMAGES,
	  FIRST("nodefs bytes") },
	{ KUBELETS, { 80, 75, "nodefs.available<9%", NULL, NULL }, SPLIT, FIRST("nodefs bytes") },
	/* never: no such filesystem, nothing is less than 0; not before images are found */
	{ KUBELETS,
	  { 80, 75, "containerfs.available<10%", NULL, NULL },
	  ONE_DISK,
	  NEVER("containerfs bytes") },
	{ KUBELETS,
	  { 80, 75, "", "containerfs.inodesFree<10%", NULL },
	  ONE_DISK,
	  NEVER("containerfs inodes") },
	{ KUBELETS, { 80, 75, "containerfs.available<10%", NULL, NULL }, NO_IMAGES, "" },
	{ KUBELETS,
	  { 80, 75, "containerfs.available<10%", NULL, NULL },
	  THREE_DISKS,
	  UNSET("containerfs bytes") ", " UNSET("containerfs inodes") },
	{ KUBELETS,
	  { 80, 75, "nodefs.available<0.0%", NULL, NULL },
	  ONE_DISK,
	  NEVER("nodefs bytes") },
	/* always: an amount above the size, a high threshold of next to nothing */
	{ KUBELETS,
	  { 80, 75, "nodefs.available<101Gi", NULL, NULL },
	  ONE_DISK,
	  ALWAYS("nodefs bytes") },
	{ KUBELETS,
	  { 80, 75, "nodefs.available<100Gi", NULL, NULL },
	  ONE_DISK,
	  ALWAYS("nodefs bytes") },
	{ KUBELETS, { 80, 75, "nodefs.available<99.9Gi", NULL, NULL }, ONE_DISK, "" },
	{ KUBELETS,
	  { 80, 75, "imagefs.inodesFree<2M", "imagefs.inodesFree<3M", NULL },
	  TWO_DISKS,
	  ALWAYS("imagefs inodes") },
	{ KUBELETS,
	  { 1, 0, "", NULL, NULL },
	  ONE_DISK,
	  ALWAYS("imagefs bytes") ", " ALWAYS("imagefs inodes") },
	/* unreachable: with its minimum reclaim, or down to 0 % */
	{ KUBELETS,
	  { 80, 75, "nodefs.available<10%", NULL, "nodefs.available=91Gi" },
	  ONE_DISK,
	  TARGET("nodefs bytes") },
	{ KUBELETS,
	  { 80, 75, "nodefs.available<10%", NULL, "nodefs.available=90%" },
	  ONE_DISK,
	  TARGET("nodefs bytes") },
	{ KUBELETS,
	  { 80, 75, "nodefs.available<10%", NULL, "nodefs.available=89%" },
	  ONE_DISK,
	  "" },
	{ KUBELETS,
	  { 80, 0, "", NULL, NULL },
	  ONE_DISK,
	  TARGET("imagefs bytes") ", " TARGET("imagefs inodes") },
	{ KUBELETS,
	  { 101, 0, EVICTION_DEFAULT_HARD, NULL, NULL },
	  TWO_DISKS,
	  FIRST("imagefs bytes") },
	/* the same of the kubelet's; what it cannot but do first is not told as well */
	{ WITH("nodefs.available<200Gi,nodefs.inodesFree<5%"), OURS, ONE_DISK,
	  KUBELET_ALWAYS("nodefs bytes") },
	{ { 85, 80, EVICTION_DEFAULT_HARD, NULL, "imagefs.available=90%" },
	  OURS,
	  TWO_DISKS,
	  KUBELET_TARGET("imagefs bytes") },
	{ { 85, 0, EVICTION_DEFAULT_HARD, NULL, NULL },
	  OURS,
	  ONE_DISK,
	  KUBELET_TARGET("imagefs bytes") },
	{ { 0, 0, EVICTION_DEFAULT_HARD, NULL, NULL },
	  OURS,
	  ONE_DISK,
	  KUBELET_ALWAYS("imagefs bytes") },
	{ { 101, 0, EVICTION_DEFAULT_HARD, NULL, NULL }, OURS, ONE_DISK, "" },
	{ WITH("nodefs.available<100Gi,nodefs.inodesFree<5%"), OURS, ONE_DISK,
	  KUBELET_ALWAYS("nodefs bytes") },
	/* it overwrites those */
	{ WITH(EVICTION_DEFAULT_HARD ",containerfs.available<200Gi"), OURS, THREE_DISKS,
	  UNSET("containerfs inodes") },
};

static void what_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct fixture f;
		struct findings found;
		cleanup_buf struct buf got = BUF_INIT(65536);
		set_up(&f, &rows[i].kubelet, &rows[i].ours, rows[i].layout);
		findings_find(&f.node, &found);
		list(&found, &got);
		if (strcmp(buf_string(&got), rows[i].expected) != 0)
			fail_msg("row %zu: %s\nexpected %s", i, buf_string(&got), rows[i].expected);
	}
}

static void without_a_kubelet(void **state)
{
	(void)state;
	static const struct side off = { 101, 75, "containerfs.available<1", NULL, NULL };
	struct fixture f;
	struct findings found;
	cleanup_buf struct buf got = BUF_INIT(65536);
	set_up(&f, NULL, &off, ONE_DISK);
	findings_find(&f.node, &found);
	list(&found, &got);
	assert_string_equal(buf_string(&got), NEVER("containerfs bytes"));
}

static void who_is_first(void **state)
{
	(void)state;
	static const struct {
		struct side kubelet, ours;
		enum layout layout;
		const char *expected; /* nodefs bytes, inodes, imagefs bytes, inodes */
	} cases[] = {
		{ KUBELETS, OURS, ONE_DISK, "agent agent agent agent" },
		{ KUBELETS, OURS, TWO_DISKS, "kubelet kubelet agent agent" },
		{ WITH(""), OURS, TWO_DISKS, "nobody nobody agent agent" },
		{ WITH(""),
		  { 101, 75, "", NULL, NULL },
		  ONE_DISK,
		  "kubelet nobody kubelet nobody" },
		{ KUBELETS, OURS, NO_INODES, "agent nobody agent nobody" },
		{ KUBELETS,
		  { 101, 75, "nodefs.available<20%", NULL, NULL },
		  ONE_DISK,
		  "agent kubelet agent kubelet" },
		{ KUBELETS, OURS, NO_IMAGES, "kubelet kubelet nobody nobody" },
	};
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct fixture f;
		cleanup_buf struct buf got = BUF_INIT(1024);
		set_up(&f, &cases[i].kubelet, &cases[i].ours, cases[i].layout);
		for (int role = ROLE_NODEFS; role <= ROLE_IMAGEFS; role++)
			for (int r = 0; r < _RESOURCE_MAX; r++)
				(void)buf_printf(
					&got, "%s%s", got.len ? " " : "",
					first_actor_to_string(findings_first(&f.node, role, r)));
		if (strcmp(buf_string(&got), cases[i].expected) != 0)
			fail_msg("case %zu: %s", i, buf_string(&got));
	}
}

static void texts(void **state)
{
	(void)state;
	static const struct {
		struct finding finding;
		const char *expected;
	} said[] = {
		{ { .kind = FINDING_KUBELET_EVICTION_UNSET, .resource = RESOURCE_INODES },
		  "nodefs.inodesFree: the kubelet has no eviction threshold for it, neither hard nor "
		  "soft, and lets the filesystem run full; an evictionHard that sets some signals "
		  "switches its defaults for all others off" },
		{ { .kind = FINDING_KUBELET_ACTS_FIRST,
		    .role = ROLE_IMAGEFS,
		    .images = true,
		    .kubelet_below = 15 * GIB,
		    .below = 10 * GIB },
		  "imagefs.available: the kubelet acts first, below 15.0 GiB, the agent only below "
		  "10.0 GiB" },
		{ { .kind = FINDING_KUBELET_ACTS_FIRST,
		    .role = ROLE_IMAGEFS,
		    .resource = RESOURCE_INODES,
		    .images = true,
		    .kubelet_below = 15000 },
		  "imagefs.inodesFree: the kubelet acts first, below 15,000; the agent never does: its "
		  "image garbage collection is off, and it has no hard threshold there" },
		{ { .kind = FINDING_KUBELET_ACTS_FIRST,
		    .kubelet_below = 15 * GIB,
		    .below = 10 * GIB },
		  "nodefs.available: the kubelet evicts pods below 15.0 GiB, before our hard threshold "
		  "tells of it, which is 10.0 GiB" },
		{ { .kind = FINDING_KUBELET_ALWAYS_MET, .below = 200 * GIB, .total = 100 * GIB },
		  "nodefs.available: the kubelet's eviction threshold is always met: less than 200 GiB "
		  "is available at any time, the filesystem has 100 GiB" },
		{ { .kind = FINDING_KUBELET_TARGET_UNREACHABLE,
		    .gc = true,
		    .role = ROLE_IMAGEFS,
		    .below = 100 * GIB,
		    .total = 100 * GIB },
		  "imagefs.available: the kubelet's low threshold cannot be reached: 100 GiB would have "
		  "to be available, the filesystem has 100 GiB" },
		{ { .kind = FINDING_THRESHOLD_NEVER_MET, .role = ROLE_CONTAINERFS, .gone = true },
		  "containerfs.available: our eviction threshold is never met: there is no such "
		  "filesystem on this node" },
		{ { .kind = FINDING_THRESHOLD_NEVER_MET },
		  "nodefs.available: our eviction threshold is never met: it is 0" },
		{ { .kind = FINDING_THRESHOLD_ALWAYS_MET,
		    .gc = true,
		    .role = ROLE_IMAGEFS,
		    .resource = RESOURCE_INODES,
		    .below = 1000,
		    .total = 1000 },
		  "imagefs.inodesFree: our high threshold is always met: less than 1,000 is available "
		  "at any time, the filesystem has 1,000" },
		{ { .kind = FINDING_TARGET_UNREACHABLE, .below = 101 * GIB, .total = 100 * GIB },
		  "nodefs.available: our eviction threshold and its minimum reclaim cannot be reached: "
		  "101 GiB would have to be available, the filesystem has 100 GiB" },
	};
	for (size_t i = 0; i < ELEMENTS(said); i++) {
		char text[FINDING_TEXT_MAX];
		assert_string_equal(finding_text(&said[i].finding, text), said[i].expected);
	}
}

/* The amounts that the texts are made from. */
static void amounts(void **state)
{
	(void)state;
	static const struct side kubelet = { 85, 80, "imagefs.available<20%,nodefs.available<12Gi",
					     "imagefs.inodesFree<5%,nodefs.inodesFree<5%", NULL };
	static const struct side ours = { 90, 85, "imagefs.available<9%,nodefs.available<11Gi",
					  "imagefs.inodesFree<6%", NULL };
	struct fixture f;
	struct findings found;
	set_up(&f, &kubelet, &ours, TWO_DISKS);
	f.gc.high_percent[RESOURCE_INODES] = 101;
	findings_find(&f.node, &found);
	assert_int_equal(found.n, 3);
	const struct finding *nodefs = &found.items[0], *bytes = &found.items[1];
	assert_int_equal(nodefs->kubelet_below, 12 * GIB);
	assert_int_equal(nodefs->below, 11 * GIB);
	assert_false(nodefs->images);
	assert_in_range(bytes->kubelet_below, 20 * GIB, 20 * GIB + 2048);
	/* at 90 % or more, which is less than 11 % available */
	assert_int_equal(bytes->below, 11 * GIB);
	assert_true(bytes->images);
	assert_int_equal(bytes->total, 100 * GIB);
	assert_int_equal(found.items[2].kubelet_below, 50000);
	assert_int_equal(found.items[2].below, 0);
	assert_true(findings_have(&found, bytes));
	assert_false(findings_have(&found, &(struct finding){ .kind = FINDING_KUBELET_ACTS_FIRST,
							      .role = ROLE_NODEFS,
							      .resource = RESOURCE_INODES }));
	assert_false(
		findings_have(&found, &(struct finding){ .kind = FINDING_TARGET_UNREACHABLE }));
}

static void whose_and_which(void **state)
{
	(void)state;
	static const struct side kubelet = { 0, 0, "nodefs.available<200Gi", NULL, NULL };
	static const struct side ours = { 80, 0, "containerfs.available<1Gi,nodefs.available<100Gi",
					  NULL, NULL };
	static const char *const expected[] = {
		"nodefs.available: our eviction threshold is always met: less than 100 GiB is",
		"nodefs.available: the kubelet's eviction threshold is always met: less than 200 GiB is",
		"nodefs.inodesFree: the kubelet has no",
		"imagefs.available: our low threshold cannot be reached: 100 GiB would",
		"imagefs.available: the kubelet's high threshold is always met: less than 100 GiB is",
		"imagefs.inodesFree: our low threshold cannot be reached: 1,000,000 would",
		"containerfs.available: our eviction threshold is never met: there is no",
	};
	struct fixture f;
	struct findings found;
	set_up(&f, &kubelet, &ours, ONE_DISK);
	findings_find(&f.node, &found);
	assert_int_equal(found.n, ELEMENTS(expected));
	for (size_t i = 0; i < found.n; i++) {
		char text[FINDING_TEXT_MAX];
		if (strncmp(finding_text(&found.items[i], text), expected[i],
			    strlen(expected[i])) != 0)
			fail_msg("%zu: %s", i, text);
	}
	assert_int_equal(found.items[4].below, 100 * GIB + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_found), cmocka_unit_test(without_a_kubelet),
		cmocka_unit_test(who_is_first),	 cmocka_unit_test(texts),
		cmocka_unit_test(amounts),	 cmocka_unit_test(whose_and_which),
	};
	return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
