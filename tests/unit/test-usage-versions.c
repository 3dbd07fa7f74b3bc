/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "core/usage-codec.h"
#include "random.h"
#include "util/limits.h"

/* What version 2 of the kept history has more than version 1: uses, gains, images that are gone. */

#define HOUR	  USEC_PER_HOUR
#define HEAD_SIZE (8 + BOOT_ID_MAX + 16)
#define COUNTS	  HEAD_SIZE /* where the numbers of ratios and of gone images stand */
#define BEHIND	  (HEAD_SIZE + 8)
#define RATIO	  (GAIN_RUNTIME_MAX + 3 * 8 + 4)

static const struct usage_clock clock_now = {
	.boot_id = "boot-1",
	.monotonic = 100 * HOUR,
	.wall_usec = (int64_t)1767225600 * USEC_PER_SEC,
};

static struct usage_entry *add(struct usage_entry **entries, size_t *n, const char *id)
{
	*entries = xreallocarray(*entries, *n + 1, sizeof(**entries));
	struct usage_entry *entry = &(*entries)[(*n)++];
	*entry = (struct usage_entry){ .id = xstrdup(id), .last_used = USEC_NEVER };
	return entry;
}

static struct usage_history full_history(void)
{
	struct usage_history h = { 0 };
	*add(&h.entries, &h.n_entries, "a") = (struct usage_entry){
		.id = h.entries[0].id,
		.first_seen = 1 * HOUR,
		.last_used = 2 * HOUR,
		.uses = 7,
		.in_use = true,
		.gain_known = true,
		.gain = { 300000000, 4000 },
	};
	add(&h.entries, &h.n_entries, "b")->uses = UINT32_MAX;
	*add(&h.gone, &h.n_gone, "g") = (struct usage_entry){
		.id = h.gone[0].id,
		.first_seen = 90 * HOUR,
		.last_used = USEC_NEVER,
		.gain_known = true,
		.gain = { UINT64_MAX, 0 },
	};
	add(&h.gone, &h.n_gone, "h")->uses = 3;
	h.ratios.n_ratios = 2;
	h.ratios.ratios[0] = (struct gain_ratio){ "cri-o", 10, { 20, 30 }, 3 };
	h.ratios.ratios[1] = (struct gain_ratio){ "containerd", 1, { 2, UINT64_MAX }, 200 };
	return h;
}

static struct buf encoded(const struct usage_history *h, size_t max)
{
	struct buf out = BUF_INIT(max);
	(void)usage_encode(h, &clock_now, &out);
	return out;
}

static void assert_same(const struct usage_entry *a, const struct usage_entry *b)
{
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->first_seen, b->first_seen);
	assert_int_equal(a->last_used, b->last_used);
	assert_int_equal(a->uses, b->uses);
	assert_int_equal(a->in_use, b->in_use);
	assert_int_equal(a->gain_known, b->gain_known);
	for (int r = 0; r < _RESOURCE_MAX; r++)
		assert_true(a->gain[r] == b->gain[r]);
}

static void everything_comes_back(void **state)
{
	(void)state;
	struct usage_history h = full_history(), back;
	cleanup_buf struct buf bytes = encoded(&h, 4096);
	assert_int_equal(usage_decode(bytes.data, bytes.len, &clock_now, &back), 0);
	assert_int_equal(back.n_entries, 2);
	assert_int_equal(back.n_gone, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_same(&back.entries[i], &h.entries[i]);
		assert_same(&back.gone[i], &h.gone[i]);
	}
	assert_int_equal(back.ratios.n_ratios, 2);
	assert_memory_equal(&back.ratios, &h.ratios, sizeof(h.ratios));
	assert_false(back.containers_known);
	usage_clear(&h);
	usage_clear(&back);
}

