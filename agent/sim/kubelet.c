/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kubelet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- records ------------------------------------------------------------------------------- */

/* The ID itself, or text in the arena. */
static const char *key_of(const struct kubelet *k, struct arena *arena, const char *id,
			  const char *handler)
{
	if (!k->policy->handler_keys || !*handler)
		return id;
	size_t size = strlen(id) + 1 + strlen(handler) + 1;
	char *key = arena_calloc(arena, size, 1);
	(void)snprintf(key, size, "%s,%s", id, handler);
	return key;
}

static int record_compare(const void *a, const void *b)
{
	return strcmp(((const struct kubelet_record *)a)->key,
		      ((const struct kubelet_record *)b)->key);
}

static struct kubelet_record *record_find(const struct kubelet *k, const char *key, size_t n)
{
	struct kubelet_record wanted = { .key = (char *)(uintptr_t)key };
	if (n == 0)
		return NULL;
	return bsearch(&wanted, k->records, n, sizeof(wanted), record_compare);
}

static void record_done(struct kubelet_record *record)
{
	free(record->key);
	free(record->id);
	free(record->handler);
}

void kubelet_forget(struct kubelet *k)
{
	for (size_t i = 0; i < k->n_records; i++)
		record_done(&k->records[i]);
	free(k->records);
	k->records = NULL;
	k->n_records = 0;
	k->event[0] = '\0';
}

static void record_drop(struct kubelet *k, const char *key)
{
	struct kubelet_record *record = record_find(k, key, k->n_records);
	if (!record)
		return;
	record_done(record);
	size_t behind = k->n_records - (size_t)(record - k->records) - 1;
	memmove(record, record + 1, behind * sizeof(*record));
	k->n_records--;
}

static struct kubelet_record *record_add(struct kubelet *k, const struct kubelet_image *image,
					 const char *key, int64_t detect_time)
{
	struct kubelet_record *record = &k->records[k->n_records++];
	*record = (struct kubelet_record){
		.key = xstrdup(key),
		.id = xstrdup(image->id),
		.handler = xstrdup(image->handler),
		.first_detected = detect_time,
		.last_used = KUBELET_NEVER,
	};
	return record;
}

/* --- detection ----------------------------------------------------------------------------- */

/* The keys that containers use. */
struct keys {
	const char **keys;
	size_t n_keys;
};

static int key_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct keys keys_in_use(const struct kubelet *k, const struct kubelet_facts *facts,
			       struct arena *arena)
{
	size_t room = 0;
	for (size_t i = 0; i < facts->n_containers; i++)
		room += 1 + facts->containers[i].n_mounts;
	struct keys in_use = { .keys = arena_calloc(arena, room + 1, sizeof(char *)) };
	for (size_t i = 0; i < facts->n_containers; i++) {
		const struct kubelet_container *c = &facts->containers[i];
		in_use.keys[in_use.n_keys++] = key_of(k, arena, c->image_id, c->handler);
		/* the plain ID, even where keys have a handler */
		for (size_t m = 0; m < c->n_mounts; m++)
			in_use.keys[in_use.n_keys++] = c->mounts[m];
	}
	qsort(in_use.keys, in_use.n_keys, sizeof(char *), key_compare);
	return in_use;
}

static bool keys_have(const struct keys *keys, const char *key)
{
	return keys->n_keys && bsearch(&key, keys->keys, keys->n_keys, sizeof(char *), key_compare);
}

/* Most images are known, and come in the order of their records: that is tried first. */
static struct kubelet_record *record_find_near(const struct kubelet *k, const char *key, size_t n,
					       size_t guess)
{
	if (guess < n && strcmp(k->records[guess].key, key) == 0)
		return &k->records[guess];
	return record_find(k, key, n);
}

static void note_images(struct kubelet *k, const struct kubelet_facts *facts,
			const struct keys *in_use, struct arena *arena, int64_t detect_time,
			int64_t now)
{
	size_t n_sorted = k->n_records, guess = 0;
	k->records = xreallocarray(k->records, n_sorted + facts->n_images + 1, sizeof(*k->records));
	for (size_t i = 0; i < facts->n_images; i++) {
		const struct kubelet_image *image = &facts->images[i];
		const char *key = key_of(k, arena, image->id, image->handler);
		struct kubelet_record *record = record_find_near(k, key, n_sorted, guess);
		if (record)
			guess = (size_t)(record - k->records) + 1;
		else
			record = record_add(k, image, key, detect_time);
		record->listed = true;
		record->in_use = keys_have(in_use, record->key);
		if (record->in_use)
			record->last_used = now;
		record->size = image->size > INT64_MAX ? INT64_MAX : (int64_t)image->size;
		record->pinned = image->pinned;
	}
}

