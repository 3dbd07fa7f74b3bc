/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "history.h"
#include "own-directory.h"
#include "own-filesystem.h"
#include "util/clock.h"
#include "util/limits.h"

/* --- helpers ----------------------------------------------------------------------------------- */

static void add(struct usage_history *h, const char *id, usec_t first_seen, usec_t last_used)
{
	h->entries = xreallocarray(h->entries, h->n_entries + 1, sizeof(*h->entries));
	h->entries[h->n_entries++] = (struct usage_entry){
		.id = xstrdup(id),
		.first_seen = first_seen,
		.last_used = last_used,
	};
}

/* n images as a node has them; the later ones were used later. */
static struct usage_history many(size_t n)
{
	struct usage_history h = { .entries = xcalloc(n, sizeof(*h.entries)), .n_entries = n };
	for (size_t i = 0; i < n; i++) {
		char id[80];
		(void)snprintf(id, sizeof(id), "sha256:%064zx", i);
		h.entries[i] = (struct usage_entry){ .id = xstrdup(id), .last_used = (usec_t)i };
	}
	return h;
}

static const char *id_of(size_t i)
{
	static char id[80];
	(void)snprintf(id, sizeof(id), "sha256:%064zx", i);
	return id;
}

static void save(const char *directory, const struct usage_history *h)
{
	struct err e = { 0 };
	if (history_save(directory, "usage", h, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(e.code, 0);
}

static struct usage_history loaded(const char *directory)
{
	struct usage_history h = { 0 };
	struct err e = { 0 };
	if (history_load(directory, "usage", &h, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(e.code, 0);
	return h;
}

static void assert_unreadable(const char *directory, int code, const char *named)
{
	struct usage_history h = { 0 };
	struct err e = { 0 };
	assert_int_equal(history_load(directory, "usage", &h, &e), -code);
	assert_int_equal(e.code, code);
	assert_non_null(strstr(e.msg, named));
	assert_int_equal(h.n_entries, 0);
	assert_null(h.entries);
}

/* Changes bytes of the kept file all over it. */
static void damage(const char *path)
{
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t i = 64; i < st.st_size; i += 512)
		assert_int_equal(pwrite(fd, "damage", 6, i), 6);
}

/* --- tests ------------------------------------------------------------------------------------- */

static void comes_back(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	usec_t now = now_monotonic();
	add(&h, "sha256:a", now - 3 * USEC_PER_HOUR, now - USEC_PER_HOUR);
	add(&h, "sha256:b", now, USEC_NEVER);
	for (int i = 0; i < 3; i++) {
		save(at("state"), &h);
		struct usage_history back = loaded(at("state"));
		assert_int_equal(back.n_entries, 2);
		const struct usage_entry *a = usage_find(&back, "sha256:a");
		const struct usage_entry *b = usage_find(&back, "sha256:b");
		/* to the microsecond: it is the same boot */
		assert_int_equal(a->first_seen, h.entries[0].first_seen);
		assert_int_equal(a->last_used, h.entries[0].last_used);
		assert_int_equal(b->first_seen, h.entries[1].first_seen);
		assert_int_equal(b->last_used, USEC_NEVER);
		usage_clear(&back);
	}
	usage_clear(&h);
}

static void nothing_kept_is_no_error(void **state)
{
	(void)state;
	struct usage_history h = loaded(at("missing"));
	assert_int_equal(h.n_entries, 0);
	h = loaded(own_directory);
	assert_int_equal(h.n_entries, 0);
	/* looking leaves no trace */
	assert_int_equal(access(at("missing"), F_OK), -1);
	assert_int_equal(access(at("usage"), F_OK), -1);
	/* a file that was made, and not written to before the power went */
	static const char zeros[16384];
	put(at("usage"), zeros, sizeof(zeros));
	h = loaded(own_directory);
	assert_int_equal(h.n_entries, 0);
	/* an empty history is one */
	save(own_directory, &h);
	h = loaded(own_directory);
	assert_int_equal(h.n_entries, 0);
	usage_clear(&h);
}

static void damage_is_an_error(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	add(&h, "sha256:a", 1, 2);
	save(own_directory, &h);
	save(own_directory, &h);
	damage(at("usage"));
	assert_unreadable(own_directory, EBADMSG, at("usage"));
	/* and is repaired by keeping the next one */
	save(own_directory, &h);
	struct usage_history back = loaded(own_directory);
	assert_int_equal(back.n_entries, 1);
	usage_clear(&back);
	usage_clear(&h);
}

static void something_else_is_an_error(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	put(at("usage"), "{}", 2);
	assert_unreadable(own_directory, EBADMSG, at("usage"));
	save(own_directory, &h);
	assert_int_equal(unlink(at("usage")), 0);
	assert_int_equal(symlink("/etc/passwd", at("usage")), 0);
	assert_unreadable(own_directory, ELOOP, at("usage"));
	put(at("file"), "", 0);
	assert_unreadable(at("file"), ENOTDIR, at("file"));
}

static void cannot_be_kept(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	struct err e = { 0 };
	int descriptors = open_descriptors();
	put(at("file"), "", 0);
	assert_int_equal(history_save(at("file"), "usage", &h, &e), -ENOTDIR);
	assert_non_null(strstr(e.msg, at("file")));
	if (!own_tmpfs("size=1m", own_directory))
		SKIP("no mounts of one's own: not root");
	add(&h, "sha256:a", 1, 2);
	save(own_directory, &h);
	assert_int_equal(mount(NULL, own_directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(history_save(own_directory, "usage", &h, &e), -EROFS);
	assert_non_null(strstr(e.msg, at("usage")));
	assert_non_null(strstr(e.msg, strerror(EROFS)));
	/* what was kept before is still read */
	struct usage_history back = loaded(own_directory);
	assert_int_equal(back.n_entries, 1);
	usage_clear(&back);
	usage_clear(&h);
	assert_int_equal(open_descriptors(), descriptors);
}

static void as_many_as_there_may_be(void **state)
{
	(void)state;
	static const size_t counts[] = { 2500, 2800, 10000, N_MAX_IMAGES, 3 };
	off_t last = 0;
	for (size_t i = 0; i < ELEMENTS(counts); i++) {
		struct stat st;
		struct usage_history h = many(counts[i]);
		save(own_directory, &h);
		struct usage_history back = loaded(own_directory);
		assert_int_equal(back.n_entries, counts[i]);
		assert_int_equal(usage_find(&back, id_of(0))->last_used, 0);
		assert_int_equal(usage_find(&back, id_of(counts[i] - 1))->last_used, counts[i] - 1);
		usage_clear(&back);
		usage_clear(&h);
		assert_int_equal(stat(at("usage"), &st), 0);
		assert_true(st.st_size >= last); /* room that was taken stays */
		last = st.st_size;
	}
	assert_true(last < 20 << 20);
}

/* It has room for more than it holds, so that not every new image needs a larger file. */
static void grows_in_large_steps(void **state)
{
	(void)state;
	struct stat st;
	ino_t inode = 0;
	int files = 0;
	for (size_t n = 0; n <= 12000; n += 200) {
		struct usage_history h = many(n);
		save(own_directory, &h);
		usage_clear(&h);
		assert_int_equal(stat(at("usage"), &st), 0);
		files += st.st_ino != inode;
		inode = st.st_ino;
	}
	assert_in_range(files, 3, 4);
}

/* Without room for a larger file those used last are kept. */
static void no_room_to_grow(void **state)
{
	(void)state;
	if (!own_tmpfs("size=1m", own_directory))
		SKIP("no mounts of one's own: not root");
	struct usage_history h = many(2000);
	save(own_directory, &h);
	usage_clear(&h);
	fill_up(own_directory);
	h = many(10000);
	save(own_directory, &h);
	struct usage_history back = loaded(own_directory);
	assert_in_range(back.n_entries, 2600, 3000);
	for (size_t i = 0; i < h.n_entries; i++)
		assert_int_equal(usage_find(&back, id_of(i)) != NULL,
				 i >= h.n_entries - back.n_entries);
	usage_clear(&back);
	usage_clear(&h);
}

/* However many images come and go, the file is the one that was made for those that are there. */
static void churn_does_not_grow_it(void **state)
{
	(void)state;
	struct stat first, last;
	struct usage_history h = many(2500);
	struct image_use use[1] = { { KEEP_IN_USE, "c" } };
	save(own_directory, &h);
	assert_int_equal(stat(at("usage"), &first), 0);
	for (size_t i = 0; i < 5000; i++) {
		struct image image = { .id = id_of(i), .size_bytes = 1000000 };
		struct inventory inv = { .images = &image, .n_images = 1 };
		const uint64_t freed[] = { 3000000, 40 };
		(void)usage_observe(&h, &inv, use, NULL, now_monotonic());
		usage_removed(&h, "r 1", &image, freed, now_monotonic());
		if (i % 100 == 0)
			save(own_directory, &h);
	}
	save(own_directory, &h);
	assert_int_equal(stat(at("usage"), &last), 0);
	assert_int_equal(last.st_ino, first.st_ino);
	assert_int_equal(last.st_size, first.st_size);
	struct usage_history back = loaded(own_directory);
	assert_int_equal(back.n_gone, N_MAX_GONE_IMAGES);
	assert_string_equal(back.gone[back.n_gone - 1].id, id_of(4999));
	assert_int_equal(back.gone[0].gain[RESOURCE_BYTES], 3000000);
	assert_int_equal(back.ratios.n_ratios, 1);
	usage_clear(&back);
	usage_clear(&h);
}

static void boot_ids(void **state)
{
	static const char digits[] = "0123456789abcdef0123456789abcdef";
	static const struct {
		const char *text, *id;
	} table[] = {
		{ "01234567-89ab-cdef-0123-456789abcdef\n", digits },
		{ digits, digits },
		{ "", "" },
		{ "\n", "" },
		{ "0123456789abcdef0123456789abcde", "" },
		{ "0123456789abcdef0123456789abcdef0", "" },
		{ "0123456789abcdef0123456789abcdeF", "" },
		{ "0123456789abcdef 0123456789abcdef", "" },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		char id[BOOT_ID_MAX], zeros[BOOT_ID_MAX] = "";
		memset(id, 'x', sizeof(id));
		history_boot_id(table[i].text, id);
		assert_string_equal(id, table[i].id);
		assert_memory_equal(id + strlen(id), zeros, sizeof(id) - strlen(id));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_ids),
		IN_OWN_DIRECTORY(comes_back),
		IN_OWN_DIRECTORY(nothing_kept_is_no_error),
		IN_OWN_DIRECTORY(damage_is_an_error),
		IN_OWN_DIRECTORY(something_else_is_an_error),
		IN_OWN_DIRECTORY(cannot_be_kept),
		IN_OWN_DIRECTORY(as_many_as_there_may_be),
		IN_OWN_DIRECTORY(grows_in_large_steps),
		IN_OWN_DIRECTORY(no_room_to_grow),
		IN_OWN_DIRECTORY(churn_does_not_grow_it),
	};
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
