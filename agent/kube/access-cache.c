/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/access-cache.h"

#include <string.h>

static usec_t holds(enum access_verdict verdict)
{
	switch (verdict) {
	case ACCESS_ALLOWED:
		return ACCESS_HOLDS_ALLOWED;
	case ACCESS_DENIED:
	case ACCESS_UNKNOWN:
		return ACCESS_HOLDS_DENIED;
	default:
		return ACCESS_HOLDS_UNDECIDED;
	}
}

static bool is_same(const struct keyed_hash *a, const struct keyed_hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool access_cache_find(const struct access_cache *c, const struct keyed_hash *id, usec_t now,
		       enum access_verdict *ret)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct access_entry *entry = &c->entries[i];
		if (!is_same(&entry->id, id) || entry->until <= now)
			continue;
		*ret = entry->verdict;
		return true;
	}
	return false;
}

/* Who tries token after token does not push those out who may: what is not allowed goes first, and of
 * each what would go first anyway. */
static bool goes_before(const struct access_entry *a, const struct access_entry *b, usec_t now)
{
	bool kept_a = a->verdict == ACCESS_ALLOWED && a->until > now;
	bool kept_b = b->verdict == ACCESS_ALLOWED && b->until > now;
	return kept_a != kept_b ? kept_b : a->until < b->until;
}

static struct access_entry *place_for(struct access_cache *c, const struct keyed_hash *id,
				      usec_t now)
{
	struct access_entry *worst = &c->entries[0];
	for (size_t i = 0; i < c->n; i++) {
		if (is_same(&c->entries[i].id, id))
			return &c->entries[i];
		if (goes_before(&c->entries[i], worst, now))
			worst = &c->entries[i];
	}
	return c->n < ACCESS_CACHE_MAX ? &c->entries[c->n++] : worst;
}

void access_cache_put(struct access_cache *c, const struct keyed_hash *id,
		      enum access_verdict verdict, usec_t now)
{
	*place_for(c, id, now) = (struct access_entry){ .id = *id,
							.verdict = verdict,
							.until = now + holds(verdict) };
}

bool access_rate_take(struct access_rate *r, usec_t now)
{
	usec_t from = r->used_until > now ? r->used_until : now;
	if (from - now > (ACCESS_BURST - 1) * ACCESS_PACE)
		return false;
	r->used_until = from + ACCESS_PACE;
	return true;
}
