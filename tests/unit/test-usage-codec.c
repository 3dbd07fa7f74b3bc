/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "core/crc32.h"
#include "core/usage-codec.h"
#include "random.h"
#include "util/limits.h"

#define HOUR	    USEC_PER_HOUR
#define YEAR	    (365 * 24 * HOUR)
#define YEAR_2026   ((int64_t)1767225600 * USEC_PER_SEC)
#define HEAD_SIZE   (8 + BOOT_ID_MAX + 16 + 8) /* version, n, boot ID, two clocks, two more counts */
#define RECORD_SIZE 22			       /* two ages, uses, flags, the ID's length */

static const struct usage_clock saved = {
	.boot_id = "boot-1",
	.monotonic = 100 * HOUR,
	.wall_usec = YEAR_2026,
};

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

/* An ID of len characters. */
static char *id_of(size_t len)
{
	char *id = xcalloc(len + 1, 1);
	memset(id, 'i', len);
	return id;
}

static struct buf encoded(const struct usage_history *h, const struct usage_clock *clock)
{
	struct buf out = BUF_INIT(1024 * 1024);
	assert_int_equal(usage_encode(h, clock, &out), h->n_entries);
	assert_int_equal(out.len, usage_encoded_size(h));
	return out;
}

/* The ages that one image, seen first 3 h and used last 1 h before it was saved, has by clock. */
static void assert_passed(const struct usage_clock *at_save, const struct usage_clock *at_load,
			  usec_t passed)
{
	struct usage_history h = { 0 }, back;
	add(&h, "a", at_save->monotonic - 3 * HOUR, at_save->monotonic - HOUR);
	cleanup_buf struct buf bytes = encoded(&h, at_save);
	assert_int_equal(usage_decode(bytes.data, bytes.len, at_load, &back), 0);
	const struct usage_entry *entry = usage_find(&back, "a");
	assert_non_null(entry);
	assert_int_equal(at_load->monotonic - entry->first_seen, 3 * HOUR + passed);
	assert_int_equal(at_load->monotonic - entry->last_used, HOUR + passed);
	usage_clear(&h);
	usage_clear(&back);
}

/* --- what comes back --------------------------------------------------------------------------- */

static void round_trip(void **state)
{
	(void)state;
	struct usage_history h = { 0 }, back;
	add(&h, "sha256:b", 5 * HOUR, 6 * HOUR);
	add(&h, "sha256:a", -2 * HOUR, USEC_NEVER);
	add(&h, "sha256:c", saved.monotonic, saved.monotonic);
	cleanup_buf struct buf bytes = encoded(&h, &saved);
	assert_int_equal(usage_decode(bytes.data, bytes.len, &saved, &back), 0);
	assert_int_equal(back.n_entries, 3);
	for (size_t i = 0; i < h.n_entries; i++) {
		const struct usage_entry *entry = usage_find(&back, h.entries[i].id);
		assert_non_null(entry);
		assert_int_equal(entry->first_seen, h.entries[i].first_seen);
		assert_int_equal(entry->last_used, h.entries[i].last_used);
		assert_false(entry->in_use);
	}
	usage_clear(&h);
	usage_clear(&back);
}

static void an_empty_history_is_one(void **state)
{
	(void)state;
	struct usage_history h = { 0 }, back;
	cleanup_buf struct buf bytes = encoded(&h, &saved);
	assert_int_equal(bytes.len, HEAD_SIZE);
	assert_int_equal(usage_decode(bytes.data, bytes.len, &saved, &back), 0);
	assert_int_equal(back.n_entries, 0);
	usage_clear(&back);
	/* nothing at all is none */
	assert_int_equal(usage_decode(NULL, 0, &saved, &back), -EBADMSG);
	assert_null(back.entries);
}

