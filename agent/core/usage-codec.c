/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage-codec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/limits.h"

#define USAGE_VERSION 2
#define USAGE_OLDEST  1
#define AGE_NEVER     INT64_MAX
#define AGE_MAX	      (100LL * 365 * 24 * 3600 * 1000000) /* a clock that says more is wrong */
#define ID_MAX	      255

/* 2020-01-01: a wall clock before that was never set, as on a host without a battery for it. */
#define WALL_PLAUSIBLE (1577836800LL * 1000000)

/* Host byte order: the file never leaves its host, and the version would not fit elsewhere. */
struct file_head {
	uint32_t version, n;
	char boot_id[BOOT_ID_MAX];
	int64_t monotonic, wall_usec;
};

/* Behind the head since version 2, in front of so many ratios. Entries that are gone come last. */
struct file_counts {
	uint32_t n_ratios, n_gone;
};

struct file_ratio {
	char runtime[GAIN_RUNTIME_MAX];
	uint64_t nominal_bytes, freed_bytes, freed_inodes;
	uint32_t removals;
} __attribute__((packed));

struct file_record_1 {
	int64_t first_seen_age, last_used_age; /* microseconds before encoding; AGE_NEVER */
	uint8_t id_len;			       /* so many bytes follow */
} __attribute__((packed));

enum record_flag {
	RECORD_IN_USE = 1,
	RECORD_HAS_GAIN = 2,
};

struct file_record {
	int64_t first_seen_age, last_used_age; /* as above */
	uint32_t uses;
	uint8_t flags;
	uint8_t id_len; /* so many bytes follow, behind struct file_gain where there is one */
} __attribute__((packed));

struct file_gain {
	uint64_t bytes, inodes;
} __attribute__((packed));

static int64_t age_of(usec_t instant, usec_t now)
{
	if (instant == USEC_NEVER)
		return AGE_NEVER;
	return now > instant ? now - instant : 0;
}

static usec_t last_seen(const struct usage_entry *e)
{
	return e->last_used > e->first_seen ? e->last_used : e->first_seen;
}

static int compare_recent_first(const void *a, const void *b)
{
	usec_t x = last_seen(*(const struct usage_entry *const *)a);
	usec_t y = last_seen(*(const struct usage_entry *const *)b);
	return (x < y) - (x > y);
}

static bool storable(const struct usage_entry *e)
{
	size_t len = strlen(e->id);
	return len > 0 && len <= ID_MAX;
}

static size_t record_size(const struct usage_entry *e)
{
	size_t gain = e->gain_known ? sizeof(struct file_gain) : 0;
	return sizeof(struct file_record) + gain + strlen(e->id);
}

static size_t front_size(const struct usage_history *h)
{
	return sizeof(struct file_head) + sizeof(struct file_counts) +
	       h->ratios.n_ratios * sizeof(struct file_ratio);
}

size_t usage_encoded_size(const struct usage_history *h)
{
	size_t size = front_size(h);
	for (size_t i = 0; i < h->n_entries; i++)
		if (storable(&h->entries[i]))
			size += record_size(&h->entries[i]);
	return size;
}

/* False when there is no room. */
static bool encode_entry(const struct usage_entry *e, usec_t now, struct buf *out)
{
	size_t len = strlen(e->id);
	struct file_record r = {
		.first_seen_age = age_of(e->first_seen, now),
		.last_used_age = age_of(e->last_used, now),
		.uses = e->uses,
		.flags = (uint8_t)((e->in_use ? RECORD_IN_USE : 0) |
				   (e->gain_known ? RECORD_HAS_GAIN : 0)),
		.id_len = (uint8_t)len,
	};
	struct file_gain gain = { e->gain[RESOURCE_BYTES], e->gain[RESOURCE_INODES] };
	if (out->max - out->len < record_size(e))
		return false;
	(void)buf_append(out, &r, sizeof(r));
	if (e->gain_known)
		(void)buf_append(out, &gain, sizeof(gain));
	(void)buf_append(out, e->id, len);
	return true;
}

