/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/usage.h"
#include "random.h"

/* Observes images with one-letter IDs; capitals are in use. */
static bool observe(struct usage_history *h, const char *letters, usec_t now)
{
	static const char *const ids[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	struct image images[16] = { 0 };
	struct image_use use[16] = { 0 };
	struct inventory inv = { .images = images, .n_images = strlen(letters) };
	for (size_t i = 0; i < inv.n_images; i++) {
		bool used = letters[i] < 'a';
		images[i].id = ids[letters[i] - (used ? 'A' : 'a')];
		use[i].reason = used ? KEEP_IN_USE : KEEP_NONE;
	}
	return usage_observe(h, &inv, use, NULL, now);
}

static void assert_entry(const struct usage_history *h, const char *id, usec_t first, usec_t last)
{
	const struct usage_entry *entry = usage_find(h, id);
	assert_non_null(entry);
	assert_string_equal(entry->id, id);
	assert_int_equal(entry->first_seen, first);
	assert_int_equal(entry->last_used, last);
}

static void learns_and_forgets(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	assert_null(usage_find(&h, "a"));

	observe(&h, "cAb", 10);
	assert_int_equal(h.n_entries, 3);
	assert_entry(&h, "a", 10, 10);
	assert_entry(&h, "b", 10, USEC_NEVER);
	assert_entry(&h, "c", 10, USEC_NEVER);
	assert_null(usage_find(&h, "d"));

	observe(&h, "BadC", 20);
	assert_int_equal(h.n_entries, 4);
	assert_entry(&h, "a", 10, 10);
	assert_entry(&h, "b", 10, 20);
	assert_entry(&h, "c", 10, 20);
	assert_entry(&h, "d", 20, USEC_NEVER);

	/* b is gone and comes back: nothing is remembered of it */
	observe(&h, "acd", 30);
	assert_null(usage_find(&h, "b"));
	observe(&h, "abcd", 40);
	assert_entry(&h, "b", 40, USEC_NEVER);
	assert_entry(&h, "c", 10, 20);

	observe(&h, "", 50);
	assert_int_equal(h.n_entries, 0);
	assert_null(usage_find(&h, "a"));
	usage_clear(&h);
}

/* Every reason of use_resolve() is a use. */
static void every_use_counts(void **state)
{
	(void)state;
	static const enum keep_reason reasons[] = { KEEP_NONE, KEEP_IN_USE, KEEP_IMAGE_VOLUME,
						    KEEP_SANDBOX };
	struct image images[] = { { .id = "0" }, { .id = "1" }, { .id = "2" }, { .id = "3" } };
	struct image_use use[4];
	for (size_t i = 0; i < 4; i++)
		use[i] = (struct image_use){ .reason = reasons[i], .by = "" };
	struct inventory inv = { .images = images, .n_images = 4 };
	struct usage_history h = { 0 };
	usage_observe(&h, &inv, use, NULL, -5);
	assert_entry(&h, "0", -5, USEC_NEVER);
	assert_entry(&h, "1", -5, -5);
	assert_entry(&h, "2", -5, -5);
	assert_entry(&h, "3", -5, -5);
	usage_clear(&h);
}

/* Listed twice, in use under one of its entries: one entry, in use, whatever the order. */
static void one_id_twice(void **state)
{
	(void)state;
	static const char *const rows[] = { "aAb", "Aab", "baAa", "aaA", "AA" };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct usage_history h = { 0 };
		observe(&h, rows[i], 7);
		assert_int_equal(h.n_entries, strchr(rows[i], 'b') ? 2 : 1);
		assert_entry(&h, "a", 7, 7);
		observe(&h, "aa", 8);
		assert_entry(&h, "a", 7, 7);
		usage_clear(&h);
	}
}