static void clocks(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct usage_clock save, load;
		usec_t passed;
	} rows[] = {
		{ "same boot",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "boot-1", 102 * HOUR, YEAR_2026 + 2 * HOUR },
		  2 * HOUR },
		{ "same boot, the wall clock was set back",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "boot-1", 101 * HOUR, YEAR_2026 - YEAR },
		  HOUR },
		{ "same boot, the wall clock was set forward",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "boot-1", 101 * HOUR, YEAR_2026 + 5 * YEAR },
		  HOUR },
		{ "same boot, but earlier: a clock that cannot be",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "boot-1", 99 * HOUR, YEAR_2026 },
		  0 },
		{ "reboot",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "boot-2", HOUR, YEAR_2026 + 7 * HOUR },
		  7 * HOUR },
		{ "reboot, the wall clock was set back",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "boot-2", HOUR, YEAR_2026 - 7 * HOUR },
		  0 },
		{ "reboot, the wall clock starts before 1970",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "boot-2", HOUR, -YEAR },
		  0 },
		{ "reboot, the wall clock had not been set",
		  { "boot-1", 100 * HOUR, 100 * HOUR },
		  { "boot-2", HOUR, YEAR_2026 },
		  0 },
		{ "reboot, the wall clock was before 1970",
		  { "boot-1", 100 * HOUR, INT64_MIN },
		  { "boot-2", HOUR, YEAR_2026 },
		  0 },
		{ "the boot is not known: by the wall clock",
		  { "", 100 * HOUR, YEAR_2026 },
		  { "", 200 * HOUR, YEAR_2026 + 2 * HOUR },
		  2 * HOUR },
		{ "the boot was known, and is not",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "", 200 * HOUR, YEAR_2026 + 2 * HOUR },
		  2 * HOUR },
		{ "boot IDs that begin alike",
		  { "boot-1", 100 * HOUR, YEAR_2026 },
		  { "boot-10", 150 * HOUR, YEAR_2026 + 2 * HOUR },
		  2 * HOUR },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		print_message("# %s\n", rows[i].what);
		assert_passed(&rows[i].save, &rows[i].load, rows[i].passed);
	}
}

/* A century is as old as it gets, whatever the clocks say; and nothing comes from the future. */
static void ages_are_capped(void **state)
{
	(void)state;
	static const struct usage_clock later = { "boot-2", 0, INT64_MAX };
	struct usage_history h = { 0 }, back;
	add(&h, "future", saved.monotonic + HOUR, saved.monotonic + 2 * HOUR);
	add(&h, "never", saved.monotonic, USEC_NEVER);
	add(&h, "old", saved.monotonic - 150 * YEAR, saved.monotonic - 120 * YEAR);
	cleanup_buf struct buf bytes = encoded(&h, &saved);

	assert_int_equal(usage_decode(bytes.data, bytes.len, &saved, &back), 0);
	assert_int_equal(usage_find(&back, "future")->first_seen, saved.monotonic);
	assert_int_equal(usage_find(&back, "future")->last_used, saved.monotonic);
	assert_int_equal(usage_find(&back, "old")->first_seen, saved.monotonic - 100 * YEAR);
	assert_int_equal(usage_find(&back, "old")->last_used, saved.monotonic - 100 * YEAR);
	usage_clear(&back);

	assert_int_equal(usage_decode(bytes.data, bytes.len, &later, &back), 0);
	for (size_t i = 0; i < back.n_entries; i++)
		assert_int_equal(back.entries[i].first_seen, -100 * YEAR);
	assert_int_equal(usage_find(&back, "never")->last_used, USEC_NEVER);
	usage_clear(&h);
	usage_clear(&back);
}

/* --- what is stored ---------------------------------------------------------------------------- */

static void lengths_of_ids(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		bool stored;
	} rows[] = { { 0, false }, { 1, true }, { 255, true }, { 256, false }, { 5000, false } };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct usage_history h = { 0 }, back;
		cleanup_free char *id = id_of(rows[i].len);
		cleanup_buf struct buf bytes = BUF_INIT(10000);
		add(&h, id, 1, 2);
		add(&h, "other", 3, 4);
		assert_int_equal(usage_encode(&h, &saved, &bytes), rows[i].stored ? 2 : 1);
		assert_int_equal(bytes.len, usage_encoded_size(&h));
		assert_int_equal(usage_decode(bytes.data, bytes.len, &saved, &back), 0);
		assert_int_equal(usage_find(&back, id) != NULL, rows[i].stored);
		assert_non_null(usage_find(&back, "other"));
		usage_clear(&h);
		usage_clear(&back);
	}
}

