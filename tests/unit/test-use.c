/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/use.h"
#include "random.h"

#define HEX_A	 "4a81b6860123456789abcdef0123456789abcdef0123456789abcdef0000000a"
#define HEX_B	 "9f1e77aa0123456789abcdef0123456789abcdef0123456789abcdef0000000b"
#define DIGEST_A "d00daaaa0123456789abcdef0123456789abcdef0123456789abcdef0000000a"
#define DIGEST_B "d00dbbbb0123456789abcdef0123456789abcdef0123456789abcdef0000000b"

static const struct image images[] = {
	{ .id = "sha256:" HEX_A,
	  LIST(names, "docker.io/library/nginx:latest", "docker.io/library/nginx:1",
	       "reg.io/app:latest", "localhost/app:latest", "localhost:5000/app:latest",
	       "docker.io/me/app:latest"),
	  LIST(digests, "docker.io/library/nginx@sha256:" DIGEST_A) },
	/* as Docker lists it: short, and an ID without its algorithm as CRI-O has it */
	{ .id = HEX_B,
	  LIST(names, "redis:7", "me/tool:2"),
	  LIST(digests, "redis@sha256:" DIGEST_B) },
	/* nothing refers to this one */
	{ .id = "sha256:0", LIST(names, "docker.io/library/other:latest") },
};
#define N_IMAGES ELEMENTS(images)

/* What a container with that reference, at any of its places, uses: 'a', 'b', or '-' for nothing. */
static char used_by(const char *ref, size_t place)
{
	struct container container = { .id = "c1", .references = { "", "", "", "" } };
	struct container_list list = { .containers = &container, .n_containers = 1 };
	struct image_use use[N_IMAGES];
	container.references[place] = ref;
	use_resolve(images, N_IMAGES, &list, NULL, 0, use);
	assert_int_equal(use[2].reason, KEEP_NONE);
	for (size_t i = 0; i < N_IMAGES; i++)
		assert_string_equal(use[i].by, use[i].reason == KEEP_NONE ? "" : "c1");
	if (use[0].reason != KEEP_NONE && use[1].reason != KEEP_NONE)
		return '+';
	return use[0].reason == KEEP_IN_USE ? 'a' : use[1].reason == KEEP_IN_USE ? 'b' : '-';
}

