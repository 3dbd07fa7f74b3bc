/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/usage.h"
#include "random.h"
#include "util/buf.h"
#include "util/limits.h"

/* How often images were used, and what is remembered of those that are gone. */

#define DAY (24 * USEC_PER_HOUR)
#define MB  UINT64_C(1000000)

/* One inventory: images by name, and "container=image" pairs. */
struct look {
	const char *images;	/* "a b c" */
	const char *containers; /* "1=a 2=b" */
	const char *sandboxes;	/* "p" */
	const char *news;	/* as containers; "+1=a" was created, "1=a" only heard of */
	usec_t news_at;
};

#define N_MAX 16

/* Cuts text at spaces, in place. */
static size_t words(char *text, char *ret[N_MAX])
{
	size_t n = 0;
	for (char *word; (word = strsep(&text, " "));)
		if (*word)
			ret[n++] = word;
	return n;
}

static struct container container_of(char *text)
{
	char *image = text, *id = strsep(&image, "=");
	return (struct container){ .id = id, .references = { image, "", "", "" } };
}

/* Those that are split here stay for the look. */
struct texts {
	char images[256], containers[256], sandboxes[64], news[256];
};

static void hear(struct container_news *news, char *text, usec_t at)
{
	char *list[N_MAX];
	size_t n = words(text, list);
	for (size_t i = 0; i < n; i++) {
		bool created = *list[i] == '+';
		struct container c = container_of(list[i] + created);
		struct container_event event = {
			created ? CONTAINER_EVENT_CREATED : CONTAINER_EVENT_ALIVE,
			c.id,
			{ c.references[0], "", "", "" },
		};
		(void)container_news_add(news, &event, at);
	}
}

static bool look(struct usage_history *h, const struct look *l, usec_t now)
{
	struct texts t = { 0 };
	char *list[N_MAX], *sandboxes[N_MAX];
	struct image images[N_MAX] = { 0 };
	struct container containers[N_MAX] = { 0 };
	struct image_use use[N_MAX];
	struct inventory inv = { .runtime = "r 1", .images = images };
	struct container_news news = { 0 };
	(void)snprintf(t.images, sizeof(t.images), "%s", l->images);
	(void)snprintf(t.containers, sizeof(t.containers), "%s", l->containers ?: "");
	(void)snprintf(t.sandboxes, sizeof(t.sandboxes), "%s", l->sandboxes ?: "");
	(void)snprintf(t.news, sizeof(t.news), "%s", l->news ?: "");
	inv.n_images = words(t.images, list);
	for (size_t i = 0; i < inv.n_images; i++) {
		images[i].id = list[i];
		images[i].size_bytes = 100 * MB;
	}
	inv.containers.n_containers = words(t.containers, list);
	inv.containers.containers = containers;
	for (size_t i = 0; i < inv.containers.n_containers; i++)
		containers[i] = container_of(list[i]);
	size_t n_sandboxes = words(t.sandboxes, sandboxes);
	use_resolve(images, inv.n_images, &inv.containers, (const char *const *)sandboxes,
		    n_sandboxes, use);
	hear(&news, t.news, l->news_at);
	bool changed = usage_observe(h, &inv, use, l->news ? &news : NULL, now);
	container_news_clear(&news);
	return changed;
}

static uint32_t uses(const struct usage_history *h, const char *id)
{
	const struct usage_entry *entry = usage_find(h, id);
	assert_non_null(entry);
	return entry->uses;
}

struct step {
	struct look look;
	bool changed;
	uint32_t uses_a, uses_b;
};

static void run(const char *what, const struct step *steps, size_t n)
{
	struct usage_history h = { 0 };
	for (size_t i = 0; i < n; i++) {
		bool changed = look(&h, &steps[i].look, (usec_t)(i + 1) * 100);
		if (changed != steps[i].changed || uses(&h, "a") != steps[i].uses_a ||
		    uses(&h, "b") != steps[i].uses_b)
			fail_msg("%s, step %zu: changed %d, uses %u and %u", what, i, changed,
				 uses(&h, "a"), uses(&h, "b"));
	}
	usage_clear(&h);
}