/* In order of the keys, of which the first n_sorted were; those that are gone are dropped. */
static void settle_records(struct kubelet *k, size_t n_sorted)
{
	size_t kept = 0;
	bool sorted = k->n_records == n_sorted;
	for (size_t i = 0; i < k->n_records; i++) {
		if (!k->records[i].listed) {
			record_done(&k->records[i]);
			continue;
		}
		k->records[kept++] = k->records[i];
	}
	k->n_records = kept;
	if (!sorted)
		qsort(k->records, kept, sizeof(*k->records), record_compare);
}

static int compare_keys(const struct kubelet *k, const struct kubelet_image *a,
			const struct kubelet_image *b)
{
	int c = strcmp(a->id, b->id);
	return c || !k->policy->handler_keys ? c : strcmp(a->handler, b->handler);
}

static int compare_images(const void *a, const void *b, void *k)
{
	const struct kubelet_image *const *x = a, *const *y = b;
	int c = compare_keys(k, *x, *y);
	return c ? c : (*x > *y) - (*x < *y);
}

/* The last entry of each image, as later ones overwrite what earlier ones said. */
static struct kubelet_image *last_entries(const struct kubelet *k,
					  const struct kubelet_facts *facts, size_t *ret_n)
{
	cleanup_free const struct kubelet_image **order = xcalloc(facts->n_images, sizeof(*order));
	struct kubelet_image *unique = xcalloc(facts->n_images, sizeof(*unique));
	size_t n = 0;
	for (size_t i = 0; i < facts->n_images; i++)
		order[i] = &facts->images[i];
	bool sorted = true;
	for (size_t i = 1; sorted && i < facts->n_images; i++)
		sorted = compare_keys(k, order[i - 1], order[i]) <= 0;
	if (!sorted)
		qsort_r(order, facts->n_images, sizeof(*order), compare_images,
			(void *)(uintptr_t)k);
	for (size_t i = 0; i < facts->n_images; i++) {
		bool same = n && compare_keys(k, &unique[n - 1], order[i]) == 0;
		unique[same ? n - 1 : n++] = *order[i];
	}
	*ret_n = n;
	return unique;
}

int kubelet_detect(struct kubelet *k, int64_t detect_time, int64_t now)
{
	struct kubelet_facts facts = { 0 };
	if (k->ops->list(k->ctx, &facts) < 0)
		return -EIO;
	size_t n;
	cleanup_free struct kubelet_image *images = last_entries(k, &facts, &n);
	struct kubelet_facts unique = facts;
	unique.images = images;
	unique.n_images = n;
	struct arena arena = { 0 };
	struct keys in_use = keys_in_use(k, &facts, &arena);
	size_t n_records = k->n_records;
	for (size_t i = 0; i < n_records; i++)
		k->records[i].listed = false;
	note_images(k, &unique, &in_use, &arena, detect_time, now);
	arena_done(&arena);
	settle_records(k, n_records);
	return 0;
}

void kubelet_remember(struct kubelet *k, const char *key, int64_t first_detected, int64_t last_used)
{
	struct kubelet_record *record = record_find(k, key, k->n_records);
	if (!record)
		return;
	record->first_detected = first_detected;
	if (!record->in_use)
		record->last_used = last_used;
}

/* --- candidates ---------------------------------------------------------------------------- */

/* By last use, then by first detection; ties, which the kubelet leaves open, by key. */
static int candidate_compare(const void *a, const void *b)
{
	const struct kubelet_record *x = a, *y = b;
	if (x->last_used != y->last_used)
		return x->last_used < y->last_used ? -1 : 1;
	if (x->first_detected != y->first_detected)
		return x->first_detected < y->first_detected ? -1 : 1;
	return strcmp(x->key, y->key);
}

static struct kubelet_record record_copy(const struct kubelet_record *record, struct arena *arena)
{
	struct kubelet_record copy = *record;
	copy.key = arena_strdup(arena, record->key);
	copy.id = arena_strdup(arena, record->id);
	copy.handler = arena_strdup(arena, record->handler);
	return copy;
}

int kubelet_eviction_order(struct kubelet *k, int64_t free_time, int64_t now,
			   struct kubelet_candidates *ret)
{
	int r = kubelet_detect(k, free_time, now);
	if (r < 0)
		return r;
	*ret = (struct kubelet_candidates){ .records = xcalloc(k->n_records + 1,
							       sizeof(*ret->records)) };
	for (size_t i = 0; i < k->n_records; i++)
		if (!k->records[i].in_use && !k->records[i].pinned)
			ret->records[ret->n_records++] = record_copy(&k->records[i], &ret->arena);
	qsort(ret->records, ret->n_records, sizeof(*ret->records), candidate_compare);
	return 0;
}

void kubelet_candidates_done(struct kubelet_candidates *c)
{
	free(c->records);
	arena_done(&c->arena);
	*c = (struct kubelet_candidates){ 0 };
}

/* --- removal ------------------------------------------------------------------------------- */

/* As a subtraction of Go times: as much as 64 bits hold. */
static int64_t elapsed(int64_t from, int64_t to)
{
	int64_t d;
	if (__builtin_sub_overflow(to, from, &d))
		return to > from ? INT64_MAX : INT64_MIN;
	return d;
}

