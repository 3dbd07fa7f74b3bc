/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/layers.h"
#include "runtime/containerd/layer-tree.h"
#include "runtime/containerd/layer-usage.h"
#include "util/limits.h"
#include "util/parse.h"

/*
 * Trees are written as texts: "b:KEY SIZE REF..." is a blob, "s:KEY SIZE REF..." a snapshot, "n:NAME
 * KEY" a name of an image; REF is "b:KEY" or "s:KEY". A SIZE of "?" is one that nobody knows. "h:KEY"
 * is a snapshot that something else holds, "o:KEY" a blob that another namespace has, too.
 */
#define N_LINES 16
#define N_LOTS	4

struct expected {
	const char *id;
	size_t n_layers;
	uint64_t bytes; /* gain of removing it first */
};

struct tree_case {
	const char *what;
	const char *lines[N_LINES];
	struct image images[N_LOTS];
	struct expected expected[N_LOTS];
};

static int node_of(struct layer_tree *t, const char *text)
{
	struct err e = { 0 };
	int node = layer_tree_node(t, text[0] == 's' ? "overlayfs" : "", text + 2, &e);
	assert_true(node >= 0);
	return node;
}

static void add_node(struct layer_tree *t, char *line)
{
	char *rest = line;
	int node = node_of(t, strsep(&rest, " "));
	const char *size = strsep(&rest, " ");
	int64_t bytes;
	if (parse_i64(size, &bytes) == 0)
		layer_tree_set_size(t, node, (uint64_t)bytes, 1);
	else
		layer_tree_set_unknown(t, node);
	struct err e = { 0 };
	for (char *ref; (ref = strsep(&rest, " "));)
		assert_int_equal(layer_tree_refer(t, node, node_of(t, ref), &e), 0);
}

static void add_line(struct layer_tree *t, const char *text)
{
	cleanup_free char *line = xstrdup(text);
	struct err e = { 0 };
	char *rest = line;
	if (*text == 'b' || *text == 's') {
		add_node(t, line);
	} else if (*text == 'h') {
		*line = 's';
		layer_tree_hold(t, node_of(t, line));
	} else if (*text == 'o') {
		layer_tree_hold_blob(t, text + 2);
	} else {
		const char *name = strsep(&rest, " ") + 2;
		assert_int_equal(layer_tree_name(t, name, node_of(t, rest), &e), 0);
	}
}

#define CASE_IMAGE(ident, ...)                                              \
	{                                                                   \
		.id = ident, LIST(names, __VA_ARGS__), .predicted_bytes = 7 \
	}

