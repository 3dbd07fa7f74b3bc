/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/newest.h"
#include "random.h"

/* One image a row; what is protected comes out in keep. */
struct row {
	struct image image;
	usec_t first_seen, last_used;
	enum keep_reason keep;
	bool over_age;
};

static const struct row rows[] = {
	{ { .id = "n1", LIST(names, "docker.io/library/nginx:1") },
	  10,
	  USEC_NEVER,
	  KEEP_NONE,
	  true },
	{ { .id = "n2", LIST(names, "nginx:2") }, 20, USEC_NEVER, KEEP_NONE, true },
	{ { .id = "n3",
	    LIST(names, "docker.io/library/nginx:3", "docker.io/library/nginx:latest") },
	  30,
	  35,
	  KEEP_NONE,
	  false },
	{ { .id = "n4", LIST(names, "docker.io/nginx:4") }, 40, 40, KEEP_IN_USE, false },
	{ { .id = "p1", LIST(names, "localhost:5000/nginx:1") }, 5, USEC_NEVER, KEEP_NONE, false },
	{ { .id = "d1", LIST(digests, "reg.io/app@sha256:01") }, 7, USEC_NEVER, KEEP_NONE, false },
	{ { .id = "d2", LIST(digests, "reg.io/app@sha256:02") }, 8, USEC_NEVER, KEEP_NONE, false },
	{ { .id = "x" }, 50, USEC_NEVER, KEEP_NONE, false },
	{ { .id = "y", LIST(names, "", "sha256:abcd") }, 50, USEC_NEVER, KEEP_NONE, false },
};
#define N_ROWS ELEMENTS(rows)

static void protect(size_t n_newest, struct verdict verdicts[N_ROWS], struct arena *arena)
{
	for (size_t i = 0; i < N_ROWS; i++)
		verdicts[i] = (struct verdict){ .image = &rows[i].image,
						.keep = rows[i].keep,
						.by = "",
						.first_seen = rows[i].first_seen,
						.last_used = rows[i].last_used,
						.over_age = rows[i].over_age };
	newest_protect(verdicts, N_ROWS, n_newest, arena);
}

static void so_many_of_each(void **state)
{
	(void)state;
	static const char *const expected[] = { "",
						"n4 p1 d2",
						"n3 n4 p1 d1 d2",
						"n2 n3 n4 p1 d1 d2",
						"n1 n2 n3 n4 p1 d1 d2",
						"n1 n2 n3 n4 p1 d1 d2" };
	for (size_t n = 0; n < ELEMENTS(expected); n++) {
		struct verdict verdicts[N_ROWS];
		struct arena arena = { 0 };
		protect(n, verdicts, &arena);
		for (size_t i = 0; i < N_ROWS; i++) {
			const char *id = rows[i].image.id;
			bool named = strstr(expected[n], id) != NULL;
			enum keep_reason keep = rows[i].keep != KEEP_NONE ? rows[i].keep
						: named ? KEEP_NEWEST_OF_REPOSITORY
							: KEEP_NONE;
			if (verdicts[i].keep != keep)
				fail_msg("%zu newest: %s is %s", n, id,
					 keep_reason_to_string(verdicts[i].keep));
			assert_int_equal(verdicts[i].over_age,
					 keep == KEEP_NONE && rows[i].over_age);
		}
		arena_done(&arena);
	}
}

static void names_the_repository(void **state)
{
	(void)state;
	struct verdict verdicts[N_ROWS];
	struct arena arena = { 0 };
	protect(9, verdicts, &arena);
	assert_string_equal(verdicts[0].by, "docker.io/library/nginx");
	assert_string_equal(verdicts[1].by, "docker.io/library/nginx");
	assert_string_equal(verdicts[3].by, "");
	assert_string_equal(verdicts[4].by, "localhost:5000/nginx");
	assert_string_equal(verdicts[5].by, "reg.io/app");
	assert_string_equal(verdicts[7].by, "");
	arena_done(&arena);
}

/* First seen, then last used, then the ID decide who is the newest. */
static void newest_of_two(void **state)
{
	(void)state;
	static const struct {
		usec_t first[2], last[2];
		const char *ids[2];
		int newest;
	} cases[] = {
		{ { 1, 2 }, { 9, 5 }, { "a", "b" }, 1 },
		{ { 2, 1 }, { 5, 9 }, { "a", "b" }, 0 },
		{ { 1, 1 }, { 5, 9 }, { "a", "b" }, 1 },
		{ { 1, 1 }, { 9, 5 }, { "a", "b" }, 0 },
		{ { 1, 1 }, { 9, USEC_NEVER }, { "b", "a" }, 0 },
		{ { 1, 1 }, { 5, 5 }, { "a", "b" }, 0 },
		{ { 1, 1 }, { 5, 5 }, { "b", "a" }, 1 },
	};
	static const char *const names[] = { "reg.io/x:1" };
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct image images[2];
		struct verdict verdicts[2];
		struct arena arena = { 0 };
		for (int k = 0; k < 2; k++) {
			images[k] = (struct image){ .id = cases[i].ids[k],
						    .names = names,
						    .n_names = 1 };
			verdicts[k] = (struct verdict){ .image = &images[k],
							.first_seen = cases[i].first[k],
							.last_used = cases[i].last[k] };
		}
		newest_protect(verdicts, 2, 1, &arena);
		assert_int_equal(verdicts[cases[i].newest].keep, KEEP_NEWEST_OF_REPOSITORY);
		assert_int_equal(verdicts[!cases[i].newest].keep, KEEP_NONE);
		arena_done(&arena);
	}
}

