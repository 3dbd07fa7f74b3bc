/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "config/eviction-texts.h"
#include "config/ini.h"
#include "config/keys.h"
#include "config/suggest.h"
#include "config/text.h"
#include "util/limits.h"

struct origin {
	char *where;	 /* "FILE:LINE: [SECTION] KEY" or "--set SECTION.KEY"; NULL: default */
	unsigned source; /* 0: default */
	unsigned line;
	unsigned step;
};

struct loader loader_for(struct config *config)
{
	return (struct loader){
		.config = config,
		.origins = xcalloc(n_config_keys * N_MAX_RUNTIMES, sizeof(struct origin)),
	};
}

void loader_done(struct loader *l)
{
	for (size_t i = 0; l->origins && i < n_config_keys * N_MAX_RUNTIMES; i++)
		free(l->origins[i].where);
	free(l->origins);
	*l = (struct loader){ 0 };
}

static struct origin *origin_in(const struct loader *l, const struct config_key *key,
				size_t instance)
{
	return &l->origins[(size_t)(key - config_keys) + instance * n_config_keys];
}

static struct origin *origin_of(const struct loader *l, const struct config_key *key)
{
	return origin_in(l, key, 0);
}

/* --- sections ------------------------------------------------------------------------------ */

/* "runtime docker" is one of the kind "runtime". */
struct section {
	char *kind;
	const char *name; /* within kind; NULL: none */
};

static struct section section_split(const char *text)
{
	struct section s = { .kind = xstrdup(text) };
	char *space = strchr(s.kind, ' ');
	if (space) {
		*space = '\0';
		s.name = space + 1;
	}
	return s;
}

static void section_done(struct section *s)
{
	free(s->kind);
}
#define cleanup_section __attribute__((__cleanup__(section_done)))

#define SECTION_NAME_MAX 32

static int check_name(const char *name, struct err *e)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (len > 0 && len <= SECTION_NAME_MAX && !name[len])
		return 0;
	return err_set(e, EINVAL,
		       "expected a name of at most %d lower-case letters, digits and '-' in "
		       "[" CONFIG_REPEATABLE_SECTION " NAME]",
		       SECTION_NAME_MAX);
}

static bool is_touched(const struct loader *l, size_t instance)
{
	for (size_t i = 0; i < n_config_keys; i++)
		if (origin_in(l, &config_keys[i], instance)->where &&
		    config_key_is_repeatable(&config_keys[i]))
			return true;
	return false;
}

/* One more of the repeatable section, at its defaults. */
static size_t add_instance(struct config *c, const char *name)
{
	size_t instance = c->n_runtimes++;
	c->runtimes[instance].name = xstrdup(name);
	for (size_t i = 0; i < n_config_keys; i++) {
		if (!config_key_is_repeatable(&config_keys[i]))
			continue;
		int r = config_key_set(&config_keys[i], c, instance, config_keys[i].default_value,
				       NULL);
		assert(r == 0);
		(void)r;
	}
	return instance;
}

/* The index of a section, which is there afterwards: 0 for any that cannot be repeated. */
static int section_instance(const struct loader *l, const struct section *s, size_t *ret,
			    struct err *e)
{
	struct config *c = l->config;
	bool repeatable = strcmp(s->kind, CONFIG_REPEATABLE_SECTION) == 0;
	const char *name = s->name ? s->name : "";
	*ret = 0;
	if (!repeatable)
		return 0;
	int r = s->name ? check_name(name, e) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_runtimes; i++) {
		if (strcmp(c->runtimes[i].name, name) == 0) {
			*ret = i;
			return 0;
		}
	}
	/* the first with a name takes the place of the one without, which is there at the start */
	bool unnamed = !*c->runtimes[0].name;
	if (!s->name || (unnamed && is_touched(l, 0)))
		return err_set(e, EINVAL, "there is either one [%s] or each has a name: [%s NAME]",
			       s->kind, s->kind);
	if (unnamed) {
		free(c->runtimes[0].name);
		c->runtimes[0].name = xstrdup(name);
	} else if (c->n_runtimes == N_MAX_RUNTIMES) {
		return err_set(e, EINVAL, "expected at most %d sections [%s NAME]", N_MAX_RUNTIMES,
			       s->kind);
	} else {
		*ret = add_instance(c, name);
	}
	return 0;
}