static int remove_candidate(struct kubelet *k, const struct kubelet_record *candidate,
			    const char *reason)
{
	if (k->ops->remove(k->ctx, candidate->id, reason) < 0)
		return -EIO;
	record_drop(k, candidate->key);
	return 0;
}

int kubelet_free_old(struct kubelet *k, struct kubelet_candidates *c, int64_t free_time,
		     int64_t began)
{
	int64_t maximum = k->policy->maximum_age;
	int failed = 0;
	size_t kept = 0;
	if (maximum == 0 || elapsed(began, free_time) <= maximum)
		return 0;
	for (size_t i = 0; i < c->n_records; i++) {
		struct kubelet_record *candidate = &c->records[i];
		bool old = elapsed(candidate->last_used, free_time) > maximum;
		if (old && remove_candidate(k, candidate, "age") == 0)
			continue;
		failed |= old;
		c->records[kept++] = *candidate;
	}
	c->n_records = kept;
	return failed ? -EIO : 0;
}

int kubelet_free_space(struct kubelet *k, struct kubelet_candidates *c, int64_t bytes,
		       int64_t free_time, int64_t *ret_freed)
{
	bool failed = false;
	*ret_freed = 0;
	for (size_t i = 0; i < c->n_records; i++) {
		const struct kubelet_record *candidate = &c->records[i];
		if (candidate->last_used >= free_time ||
		    elapsed(candidate->first_detected, free_time) < k->policy->minimum_age)
			continue;
		if (remove_candidate(k, candidate, "space") < 0) {
			failed = true;
			continue;
		}
		/* what the runtime said; the disk is not looked at again */
		if (__builtin_add_overflow(*ret_freed, candidate->size, ret_freed))
			*ret_freed = INT64_MAX;
		if (*ret_freed >= bytes)
			break;
	}
	return failed ? -EIO : 0;
}

int kubelet_delete_unused(struct kubelet *k, int64_t now)
{
	struct kubelet_candidates candidates = { 0 };
	int64_t freed;
	int r = kubelet_eviction_order(k, now, now, &candidates);
	if (r == 0)
		r = kubelet_free_space(k, &candidates, INT64_MAX, now, &freed);
	kubelet_candidates_done(&candidates);
	return r;
}

/* --- the cycle ----------------------------------------------------------------------------- */

bool kubelet_needs_space(const struct kubelet_policy *p, int64_t capacity, int64_t available,
			 int64_t *ret_usage, int64_t *ret_amount)
{
	__int128 free_percent = (__int128)available * 100 / capacity;
	*ret_usage = 100 - (int64_t)free_percent;
	*ret_amount = (int64_t)((__int128)capacity * (100 - p->low_percent) / 100) - available;
	return *ret_usage >= p->high_percent;
}

static void print_size(int64_t bytes, char buf[32])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes / 1024;
	size_t unit = 0;
	if (bytes < 1024) {
		(void)snprintf(buf, 32, "%" PRId64 " B", bytes);
		return;
	}
	for (; size >= 1024 && unit < ELEMENTS(units) - 1; unit++)
		size /= 1024;
	(void)snprintf(buf, 32, "%.1f %s", size, units[unit]);
}

static void tell_failure(struct kubelet *k, int64_t usage, int64_t capacity, int64_t freed)
{
	char size[32];
	print_size(capacity, size);
	(void)snprintf(k->event, sizeof(k->event),
		       "FreeDiskSpaceFailed Insufficient free disk space on the node's image "
		       "filesystem (%" PRId64 "%% of %s used). Failed to free sufficient space by "
		       "deleting unused images (freed %" PRId64 " bytes). Investigate disk usage, "
		       "as it could be used by active images, logs, volumes, or other data.",
		       usage, size, freed);
}

static int free_by_usage(struct kubelet *k, struct kubelet_candidates *candidates, int64_t now)
{
	int64_t capacity, available, usage, amount, freed;
	if (k->ops->stats(k->ctx, &capacity, &available) < 0)
		return -EIO;
	if (available > capacity)
		available = capacity;
	if (capacity == 0) {
		(void)snprintf(k->event, sizeof(k->event),
			       "InvalidDiskCapacity invalid capacity 0 on image filesystem");
		return -EIO;
	}
	if (!kubelet_needs_space(k->policy, capacity, available, &usage, &amount))
		return 0;
	int r = kubelet_free_space(k, candidates, amount, now, &freed);
	if (r < 0 || freed >= amount)
		return r;
	tell_failure(k, usage, capacity, freed);
	return -EIO;
}

int kubelet_garbage_collect(struct kubelet *k, int64_t now, int64_t began)
{
	struct kubelet_candidates candidates = { 0 };
	k->event[0] = '\0';
	int r = kubelet_eviction_order(k, now, now, &candidates);
	if (r == 0)
		r = kubelet_free_old(k, &candidates, now, began);
	if (r == 0)
		r = free_by_usage(k, &candidates, now);
	kubelet_candidates_done(&candidates);
	return r;
}
