/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/layers.h"
#include "core/plan.h"
#include "random.h"

/* Layers 0 ... 3: a base that four images and a container hold, one that two share, two of their own. */
static struct layer layers[] = {
	{ .bytes = 1000, .inodes = 100, .holders = 5 },
	{ .bytes = 200, .inodes = 20, .holders = 2 },
	{ .bytes = 30, .inodes = 3, .holders = 1 },
	{ .bytes = 4, .inodes = 1, .holders = 1 },
};
static const uint32_t of_a[] = { 0, 1, 2 }, of_b[] = { 0, 1 }, of_c[] = { 3, 0 }, of_e[] = { 0 };
static struct image images[] = {
	{ .id = "a", .layers = of_a, .n_layers = 3, .predicted_bytes = 9, .predicted_inodes = 9 },
	{ .id = "b", .layers = of_b, .n_layers = 2, .predicted_bytes = 9, .predicted_inodes = 9 },
	{ .id = "c", .layers = of_c, .n_layers = 2, .predicted_bytes = 9, .predicted_inodes = 9 },
	{ .id = "d", .predicted_bytes = 77, .predicted_inodes = 7 },
	{ .id = "e", .layers = of_e, .n_layers = 1, .predicted_bytes = 9 },
};
static struct inventory inv = { .images = images,
				.n_images = ELEMENTS(images),
				.layers = layers,
				.n_layers = ELEMENTS(layers) };

static void assert_gain(const uint32_t *holders, size_t image, uint64_t bytes, uint64_t inodes)
{
	uint64_t gain[_RESOURCE_MAX];
	layers_gain(&inv, holders, &images[image], gain);
	assert_int_equal(gain[RESOURCE_BYTES], bytes);
	assert_int_equal(gain[RESOURCE_INODES], inodes);
}

static void one_after_the_other(void **state)
{
	(void)state;
	uint32_t *holders = layers_holders(&inv);
	assert_gain(holders, 0, 30, 3);
	assert_gain(holders, 1, 0, 0);
	assert_gain(holders, 2, 4, 1);
	assert_gain(holders, 3, 77, 7); /* nothing is known of its layers */
	assert_gain(holders, 4, 0, 0);
	layers_release(holders, &images[4]);
	layers_release(holders, &images[0]);
	assert_gain(holders, 1, 200, 20);
	assert_gain(holders, 2, 4, 1);
	layers_release(holders, &images[3]);
	layers_release(holders, &images[2]);
	layers_release(holders, &images[1]);
	assert_int_equal(holders[0], 1); /* the container's */
	assert_int_equal(holders[1], 0);
	/* counts that were wrong from the beginning stay at 0 */
	layers_release(holders, &images[0]);
	layers_release(holders, &images[0]);
	assert_int_equal(holders[0], 0);
	assert_int_equal(holders[2], 0);
	assert_int_equal(layers[0].holders, 5); /* it was a copy */
	free(holders);
}

static void each_alone(void **state)
{
	(void)state;
	struct image copy[ELEMENTS(images)];
	memcpy(copy, images, sizeof(copy));
	struct inventory other = inv;
	other.images = copy;
	layers_predict(&other);
	assert_int_equal(copy[0].predicted_bytes, 30);
	assert_int_equal(copy[0].predicted_inodes, 3);
	assert_int_equal(copy[1].predicted_bytes, 0);
	assert_int_equal(copy[2].predicted_bytes, 4);
	assert_int_equal(copy[3].predicted_bytes, 77);
	assert_int_equal(copy[3].predicted_inodes, 7);
}

static void sums_do_not_wrap(void **state)
{
	(void)state;
	struct layer huge[] = { { UINT64_MAX, UINT64_MAX, 1 }, { 5, 5, 1 } };
	static const uint32_t both[] = { 0, 1 };
	struct image image = { .id = "x", .layers = both, .n_layers = 2 };
	struct inventory node = { .images = &image, .n_images = 1, .layers = huge, .n_layers = 2 };
	layers_predict(&node);
	assert_int_equal(image.predicted_bytes, UINT64_MAX);
	assert_int_equal(image.predicted_inodes, UINT64_MAX);
}