/* --- unknown names ------------------------------------------------------------------------- */

static bool section_exists(const struct section *s)
{
	for (size_t i = 0; i < n_config_keys; i++) {
		if (strcmp(config_keys[i].section, s->kind) == 0)
			return !s->name || config_key_is_repeatable(&config_keys[i]);
	}
	return false;
}

static int unknown_section(const char *section, struct err *e)
{
	const char *near = suggest_section(section);
	if (near)
		return err_set(e, EINVAL, "unknown section; did you mean [%s]?", near);
	cleanup_buf struct buf known = BUF_INIT(256);
	for (size_t i = 0; i < n_config_keys; i++) {
		if (i == 0 || strcmp(config_keys[i].section, config_keys[i - 1].section) != 0)
			(void)buf_printf(&known, " [%s]", config_keys[i].section);
	}
	return err_set(e, EINVAL, "unknown section; there are%s", buf_string(&known));
}

static int unknown_name(const char *name, struct err *e)
{
	const struct config_key *near = suggest_key(name);
	if (!near)
		return err_set(e, EINVAL, "unknown key; see disk-pressure-agent.conf(5)");
	return err_set(e, EINVAL, "unknown key; did you mean %s?", near->name);
}

static int unknown_key(const char *section, const char *name, struct err *e)
{
	const struct config_key *near = suggest_key(name);
	if (!near || strcmp(near->section, section) == 0)
		return unknown_name(name, e);
	return err_set(e, EINVAL, "unknown key; did you mean %s of section [%s]?", near->name,
		       near->section);
}

/* --- files --------------------------------------------------------------------------------- */

static int set_key(struct loader *l, const struct config_key *key, size_t instance,
		   const char *value, unsigned line, const char *where, struct err *e)
{
	int r = config_key_set(key, l->config, instance, value, e);
	if (r < 0)
		return r;
	struct origin *origin = origin_in(l, key, instance);
	free(origin->where);
	*origin = (struct origin){
		.where = xstrdup(where),
		.source = l->source,
		.line = line,
		.step = ++l->step,
	};
	return 0;
}

static int apply_pair(struct loader *l, const struct ini_entry *entry, const char *where,
		      struct err *e)
{
	cleanup_section struct section s = section_split(entry->section);
	const struct config_key *key = config_key_find(s.kind, entry->key);
	size_t instance;
	if (!key)
		return unknown_key(s.kind, entry->key, e);
	int r = section_instance(l, &s, &instance, e);
	if (r < 0)
		return r;
	const struct origin *origin = origin_in(l, key, instance);
	if (origin->source == l->source)
		return err_set(e, EINVAL, "already set in line %u of this file", origin->line);
	return set_key(l, key, instance, entry->value, entry->line, where, e);
}

static int apply_entry(struct loader *l, const char *path, const struct ini_entry *entry,
		       struct err *e)
{
	cleanup_buf struct buf where = BUF_INIT(BUF_MAX_CONFIG_FILE);
	(void)buf_printf(&where, "%s:%u: [%s]", path, entry->line, entry->section);
	if (entry->key)
		(void)buf_printf(&where, " %s", entry->key);
	cleanup_section struct section s = section_split(entry->section);
	int r = 0;
	if (!section_exists(&s))
		r = unknown_section(entry->section, e);
	else if (entry->key)
		r = apply_pair(l, entry, buf_string(&where), e);
	if (r < 0)
		(void)err_prefix(e, "%s: ", buf_string(&where));
	return r;
}

static void add_file(struct word_list *files, const char *path)
{
	files->words = xreallocarray(files->words, files->n_words + 1, sizeof(*files->words));
	files->words[files->n_words++] = xstrdup(path);
}

int loader_file(struct loader *l, const char *path, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_CONFIG_FILE);
	cleanup_ini_file struct ini_file file = { 0 };
	int r = ini_file_read(path, &text, e);
	if (r == 0)
		r = ini_file_parse(path, buf_string(&text), text.len, &file, e);
	l->source++;
	for (size_t i = 0; r == 0 && i < file.n_entries; i++)
		r = apply_entry(l, path, &file.entries[i], e);
	if (r == 0)
		add_file(&l->config->files, path);
	return r;
}