/* An image in two repositories stays for the sake of either. */
static void in_two_repositories(void **state)
{
	(void)state;
	const struct image images[] = {
		{ .id = "a", LIST(names, "reg.io/x:1", "reg.io/y:1") },
		{ .id = "b", LIST(names, "reg.io/x:2") },
	};
	struct verdict verdicts[] = { { .image = &images[0], .first_seen = 1 },
				      { .image = &images[1], .first_seen = 2 } };
	struct arena arena = { 0 };
	newest_protect(verdicts, 2, 1, &arena);
	assert_int_equal(verdicts[0].keep, KEEP_NEWEST_OF_REPOSITORY);
	assert_string_equal(verdicts[0].by, "reg.io/y");
	assert_int_equal(verdicts[1].keep, KEEP_NEWEST_OF_REPOSITORY);
	arena_done(&arena);
}

static void nothing_there(void **state)
{
	(void)state;
	const struct image bare = { .id = "x" };
	struct verdict verdict = { .image = &bare };
	struct arena arena = { 0 };
	newest_protect(NULL, 0, 3, &arena);
	newest_protect(&verdict, 1, 3, &arena);
	assert_int_equal(verdict.keep, KEEP_NONE);
	arena_done(&arena);
}

/* Through the plan: the newest stays, and with it the other entry of its ID. */
static void in_the_plan(void **state)
{
	(void)state;
	struct image images[] = {
		{ .id = "a", LIST(names, "reg.io/x:1") },
		{ .id = "a", LIST(names, "reg.io/y:1") },
		{ .id = "b", LIST(names, "reg.io/y:2") },
		{ .id = "c", LIST(names, "reg.io/y:3") },
	};
	struct image_use use[4] = {
		{ KEEP_NONE, "" }, { KEEP_NONE, "" }, { KEEP_NONE, "" }, { KEEP_NONE, "" }
	};
	struct usage_entry entries[] = {
		{ .id = (char[]){ "a" }, .first_seen = 1, .last_used = 1 },
		{ .id = (char[]){ "b" }, .first_seen = 2, .last_used = 1 },
		{ .id = (char[]){ "c" }, .first_seen = 3, .last_used = 1 }
	};
	struct usage_history history = { .entries = entries, .n_entries = 3 };
	struct inventory inv = { .images = images, .n_images = 4 };
	struct image_gc_policy policy = { .keep_newest = 1, .maximum_age = 5 };
	struct plan p;
	plan_build(&inv, use, &history, &policy, 1000, &p);
	assert_int_equal(p.n_candidates, 1);
	assert_int_equal(p.n_over_age, 1);
	assert_string_equal(p.verdicts[0].image->id, "b");
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(p.verdicts[i].keep, KEEP_NEWEST_OF_REPOSITORY);
	plan_done(&p);
}

/* Against counting: protected exactly when fewer than n others of the repository are newer. */
static void random_repositories(void **state)
{
	(void)state;
	enum { N = 100 };
	struct random r = random_start("newest");
	for (int round = 0; round < 300; round++) {
		static char names[N][32], ids[N][16];
		static const char *lists[N];
		struct image images[N];
		struct verdict verdicts[N];
		int repository[N];
		struct arena arena = { 0 };
		size_t n_newest = random_below(&r, 30);
		for (int i = 0; i < N; i++) {
			repository[i] = (int)random_below(&r, 5);
			(void)snprintf(names[i], sizeof(names[i]), "reg.io/r%d:%d", repository[i],
				       i);
			(void)snprintf(ids[i], sizeof(ids[i]), "%02d", i);
			lists[i] = names[i];
			images[i] =
				(struct image){ .id = ids[i], .names = &lists[i], .n_names = 1 };
			verdicts[i] = (struct verdict){ .image = &images[i],
							.first_seen = (usec_t)random_below(&r, 6) };
		}
		newest_protect(verdicts, N, n_newest, &arena);
		for (int i = 0; i < N; i++) {
			size_t newer = 0;
			for (int k = 0; k < N; k++)
				newer += repository[k] == repository[i] &&
					 (verdicts[k].first_seen > verdicts[i].first_seen ||
					  (verdicts[k].first_seen == verdicts[i].first_seen &&
					   k < i));
			assert_int_equal(verdicts[i].keep == KEEP_NEWEST_OF_REPOSITORY,
					 newer < n_newest);
		}
		arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_of_each),     cmocka_unit_test(names_the_repository),
		cmocka_unit_test(newest_of_two),       cmocka_unit_test(in_two_repositories),
		cmocka_unit_test(nothing_there),       cmocka_unit_test(in_the_plan),
		cmocka_unit_test(random_repositories),
	};
	return cmocka_run_group_tests_name("newest", tests, NULL, NULL);
}
