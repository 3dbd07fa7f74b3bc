/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/predict.h"

#define MB UINT64_C(1000000)
#define GB UINT64_C(1000000000)

#define N_MAX 4

struct prediction {
	const char *what;
	struct store_usage usage;
	size_t n;
	uint64_t sizes[N_MAX];
	uint64_t bytes[N_MAX];
	uint64_t inodes[N_MAX];
};

static const struct prediction compressed[] = {
	{ .what = "measured: 100 MB compressed are 300 MB on the disk",
	  .usage = { true, 1800 * MB, 900 },
	  .n = 3,
	  .sizes = { 100 * MB, 300 * MB, 500 * MB },
	  .bytes = { 300 * MB, 900 * MB, 1500 * MB },
	  .inodes = { 100, 300, 500 } },
	{ .what = "the store says nothing yet: twice the size, one inode for 16 KiB",
	  .usage = { true, 0, 0 },
	  .n = 2,
	  .sizes = { 100 * MB, 16385 },
	  .bytes = { 200 * MB, 2 * 16385 },
	  .inodes = { 6104, 2 } },
	{ .what = "the store is behind: bytes and inodes are lifted alike",
	  .usage = { true, 1 * MB, 10 },
	  .n = 2,
	  .sizes = { 100 * MB, 100 * MB },
	  .bytes = { 200 * MB, 200 * MB },
	  .inodes = { 1000, 1000 } },
	{ .what = "inodes are known, bytes are not",
	  .usage = { true, 0, 70 },
	  .n = 2,
	  .sizes = { 30, 40 },
	  .bytes = { 60, 80 },
	  .inodes = { 30, 40 } },
	{ .what = "divisions cut off",
	  .usage = { true, 100, 10 },
	  .n = 3,
	  .sizes = { 1, 1, 1 },
	  .bytes = { 34, 34, 34 },
	  .inodes = { 3, 3, 3 } },
	{ .what = "an image without a size frees nothing",
	  .usage = { true, 1000, 1000 },
	  .n = 2,
	  .sizes = { 0, 500 },
	  .bytes = { 0, 1500 },
	  .inodes = { 0, 1000 } },
	{ .what = "only images without a size",
	  .usage = { true, 1000, 1000 },
	  .n = 2,
	  .sizes = { 0, 0 },
	  .bytes = { 0, 0 },
	  .inodes = { 0, 0 } },
	{ .what = "no images", .usage = { true, 1000, 1000 }, .n = 0 },
	{ .what = "the largest numbers saturate",
	  .usage = { true, UINT64_MAX, UINT64_MAX },
	  .n = 2,
	  .sizes = { UINT64_MAX, UINT64_MAX },
	  .bytes = { UINT64_MAX, UINT64_MAX },
	  .inodes = { UINT64_MAX, UINT64_MAX } },
	{ .what = "products beyond 64 bits are exact",
	  .usage = { true, UINT64_C(1) << 63, UINT64_C(1) << 62 },
	  .n = 2,
	  .sizes = { UINT64_C(1) << 60, UINT64_C(3) << 60 },
	  .bytes = { (UINT64_C(1) << 61) + (UINT64_C(1) << 60),
		     (UINT64_C(3) << 61) + (UINT64_C(3) << 60) },
	  .inodes = { UINT64_C(1) << 60, UINT64_C(3) << 60 } },
	{ .what = "a store of one byte with many inodes",
	  .usage = { true, 1, UINT64_MAX },
	  .n = 1,
	  .sizes = { GB },
	  .bytes = { 2 * GB },
	  .inodes = { UINT64_MAX } },
};

