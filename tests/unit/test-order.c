/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/layers.h"
#include "core/order.h"
#include "random.h"

static void assert_order(struct verdict *verdicts, size_t n, const struct inventory *inv,
			 enum resource r, const char *expected)
{
	char order[32] = "";
	order_by_gain(verdicts, n, inv, r);
	for (size_t i = 0; i < n; i++)
		order[i] = verdicts[i].image->id[0];
	assert_string_equal(order, expected);
}

static void sizes_alone(void **state)
{
	(void)state;
	static const struct image images[] = {
		{ .id = "a", .predicted_bytes = 5, .predicted_inodes = 1 },
		{ .id = "b", .predicted_bytes = 9, .predicted_inodes = 7 },
		{ .id = "c", .predicted_bytes = 5, .predicted_inodes = 8 },
		{ .id = "d", .predicted_bytes = 0, .predicted_inodes = 2 },
	};
	struct inventory inv = { 0 };
	struct verdict verdicts[4];
	for (int i = 0; i < 4; i++)
		verdicts[i] = (struct verdict){ .image = &images[i] };
	/* ties keep their order */
	assert_order(verdicts, 4, &inv, RESOURCE_BYTES, "bacd");
	assert_order(verdicts, 4, &inv, RESOURCE_INODES, "cbda");
	assert_order(verdicts, 1, &inv, RESOURCE_BYTES, "c");
	assert_order(verdicts, 0, &inv, RESOURCE_BYTES, "");
}

/*
 * b and c share a large layer, which somebody else holds in the other node. a is larger than what b and
 * c have of their own; but once one of the two is gone, the other frees the shared one.
 */
static void shared_layers(void **state)
{
	(void)state;
	struct layer layers[] = { { 50, 1, 1 }, { 100, 1, 2 }, { 60, 1, 1 }, { 10, 9, 1 } };
	static const uint32_t of_a[] = { 0 }, of_b[] = { 1, 2 }, of_c[] = { 3, 1 };
	const struct image images[] = {
		{ .id = "a", .layers = of_a, .n_layers = 1 },
		{ .id = "b", .layers = of_b, .n_layers = 2 },
		{ .id = "c", .layers = of_c, .n_layers = 2 },
		{ .id = "d", .predicted_bytes = 55 },
	};
	struct inventory inv = { .layers = layers, .n_layers = 4 };
	struct verdict verdicts[4];
	for (int i = 0; i < 4; i++)
		verdicts[i] = (struct verdict){ .image = &images[i] };
	assert_order(verdicts, 4, &inv, RESOURCE_BYTES, "bcda");
	layers[1].holders = 3;
	assert_order(verdicts, 4, &inv, RESOURCE_BYTES, "bdac");
	assert_order(verdicts, 4, &inv, RESOURCE_INODES, "cbad");
	/* counts that are too small: no worse than another order */
	layers[1].holders = 0;
	assert_order(verdicts, 4, &inv, RESOURCE_BYTES, "bcda");
}

/* A layer of nothing renews an entry that stays as it was. */
static void empty_layers(void **state)
{
	(void)state;
	struct layer layers[] = { { 0, 0, 3 }, { 7, 0, 3 }, { 0, 0, 2 } };
	static const uint32_t all[] = { 0, 1, 2 };
	const struct image images[] = {
		{ .id = "a", .layers = all, .n_layers = 3 },
		{ .id = "b", .layers = all, .n_layers = 3 },
		{ .id = "c", .layers = all, .n_layers = 2 },
	};
	struct inventory inv = { .layers = layers, .n_layers = 3 };
	struct verdict verdicts[3];
	for (int i = 0; i < 3; i++)
		verdicts[i] = (struct verdict){ .image = &images[i] };
	assert_order(verdicts, 3, &inv, RESOURCE_BYTES, "abc");
}