static void containers_of_inventories(void **state)
{
	(void)state;
	static const struct step steps[] = {
		/* nobody knows since when: once for each image in use */
		{ { "a b", "1=a 2=a", "", NULL, 0 }, true, 1, 0 },
		{ { "a b", "1=a 2=a", "", NULL, 0 }, false, 1, 0 },
		/* one more, also where the image is in use already */
		{ { "a b", "1=a 2=a 3=a", "", NULL, 0 }, true, 2, 0 },
		{ { "a b", "3=a 1=a", "", NULL, 0 }, false, 2, 0 },
		{ { "a b", "", "", NULL, 0 }, true, 2, 0 },
		{ { "a b", "4=a 5=b", "", NULL, 0 }, true, 3, 1 },
		/* gone from one list and in the next again: nothing is known of it any more */
		{ { "a b", "5=b", "", NULL, 0 }, true, 3, 1 },
		{ { "a b", "4=a 5=b", "", NULL, 0 }, true, 4, 1 },
		/* a reference to no image */
		{ { "a b", "4=a 5=b 6=x", "", NULL, 0 }, false, 4, 1 },
	};
	run("inventories", steps, ELEMENTS(steps));
}

static void containers_that_were_heard_of(void **state)
{
	(void)state;
	static const struct step steps[] = {
		/* what is heard before the first inventory: gone again counts, listed counts once */
		{ { "a b", "1=a", "", "+1=a +2=a", 50 }, true, 2, 0 },
		{ { "a b", "1=a", "", NULL, 0 }, false, 2, 0 },
		/* came and went in between */
		{ { "a b", "1=a", "", "+3=b", 250 }, true, 2, 1 },
		/* came and is there */
		{ { "a b", "1=a 4=b", "", "+4=b", 350 }, true, 2, 2 },
		/* was listed first, and is told late */
		{ { "a b", "1=a 4=b 5=a", "", NULL, 0 }, true, 3, 2 },
		{ { "a b", "1=a 4=b 5=a", "", "+5=a", 450 }, false, 3, 2 },
		/* told twice */
		{ { "a b", "1=a 4=b", "", "+6=a", 600 }, true, 4, 2 },
		{ { "a b", "1=a 4=b", "", "+6=a", 700 }, false, 4, 2 },
		/* no new one */
		{ { "a b", "1=a 4=b", "", "7=a", 700 }, false, 4, 2 },
		/* of no image */
		{ { "a b", "1=a 4=b", "", "+8=x", 700 }, false, 4, 2 },
	};
	run("news", steps, ELEMENTS(steps));
}

static void sandboxes(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ { "a b", "", "a", NULL, 0 }, true, 1, 0 },
		{ { "a b", "", "a", NULL, 0 }, false, 1, 0 },
		{ { "a b", "", "b", NULL, 0 }, true, 1, 1 },
		{ { "a b", "", "a", NULL, 0 }, true, 2, 1 },
		/* the container is what counts where there is one */
		{ { "a b", "1=b", "a b", NULL, 0 }, true, 2, 2 },
	};
	run("sandboxes", steps, ELEMENTS(steps));
}

/* A container that refers to one image twice is one use, one that refers to two is one of each. */
static void several_references(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	struct image images[] = { { .id = "a" }, { .id = "b" }, { .id = "c" }, { .id = "b" } };
	const char *volumes[] = { "b", "b" };
	struct container c = { .id = "1",
			       .references = { "a", "a", "", "a" },
			       .volume_images = volumes,
			       .n_volume_images = 2 };
	struct image_use use[4] = { { KEEP_NONE, "" } };
	struct inventory inv = { .images = images, .n_images = 4 };
	assert_true(usage_observe(&h, &inv, use, NULL, 1));
	inv.containers = (struct container_list){ &c, 1 };
	assert_true(usage_observe(&h, &inv, use, NULL, 2));
	assert_int_equal(uses(&h, "a"), 1);
	assert_int_equal(uses(&h, "b"), 1);
	assert_int_equal(uses(&h, "c"), 0);
	usage_clear(&h);
}