static const struct prediction on_disk[] = {
	{ .what = "sizes are what is freed",
	  .usage = { false, 0, 0 },
	  .n = 3,
	  .sizes = { 200 * MB, 1, 0 },
	  .bytes = { 200 * MB, 1, 0 },
	  .inodes = { 12208, 1, 0 } },
	{ .what = "inodes by the store",
	  .usage = { false, 123, 900 },
	  .n = 2,
	  .sizes = { 100 * MB, 800 * MB },
	  .bytes = { 100 * MB, 800 * MB },
	  .inodes = { 100, 800 } },
	{ .what = "the largest numbers",
	  .usage = { false, UINT64_MAX, UINT64_MAX },
	  .n = 2,
	  .sizes = { UINT64_MAX, UINT64_MAX },
	  .bytes = { UINT64_MAX, UINT64_MAX },
	  .inodes = { UINT64_MAX / 2, UINT64_MAX / 2 } },
};

static void check(const struct prediction *p)
{
	struct image images[N_MAX];
	for (size_t i = 0; i < N_MAX; i++)
		images[i] = (struct image){ .size_bytes = p->sizes[i],
					    .predicted_bytes = 77,
					    .predicted_inodes = 77 };
	predict_from_usage(images, p->n, &p->usage);
	for (size_t i = 0; i < p->n; i++) {
		if (images[i].predicted_bytes != p->bytes[i] ||
		    images[i].predicted_inodes != p->inodes[i])
			fail_msg("%s: image %zu: %ju bytes, %ju inodes", p->what, i,
				 (uintmax_t)images[i].predicted_bytes,
				 (uintmax_t)images[i].predicted_inodes);
	}
	for (size_t i = p->n; i < N_MAX; i++)
		assert_int_equal(images[i].predicted_bytes, 77);
}

static void compressed_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(compressed); i++)
		check(&compressed[i]);
}

static void sizes_on_disk(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(on_disk); i++)
		check(&on_disk[i]);
}

/* --- by what was measured ----------------------------------------------------------------------- */

static struct usage_history learnt(void)
{
	static char ids[][16] = { "layers", "measured", "never" };
	static struct usage_entry entries[] = {
		{ .id = ids[0], .gain_known = true, .gain = { 1, 1 } },
		{ .id = ids[1], .gain_known = true, .gain = { 42 * MB, 43 } },
		{ .id = ids[2] },
	};
	struct usage_history h = { .entries = entries, .n_entries = ELEMENTS(entries) };
	const uint64_t freed[] = { 250 * MB, 3000 };
	for (int i = 0; i < 3; i++)
		gain_learn(&h.ratios, "podman 4.3", 100 * MB, freed);
	return h;
}

static void measured_before(void **state)
{
	(void)state;
	static const struct {
		const char *id, *runtime;
		size_t n_layers;
		uint64_t size, bytes, inodes;
	} rows[] = {
		/* its own gain, else the ratio of its kind, else what the prediction was */
		{ "measured", "podman 4.4", 0, 10 * MB, 42 * MB, 43 },
		{ "never", "podman 4.4", 0, 10 * MB, 25 * MB, 300 },
		{ "unknown", "podman 4.4", 0, 10 * MB, 25 * MB, 300 },
		{ "measured", "cri-o 1", 0, 10 * MB, 42 * MB, 43 },
		{ "never", "cri-o 1", 0, 10 * MB, 7, 8 },
		/* where layers are known they tell */
		{ "layers", "podman 4.4", 2, 10 * MB, 7, 8 },
	};
	struct usage_history h = learnt();
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct image image = { .id = rows[i].id,
				       .size_bytes = rows[i].size,
				       .n_layers = rows[i].n_layers,
				       .predicted_bytes = 7,
				       .predicted_inodes = 8 };
		struct inventory inv = { .runtime = rows[i].runtime,
					 .images = &image,
					 .n_images = 1 };
		predict_from_history(&inv, &h);
		if (image.predicted_bytes != rows[i].bytes ||
		    image.predicted_inodes != rows[i].inodes)
			fail_msg("%s of %s: %ju bytes, %ju inodes", rows[i].id, rows[i].runtime,
				 (uintmax_t)image.predicted_bytes,
				 (uintmax_t)image.predicted_inodes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compressed_sizes),
		cmocka_unit_test(sizes_on_disk),
		cmocka_unit_test(measured_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