/* What is worth keeping at once: images that come, go, or change from idle to in use. */
static void says_what_changed(void **state)
{
	(void)state;
	static const struct {
		const char *letters;
		bool changed;
	} rows[] = {
		{ "", false },	  { "ab", true },   { "ab", false }, { "ba", false },
		{ "Ab", true },	  { "bA", false },  { "aB", true },  { "abc", true },
		{ "ac", true },	  { "ad", true },   { "ad", false }, { "aAd", true },
		{ "Aad", false }, { "AAd", false }, { "aad", true }, { "", true },
		{ "", false },
	};
	struct usage_history h = { 0 };
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (observe(&h, rows[i].letters, (usec_t)i) != rows[i].changed)
			fail_msg("row %zu, %s", i, rows[i].letters);
	usage_clear(&h);
}

/* Entries by hand: in order, and of equal IDs one that knows of every use. */
static void sorts(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	usage_sort(&h);
	assert_int_equal(h.n_entries, 0);
	h.entries = xcalloc(4, sizeof(*h.entries));
	h.n_entries = 4;
	h.entries[0] = (struct usage_entry){ .id = xstrdup("b"), .first_seen = 1, .last_used = 5 };
	h.entries[1] = (struct usage_entry){ .id = xstrdup("a"), .first_seen = 2, .last_used = 6 };
	h.entries[2] = (struct usage_entry){ .id = xstrdup("b"), .first_seen = 3, .last_used = 9 };
	h.entries[3] = (struct usage_entry){ .id = xstrdup("b"), .first_seen = 4, .last_used = 7 };
	usage_sort(&h);
	assert_int_equal(h.n_entries, 2);
	assert_int_equal(usage_find(&h, "a")->last_used, 6);
	assert_int_equal(usage_find(&h, "b")->last_used, 9);
	/* the youngest: for what is removed, that is the careful one */
	assert_int_equal(usage_find(&h, "b")->first_seen, 4);
	usage_clear(&h);
}

static void clear_leaves_it_usable(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	usage_clear(&h);
	observe(&h, "Ab", 1);
	usage_clear(&h);
	assert_int_equal(h.n_entries, 0);
	assert_null(usage_find(&h, "a"));
	observe(&h, "a", 2);
	assert_entry(&h, "a", 2, USEC_NEVER);
	usage_clear(&h);
}

/* Against a table that is as simple as can be. */
static void random_rounds(void **state)
{
	(void)state;
	struct random r = random_start("usage");
	struct usage_history h = { 0 };
	struct {
		bool known;
		usec_t first, last;
	} model[8] = { 0 };
	for (usec_t now = 0; now < 5000; now++) {
		char letters[9] = "";
		size_t n = 0;
		for (int i = 0; i < 8; i++) {
			bool listed = !random_once_in(&r, 4), used = random_once_in(&r, 3);
			if (listed)
				letters[n++] = (char)((used ? 'A' : 'a') + i);
			if (listed && !model[i].known)
				model[i].first = now;
			if (!listed || !model[i].known)
				model[i].last = USEC_NEVER;
			if (listed && used)
				model[i].last = now;
			model[i].known = listed;
		}
		for (size_t i = n; i > 1; i--) {
			size_t k = random_below(&r, i);
			char c = letters[k];
			letters[k] = letters[i - 1];
			letters[i - 1] = c;
		}
		observe(&h, letters, now);
		for (int i = 0; i < 8; i++) {
			char id[2] = { (char)('a' + i), '\0' };
			if (model[i].known)
				assert_entry(&h, id, model[i].first, model[i].last);
			else
				assert_null(usage_find(&h, id));
		}
	}
	usage_clear(&h);
}

static void found_near(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	assert_null(usage_find_near(&h, "a", 0));
	observe(&h, "aBc", 5);
	for (size_t guess = 0; guess < 5; guess++) {
		assert_ptr_equal(usage_find_near(&h, "a", guess), &h.entries[0]);
		assert_ptr_equal(usage_find_near(&h, "c", guess), &h.entries[2]);
		assert_null(usage_find_near(&h, "d", guess));
	}
	usage_clear(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_near),
		cmocka_unit_test(learns_and_forgets),
		cmocka_unit_test(every_use_counts),
		cmocka_unit_test(one_id_twice),
		cmocka_unit_test(says_what_changed),
		cmocka_unit_test(sorts),
		cmocka_unit_test(clear_leaves_it_usable),
		cmocka_unit_test(random_rounds),
	};
	return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