/* At most max of them, the most recent first. Returns how many there was room for. */
static uint32_t encode_entries(const struct usage_entry *entries, size_t n_entries, size_t max,
			       usec_t now, struct buf *out)
{
	cleanup_free const struct usage_entry **order = xcalloc(n_entries, sizeof(*order));
	size_t n = 0;
	uint32_t encoded = 0;
	for (size_t i = 0; i < n_entries; i++)
		if (storable(&entries[i]))
			order[n++] = &entries[i];
	qsort(order, n, sizeof(*order), compare_recent_first);
	while (encoded < n && encoded < max && encode_entry(order[encoded], now, out))
		encoded++;
	return encoded;
}

static void encode_ratios(const struct gain_ratios *g, struct buf *out)
{
	for (size_t i = 0; i < g->n_ratios; i++) {
		const struct gain_ratio *ratio = &g->ratios[i];
		struct file_ratio r = {
			.nominal_bytes = ratio->nominal_bytes,
			.freed_bytes = ratio->freed[RESOURCE_BYTES],
			.freed_inodes = ratio->freed[RESOURCE_INODES],
			.removals = ratio->removals,
		};
		memcpy(r.runtime, ratio->runtime, sizeof(r.runtime));
		(void)buf_append(out, &r, sizeof(r));
	}
}

size_t usage_encode(const struct usage_history *h, const struct usage_clock *clock, struct buf *out)
{
	struct file_head head = {
		.version = USAGE_VERSION,
		.monotonic = clock->monotonic,
		.wall_usec = clock->wall_usec,
	};
	struct file_counts counts = { .n_ratios = (uint32_t)h->ratios.n_ratios };
	memcpy(head.boot_id, clock->boot_id, sizeof(head.boot_id));
	size_t start = out->len;
	if (out->max - out->len < front_size(h))
		return 0;
	(void)buf_append(out, &head, sizeof(head));
	(void)buf_append(out, &counts, sizeof(counts));
	encode_ratios(&h->ratios, out);
	head.n = encode_entries(h->entries, h->n_entries, N_MAX_IMAGES, clock->monotonic, out);
	counts.n_gone =
		encode_entries(h->gone, h->n_gone, N_MAX_GONE_IMAGES, clock->monotonic, out);
	memcpy(out->data + start, &head, sizeof(head));
	memcpy(out->data + start + sizeof(head), &counts, sizeof(counts));
	return head.n;
}

/* How long ago the bytes were encoded; 0, which protects images longer, when that cannot be told. */
static usec_t elapsed(const struct file_head *head, const struct usage_clock *clock)
{
	bool same_boot = head->boot_id[0] &&
			 memcmp(head->boot_id, clock->boot_id, sizeof(head->boot_id)) == 0;
	if (!same_boot && head->wall_usec < WALL_PLAUSIBLE)
		return 0;
	int64_t then = same_boot ? head->monotonic : head->wall_usec;
	int64_t now = same_boot ? clock->monotonic : clock->wall_usec;
	int64_t passed;
	if (__builtin_sub_overflow(now, then, &passed) || passed < 0)
		return 0;
	return passed;
}

/* The instant of that age, on the decoder's clock. Nothing is younger than now. */
static usec_t instant_of(int64_t age, usec_t passed, usec_t now)
{
	if (age == AGE_NEVER)
		return USEC_NEVER;
	if (age < 0)
		age = 0;
	if (__builtin_add_overflow(age, passed, &age) || age > AGE_MAX)
		age = AGE_MAX;
	return now - age;
}

/* What is left of the bytes, and what they are read with. */
struct reader {
	const unsigned char *pos, *end;
	uint32_t version;
	usec_t passed, now;
};

/* The next bytes; false when there are not so many. */
static bool take(struct reader *in, void *ret, size_t size)
{
	if ((size_t)(in->end - in->pos) < size)
		return false;
	memcpy(ret, in->pos, size);
	in->pos += size;
	return true;
}

