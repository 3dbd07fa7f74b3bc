/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "random.h"
#include "runtime/engine/engine-layers.h"

#define cleanup_layers __attribute__((cleanup(free_layers)))

static void free_layers(struct engine_layers **l)
{
	*l = engine_layers_free(*l);
}

/* "sha256:" and 64 digits of that number. */
struct digest {
	char text[72];
};

static struct digest digest(unsigned n)
{
	struct digest d;
	(void)snprintf(d.text, sizeof(d.text), "sha256:%064x", n);
	return d;
}

static const struct engine_overhead nothing = { .lowest = { 0, 0 } };

/* Adds image n of the given layers, 0 behind the last; their sizes are 1000 times their number. */
static void add(struct engine_layers *l, unsigned image, const unsigned *layers)
{
	struct digest digests[8];
	const char *texts[8];
	uint64_t bytes[8];
	struct engine_image_layers what = { .digests = texts, .bytes = bytes };
	for (; layers[what.n]; what.n++) {
		digests[what.n] = digest(layers[what.n]);
		texts[what.n] = digests[what.n].text;
		bytes[what.n] = 1000 * (uint64_t)layers[what.n];
	}
	struct err e = { 0 };
	if (engine_layers_add(l, digest(image).text, &what, &e) != 0)
		fail_msg("%s", e.msg);
}

#define ADD(l, image, ...) add(l, image, (const unsigned[]){ __VA_ARGS__, 0 })

/* An inventory of images n ... n + count - 1 with the layers that are known. */
static struct inventory *apply(struct engine_layers *l, unsigned n, unsigned count,
			       const struct engine_overhead *overhead)
{
	struct inventory *inv = inventory_new();
	inv->images = arena_calloc(&inv->arena, count, sizeof(*inv->images));
	inv->n_images = count;
	for (unsigned i = 0; i < count; i++) {
		inv->images[i].id = arena_strdup(&inv->arena, digest(n + i).text);
		inv->images[i].predicted_bytes = 7;
		(void)!engine_layers_knows(l, inv->images[i].id);
	}
	engine_layers_apply(l, inv, overhead);
	return inv;
}

static void what_is_shared(void **state)
{
	(void)state;
	cleanup_layers struct engine_layers *l = engine_layers_new();
	ADD(l, 101, 1, 2);    /* base and its own */
	ADD(l, 102, 1, 3);    /* the same base */
	ADD(l, 103, 2);	      /* the same content as 101's upper one, at another place */
	ADD(l, 104, 1, 3, 4); /* on top of 102 */
	cleanup_inventory struct inventory *inv = apply(l, 101, 5, &nothing);
	static const uint64_t bytes[] = { 2000, 0, 2000, 4000, 7 };
	static const size_t layers[] = { 3, 3, 2, 4, 0 };
	for (size_t i = 0; i < ELEMENTS(bytes); i++) {
		assert_int_equal(inv->images[i].predicted_bytes, bytes[i]);
		assert_int_equal(inv->images[i].n_layers, layers[i]);
	}
	assert_int_equal(inv->images[0].predicted_inodes, 1);
}

static void overheads(void **state)
{
	(void)state;
	static const struct engine_overhead overhead = { .lowest = { 100, 10 },
							 .other = { 20, 2 },
							 .image = { 5, 1 } };
	cleanup_layers struct engine_layers *l = engine_layers_new();
	ADD(l, 101, 1);
	ADD(l, 102, 20, 30, 40);
	static const unsigned none[] = { 0 };
	add(l, 103, none);
	cleanup_inventory struct inventory *inv = apply(l, 101, 3, &overhead);
	assert_int_equal(inv->images[0].predicted_bytes, 1000 + 100 + 5);
	assert_int_equal(inv->images[0].predicted_inodes, 1 + 10 + 1);
	assert_int_equal(inv->images[1].predicted_bytes, 90000 + 100 + 2 * 20 + 5);
	/* one for each 16384 bytes begun: 2, 2 and 3 */
	assert_int_equal(inv->images[1].predicted_inodes, 7 + 10 + 2 * 2 + 1);
	assert_int_equal(inv->images[2].predicted_bytes, 5);
}

/* The sum is all that is known of some images. */
static void sums(void **state)
{
	(void)state;
	cleanup_layers struct engine_layers *l = engine_layers_new();
	struct digest d[3] = { digest(1), digest(2), digest(3) };
	const char *texts[3] = { d[0].text, d[1].text, d[2].text };
	ADD(l, 101, 1);
	struct engine_image_layers three = { .digests = texts, .bytes_together = 9000, .n = 3 };
	assert_int_equal(engine_layers_add(l, digest(102).text, &three, NULL), 0);
	struct engine_image_layers two = { .digests = texts + 1, .bytes_together = 500, .n = 2 };
	assert_int_equal(engine_layers_add(l, digest(103).text, &two, NULL), 0);
	/* less than what is known of its layers: nothing is left for the uppermost */
	struct digest high[2] = { digest(1), digest(9) };
	const char *over[2] = { high[0].text, high[1].text };
	struct engine_image_layers little = { .digests = over, .bytes_together = 300, .n = 2 };
	assert_int_equal(engine_layers_add(l, digest(104).text, &little, NULL), 0);
	cleanup_inventory struct inventory *inv = apply(l, 101, 4, &nothing);
	static const uint64_t bytes[] = { 0, 8000, 500, 0 };
	for (size_t i = 0; i < ELEMENTS(bytes); i++)
		assert_int_equal(inv->images[i].predicted_bytes, bytes[i]);
}