/* The room is for images that are there: what is gone has what these leave, the latest first. */
static void gone_images_have_what_is_left(void **state)
{
	(void)state;
	struct usage_history h = full_history(), back;
	size_t without = usage_encoded_size(&h);
	assert_int_equal(without, BEHIND + 2 * RATIO + (22 + 16 + 1) + (22 + 1));
	/* "g" is the later one, and takes 39 bytes; "h" has no gain, and takes 23 */
	for (size_t room = 0; room < 80; room++) {
		cleanup_buf struct buf bytes = encoded(&h, without + room);
		assert_int_equal(usage_decode(bytes.data, bytes.len, &clock_now, &back), 0);
		assert_int_equal(back.n_entries, 2);
		assert_int_equal(back.n_gone, room < 39 ? 0 : room < 62 ? 1 : 2);
		if (back.n_gone == 1)
			assert_string_equal(back.gone[0].id, "g");
		usage_clear(&back);
	}
	usage_clear(&h);
}

static void more_gone_than_are_kept(void **state)
{
	(void)state;
	struct usage_history h = { 0 }, back;
	for (size_t i = 0; i < N_MAX_GONE_IMAGES + 2; i++) {
		char id[24];
		(void)snprintf(id, sizeof(id), "%06zu", i);
		add(&h.gone, &h.n_gone, id)->first_seen = (usec_t)i;
	}
	cleanup_buf struct buf bytes = encoded(&h, 1024 * 1024);
	assert_int_equal(usage_decode(bytes.data, bytes.len, &clock_now, &back), 0);
	assert_int_equal(back.n_gone, N_MAX_GONE_IMAGES);
	assert_string_equal(back.gone[0].id, "000002");
	usage_clear(&h);
	usage_clear(&back);
}

/* The history as version 1 has it: first seen and last used alone. */
static void reads_version_1(void **state)
{
	(void)state;
	static const struct {
		int64_t first_seen_age, last_used_age;
		const char *id;
	} records[] = {
		{ 3 * HOUR, 1 * HOUR, "sha256:b" },
		{ 5 * HOUR, INT64_MAX, "sha256:a" },
	};
	struct usage_history back;
	cleanup_buf struct buf bytes = BUF_INIT(1024);
	(void)buf_append(&bytes, (uint32_t[]){ 1, 2 }, 8);
	(void)buf_append(&bytes, clock_now.boot_id, BOOT_ID_MAX);
	(void)buf_append(&bytes, &clock_now.monotonic, 8);
	(void)buf_append(&bytes, &clock_now.wall_usec, 8);
	for (size_t i = 0; i < ELEMENTS(records); i++) {
		(void)buf_append(&bytes, &records[i].first_seen_age, 8);
		(void)buf_append(&bytes, &records[i].last_used_age, 8);
		(void)buf_putc(&bytes, (char)strlen(records[i].id));
		(void)buf_puts(&bytes, records[i].id);
	}
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(usage_decode(bytes.data, len, &clock_now, &back), -EBADMSG);
	assert_int_equal(usage_decode(bytes.data, bytes.len, &clock_now, &back), 0);
	assert_int_equal(back.n_entries, 2);
	assert_int_equal(back.n_gone, 0);
	assert_int_equal(back.ratios.n_ratios, 0);
	assert_int_equal(usage_find(&back, "sha256:a")->first_seen, 95 * HOUR);
	assert_int_equal(usage_find(&back, "sha256:a")->last_used, USEC_NEVER);
	assert_int_equal(usage_find(&back, "sha256:b")->first_seen, 97 * HOUR);
	assert_int_equal(usage_find(&back, "sha256:b")->last_used, 99 * HOUR);
	assert_int_equal(usage_find(&back, "sha256:b")->uses, 0);
	assert_false(usage_find(&back, "sha256:b")->gain_known);
	usage_clear(&back);
}

/* A copy of its own length, so that the sanitizers see a byte too far. */
static int decode_copy(const void *data, size_t len)
{
	struct usage_history back = { .n_entries = 99 };
	cleanup_free unsigned char *copy = xcalloc(len, 1);
	if (len)
		memcpy(copy, data, len);
	int r = usage_decode(copy, len, &clock_now, &back);
	if (r < 0) {
		assert_int_equal(back.n_entries, 0);
		assert_int_equal(back.n_gone, 0);
		assert_null(back.gone);
	}
	assert_true(back.n_gone <= N_MAX_GONE_IMAGES);
	assert_true(back.ratios.n_ratios <= GAIN_N_RATIOS);
	for (size_t i = 0; i < back.ratios.n_ratios; i++)
		assert_true(strnlen(back.ratios.ratios[i].runtime, GAIN_RUNTIME_MAX) <
			    GAIN_RUNTIME_MAX);
	usage_clear(&back);
	return r;
}

