/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "config/eviction-texts.h"
#include "config/keys.h"
#include "config/loader.h"
#include "util/json-write.h"
#include "util/limits.h"

struct config *config_defaults(void)
{
	struct config *c = xnew(struct config);
	for (size_t i = 0; i < n_config_keys; i++) {
		int r = config_key_set(&config_keys[i], c, 0, config_keys[i].default_value, NULL);
		assert(r == 0);
		(void)r;
	}
	c->runtimes[0].name = xstrdup("");
	c->n_runtimes = 1;
	int r = eviction_texts_parse(c, EVICTION_OURS, &c->eviction.thresholds, NULL);
	assert(r == 0);
	(void)r;
	return c;
}

struct config *config_free(struct config *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < n_config_keys; i++)
		for (size_t k = 0; k < config_key_instances(&config_keys[i], c); k++)
			config_key_done(&config_keys[i], c, k);
	for (size_t i = 0; i < c->n_runtimes; i++)
		free(c->runtimes[i].name);
	for (size_t i = 0; i < c->files.n_words; i++)
		free(c->files.words[i]);
	free(c->files.words);
	free(c);
	return NULL;
}

static int load_files(struct loader *l, const char *file, struct err *e)
{
	const char *path = file ? file : CONFIG_DEFAULT_FILE;
	int r = loader_file(l, path, e);
	if (r == -ENOENT && !file)
		r = 0;
	return r < 0 ? r : loader_dropins(l, path, e);
}

int config_load(const struct config_source *source, struct config **ret, struct err *e)
{
	cleanup_config struct config *c = config_defaults();
	cleanup_loader struct loader l = loader_for(c);
	int r = load_files(&l, source->file, e);
	for (size_t i = 0; r == 0 && i < source->n_overrides; i++)
		r = loader_override(&l, source->overrides[i], e);
	if (r == 0)
		r = loader_validate(&l, e);
	if (r == 0)
		r = loader_validate_eviction(&l, e);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

/* --- printing ------------------------------------------------------------------------------ */

/* The key behind the last one of the section that key i begins. */
static size_t section_end(size_t i)
{
	size_t end = i + 1;
	while (end < n_config_keys && strcmp(config_keys[end].section, config_keys[i].section) == 0)
		end++;
	return end;
}

static void print_section_name(const struct config_key *key, const struct config *c,
			       size_t instance, struct buf *out)
{
	const char *name = config_key_is_repeatable(key) ? c->runtimes[instance].name : "";
	(void)buf_printf(out, "%s%s%s", key->section, *name ? " " : "", name);
}

static void print_line(const struct config_key *key, const struct config *c, size_t instance,
		       struct buf *out)
{
	cleanup_buf struct buf line = BUF_INIT(BUF_MAX_CONFIG_FILE), mark = BUF_INIT(256);
	cleanup_buf struct buf value = BUF_INIT(BUF_MAX_CONFIG_FILE);
	config_key_print(key, c, instance, &value);
	(void)buf_printf(&line, "%s =%s%s", key->name, value.len ? " " : "", buf_string(&value));
	if (line.len >= CONFIG_MAX_LINE) {
		/* As it must have been written, if it came from a file. */
		buf_clear(&line);
		(void)buf_printf(&line, "%s=%s", key->name, buf_string(&value));
	}
	if (strcmp(buf_string(&value), key->default_value) != 0) {
		(void)buf_printf(&mark, "; default: %s",
				 *key->default_value ? key->default_value : "empty");
	}
	/* The mark goes in front where it would make the line too long to be read back. */
	bool behind = line.len + 1 + mark.len < CONFIG_MAX_LINE;
	if (mark.len && !behind)
		(void)buf_printf(out, "%s\n", buf_string(&mark));
	(void)buf_puts(out, buf_string(&line));
	if (mark.len && behind)
		(void)buf_printf(out, " %s", buf_string(&mark));
	(void)buf_putc(out, '\n');
}

void config_print_ini(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < n_config_keys; i = section_end(i)) {
		for (size_t k = 0; k < config_key_instances(&config_keys[i], c); k++) {
			(void)buf_puts(out, i ? "\n[" : "[");
			print_section_name(&config_keys[i], c, k, out);
			(void)buf_puts(out, "]\n");
			for (size_t j = i; j < section_end(i); j++)
				print_line(&config_keys[j], c, k, out);
		}
	}
}

static void print_words_json(struct json_writer *w, const char *name, const struct word_list *list)
{
	json_array_begin(w, name);
	for (size_t i = 0; i < list->n_words; i++)
		json_string(w, NULL, list->words[i]);
	json_array_end(w);
}

static void print_value_json(struct json_writer *w, const struct config_key *key,
			     const struct config *c, size_t instance)
{
	const void *member = config_key_member(key, c, instance);
	if (key->type == CONFIG_BOOL) {
		json_bool(w, key->name, *(const bool *)member);
	} else if (key->type == CONFIG_INTEGER || key->type == CONFIG_PERCENT) {
		json_i64(w, key->name, *(const int64_t *)member);
	} else if (key->type == CONFIG_WORDS) {
		print_words_json(w, key->name, member);
	} else {
		cleanup_buf struct buf value = BUF_INIT(BUF_MAX_CONFIG_FILE);
		config_key_print(key, c, instance, &value);
		json_string(w, key->name, buf_string(&value));
	}
}

void config_print_json(const struct config *c, struct buf *out)
{
	struct json_writer w = { .out = out };
	json_object_begin(&w, NULL);
	for (size_t i = 0; i < n_config_keys; i = section_end(i)) {
		for (size_t k = 0; k < config_key_instances(&config_keys[i], c); k++) {
			cleanup_buf struct buf name = BUF_INIT(256);
			print_section_name(&config_keys[i], c, k, &name);
			json_object_begin(&w, buf_string(&name));
			for (size_t j = i; j < section_end(i); j++)
				print_value_json(&w, &config_keys[j], c, k);
			json_object_end(&w);
		}
	}
	json_object_end(&w);
}

/* --- policy -------------------------------------------------------------------------------- */

#define PERCENT_NEVER 101

struct image_gc_policy config_image_gc_policy(const struct config *c)
{
	struct image_gc_policy p = {
		.minimum_age = c->image_minimum_age,
		.maximum_age = c->image_maximum_age,
		.keep = (const char *const *)c->keep.words,
		.n_keep = c->keep.n_words,
		.keep_newest = (uint32_t)c->keep_newest_per_repository,
		.order = c->order,
		.keep_unrecoverable = c->keep_unrecoverable != TRISTATE_NO,
		.unless_local_is_ordinary = c->keep_unrecoverable == TRISTATE_AUTO,
		.proceed_when_futile = c->when_futile == WHEN_FUTILE_PROCEED,
		.max_removals = (uint32_t)c->max_removals_per_pass,
	};
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		p.high_percent[r] = (int)c->image_gc_high_percent[r];
		p.low_percent[r] = (int)c->image_gc_low_percent[r];
	}
	/* With a maximum age the kubelet keeps its loop running, and 100 is reached when less than
	 * 1 % is available. */
	if (p.high_percent[RESOURCE_BYTES] == 100 && p.maximum_age == 0)
		p.high_percent[RESOURCE_BYTES] = PERCENT_NEVER;
	if (p.high_percent[RESOURCE_INODES] == 100)
		p.high_percent[RESOURCE_INODES] = PERCENT_NEVER;
	return p;
}