/* Images in the order in which they are given up, last one first. */
static void too_little_room_drops_the_longest_unused(void **state)
{
	(void)state;
	static const char *const order[] = { "e", "ccc", "b", "aaaaaaaa", "d" };
	struct usage_history h = { 0 }, back;
	add(&h, "aaaaaaaa", 10, USEC_NEVER); /* first seen counts where it was never used */
	add(&h, "b", 5, 20);
	add(&h, "ccc", 30, 7);
	add(&h, "d", 1, 2);
	add(&h, "e", 2, 40);
	for (size_t max = HEAD_SIZE; max <= HEAD_SIZE + 5 * (RECORD_SIZE + 8); max++) {
		cleanup_buf struct buf bytes = BUF_INIT(max);
		size_t n = usage_encode(&h, &saved, &bytes);
		assert_false(bytes.overflowed);
		assert_int_equal(usage_decode(bytes.data, bytes.len, &saved, &back), 0);
		assert_int_equal(back.n_entries, n);
		for (size_t i = 0; i < ELEMENTS(order); i++)
			assert_int_equal(usage_find(&back, order[i]) != NULL, i < n);
		/* as many as there is room for */
		size_t next = n < ELEMENTS(order) ? RECORD_SIZE + strlen(order[n]) : 1000;
		assert_true(bytes.len + next > max);
		usage_clear(&back);
	}
	usage_clear(&h);
}

static void no_room_for_the_head(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	add(&h, "a", 1, 1);
	for (size_t max = 0; max < HEAD_SIZE; max++) {
		cleanup_buf struct buf bytes = BUF_INIT(max);
		assert_int_equal(usage_encode(&h, &saved, &bytes), 0);
	}
	usage_clear(&h);
}

/* What is behind something else in the buffer is the same. */
static void appends(void **state)
{
	(void)state;
	struct usage_history h = { 0 }, back;
	cleanup_buf struct buf bytes = BUF_INIT(1000);
	add(&h, "a", 1, 2);
	assert_int_equal(buf_puts(&bytes, "before"), 0);
	assert_int_equal(usage_encode(&h, &saved, &bytes), 1);
	assert_memory_equal(bytes.data, "before", 6);
	assert_int_equal(usage_decode(bytes.data + 6, bytes.len - 6, &saved, &back), 0);
	assert_non_null(usage_find(&back, "a"));
	usage_clear(&h);
	usage_clear(&back);
}

/* What would be too many to read back is not written. */
static void more_images_than_there_may_be(void **state)
{
	(void)state;
	struct usage_history h = { .n_entries = N_MAX_IMAGES + 3 }, back;
	cleanup_buf struct buf bytes = BUF_INIT(8 * 1024 * 1024);
	h.entries = xcalloc(h.n_entries, sizeof(*h.entries));
	for (size_t i = 0; i < h.n_entries; i++) {
		char id[24];
		(void)snprintf(id, sizeof(id), "%zu", i);
		h.entries[i] = (struct usage_entry){ .id = xstrdup(id), .last_used = (usec_t)i };
	}
	assert_int_equal(usage_encode(&h, &saved, &bytes), N_MAX_IMAGES);
	assert_int_equal(usage_decode(bytes.data, bytes.len, &saved, &back), 0);
	assert_int_equal(back.n_entries, N_MAX_IMAGES);
	assert_null(usage_find(&back, "2"));
	assert_non_null(usage_find(&back, "3"));
	usage_clear(&h);
	usage_clear(&back);
}

/* --- what is no history ------------------------------------------------------------------------ */

static void fill(struct usage_history *h)
{
	cleanup_free char *longest = id_of(255);
	add(h, "sha256:a", 1 * HOUR, 2 * HOUR);
	add(h, "b", 3 * HOUR, USEC_NEVER);
	add(h, longest, 4 * HOUR, 5 * HOUR);
}

