/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eviction-parse.h"

#include <errno.h>
#include <string.h>

#include "core/eviction-entry.h"

/* What is read so far, and what of. */
struct parser {
	struct eviction_reader reader;
	const char *key; /* "evictionHard" */
	struct eviction_thresholds thresholds;
	bool has_grace[_EVICTION_SIGNAL_MAX];
	usec_t grace[_EVICTION_SIGNAL_MAX];
	struct eviction_value min_reclaim[_EVICTION_SIGNAL_MAX];
};

typedef int take_value(struct parser *p, enum eviction_signal signal, const char *text);

static int take_threshold(struct parser *p, enum eviction_signal signal, const char *text,
			  enum eviction_level set_by)
{
	struct eviction_threshold t = { .signal = signal, .set_by = set_by };
	int r = eviction_read_threshold(&p->reader, signal, text, &t.value);
	/* one of each signal and key at most, so there is room */
	if (r > 0)
		p->thresholds.items[p->thresholds.n++] = t;
	return r < 0 ? r : 0;
}

static int take_hard(struct parser *p, enum eviction_signal signal, const char *text)
{
	return take_threshold(p, signal, text, EVICTION_HARD);
}

static int take_soft(struct parser *p, enum eviction_signal signal, const char *text)
{
	return take_threshold(p, signal, text, EVICTION_SOFT);
}

static int take_grace(struct parser *p, enum eviction_signal signal, const char *text)
{
	p->has_grace[signal] = true;
	return eviction_read_grace(&p->reader, signal, text, &p->grace[signal]);
}

static int take_reclaim(struct parser *p, enum eviction_signal signal, const char *text)
{
	return eviction_read_reclaim(&p->reader, signal, text, &p->min_reclaim[signal]);
}

/* Whether a later entry has the same name. */
static bool is_repeated(const struct eviction_map *map, size_t i)
{
	for (size_t j = i + 1; j < map->n; j++)
		if (strcmp(map->entries[i].signal, map->entries[j].signal) == 0)
			return true;
	return false;
}

static int read_entry(struct parser *p, const struct eviction_map *map, size_t i, take_value *take)
{
	bool repeated = is_repeated(map, i);
	if (repeated && !p->reader.ours)
		return 0; /* a Go map: the last one is in it */
	enum eviction_signal signal;
	int r = eviction_read_signal(&p->reader, map->entries[i].signal, &signal);
	if (r < 0)
		return r;
	if (repeated)
		return err_set(p->reader.e, EINVAL, "%s is there twice", map->entries[i].signal);
	return take(p, signal, map->entries[i].value);
}

static int read_map(struct parser *p, const char *key, const struct eviction_map *map,
		    take_value *take)
{
	p->key = key;
	if (map->n > EVICTION_MAX_ENTRIES)
		return err_set(p->reader.e, E2BIG, "more than %d entries", EVICTION_MAX_ENTRIES);
	int r = 0;
	for (size_t i = 0; i < map->n && r == 0; i++)
		r = read_entry(p, map, i, take);
	return r;
}

static int complete_thresholds(struct parser *p)
{
	p->key = "evictionSoftGracePeriod";
	for (size_t i = 0; i < p->thresholds.n; i++) {
		struct eviction_threshold *t = &p->thresholds.items[i];
		t->min_reclaim = p->min_reclaim[t->signal];
		if (t->set_by == EVICTION_HARD)
			continue;
		if (!p->has_grace[t->signal])
			return err_set(p->reader.e, EINVAL,
				       "grace period must be specified for the soft eviction "
				       "threshold %s",
				       eviction_signal_to_string(t->signal));
		t->grace = p->grace[t->signal];
	}
	return 0;
}

static int read_settings(struct parser *p, const struct eviction_settings *s)
{
	const struct {
		const char *key;
		const struct eviction_map *map;
		take_value *take;
	} maps[] = {
		{ "evictionHard", &s->hard, take_hard },
		{ "evictionSoft", &s->soft, take_soft },
		{ "evictionSoftGracePeriod", &s->soft_grace_period, take_grace },
		{ "evictionMinimumReclaim", &s->minimum_reclaim, take_reclaim },
	};
	int r = 0;
	for (size_t i = 0; i < ELEMENTS(maps) && r == 0; i++)
		r = read_map(p, maps[i].key, maps[i].map, maps[i].take);
	return r < 0 ? r : complete_thresholds(p);
}

/* Hands inner out, in our own configuration with the key in front. */
static int fail(enum eviction_dialect dialect, const char *key, const struct err *inner,
		struct err *e)
{
	if (dialect == EVICTION_KUBELET)
		return err_set(e, inner->code, "%s", inner->msg);
	return err_set(e, inner->code, "%s: %s", key, inner->msg);
}

int eviction_parse(const struct eviction_settings *settings, enum eviction_dialect dialect,
		   struct eviction_thresholds *ret, struct err *e)
{
	struct err inner = { 0 };
	struct parser p = { .reader = { .ours = dialect == EVICTION_OURS, .e = &inner } };
	p.thresholds.float32 = dialect == EVICTION_KUBELET;
	if (read_settings(&p, settings) < 0)
		return fail(dialect, p.key, &inner, e);
	*ret = p.thresholds;
	return 0;
}

int eviction_parse_texts(const struct eviction_texts *texts, enum eviction_dialect dialect,
			 struct eviction_thresholds *ret, struct err *e)
{
	struct eviction_settings s;
	const struct {
		const char *key, *text;
		char separator;
		struct eviction_map *map;
	} maps[] = {
		{ "evictionHard", texts->hard, '<', &s.hard },
		{ "evictionSoft", texts->soft, '<', &s.soft },
		{ "evictionSoftGracePeriod", texts->soft_grace_period, '=', &s.soft_grace_period },
		{ "evictionMinimumReclaim", texts->minimum_reclaim, '=', &s.minimum_reclaim },
	};
	struct eviction_entries entries[ELEMENTS(maps)] = { 0 };
	struct err inner = { 0 };
	int r = 0;
	for (size_t i = 0; i < ELEMENTS(maps) && r == 0; i++) {
		if (eviction_split(maps[i].text, maps[i].separator, &entries[i], &inner) < 0)
			r = fail(dialect, maps[i].key, &inner, e);
		*maps[i].map = (struct eviction_map){ entries[i].list, entries[i].n };
	}
	if (r == 0)
		r = eviction_parse(&s, dialect, ret, e);
	for (size_t i = 0; i < ELEMENTS(maps); i++)
		eviction_entries_done(&entries[i]);
	return r;
}

void eviction_defaults(struct eviction_thresholds *ret)
{
	struct eviction_texts texts = { .hard = EVICTION_DEFAULT_HARD };
	*ret = (struct eviction_thresholds){ 0 };
	/* well formed: a test sees that all of them are there */
	int r = eviction_parse_texts(&texts, EVICTION_OURS, ret, NULL);
	(void)r;
}