static void what_is_no_digest(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"sha256:",
		"sha512:0000000000000000000000000000000000000000000000000000000000000001",
		"sha256:000000000000000000000000000000000000000000000000000000000000001",
		"sha256:00000000000000000000000000000000000000000000000000000000000000011",
		"sha256:000000000000000000000000000000000000000000000000000000000000000A",
		"sha256:000000000000000000000000000000000000000000000000000000000000000g",
	};
	cleanup_layers struct engine_layers *l = engine_layers_new();
	for (size_t i = 0; i < ELEMENTS(wrong); i++) {
		struct err e = { 0 };
		struct engine_image_layers layers = { .digests = &wrong[i], .n = 1 };
		assert_int_equal(engine_layers_add(l, digest(1).text, &layers, &e), -EBADMSG);
		assert_false(engine_layers_knows(l, digest(1).text));
		layers.n = 0;
		assert_int_equal(engine_layers_add(l, wrong[i], &layers, &e), -EBADMSG);
		assert_false(engine_layers_knows(l, wrong[i]));
	}
	/* as Podman writes IDs */
	assert_int_equal(engine_layers_add(l, digest(1).text + strlen("sha256:"),
					   &(struct engine_image_layers){ .n = 0 }, NULL),
			 0);
	assert_true(engine_layers_knows(l, digest(1).text));
}

/* Images come and go at random; what is predicted is always what a new store would predict. */
static void coming_and_going(void **state)
{
	(void)state;
	struct random r = random_start("engine-layers");
	cleanup_layers struct engine_layers *l = engine_layers_new();
	for (int round = 0; round < 200; round++) {
		cleanup_layers struct engine_layers *anew = engine_layers_new();
		unsigned first = 1000 + (unsigned)round * 3,
			 count = 1 + (unsigned)random_below(&r, 60);
		for (unsigned i = first; i < first + count; i++) {
			/* decided by its number, so that it is the same each time */
			const unsigned chain[] = { 1 + i % 3, 10 + i % 5, 20 + i % 7, i, 0 };
			const unsigned *layers = chain + i % 3;
			if (!engine_layers_knows(l, digest(i).text))
				add(l, i, layers);
			add(anew, i, layers);
		}
		cleanup_inventory struct inventory *inv = apply(l, first, count, &nothing);
		cleanup_inventory struct inventory *other = apply(anew, first, count, &nothing);
		assert_int_equal(inv->n_layers, other->n_layers);
		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(inv->images[i].predicted_bytes,
					 other->images[i].predicted_bytes);
			assert_int_equal(inv->images[i].n_layers, other->images[i].n_layers);
		}
	}
}

static void histories(void **state)
{
	(void)state;
	static const struct {
		struct engine_history_entry entries[6];
		size_t n, n_layers;
		const char *sizes; /* NULL: cannot be told */
	} rows[] = {
		{ { { 0 } }, 0, 0, "" },
		{ { { 0 } }, 0, 1, NULL },
		{ { { 5, "x", false }, { 6, "", false } }, 2, 2, "5 6" },
		{ { { 5, "", false }, { 0, "", false } }, 2, 2, "5 0" },
		{ { { 5, "", false }, { 0, "", false }, { 6, "", false } }, 3, 2, "5 6" },
		{ { { 5, "", false }, { 0, "", true }, { 0, "", false } }, 3, 2, "5 0" },
		{ { { 5, "", false }, { 0, "", false }, { 0, "", false } }, 3, 2, NULL },
		{ { { 5, "", false }, { 6, "", false }, { 7, "", false } }, 3, 2, NULL },
		{ { { 5, "/bin/sh -c #(nop) ADD file:1 in / ", false },
		    { 0, "/bin/sh -c #(nop)  CMD [\"sh\"]", false },
		    { 0, "/bin/sh -c #(nop) WORKDIR /a", false },
		    { 0, "/bin/sh -c true", false } },
		  4,
		  3,
		  "5 0 0" },
		{ { { 0, "COPY a / # buildkit", false },
		    { 0, "ENV A=b", false },
		    { 7, "RUN /bin/sh -c x # buildkit", false },
		    { 0, "ENTRYPOINT [\"/a\"]", false } },
		  4,
		  2,
		  "0 7" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		uint64_t sizes[6] = { 0 };
		char text[64] = "";
		bool told =
			engine_layers_match(rows[i].entries, rows[i].n, sizes, rows[i].n_layers);
		assert_int_equal(told, rows[i].sizes != NULL);
		for (size_t k = 0, at = 0; told && k < rows[i].n_layers; k++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu", k ? " " : "",
					       (unsigned long long)sizes[k]);
		if (told)
			assert_string_equal(text, rows[i].sizes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shared),
		cmocka_unit_test(overheads),
		cmocka_unit_test(sums),
		cmocka_unit_test(what_is_no_digest),
		cmocka_unit_test(coming_and_going),
		cmocka_unit_test(histories),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