/* A copy of its own length, so that the sanitizers see a byte too far. */
static int decode_copy(const void *data, size_t len)
{
	struct usage_history back = { .n_entries = 99 };
	cleanup_free unsigned char *copy = xcalloc(len, 1);
	if (len)
		memcpy(copy, data, len);
	int r = usage_decode(copy, len, &saved, &back);
	if (r < 0) {
		assert_int_equal(back.n_entries, 0);
		assert_null(back.entries);
	}
	for (size_t i = 0; i < back.n_entries; i++) {
		size_t id_len = strlen(back.entries[i].id);
		assert_in_range(id_len, 1, 255);
		/* later sums and differences of instants do not overflow */
		assert_true(back.entries[i].first_seen >= saved.monotonic - 100 * YEAR);
		assert_true(back.entries[i].first_seen <= saved.monotonic);
		assert_true(back.entries[i].last_used == USEC_NEVER ||
			    back.entries[i].last_used >= saved.monotonic - 100 * YEAR);
		assert_true(back.entries[i].last_used <= saved.monotonic);
		if (i > 0)
			assert_true(strcmp(back.entries[i - 1].id, back.entries[i].id) < 0);
	}
	usage_clear(&back);
	return r;
}

static void cut_at_every_length(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	fill(&h);
	cleanup_buf struct buf bytes = encoded(&h, &saved);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(decode_copy(bytes.data, len), -EBADMSG);
	assert_int_equal(decode_copy(bytes.data, bytes.len), 0);
	/* and what stands behind it is none of ours */
	assert_int_equal(buf_putc(&bytes, 'x'), 0);
	assert_int_equal(decode_copy(bytes.data, bytes.len), -EBADMSG);
	usage_clear(&h);
}

static void hostile_heads(void **state)
{
	(void)state;
	static const uint32_t counts[] = { 0, 2, 4, 5, 65535, 65536, 65537, INT32_MAX, UINT32_MAX };
	static const uint32_t versions[] = { 0, 1, 3, 0x02000000, UINT32_MAX };
	struct usage_history h = { 0 };
	fill(&h);
	cleanup_buf struct buf bytes = encoded(&h, &saved);
	for (size_t i = 0; i < ELEMENTS(counts); i++) {
		memcpy(bytes.data + 4, &counts[i], sizeof(counts[i]));
		assert_int_equal(decode_copy(bytes.data, bytes.len), -EBADMSG);
	}
	memcpy(bytes.data + 4, &(uint32_t){ 3 }, 4);
	assert_int_equal(decode_copy(bytes.data, bytes.len), 0);
	for (size_t i = 0; i < ELEMENTS(versions); i++) {
		memcpy(bytes.data, &versions[i], sizeof(versions[i]));
		assert_int_equal(decode_copy(bytes.data, bytes.len), -EBADMSG);
	}
	usage_clear(&h);
}

/* Saved at a time from which to now more passes than can be said: it is not known how long ago. */
static void hostile_clocks(void **state)
{
	(void)state;
	static const int64_t monotonic[] = { INT64_MIN, -1, INT64_MAX };
	struct usage_history h = { 0 }, back;
	add(&h, "a", saved.monotonic - 3 * HOUR, USEC_NEVER);
	cleanup_buf struct buf bytes = encoded(&h, &saved);
	for (size_t i = 0; i < ELEMENTS(monotonic); i++) {
		memcpy(bytes.data + 8 + BOOT_ID_MAX, &monotonic[i], sizeof(monotonic[i]));
		assert_int_equal(usage_decode(bytes.data, bytes.len, &saved, &back), 0);
		usec_t passed = monotonic[i] == -1 ? saved.monotonic + 1 : 0;
		assert_int_equal(saved.monotonic - back.entries[0].first_seen, 3 * HOUR + passed);
		usage_clear(&back);
	}
	usage_clear(&h);
}