static const struct tree_case cases[] = {
	{ "one image, one layer",
	  { "b:m 1 b:c b:l", "b:c 2 s:l", "b:l 10", "s:l 100", "n:a b:m" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 4, 113 } } },
	{ "a shared base is no gain of either",
	  { "b:m1 1 b:c1 b:base b:l1", "b:c1 1 s:l1", "b:l1 10", "s:l1 100 s:base",
	    "b:m2 1 b:c2 b:base b:l2", "b:c2 1 s:l2", "b:l2 20", "s:l2 200 s:base", "b:base 1000",
	    "s:base 5000", "n:a b:m1", "n:b b:m2" },
	  { CASE_IMAGE("c1", "a"), CASE_IMAGE("c2", "b") },
	  { { "c1", 6, 112 }, { "c2", 6, 222 } } },
	{ "two tags and a digest are one image",
	  { "b:m 1 b:c b:l", "b:c 2 s:l", "b:l 10", "s:l 100", "n:a b:m", "n:b b:m", "n:c b:m" },
	  { CASE_IMAGE("c", "a", "b") },
	  { { "c", 4, 113 } } },
	{ "two manifests of one image",
	  { "b:m 1 b:c b:l", "b:o 2 b:c b:k", "b:c 4 s:l", "b:l 10", "b:k 20", "s:l 100", "n:a b:m",
	    "n:b b:o" },
	  { CASE_IMAGE("c", "a", "b") },
	  { { "c", 6, 137 } } },
	{ "an index of two platforms, of one of which nothing was fetched",
	  { "b:i 1 b:m b:elsewhere", "b:m 2 b:c b:l", "b:c 4 s:l", "b:l 10", "s:l 100", "n:a b:i" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 5, 117 } } },
	{ "an index with both platforms: both go",
	  { "b:i 1 b:m b:n", "b:m 2 b:c b:l", "b:c 4 s:l", "b:l 10", "s:l 100", "b:n 1000 b:d",
	    "b:d 2000", "n:a b:i" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 7, 3117 } } },
	{ "a name that CRI does not show belongs to the image whose configuration it reaches",
	  { "b:m 1 b:c b:l", "b:c 2 s:l", "b:l 10", "s:l 100", "n:untagged b:m" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 4, 113 } } },
	{ "a name that reaches two configurations belongs to neither: it holds",
	  { "b:i 0 b:m1 b:m2", "b:m1 1 b:c1", "b:m2 1 b:c2", "b:c1 10", "b:c2 20", "n:both b:i",
	    "n:a b:m1", "n:b b:m2" },
	  { CASE_IMAGE("c1", "a"), CASE_IMAGE("c2", "b") },
	  { { "c1", 2, 0 }, { "c2", 2, 0 } } },
	{ "an image that CRI does not know holds what it shares",
	  { "b:m 1 b:c b:l", "b:c 2 s:l", "b:l 10", "s:l 100", "n:a b:m", "b:x 5 b:l",
	    "n:artifact b:x" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 4, 103 } } },
	{ "a container's snapshot holds its parents, not their blobs",
	  { "b:m 1 b:c b:l", "b:c 2 s:l", "b:l 10", "s:l 100 s:base", "s:base 1000", "n:a b:m",
	    "s:active ? s:l", "h:active" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 5, 13 } } },
	{ "other namespaces hold blobs alone, known ones only",
	  { "b:m 1 b:c b:l", "b:c 2 s:l", "b:l 10", "s:l 100", "n:a b:m", "o:l", "o:m",
	    "o:foreign" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 4, 102 } } },
	{ "cycles end, and so do blobs that refer to themselves",
	  { "b:m 1 b:c b:m b:l", "b:c 2 b:m s:l", "b:l 10 b:c", "s:l 100 s:k", "s:k 1000 s:l",
	    "n:a b:m" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 5, 1113 } } },
	{ "the same layer twice counts once",
	  { "b:m 1 b:c b:l b:l", "b:c 2 s:l s:l", "b:l 10", "s:l 100", "n:a b:m" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 4, 113 } } },
	{ "a snapshot of unknown size: the prediction stays, and so does what it holds",
	  { "b:m1 1 b:c1 b:l", "b:c1 1 s:l1", "s:l1 ? s:base", "b:m2 1 b:c2 b:l", "b:c2 1 s:base",
	    "b:l 10", "s:base 100", "n:a b:m1", "n:b b:m2" },
	  { CASE_IMAGE("c1", "a"), CASE_IMAGE("c2", "b") },
	  { { "c1", 0, 7 }, { "c2", 4, 2 } } },
	{ "no configuration, no manifest, no name: the prediction stays",
	  { "b:m1 1 b:c1", "n:a b:m1", "n:b b:m2", "b:c3 1" },
	  { CASE_IMAGE("c1", "a"), CASE_IMAGE("c2", "b"), CASE_IMAGE("c3", "c") },
	  { { "c1", 0, 7 }, { "c2", 0, 7 }, { "c3", 0, 7 } } },
	{ "a manifest that does not lead to the configuration is not all of the image",
	  { "b:m 1 b:l", "b:l 10", "b:c 2", "n:a b:m" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 0, 7 } } },
	{ "not unpacked yet: the blobs are all there is",
	  { "b:m 1 b:c b:l", "b:c 2", "b:l 10", "n:a b:m" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 3, 13 } } },
	{ "a snapshot and a blob of one name are two things",
	  { "b:m 1 b:c b:l", "b:c 2 s:m", "b:l 10", "s:m 100", "n:a b:m" },
	  { CASE_IMAGE("c", "a") },
	  { { "c", 4, 113 } } },
	{ "an empty store", { NULL }, { CASE_IMAGE("c", "a") }, { { "c", 0, 7 } } },
};

static struct inventory *inventory_of(const struct tree_case *c)
{
	struct inventory *inv = inventory_new();
	inv->images = arena_calloc(&inv->arena, N_LOTS, sizeof(*inv->images));
	for (size_t i = 0; i < N_LOTS && c->images[i].id; i++)
		inv->images[inv->n_images++] = c->images[i];
	return inv;
}