static void through_the_plan(void **state)
{
	(void)state;
	struct image images[] = {
		{ .id = "a", .predicted_bytes = 1, .predicted_inodes = 3 },
		{ .id = "b", .predicted_bytes = 2, .predicted_inodes = 2 },
		{ .id = "c", .predicted_bytes = 3, .predicted_inodes = 1 },
		{ .id = "k", .predicted_bytes = 9, .predicted_inodes = 9, .pinned = true },
		{ .id = "o", .predicted_bytes = 0, .predicted_inodes = 0 },
	};
	struct image_use use[5];
	struct usage_entry entries[] = {
		{ .id = (char[]){ "a" }, .first_seen = 90, .last_used = 91 },
		{ .id = (char[]){ "b" }, .first_seen = 90, .last_used = 92 },
		{ .id = (char[]){ "c" }, .first_seen = 90, .last_used = 93 },
		{ .id = (char[]){ "k" }, .first_seen = 90, .last_used = 90 },
		{ .id = (char[]){ "o" }, .first_seen = 1, .last_used = 2 }
	};
	static const struct {
		enum removal_order order;
		enum resource scarce;
		const char *expected;
	} rows[] = { { ORDER_LRU, RESOURCE_BYTES, "oabck" },
		     { ORDER_FEWEST_REMOVALS, RESOURCE_BYTES, "ocbak" },
		     { ORDER_FEWEST_REMOVALS, RESOURCE_INODES, "oabck" } };
	for (size_t i = 0; i < 5; i++)
		use[i] = (struct image_use){ KEEP_NONE, "" };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct usage_history history = { .entries = entries, .n_entries = 5 };
		struct inventory inv = { .images = images, .n_images = 5 };
		struct image_gc_policy policy = { .maximum_age = 50,
						  .order = rows[i].order,
						  .scarce = rows[i].scarce };
		struct plan p;
		plan_build(&inv, use, &history, &policy, 100, &p);
		assert_int_equal(p.n_over_age, 1);
		assert_int_equal(p.n_candidates, 4);
		for (size_t k = 0; k < 5; k++)
			assert_int_equal(p.verdicts[k].image->id[0], rows[i].expected[k]);
		plan_done(&p);
	}
}

#define N_IMAGES 14
#define N_LAYERS 20

/* The plain way: look at all that are left, take the one that frees the most, begin again. */
static void greedy(struct verdict *verdicts, size_t n, const struct inventory *inv, enum resource r)
{
	uint32_t *holders = layers_holders(inv);
	for (size_t done = 0; done < n; done++) {
		size_t best = done;
		uint64_t best_gain = 0;
		for (size_t i = done; i < n; i++) {
			uint64_t gain[_RESOURCE_MAX];
			layers_gain(inv, holders, verdicts[i].image, gain);
			if (i == done || gain[r] > best_gain) {
				best = i;
				best_gain = gain[r];
			}
		}
		struct verdict taken = verdicts[best];
		/* the others keep their order */
		memmove(&verdicts[done + 1], &verdicts[done], (best - done) * sizeof(*verdicts));
		verdicts[done] = taken;
		layers_release(holders, taken.image);
	}
	free(holders);
}

static void same_as_the_plain_way(void **state)
{
	(void)state;
	struct random r = random_start("order");
	for (int round = 0; round < 3000; round++) {
		struct layer layers[N_LAYERS];
		uint32_t lists[N_IMAGES][N_LAYERS];
		struct image images[N_IMAGES];
		struct verdict fast[N_IMAGES], plain[N_IMAGES];
		size_t n = random_below(&r, N_IMAGES + 1);
		/* few different amounts, so that there are ties */
		for (int l = 0; l < N_LAYERS; l++)
			layers[l] = (struct layer){ random_below(&r, 4), random_below(&r, 4),
						    random_once_in(&r, 3) };
		for (size_t i = 0; i < n; i++) {
			images[i] = (struct image){ .id = "x",
						    .layers = lists[i],
						    .predicted_bytes = random_below(&r, 9) };
			for (uint32_t l = 0; l < N_LAYERS; l++)
				if (random_once_in(&r, 6)) {
					lists[i][images[i].n_layers++] = l;
					layers[l].holders++;
				}
			fast[i] = plain[i] = (struct verdict){ .image = &images[i] };
		}
		struct inventory inv = { .layers = layers, .n_layers = N_LAYERS };
		enum resource resource = random_once_in(&r, 2) ? RESOURCE_BYTES : RESOURCE_INODES;
		order_by_gain(fast, n, &inv, resource);
		greedy(plain, n, &inv, resource);
		for (size_t i = 0; i < n; i++)
			assert_ptr_equal(fast[i].image, plain[i].image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_alone),		 cmocka_unit_test(shared_layers),
		cmocka_unit_test(empty_layers),		 cmocka_unit_test(through_the_plan),
		cmocka_unit_test(same_as_the_plain_way),
	};
	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