static void every_way_of_referring(void **state)
{
	(void)state;
	static const struct {
		const char *ref;
		char used;
	} rows[] = {
		{ "sha256:" HEX_A, 'a' },
		{ HEX_A, 'a' },
		{ "4a81b6860123", 'a' },
		{ "4a81b68601234", 'a' },
		{ "sha256:4a81b6860123", 'a' },
		{ "4a81b686012", '-' }, /* 11 digits */
		{ "sha256:4a81b686012", '-' },
		{ "4A81B6860123", '-' },
		{ "4a81b6860124", '-' },
		{ HEX_A "0", '-' },
		{ HEX_B, 'b' },
		{ "sha256:" HEX_B, 'b' },
		{ "9f1e77aa0123", 'b' },
		{ "9f1e77aa012", '-' },
		{ "docker.io/library/nginx:latest", 'a' },
		{ "docker.io/library/nginx", 'a' },
		{ "docker.io/nginx:1", 'a' },
		{ "index.docker.io/library/nginx:1", 'a' },
		{ "nginx", 'a' },
		{ "nginx:latest", 'a' },
		{ "nginx:1", 'a' },
		{ "nginx:2", '-' },
		{ "nginy", '-' },
		{ "ngin", '-' },
		{ "me/app", 'a' },
		{ "me/app:latest", 'a' },
		{ "you/app", '-' },
		{ "localhost/app", 'a' },
		{ "localhost:5000/app", 'a' },
		{ "localhost:5001/app", '-' },
		{ "reg.io/app", 'a' },
		{ "reg.io/app:1", '-' },
		{ "app", '-' },
		{ "redis:7", 'b' },
		{ "docker.io/library/redis:7", 'b' },
		{ "redis", '-' },
		{ "me/tool:2", 'b' },
		{ "docker.io/me/tool:2", 'b' },
		{ "nginx@sha256:" DIGEST_A, 'a' },
		{ "nginx:1@sha256:" DIGEST_A, 'a' },
		{ "nginx:old@sha256:" DIGEST_A, 'a' },
		{ "docker.io/library/nginx@sha256:" DIGEST_A, 'a' },
		{ "mirror.local/nginx@sha256:" DIGEST_A, 'a' },
		{ "nginx@sha256:" DIGEST_B, 'b' },
		{ "sha256:" DIGEST_A, 'a' },
		{ DIGEST_A, 'a' },
		{ "sha256:" DIGEST_B, 'b' },
		{ "@sha256:" DIGEST_B, 'b' },
		{ "redis@sha256:" DIGEST_B, 'b' },
		{ "docker.io/library/redis@sha256:" DIGEST_B, 'b' },
		/* where the ID is the digest of the manifest, as in Docker's containerd store */
		{ "nginx@sha256:" HEX_A, 'a' },
		{ "redis:7@sha256:" HEX_B, 'b' },
		{ "nginx@sha256:0000000000000000", '-' },
		{ "", '-' },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		for (size_t place = 0; place < CONTAINER_N_REFERENCES; place++)
			if (used_by(rows[i].ref, place) != rows[i].used)
				fail_msg("%s at %zu: %c", rows[i].ref, place,
					 used_by(rows[i].ref, place));
}

/* A short ID is only ever right as a whole, with and without its algorithm. */
static void whole_short_ids(void **state)
{
	(void)state;
	const struct image short_ids[] = {
		{ .id = "sha256:abc" }, { .id = "abcd" }, { .id = "image-1" }, { .id = "sha256:7" }
	};
	static const struct {
		const char *ref;
		int used; /* index, -1 for none */
	} rows[] = {
		{ "sha256:abc", 0 },  { "abc", 0 },	{ "abcd", 1 },
		{ "sha256:abcd", 1 }, { "7", 3 },	{ "8", -1 },
		{ "ab", -1 },	      { "image-1", 2 }, { "sha256:image-1", -1 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct container container = { .id = "c",
					       .references = { rows[i].ref, "", "", "" } };
		struct container_list list = { &container, 1 };
		struct image_use use[4];
		use_resolve(short_ids, 4, &list, NULL, 0, use);
		for (int image = 0; image < 4; image++)
			if ((use[image].reason == KEEP_IN_USE) != (image == rows[i].used))
				fail_msg("%s and %s", rows[i].ref, short_ids[image].id);
	}
}

static void hostile_references_use_nothing(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"@",	   ":",	       "/",	   "//",	"@@",	      "@:",
		"sha256:", "@sha256:", "sha256:@", "\n",	"\x01",	      "\x7f\x1b[2J",
		"nginx\n", " nginx",   "nginx ",   "nginx:1\t", "nginx@",     "nginx:",
		"*",	   "?",	       "%s",	   "\xff\xff",	"docker.io/", "docker.io/library/",
		".",	   "..",
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (used_by(rows[i], i % CONTAINER_N_REFERENCES) != '-')
			fail_msg("row %zu", i);
	static char long_ref[1 << 20];
	memset(long_ref, 'a', sizeof(long_ref) - 1);
	assert_int_equal(used_by(long_ref, 0), '-');
	memset(long_ref, '/', sizeof(long_ref) - 1);
	assert_int_equal(used_by(long_ref, 0), '-');
	memset(long_ref, '4', sizeof(long_ref) - 1);
	memcpy(long_ref, HEX_A, strlen(HEX_A));
	assert_int_equal(used_by(long_ref, 0), '-');
}

/* What a runtime lists among digests and is none still counts as a name. */
static void digests_that_are_none(void **state)
{
	(void)state;
	const struct image odd = { .id = "i",
				   LIST(digests, "nodigest", "x@", "<none>@<none>", "",
					"reg.io/a@sha512:0123456789abcdef") };
	static const struct {
		const char *ref;
		enum keep_reason reason;
	} rows[] = {
		{ "nodigest", KEEP_IN_USE },
		{ "x@", KEEP_IN_USE },
		{ "<none>", KEEP_IN_USE },
		{ "b@sha512:0123456789abcdef", KEEP_IN_USE },
		{ "b@sha512:0123456789abcdee", KEEP_NONE },
		{ "x", KEEP_NONE },
		{ "", KEEP_NONE },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct container container = { .id = "c",
					       .references = { rows[i].ref, "", "", "" } };
		struct image_use use;
		use_resolve(&odd, 1, &(struct container_list){ &container, 1 }, NULL, 0, &use);
		assert_int_equal(use.reason, rows[i].reason);
	}
}

/* A name that is too long for its full form is still compared as it stands. */
static void very_long_names(void **state)
{
	(void)state;
	static char name[4096];
	memset(name, 'n', sizeof(name) - 1);
	struct image image = { .id = "i", .names = STRINGS(name), .n_names = 1 };
	struct container container = { .id = "c", .references = { "", name, "", "" } };
	struct container_list list = { &container, 1 };
	struct image_use use;
	use_resolve(&image, 1, &list, NULL, 0, &use);
	assert_int_equal(use.reason, KEEP_IN_USE);
}

static void what_fits_several_protects_them_all(void **state)
{
	(void)state;
	const struct image twins[] = {
		{ .id = "sha256:aaaaaaaaaaaa01",
		  LIST(names, "app:1"),
		  LIST(digests, "app@sha256:d1") },
		{ .id = "sha256:bbbbbbbbbbbb01", LIST(names, "docker.io/library/app:1") },
		{ .id = "sha256:aaaaaaaaaaaa02", LIST(names, "x:1"), LIST(digests, "y@sha256:d1") },
		{ .id = "sha256:bbbbbbbbbbbb02", LIST(names, "x:2") },
		{ .id = "sha256:bbbbbbbbbbbb02", LIST(names, "x:3") },
	};
	static const struct {
		const char *ref, *used;
	} rows[] = {
		{ "app:1", "ab---" },
		{ "docker.io/library/app:1", "ab---" },
		{ "aaaaaaaaaaaa", "a-c--" },
		{ "bbbbbbbbbbbb0", "-b-de" },
		{ "sha256:bbbbbbbbbbbb02", "---de" },
		{ "sha256:d1", "a-c--" },
		{ "z@sha256:d1", "a-c--" },
		{ "x:2", "---d-" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct container container = { .id = "c",
					       .references = { "", "", rows[i].ref, "" } };
		struct container_list list = { &container, 1 };
		struct image_use use[5];
		char used[6] = "-----";
		use_resolve(twins, 5, &list, NULL, 0, use);
		for (int image = 0; image < 5; image++)
			if (use[image].reason == KEEP_IN_USE)
				used[image] = (char)('a' + image);
		if (strcmp(used, rows[i].used) != 0)
			fail_msg("%s: %s, not %s", rows[i].ref, used, rows[i].used);
	}
}

static void volumes_and_sandboxes(void **state)
{
	(void)state;
	struct container container = { .id = "c1",
				       .references = { "", "", "", "" },
				       LIST(volume_images, "", "nginx", "redis:7") };
	struct container_list list = { &container, 1 };
	struct image_use use[N_IMAGES];
	use_resolve(images, N_IMAGES, &list, STRINGS("other", ""), 2, use);
	assert_int_equal(use[0].reason, KEEP_IMAGE_VOLUME);
	assert_string_equal(use[0].by, "c1");
	assert_int_equal(use[1].reason, KEEP_IMAGE_VOLUME);
	assert_int_equal(use[2].reason, KEEP_SANDBOX);
	assert_string_equal(use[2].by, "other");
}

/* A container's image, then a volume, then a sandbox; among equals the first one listed. */
static void precedence(void **state)
{
	(void)state;
	struct container containers[] = {
		{ .id = "volume",
		  .references = { "", "", "", "" },
		  LIST(volume_images, "nginx", "redis:7") },
		{ .id = "first", .references = { "nginx:1", "", "", "" } },
		{ .id = "second", .references = { "nginx", HEX_A, "", "" } },
		{ .id = "late-volume",
		  .references = { "", "", "", "" },
		  LIST(volume_images, "nginx") },
	};
	struct container_list list = { containers, ELEMENTS(containers) };
	struct image_use use[N_IMAGES];
	use_resolve(images, N_IMAGES, &list, STRINGS("nginx", "redis:7", "other", "other:latest"),
		    4, use);
	assert_int_equal(use[0].reason, KEEP_IN_USE);
	assert_string_equal(use[0].by, "first");
	assert_int_equal(use[1].reason, KEEP_IMAGE_VOLUME);
	assert_string_equal(use[1].by, "volume");
	assert_int_equal(use[2].reason, KEEP_SANDBOX);
	assert_string_equal(use[2].by, "other");
}

static void nothing_at_all(void **state)
{
	(void)state;
	struct container container = { .id = "c", .references = { "nginx", "", "", "" } };
	struct container_list none = { NULL, 0 }, one = { &container, 1 };
	struct image_use use[N_IMAGES];
	assert_null(use_index_free(NULL));
	use_resolve(NULL, 0, &none, NULL, 0, NULL);
	use_resolve(NULL, 0, &one, STRINGS("pause"), 1, NULL);
	use_resolve(images, N_IMAGES, &none, NULL, 0, use);
	for (size_t i = 0; i < N_IMAGES; i++) {
		assert_int_equal(use[i].reason, KEEP_NONE);
		assert_string_equal(use[i].by, "");
	}
}

/* Many images: the one that is referred to in whatever way is found, and no other. */
static void one_among_many(void **state)
{
	(void)state;
	enum { N = 700 };
	static struct image many[N];
	static char ids[N][80], names[N][64], digests[N][128];
	static const char *name_lists[N], *digest_lists[N];
	struct random r = random_start("one among many");
	for (size_t i = 0; i < N; i++) {
		uint64_t a = random_next(&r), b = random_next(&r);
		(void)snprintf(ids[i], sizeof(ids[i]), "%s%016jx%016jx%016jx%016zx",
			       i % 2 ? "sha256:" : "", (uintmax_t)a, (uintmax_t)b, (uintmax_t)a, i);
		(void)snprintf(names[i], sizeof(names[i]), "docker.io/%s/app-%zu:v%zu",
			       i % 3 ? "library" : "me", i, i % 5);
		(void)snprintf(digests[i], sizeof(digests[i]), "docker.io/x/y@sha256:%016jx%048zx",
			       (uintmax_t)(a ^ b), i);
		name_lists[i] = names[i];
		digest_lists[i] = digests[i];
		many[i] = (struct image){ .id = ids[i],
					  .names = &name_lists[i],
					  .n_names = 1,
					  .digests = &digest_lists[i],
					  .n_digests = 1 };
	}
	static struct image_use use[N];
	for (size_t i = 0; i < N; i++) {
		char ref[128];
		const char *hex = i % 2 ? ids[i] + strlen("sha256:") : ids[i];
		const char *forms[] = { ids[i],	    hex,
					names[i],   names[i] + strlen("docker.io/"),
					digests[i], strchr(digests[i], '@') + 1 };
		if (random_once_in(&r, 3))
			(void)snprintf(ref, sizeof(ref), "%.*s", 16 + (int)random_below(&r, 48),
				       hex);
		else
			(void)snprintf(ref, sizeof(ref), "%s",
				       forms[random_below(&r, ELEMENTS(forms))]);
		struct container container = { .id = "c", .references = { "", "", "", ref } };
		use_resolve(many, N, &(struct container_list){ &container, 1 }, NULL, 0, use);
		for (size_t k = 0; k < N; k++)
			if ((use[k].reason != KEEP_NONE) != (k == i))
				fail_msg("%s: %s", ref, ids[k]);
	}
}

static void note(void *ctx, size_t container, size_t image)
{
	char *found = ctx, pair[32];
	size_t len = strlen(found);
	(void)snprintf(pair, sizeof(pair), "%zu:%zu ", container, image);
	/* it may be told several times */
	if (!strstr(found, pair))
		(void)snprintf(found + len, 64 - len, "%s", pair);
}

/* Which container refers to which image. */
static void one_by_one(void **state)
{
	(void)state;
	const char *names[] = { "docker.io/library/b:1" }, *volumes[] = { "c", "x" };
	const struct image list[] = { { .id = "a" },
				      { .id = "b", .names = names, .n_names = 1 },
				      { .id = "c" } };
	const struct container containers[] = {
		{ .id = "0", .references = { "a", "", "x", "" } },
		{ .id = "1", .references = { "", "", "", "" } },
		{ .id = "2",
		  .references = { "b:1", "b", "", "" },
		  .volume_images = volumes,
		  .n_volume_images = 2 },
	};
	char found[64] = "";
	use_each(list, 3, containers, 3, note, found);
	assert_string_equal(found, "0:0 2:1 2:2 ");
	*found = '\0';
	use_each(list, 3, containers, 0, note, found);
	use_each(NULL, 0, containers, 3, note, found);
	assert_string_equal(found, "");
}

/* An image that others are built on is in use by them, unless something stronger holds. */
static void dependents(void **state)
{
	(void)state;
	const struct image family[] = {
		{ .id = "sha256:" HEX_A, .dependent = "sha256:child" },
		{ .id = "sha256:" HEX_B, LIST(names, "redis:7"), .dependent = "sha256:child" },
		{ .id = "sha256:child" },
	};
	struct container container = { .id = "c1", .references = { "redis:7", "", "", "" } };
	const struct container_list list = { .containers = &container, .n_containers = 1 };
	static const char *const sandbox[] = { "sha256:" HEX_A };
	struct image_use use[ELEMENTS(family)];
	use_resolve(family, ELEMENTS(family), &list, sandbox, 1, use);
	assert_int_equal(use[0].reason, KEEP_IN_USE);
	assert_string_equal(use[0].by, "sha256:child");
	assert_int_equal(use[1].reason, KEEP_IN_USE);
	assert_string_equal(use[1].by, "c1");
	assert_int_equal(use[2].reason, KEEP_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_of_referring),
		cmocka_unit_test(whole_short_ids),
		cmocka_unit_test(hostile_references_use_nothing),
		cmocka_unit_test(digests_that_are_none),
		cmocka_unit_test(very_long_names),
		cmocka_unit_test(what_fits_several_protects_them_all),
		cmocka_unit_test(volumes_and_sandboxes),
		cmocka_unit_test(dependents),
		cmocka_unit_test(precedence),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(one_among_many),
		cmocka_unit_test(one_by_one),
	};
	return cmocka_run_group_tests_name("use", tests, NULL, NULL);
}