static void nothing_there(void **state)
{
	(void)state;
	struct inventory empty = { 0 };
	uint32_t *holders = layers_holders(&empty);
	assert_non_null(holders);
	free(holders);
	layers_predict(&empty);
}

/* The plan predicts each candidate after those before it, what is kept alone. */
static void in_the_plan(void **state)
{
	(void)state;
	struct image_use use[] = { { KEEP_NONE, "" },
				   { KEEP_NONE, "" },
				   { KEEP_IN_USE, "k" },
				   { KEEP_NONE, "" },
				   { KEEP_IN_USE, "k" } };
	struct image copy[ELEMENTS(images)];
	struct usage_history history = { 0 };
	struct image_gc_policy policy = { .high_percent = { 80, 80 }, .low_percent = { 70, 70 } };
	struct inventory node = inv;
	struct plan p;
	memcpy(copy, images, sizeof(copy));
	node.images = copy;
	layers_predict(&node);
	plan_build(&node, use, &history, &policy, 0, &p);
	static const uint64_t bytes[] = { 30, 200, 77, 4, 0 }, n[] = { 3, 20, 7, 1, 0 };
	static const char *const ids[] = { "a", "b", "d", "c", "e" };
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(p.verdicts[i].image->id, ids[i]);
		assert_int_equal(p.verdicts[i].predicted[RESOURCE_BYTES], bytes[i]);
		assert_int_equal(p.verdicts[i].predicted[RESOURCE_INODES], n[i]);
	}
	assert_int_equal(p.reclaimable[RESOURCE_BYTES], 307);
	assert_int_equal(p.reclaimable[RESOURCE_INODES], 30);
	plan_done(&p);
}

/* In whatever order: together the gains are the layers that nobody else holds. */
static void random_orders(void **state)
{
	(void)state;
	struct random r = random_start("layers");
	for (int round = 0; round < 2000; round++) {
		struct layer some[16];
		struct image hold[10];
		uint32_t lists[10][16];
		for (size_t l = 0; l < 16; l++)
			some[l] = (struct layer){ random_below(&r, 1000), random_below(&r, 10),
						  random_once_in(&r, 4) };
		uint64_t free_bytes = 0, gained = 0;
		for (size_t i = 0; i < 10; i++) {
			hold[i] = (struct image){ .id = "x", .layers = lists[i] };
			for (uint32_t l = 0; l < 16; l++)
				if (random_once_in(&r, 5) || (hold[i].n_layers == 0 && l == 15)) {
					lists[i][hold[i].n_layers++] = l;
					some[l].holders += 2; /* odd: somebody else as well */
				}
		}
		for (size_t l = 0; l < 16; l++) {
			bool others = some[l].holders % 2;
			some[l].holders = some[l].holders / 2 + others;
			if (!others && some[l].holders)
				free_bytes += some[l].bytes;
		}
		struct inventory node = { .layers = some, .n_layers = 16 };
		uint32_t *holders = layers_holders(&node);
		for (size_t n = 10; n > 0; n--) {
			size_t k = random_below(&r, n);
			uint64_t gain[_RESOURCE_MAX];
			layers_gain(&node, holders, &hold[k], gain);
			layers_release(holders, &hold[k]);
			gained += gain[RESOURCE_BYTES];
			hold[k] = hold[n - 1];
		}
		assert_int_equal(gained, free_bytes);
		free(holders);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other), cmocka_unit_test(each_alone),
		cmocka_unit_test(sums_do_not_wrap),    cmocka_unit_test(nothing_there),
		cmocka_unit_test(in_the_plan),	       cmocka_unit_test(random_orders),
	};
	return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