static void cut_at_every_length(void **state)
{
	(void)state;
	struct usage_history h = full_history();
	cleanup_buf struct buf bytes = encoded(&h, 4096);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(decode_copy(bytes.data, len), -EBADMSG);
	assert_int_equal(decode_copy(bytes.data, bytes.len), 0);
	usage_clear(&h);
}

static void hostile_counts(void **state)
{
	(void)state;
	static const uint32_t ratios[] = { 0, 1, 3, GAIN_N_RATIOS, GAIN_N_RATIOS + 1, UINT32_MAX };
	static const uint32_t gone[] = { 0,	    1, 3, N_MAX_GONE_IMAGES, N_MAX_GONE_IMAGES + 1,
					 UINT32_MAX };
	struct usage_history h = full_history();
	cleanup_buf struct buf bytes = encoded(&h, 4096);
	for (size_t i = 0; i < ELEMENTS(ratios); i++) {
		memcpy(bytes.data + COUNTS, &ratios[i], 4);
		assert_int_equal(decode_copy(bytes.data, bytes.len), -EBADMSG);
	}
	memcpy(bytes.data + COUNTS, &(uint32_t){ 2 }, 4);
	for (size_t i = 0; i < ELEMENTS(gone); i++) {
		memcpy(bytes.data + COUNTS + 4, &gone[i], 4);
		assert_int_equal(decode_copy(bytes.data, bytes.len), -EBADMSG);
	}
	memcpy(bytes.data + COUNTS + 4, &(uint32_t){ 2 }, 4);
	assert_int_equal(decode_copy(bytes.data, bytes.len), 0);
	/* a runtime's name that does not end */
	memset(bytes.data + BEHIND, 'x', GAIN_RUNTIME_MAX);
	assert_int_equal(decode_copy(bytes.data, bytes.len), -EBADMSG);
	usage_clear(&h);
}

/* More ratios than there is room for, and the bytes for them are there. */
static void too_many_ratios(void **state)
{
	(void)state;
	struct usage_history h = { 0 };
	h.ratios.n_ratios = GAIN_N_RATIOS;
	for (int i = 0; i < 20; i++)
		(void)add(&h.gone, &h.n_gone, "a long ID, of which there are many");
	cleanup_buf struct buf bytes = encoded(&h, 4096);
	assert_int_equal(decode_copy(bytes.data, bytes.len), 0);
	for (uint32_t n = GAIN_N_RATIOS + 1; n < GAIN_N_RATIOS + 5; n++) {
		memcpy(bytes.data + COUNTS, &n, 4);
		assert_int_equal(decode_copy(bytes.data, bytes.len), -EBADMSG);
	}
	usage_clear(&h);
}

static void random_damage(void **state)
{
	(void)state;
	struct random random = random_start("random_damage");
	struct usage_history h = full_history();
	cleanup_buf struct buf good = encoded(&h, 4096);
	for (int round = 0; round < 20000; round++) {
		cleanup_free char *bytes = xcalloc(good.len, 1);
		memcpy(bytes, good.data, good.len);
		size_t n = 1 + random_below(&random, 20);
		for (size_t i = 0; i < n; i++)
			bytes[random_below(&random, good.len)] = (char)random_next(&random);
		if (random_once_in(&random, 2))
			memcpy(bytes, (uint32_t[]){ 2, 2 }, 8);
		(void)decode_copy(bytes, good.len);
	}
	usage_clear(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(gone_images_have_what_is_left),
		cmocka_unit_test(more_gone_than_are_kept),
		cmocka_unit_test(reads_version_1),
		cmocka_unit_test(cut_at_every_length),
		cmocka_unit_test(hostile_counts),
		cmocka_unit_test(too_many_ratios),
		cmocka_unit_test(random_damage),
	};
	return cmocka_run_group_tests_name("usage-versions", tests, NULL, NULL);
}