static usec_t last_used(const struct usage_history *h, const char *id)
{
	return usage_find(h, id)->last_used;
}

/* What another image is built on is in use, as it cannot go; nobody used it. */
static void dependents(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	struct image images[] = { { .id = "base", .dependent = "app" }, { .id = "app" } };
	struct container c = { .id = "1", .references = { "base", "", "", "" } };
	struct image_use use[2];
	struct inventory inv = { .images = images, .n_images = 2 };
	use_resolve(images, 2, &inv.containers, NULL, 0, use);
	assert_true(usage_observe(&h, &inv, use, NULL, 1));
	assert_true(usage_find(&h, "base")->in_use);
	assert_int_equal(uses(&h, "base"), 0);
	inv.containers = (struct container_list){ &c, 1 };
	use_resolve(images, 2, &inv.containers, NULL, 0, use);
	assert_true(usage_observe(&h, &inv, use, NULL, 2));
	assert_int_equal(uses(&h, "base"), 1);
	usage_clear(&h);
	/* by a container in the first inventory as well */
	assert_true(usage_observe(&h, &inv, use, NULL, 1));
	assert_int_equal(uses(&h, "base"), 1);
	usage_clear(&h);
}

/* Last use is when something was heard of it last; never in the future, and never earlier than known. */
static void when_it_was_heard(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	look(&h, &(struct look){ .images = "a b c d", .containers = "1=b" }, 100);
	look(&h,
	     &(struct look){ .images = "a b c d",
			     .containers = "1=b",
			     .news = "+2=a 1=b 3=c",
			     .news_at = 150 },
	     200);
	assert_int_equal(last_used(&h, "a"), 150);
	assert_int_equal(last_used(&h, "b"), 200);
	assert_int_equal(last_used(&h, "c"), 150);
	assert_int_equal(last_used(&h, "d"), USEC_NEVER);
	look(&h, &(struct look){ .images = "a b c d", .news = "2=a", .news_at = 120 }, 300);
	assert_int_equal(last_used(&h, "a"), 150);
	look(&h, &(struct look){ .images = "a b c d", .news = "2=a", .news_at = 9999 }, 400);
	assert_int_equal(last_used(&h, "a"), 400);
	assert_false(usage_find(&h, "a")->in_use);
	usage_clear(&h);
}

static void uses_do_not_overflow(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	look(&h, &(struct look){ .images = "a p" }, 100);
	h.entries[0].uses = h.entries[1].uses = UINT32_MAX - 1;
	look(&h, &(struct look){ .images = "a p", .news = "+1=a +2=a +3=a", .sandboxes = "p" },
	     200);
	assert_int_equal(uses(&h, "a"), UINT32_MAX);
	look(&h, &(struct look){ .images = "a p" }, 300);
	look(&h, &(struct look){ .images = "a p", .sandboxes = "p" }, 400);
	assert_int_equal(uses(&h, "p"), UINT32_MAX);
	usage_clear(&h);
}

/* --- images that are gone ---------------------------------------------------------------------- */

static void comes_back_and_is_known(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	look(&h, &(struct look){ .images = "a b c", .containers = "1=a" }, 100);
	look(&h, &(struct look){ .images = "b c", .containers = "" }, 200);
	/* nothing is worth remembering of what was never used */
	look(&h, &(struct look){ .images = "b" }, 300);
	assert_int_equal(h.n_gone, 1);
	assert_int_equal(h.gone[0].first_seen, 200);
	look(&h, &(struct look){ .images = "a b c" }, 400);
	assert_int_equal(h.n_gone, 0);
	assert_int_equal(uses(&h, "a"), 1);
	assert_int_equal(uses(&h, "c"), 0);
	/* first seen anew, and not used yet */
	assert_int_equal(usage_find(&h, "a")->first_seen, 400);
	assert_int_equal(last_used(&h, "a"), USEC_NEVER);
	usage_clear(&h);
}