static bool take_record(struct reader *in, struct file_record *ret)
{
	struct file_record_1 old;
	if (in->version > 1)
		return take(in, ret, sizeof(*ret));
	if (!take(in, &old, sizeof(old)))
		return false;
	*ret = (struct file_record){ old.first_seen_age, old.last_used_age, 0, 0, old.id_len };
	return true;
}

static bool decode_entry(struct reader *in, struct usage_entry *ret)
{
	struct file_record r;
	struct file_gain gain = { 0 };
	if (!take_record(in, &r))
		return false;
	ret->gain_known = r.flags & RECORD_HAS_GAIN;
	if (ret->gain_known && !take(in, &gain, sizeof(gain)))
		return false;
	if (r.id_len == 0 || (size_t)(in->end - in->pos) < r.id_len ||
	    memchr(in->pos, '\0', r.id_len) || r.first_seen_age == AGE_NEVER)
		return false;
	ret->first_seen = instant_of(r.first_seen_age, in->passed, in->now);
	ret->last_used = instant_of(r.last_used_age, in->passed, in->now);
	ret->uses = r.uses;
	ret->in_use = r.flags & RECORD_IN_USE;
	ret->gain[RESOURCE_BYTES] = gain.bytes;
	ret->gain[RESOURCE_INODES] = gain.inodes;
	/* calloc'ed one longer than the ID, so it is terminated */
	ret->id = xcalloc((size_t)r.id_len + 1, 1);
	(void)take(in, ret->id, r.id_len);
	return true;
}

/* Fills an array made for n; *ret_n is how many were whole. False when that is not all. */
static bool decode_entries(struct reader *in, size_t n, struct usage_entry **ret, size_t *ret_n)
{
	*ret = xcalloc(n, sizeof(**ret));
	while (*ret_n < n) {
		if (!decode_entry(in, &(*ret)[*ret_n]))
			return false;
		++*ret_n;
	}
	return true;
}

static bool decode_ratios(struct reader *in, size_t n, struct gain_ratios *ret)
{
	struct file_ratio r;
	for (; ret->n_ratios < n; ret->n_ratios++) {
		struct gain_ratio *ratio = &ret->ratios[ret->n_ratios];
		if (!take(in, &r, sizeof(r)) || !memchr(r.runtime, '\0', sizeof(r.runtime)))
			return false;
		memcpy(ratio->runtime, r.runtime, sizeof(ratio->runtime));
		ratio->nominal_bytes = r.nominal_bytes;
		ratio->freed[RESOURCE_BYTES] = r.freed_bytes;
		ratio->freed[RESOURCE_INODES] = r.freed_inodes;
		ratio->removals = r.removals;
	}
	return true;
}

static bool decode(struct reader *in, const struct file_head *head, struct usage_history *ret)
{
	struct file_counts counts = { 0 };
	if (head->n > N_MAX_IMAGES || (in->version > 1 && !take(in, &counts, sizeof(counts))))
		return false;
	return counts.n_ratios <= GAIN_N_RATIOS && counts.n_gone <= N_MAX_GONE_IMAGES &&
	       decode_ratios(in, counts.n_ratios, &ret->ratios) &&
	       decode_entries(in, head->n, &ret->entries, &ret->n_entries) &&
	       decode_entries(in, counts.n_gone, &ret->gone, &ret->n_gone) && in->pos == in->end;
}

int usage_decode(const void *data, size_t len, const struct usage_clock *clock,
		 struct usage_history *ret)
{
	struct reader in = { .pos = data, .now = clock->monotonic };
	struct file_head head;
	*ret = (struct usage_history){ 0 };
	in.end = in.pos + len;
	if (!take(&in, &head, sizeof(head)) || head.version < USAGE_OLDEST ||
	    head.version > USAGE_VERSION)
		return -EBADMSG;
	in.version = head.version;
	in.passed = elapsed(&head, clock);
	if (!decode(&in, &head, ret)) {
		usage_clear(ret);
		return -EBADMSG;
	}
	usage_sort(ret);
	return 0;
}