/* --- drop-ins ------------------------------------------------------------------------------ */

static bool has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), suffix_len = strlen(suffix);
	return len >= suffix_len && strcmp(s + len - suffix_len, suffix) == 0;
}

static int is_dropin(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && has_suffix(entry->d_name, ".conf");
}

/* Not alphasort(), whose order depends on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_listed(struct loader *l, const char *directory, struct dirent *const *list,
		       size_t n, struct err *e)
{
	if (n > N_MAX_DROPINS)
		return err_set(e, EINVAL, "%s: expected at most %d files, got %zu", directory,
			       N_MAX_DROPINS, n);
	for (size_t i = 0; i < n; i++) {
		cleanup_buf struct buf path = BUF_INIT(BUF_MAX_CONFIG_FILE);
		(void)buf_printf(&path, "%s/%s", directory, list[i]->d_name);
		int r = loader_file(l, buf_string(&path), e);
		if (r < 0)
			return r;
	}
	return 0;
}

int loader_dropins(struct loader *l, const char *path, struct err *e)
{
	cleanup_buf struct buf directory = BUF_INIT(BUF_MAX_CONFIG_FILE);
	size_t stem = strlen(path) - (has_suffix(path, ".conf") ? strlen(".conf") : 0);
	(void)buf_append(&directory, path, stem);
	(void)buf_puts(&directory, ".conf.d");
	struct dirent **list = NULL;
	int n = scandir(buf_string(&directory), &list, is_dropin, by_name);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return err_set(e, errno, "%s: %s", buf_string(&directory), strerror(errno));
	int r = load_listed(l, buf_string(&directory), list, (size_t)n, e);
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return r;
}

/* --- overrides ----------------------------------------------------------------------------- */

static void trim(char **s)
{
	while (text_is_blank(**s))
		(*s)++;
	size_t len = strlen(*s);
	while (len > 0 && text_is_blank((*s)[len - 1]))
		len--;
	(*s)[len] = '\0';
}

int loader_override(struct loader *l, const char *text, struct err *e)
{
	cleanup_free char *copy = xstrdup(text);
	char *value = copy;
	char *name = strsep(&value, "=");
	char *key_name = name;
	char *section = strsep(&key_name, ".");
	if (!value || !key_name) {
		size_t shown = text_cut(text, 80);
		return err_set(e, EINVAL, "--set %.*s: expected SECTION.KEY=VALUE", (int)shown,
			       text);
	}
	trim(&section);
	trim(&key_name);
	trim(&value);
	cleanup_buf struct buf where = BUF_INIT(BUF_MAX_CONFIG_FILE);
	(void)buf_printf(&where, "--set %.80s.%.80s", section, key_name);
	cleanup_section struct section s = section_split(section);
	const struct config_key *key =
		section_exists(&s) ? config_key_find(s.kind, key_name) : NULL;
	size_t instance;
	int r;
	if (!key)
		r = section_exists(&s) ? unknown_key(s.kind, key_name, e)
				       : unknown_section(section, e);
	else if ((r = section_instance(l, &s, &instance, e)) == 0)
		r = set_key(l, key, instance, value, 0, buf_string(&where), e);
	if (r < 0)
		(void)err_prefix(e, "%s: ", buf_string(&where));
	return r;
}

int loader_set(struct loader *l, const char *name, const char *value, const char *where,
	       struct err *e)
{
	const struct config_key *key = NULL;
	for (size_t i = 0; !key && i < n_config_keys; i++)
		if (strcmp(config_keys[i].name, name) == 0)
			key = &config_keys[i];
	int r = key ? set_key(l, key, 0, value, 0, where, e) : unknown_name(name, e);
	return r < 0 ? err_prefix(e, "%s: ", where) : 0;
}

/* --- what concerns several keys ------------------------------------------------------------ */

/* small < big, or <= where equal is allowed. */
struct order_rule {
	const char *section, *small, *big;
	bool equal;
	/* Whether the message is about big, as the kubelet words it for ages. */
	bool blame_big;
};