static void trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct tree_case *c = &cases[i];
		cleanup_layer_tree struct layer_tree *t = layer_tree_new();
		cleanup_inventory struct inventory *inv = inventory_of(c);
		struct err e = { 0 };
		for (size_t k = 0; k < N_LINES && c->lines[k]; k++)
			add_line(t, c->lines[k]);
		assert_int_equal(layer_tree_apply(t, inv, &e), 0);
		layers_predict(inv);
		for (size_t k = 0; k < inv->n_images; k++) {
			const struct image *image = &inv->images[k];
			const struct expected *want = &c->expected[k];
			if (image->n_layers != want->n_layers ||
			    image->predicted_bytes != want->bytes)
				fail_msg("%s: %s has %zu layers and frees %llu", c->what, image->id,
					 image->n_layers,
					 (unsigned long long)image->predicted_bytes);
			if (image->n_layers && want->bytes)
				assert_true(image->predicted_inodes > 0);
		}
	}
}

/* Removing both of two that share frees what they share with the second. */
static void holders_follow_removals(void **state)
{
	(void)state;
	cleanup_layer_tree struct layer_tree *t = layer_tree_new();
	cleanup_inventory struct inventory *inv = inventory_of(&cases[1]);
	struct err e = { 0 };
	for (size_t k = 0; k < N_LINES && cases[1].lines[k]; k++)
		add_line(t, cases[1].lines[k]);
	assert_int_equal(layer_tree_apply(t, inv, &e), 0);
	cleanup_free uint32_t *holders = layers_holders(inv);
	uint64_t gain[_RESOURCE_MAX];
	layers_release(holders, &inv->images[0]);
	layers_gain(inv, holders, &inv->images[1], gain);
	assert_int_equal(gain[RESOURCE_BYTES], 6222);
	assert_int_equal(gain[RESOURCE_INODES], 6);
}

static void caps(void **state)
{
	(void)state;
	cleanup_layer_tree struct layer_tree *t = layer_tree_new();
	struct err e = { 0 };
	char key[16];
	for (int i = 0; i < N_MAX_LAYER_NODES; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(layer_tree_node(t, "", key, &e), i);
	}
	assert_int_equal(layer_tree_node(t, "", "one more", &e), -E2BIG);
	assert_int_equal(layer_tree_node(t, "", "17", &e), 17);
	for (int i = 0; i < N_MAX_LAYER_REFERENCES; i++)
		assert_int_equal(layer_tree_refer(t, 0, i % N_MAX_LAYER_NODES, &e), 0);
	assert_int_equal(layer_tree_refer(t, 0, 1, &e), -E2BIG);
}

/* Many names of one large blob list: it ends, and the inventory is as it was. */
static void too_many_steps(void **state)
{
	(void)state;
	cleanup_layer_tree struct layer_tree *t = layer_tree_new();
	struct tree_case c = { .images = { CASE_IMAGE("none", "none") } };
	cleanup_inventory struct inventory *inv = inventory_of(&c);
	struct err e = { 0 };
	char key[16];
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		int node = layer_tree_node(t, "", key, &e);
		assert_int_equal(layer_tree_refer(t, 0, node, &e), 0);
		assert_int_equal(layer_tree_name(t, key, 0, &e), 0);
	}
	assert_int_equal(layer_tree_apply(t, inv, &e), -E2BIG);
	assert_int_equal(inv->n_layers, 0);
	assert_int_equal(inv->images[0].n_layers, 0);
}

static void usage_is_remembered(void **state)
{
	(void)state;
	struct layer_usage u = { 0 };
	assert_null(layer_usage_find(&u, "overlayfs", "a"));
	layer_usage_add(&u, "overlayfs", "b", 2, 20);
	layer_usage_add(&u, "overlayfs", "a", 1, 10);
	layer_usage_add(&u, "native", "a", 3, 30);
	assert_null(layer_usage_find(&u, "overlayfs", "a"));
	layer_usage_turn(&u);
	assert_int_equal(layer_usage_find(&u, "overlayfs", "a")->bytes, 1);
	assert_int_equal(layer_usage_find(&u, "native", "a")->inodes, 30);
	assert_null(layer_usage_find(&u, "native", "b"));
	for (int i = 0; i < 100; i++) {
		char key[16];
		(void)snprintf(key, sizeof(key), "%d", i);
		layer_usage_add(&u, "overlayfs", key, (uint64_t)i, 1);
	}
	layer_usage_turn(&u);
	assert_null(layer_usage_find(&u, "overlayfs", "a"));
	assert_int_equal(layer_usage_find(&u, "overlayfs", "77")->bytes, 77);
	layer_usage_turn(&u);
	assert_null(layer_usage_find(&u, "overlayfs", "77"));
	layer_usage_add(&u, "overlayfs", "left", 1, 1);
	layer_usage_done(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees),
		cmocka_unit_test(holders_follow_removals),
		cmocka_unit_test(caps),
		cmocka_unit_test(too_many_steps),
		cmocka_unit_test(usage_is_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