static void hostile_records(void **state)
{
	(void)state;
	static const struct {
		int64_t first_seen_age, last_used_age;
		int result;
	} rows[] = {
		{ 0, 0, 0 },
		{ -1, -1, 0 },
		{ INT64_MIN, INT64_MIN, 0 },
		{ INT64_MAX - 1, INT64_MAX - 1, 0 },
		{ 0, INT64_MAX, 0 },
		/* the age of an image that was never seen */
		{ INT64_MAX, 0, -EBADMSG },
	};
	struct usage_history h = { 0 };
	add(&h, "ab", 1, 2);
	cleanup_buf struct buf bytes = encoded(&h, &saved);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		memcpy(bytes.data + HEAD_SIZE, &rows[i].first_seen_age, 8);
		memcpy(bytes.data + HEAD_SIZE + 8, &rows[i].last_used_age, 8);
		assert_int_equal(decode_copy(bytes.data, bytes.len), rows[i].result);
	}
	memset(bytes.data + HEAD_SIZE, 0, 16);
	bytes.data[bytes.len - 1] = '\0'; /* within the ID */
	assert_int_equal(decode_copy(bytes.data, bytes.len), -EBADMSG);
	bytes.data[bytes.len - 1] = 'b';
	bytes.data[HEAD_SIZE + RECORD_SIZE - 1] = 0; /* an ID of no characters */
	assert_int_equal(decode_copy(bytes.data, bytes.len - 2), -EBADMSG);
	usage_clear(&h);
}

/* Two records of one image are one. */
static void twice_the_same(void **state)
{
	(void)state;
	struct usage_history h = { 0 }, back;
	add(&h, "a", 10, 20);
	add(&h, "a", 10, 30);
	cleanup_buf struct buf bytes = encoded(&h, &saved);
	assert_int_equal(usage_decode(bytes.data, bytes.len, &saved, &back), 0);
	assert_int_equal(back.n_entries, 1);
	assert_int_equal(back.entries[0].last_used, 30);
	usage_clear(&h);
	usage_clear(&back);
}

static void random_damage(void **state)
{
	(void)state;
	struct random random = random_start("random_damage");
	struct usage_history h = { 0 };
	fill(&h);
	cleanup_buf struct buf good = encoded(&h, &saved);
	for (int round = 0; round < 10000; round++) {
		cleanup_free char *bytes = xcalloc(good.len, 1);
		memcpy(bytes, good.data, good.len);
		size_t n = 1 + random_below(&random, 20);
		for (size_t i = 0; i < n; i++)
			bytes[random_below(&random, good.len)] = (char)random_next(&random);
		size_t len =
			random_once_in(&random, 4) ? random_below(&random, good.len) : good.len;
		int r = decode_copy(bytes, len);
		assert_true(r == 0 || r == -EBADMSG);
	}
	usage_clear(&h);
}

/* --- the checksum ------------------------------------------------------------------------------ */

static void crc32_vectors(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t crc;
	} rows[] = {
		{ "", 0 },
		{ "a", 0xe8b7be43 },
		{ "123456789", 0xcbf43926 },
		{ "The quick brown fox jumps over the lazy dog", 0x414fa339 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(crc32_update(0, rows[i].text, strlen(rows[i].text)), rows[i].crc);
	assert_int_equal(crc32_update(0, "\0\0\0\0", 4), 0x2144df1c);
	assert_int_equal(crc32_update(0, "\xff\xff\xff\xff", 4), 0xffffffff);
}

static void crc32_in_pieces(void **state)
{
	(void)state;
	const char *text = "123456789";
	for (size_t cut = 0; cut <= 9; cut++) {
		uint32_t crc = crc32_update(crc32_update(0, text, cut), text + cut, 9 - cut);
		assert_int_equal(crc, 0xcbf43926);
	}
	assert_int_equal(crc32_update(7, NULL, 0), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(an_empty_history_is_one),
		cmocka_unit_test(clocks),
		cmocka_unit_test(ages_are_capped),
		cmocka_unit_test(lengths_of_ids),
		cmocka_unit_test(too_little_room_drops_the_longest_unused),
		cmocka_unit_test(no_room_for_the_head),
		cmocka_unit_test(appends),
		cmocka_unit_test(more_images_than_there_may_be),
		cmocka_unit_test(cut_at_every_length),
		cmocka_unit_test(hostile_heads),
		cmocka_unit_test(hostile_clocks),
		cmocka_unit_test(hostile_records),
		cmocka_unit_test(twice_the_same),
		cmocka_unit_test(random_damage),
		cmocka_unit_test(crc32_vectors),
		cmocka_unit_test(crc32_in_pieces),
	};
	return cmocka_run_group_tests_name("usage-codec", tests, NULL, NULL);
}