static void a_removal_tells_the_gain(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	struct image b = { .id = "b", .size_bytes = 100 * MB };
	const uint64_t freed[] = { 300 * MB, 4000 }, nothing[] = { 0, 0 };
	look(&h, &(struct look){ .images = "a b c", .containers = "1=a" }, 100);
	usage_removed(&h, "r 1", &b, freed, 150);
	assert_null(usage_find(&h, "b"));
	assert_non_null(usage_find(&h, "a"));
	assert_non_null(usage_find(&h, "c"));
	assert_int_equal(h.n_gone, 1);
	assert_int_equal(h.gone[0].first_seen, 150);
	assert_int_equal(h.ratios.n_ratios, 1);
	assert_string_equal(h.ratios.ratios[0].runtime, "r");

	/* pulled again before anybody looked: it is first seen anew nevertheless */
	look(&h, &(struct look){ .images = "a b c", .containers = "1=a" }, 200);
	const struct usage_entry *entry = usage_find(&h, "b");
	assert_int_equal(entry->first_seen, 200);
	assert_true(entry->gain_known);
	assert_int_equal(entry->gain[RESOURCE_BYTES], 300 * MB);
	assert_int_equal(entry->gain[RESOURCE_INODES], 4000);

	/* what cannot be is not taken, and what is known stays */
	usage_removed(&h, "r 1", &b, nothing, 250);
	look(&h, &(struct look){ .images = "b" }, 300);
	assert_int_equal(usage_find(&h, "b")->gain[RESOURCE_BYTES], 300 * MB);
	assert_int_equal(h.ratios.ratios[0].removals, 1);
	/* an image that nobody has seen still tells about its kind */
	usage_removed(&h, "r 1", &(struct image){ .id = "x", .size_bytes = MB }, freed, 350);
	usage_removed(&h, "r 1", &(struct image){ .id = "x", .size_bytes = 20 * MB }, freed, 350);
	assert_int_equal(h.ratios.ratios[0].removals, 2);
	assert_int_equal(h.n_entries, 1);
	usage_clear(&h);
}

static void forgotten_after_a_month(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	look(&h, &(struct look){ .images = "a b", .containers = "1=a 2=b" }, 0);
	look(&h, &(struct look){ .images = "b", .containers = "2=b" }, DAY);
	look(&h, &(struct look){ .images = "" }, 2 * DAY);
	assert_int_equal(h.n_gone, 2);
	look(&h, &(struct look){ .images = "" }, 31 * DAY);
	assert_int_equal(h.n_gone, 2);
	look(&h, &(struct look){ .images = "" }, 31 * DAY + 1);
	assert_int_equal(h.n_gone, 1);
	assert_string_equal(h.gone[0].id, "b");
	look(&h, &(struct look){ .images = "b" }, 33 * DAY);
	assert_int_equal(uses(&h, "b"), 1);
	usage_clear(&h);
}

/* However many come and go: those that went last. */
static void bounded(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	char images[24], containers[48];
	const int rounds = 3 * N_MAX_GONE_IMAGES;
	for (int i = 0; i < rounds; i++) {
		/* in no order, as digests are */
		(void)snprintf(images, sizeof(images), "%07d", i * 7919 % 1000003);
		(void)snprintf(containers, sizeof(containers), "c%d=%s", i, images);
		look(&h, &(struct look){ .images = images, .containers = containers }, i);
	}
	assert_int_equal(h.n_gone, N_MAX_GONE_IMAGES);
	for (size_t i = 0; i < h.n_gone; i++) {
		assert_in_range(h.gone[i].first_seen, rounds - N_MAX_GONE_IMAGES, rounds - 1);
		if (i > 0)
			assert_true(strcmp(h.gone[i - 1].id, h.gone[i].id) < 0);
	}
	usage_clear(&h);
}

/* Of those that went together the first by ID are kept, whatever the order they came in. */
static void many_go_at_once(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	h.n_entries = N_MAX_GONE_IMAGES + 10;
	h.entries = xcalloc(h.n_entries, sizeof(*h.entries));
	for (size_t i = 0; i < h.n_entries; i++) {
		char id[24];
		(void)snprintf(id, sizeof(id), "%06zu", h.n_entries - i);
		h.entries[i] = (struct usage_entry){ .id = xstrdup(id), .uses = 1 };
	}
	usage_sort(&h);
	look(&h, &(struct look){ .images = "" }, 1);
	assert_int_equal(h.n_gone, N_MAX_GONE_IMAGES);
	assert_string_equal(h.gone[0].id, "000001");
	usage_clear(&h);
}