static const struct order_rule order_rules[] = {
	{ "image-gc", "imageGCLowThresholdPercent", "imageGCHighThresholdPercent", false, false },
	{ "image-gc", "inodes-low-threshold-percent", "inodes-high-threshold-percent", false,
	  false },
	{ "image-gc", "imageMinimumGCAge", "imageMaximumGCAge", false, true },
	{ "filesystems", "sample-interval-min", "sample-interval-max", true, false },
};

static int64_t number_of(const struct loader *l, const struct config_key *key)
{
	return *(const int64_t *)((const char *)l->config + key->offset);
}

static const char *text_of(const struct loader *l, const struct config_key *key)
{
	return *(char *const *)config_key_member(key, l->config, 0);
}

/* "imageGCLowThresholdPercent 75 (the default)" */
static void print_fact(const struct loader *l, const struct config_key *key, struct buf *out)
{
	(void)buf_printf(out, "%s ", key->name);
	config_key_print(key, l->config, 0, out);
	if (!origin_of(l, key)->where)
		(void)buf_puts(out, " (the default)");
}

static int break_rule(const struct loader *l, const struct order_rule *rule,
		      const struct config_key *small, const struct config_key *big, struct err *e)
{
	const struct origin *a = origin_of(l, small), *b = origin_of(l, big);
	const struct origin *last = b->step > a->step ? b : a;
	cleanup_buf struct buf left = BUF_INIT(256), right = BUF_INIT(256);
	print_fact(l, rule->blame_big ? big : small, &left);
	print_fact(l, rule->blame_big ? small : big, &right);
	const char *must = rule->blame_big ? "greater than" : rule->equal ? "at most" : "less than";
	return err_set(e, EINVAL, "%s: %s must be %s %s", last->where ? last->where : "defaults",
		       buf_string(&left), must, buf_string(&right));
}

/* Keys of [http] that mean nothing without another one. */
static int validate_tls(const struct loader *l, struct err *e)
{
	static const char *const rules[][2] = {
		{ "tls-certificate", "tls-key" },
		{ "tls-key", "tls-certificate" },
		{ "tls-client-ca", "tls-certificate" },
	};
	for (size_t i = 0; i < ELEMENTS(rules); i++) {
		const struct config_key *key = config_key_find("http", rules[i][0]);
		const struct config_key *needed = config_key_find("http", rules[i][1]);
		if (text_of(l, key)[0] && !text_of(l, needed)[0])
			return err_set(e, EINVAL, "%s: expected %s beside it",
				       origin_of(l, key)->where, needed->name);
	}
	return 0;
}

int loader_validate(const struct loader *l, struct err *e)
{
	for (size_t i = 0; i < ELEMENTS(order_rules); i++) {
		const struct order_rule *rule = &order_rules[i];
		const struct config_key *small = config_key_find(rule->section, rule->small);
		const struct config_key *big = config_key_find(rule->section, rule->big);
		int64_t low = number_of(l, small), high = number_of(l, big);
		/* A maximum age of 0 is none. */
		if (big->offset == offsetof(struct config, image_maximum_age) && high == 0)
			continue;
		if (low < high || (rule->equal && low == high))
			continue;
		return break_rule(l, rule, small, big, e);
	}
	return validate_tls(l, e);
}

/*
 * The message begins with the key's name, which is the end of where it came from. A grace period that
 * is nowhere came from nowhere; evictionSoft wants it.
 */
static int blame_eviction(const struct loader *l, const struct err *why, struct err *e)
{
	const char *soft = origin_of(l, config_key_find("eviction", "evictionSoft"))->where;
	for (size_t i = 0; i < n_config_keys; i++) {
		size_t len = strlen(config_keys[i].name);
		const char *where = l->origins[i].where;
		if (where && strncmp(why->msg, config_keys[i].name, len) == 0 &&
		    why->msg[len] == ':')
			return err_set(e, why->code, "%s%s", where, why->msg + len);
	}
	return err_set(e, why->code, "%s%s%s", soft ? soft : "", soft ? ": " : "", why->msg);
}

int loader_validate_eviction(const struct loader *l, struct err *e)
{
	struct err why = { 0 };
	int r = eviction_texts_parse(l->config, EVICTION_OURS, &l->config->eviction.thresholds,
				     &why);
	return r < 0 ? blame_eviction(l, &why, e) : 0;
}
