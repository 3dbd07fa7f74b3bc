/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage-codec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/limits.h"

#define USAGE_VERSION 1
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

struct file_record {
	int64_t first_seen_age, last_used_age; /* microseconds before encoding; AGE_NEVER */
	uint8_t id_len;			       /* so many bytes follow */
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

size_t usage_encoded_size(const struct usage_history *h)
{
	size_t size = sizeof(struct file_head);
	for (size_t i = 0; i < h->n_entries; i++)
		if (storable(&h->entries[i]))
			size += sizeof(struct file_record) + strlen(h->entries[i].id);
	return size;
}

/* False when there is no room. */
static bool encode_entry(const struct usage_entry *e, usec_t now, struct buf *out)
{
	size_t len = strlen(e->id);
	struct file_record r = {
		.first_seen_age = age_of(e->first_seen, now),
		.last_used_age = age_of(e->last_used, now),
		.id_len = (uint8_t)len,
	};
	if (out->max - out->len < sizeof(r) + len)
		return false;
	(void)buf_append(out, &r, sizeof(r));
	(void)buf_append(out, e->id, len);
	return true;
}

size_t usage_encode(const struct usage_history *h, const struct usage_clock *clock, struct buf *out)
{
	struct file_head head = {
		.version = USAGE_VERSION,
		.monotonic = clock->monotonic,
		.wall_usec = clock->wall_usec,
	};
	memcpy(head.boot_id, clock->boot_id, sizeof(head.boot_id));
	size_t start = out->len;
	if (buf_append(out, &head, sizeof(head)) < 0)
		return 0;
	cleanup_free const struct usage_entry **order = xcalloc(h->n_entries, sizeof(*order));
	size_t n = 0;
	for (size_t i = 0; i < h->n_entries; i++)
		if (storable(&h->entries[i]))
			order[n++] = &h->entries[i];
	qsort(order, n, sizeof(*order), compare_recent_first);
	while (head.n < n && head.n < N_MAX_IMAGES &&
	       encode_entry(order[head.n], clock->monotonic, out))
		head.n++;
	memcpy(out->data + start, &head, sizeof(head));
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

static bool decode_entry(const unsigned char **pos, const unsigned char *end, usec_t passed,
			 usec_t now, struct usage_entry *ret)
{
	struct file_record r;
	if ((size_t)(end - *pos) < sizeof(r))
		return false;
	memcpy(&r, *pos, sizeof(r));
	*pos += sizeof(r);
	if (r.id_len == 0 || (size_t)(end - *pos) < r.id_len || memchr(*pos, '\0', r.id_len) ||
	    r.first_seen_age == AGE_NEVER)
		return false;
	ret->first_seen = instant_of(r.first_seen_age, passed, now);
	ret->last_used = instant_of(r.last_used_age, passed, now);
	/* calloc'ed one longer than the ID, so it is terminated */
	ret->id = xcalloc((size_t)r.id_len + 1, 1);
	memcpy(ret->id, *pos, r.id_len);
	*pos += r.id_len;
	return true;
}

/* Fills ret->entries, which have room for n; false when data is not just these records. */
static bool decode_entries(const unsigned char *pos, const unsigned char *end, size_t n,
			   usec_t passed, usec_t now, struct usage_history *ret)
{
	while (ret->n_entries < n) {
		if (!decode_entry(&pos, end, passed, now, &ret->entries[ret->n_entries]))
			return false;
		ret->n_entries++;
	}
	return pos == end;
}

int usage_decode(const void *data, size_t len, const struct usage_clock *clock,
		 struct usage_history *ret)
{
	struct file_head head;
	*ret = (struct usage_history){ 0 };
	if (len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, data, sizeof(head));
	if (head.version != USAGE_VERSION || head.n > N_MAX_IMAGES)
		return -EBADMSG;
	const unsigned char *pos = data;
	ret->entries = xcalloc(head.n, sizeof(*ret->entries));
	if (!decode_entries(pos + sizeof(head), pos + len, head.n, elapsed(&head, clock),
			    clock->monotonic, ret)) {
		usage_clear(ret);
		return -EBADMSG;
	}
	usage_sort(ret);
	return 0;
}