/* Those filled in by hand and of equal ID: the one that knows more. */
static void merged(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	h.gone = xcalloc(4, sizeof(*h.gone));
	h.n_gone = 4;
	h.gone[0] = (struct usage_entry){ .id = xstrdup("b"), .uses = 2 };
	h.gone[1] = (struct usage_entry){ .id = xstrdup("a"), .uses = 9 };
	h.gone[2] =
		(struct usage_entry){ .id = xstrdup("b"), .gain_known = true, .gain = { 5, 6 } };
	h.gone[3] = (struct usage_entry){ .id = xstrdup("b"), .uses = 4, .gain_known = true };
	usage_sort(&h);
	assert_int_equal(h.n_gone, 2);
	assert_int_equal(h.gone[0].uses, 9);
	assert_int_equal(h.gone[1].uses, 4);
	assert_true(h.gone[1].gain_known);
	assert_int_equal(h.gone[1].gain[RESOURCE_INODES], 6);
	usage_clear(&h);
}

/* A number of containers over time. Container n is of image n % 3. */
struct crowd {
	unsigned next, there[8]; /* 0: none */
	uint32_t expected[3];
};

/* Some slot's container goes, and mostly another one comes. */
static void churn(struct crowd *c, struct random *r, size_t slot, struct buf *news)
{
	bool told = !random_once_in(r, 3), short_lived = random_once_in(r, 3);
	c->there[slot] = 0;
	if (random_once_in(r, 3))
		return;
	unsigned n = ++c->next;
	if (told)
		(void)buf_printf(news, "+%u=i%u ", n, n % 3);
	if (!short_lived)
		c->there[slot] = n;
	/* what neither is told nor stays until the look is not known */
	c->expected[n % 3] += told || !short_lived;
}

/* Whatever comes, goes and is told: containers count once each. */
static void random_rounds(void **state)
{
	(void)state;
	struct random r = random_start("uses");
	struct usage_history h = { 0 };
	struct crowd crowd = { 0 };
	look(&h, &(struct look){ .images = "i0 i1 i2" }, 0);
	for (usec_t now = 1; now < 3000; now++) {
		cleanup_buf struct buf containers = BUF_INIT(256), news = BUF_INIT(256);
		for (size_t i = 0; i < 4; i++)
			churn(&crowd, &r, (size_t)(now * 4 + (usec_t)i) % 8, &news);
		for (size_t i = 0; i < 8; i++)
			if (crowd.there[i])
				(void)buf_printf(&containers, "%u=i%u ", crowd.there[i],
						 crowd.there[i] % 3);
		look(&h,
		     &(struct look){ .images = "i0 i1 i2",
				     .containers = buf_string(&containers),
				     .news = buf_string(&news),
				     .news_at = now },
		     now);
	}
	assert_int_equal(uses(&h, "i0"), crowd.expected[0]);
	assert_int_equal(uses(&h, "i1"), crowd.expected[1]);
	assert_int_equal(uses(&h, "i2"), crowd.expected[2]);
	usage_clear(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_of_inventories),
		cmocka_unit_test(containers_that_were_heard_of),
		cmocka_unit_test(sandboxes),
		cmocka_unit_test(several_references),
		cmocka_unit_test(dependents),
		cmocka_unit_test(when_it_was_heard),
		cmocka_unit_test(uses_do_not_overflow),
		cmocka_unit_test(comes_back_and_is_known),
		cmocka_unit_test(a_removal_tells_the_gain),
		cmocka_unit_test(forgotten_after_a_month),
		cmocka_unit_test(bounded),
		cmocka_unit_test(many_go_at_once),
		cmocka_unit_test(merged),
		cmocka_unit_test(random_rounds),
	};
	return cmocka_run_group_tests_name("usage-uses", tests, NULL, NULL);
}
