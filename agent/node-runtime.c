/* SPDX-License-Identifier: Apache-2.0 */
#include "node-runtime.h"

#include <stdio.h>
#include <string.h>

#include "core/predict.h"
#include "history.h"
#include "util/clock.h"

/* The last use of what is in use moves on all the time; so much of it may be lost in a crash. */
#define HISTORY_INTERVAL (5 * USEC_PER_MINUTE)

#define HISTORY_NAME_MAX 128

void node_runtime_init(struct node_runtime *r, const struct runtime_config *section)
{
	*r = (struct node_runtime){
		.section = xstrdup(section->name),
		.endpoint = xstrdup(section->endpoint),
		.type = xstrdup(section->type),
		.timeout = section->timeout,
		.found = strcmp(section->endpoint, "auto") == 0,
	};
}

void node_runtime_done(struct node_runtime *r)
{
	r->runtime = runtime_free(r->runtime);
	usage_clear(&r->history);
	container_news_clear(&r->news);
	free(r->section);
	free(r->endpoint);
	free(r->type);
}

bool node_runtime_matches(const struct node_runtime *r, const struct runtime_config *section)
{
	return strcmp(r->section, section->name) == 0 &&
	       strcmp(r->endpoint, section->endpoint) == 0 && strcmp(r->type, section->type) == 0 &&
	       r->timeout == section->timeout;
}

void node_runtime_reached(struct node_runtime *r, struct runtime *runtime)
{
	r->runtime = runtime;
	(void)snprintf(r->name, sizeof(r->name), "%s", runtime->name);
	(void)snprintf(r->version, sizeof(r->version), "%s", runtime->version);
	(void)snprintf(r->address, sizeof(r->address), "%s", runtime->endpoint);
}

int node_runtime_connect(struct node_runtime *r, const char *root, struct err *e)
{
	struct runtime *runtime;
	if (r->runtime)
		return 0;
	/* an address has the prefix already */
	struct runtime_options options = {
		.endpoint = r->found ? r->address : r->endpoint,
		.type = r->type,
		.root = r->found ? "" : root,
		.timeout = r->timeout,
	};
	int code = runtime_open(&options, &runtime, e);
	if (code == 0)
		node_runtime_reached(r, runtime);
	return code;
}

int node_runtime_failed(struct node_runtime *r, int code)
{
	if (r->runtime && removal_error_from_errno(-code) == REMOVAL_ERROR_UNAVAILABLE) {
		r->statistics = r->runtime->statistics;
		r->runtime = runtime_free(r->runtime);
	}
	return code;
}

void node_runtime_hear(struct node_runtime *r, struct container_news *news)
{
	container_news_move(&r->news, news);
}

/* "usage-containerd", "usage-NAME-docker": where the history is, of a runtime that was reached. */
static void history_name(const struct node_runtime *r, char ret[HISTORY_NAME_MAX])
{
	(void)snprintf(ret, HISTORY_NAME_MAX, "usage-%s%s%s", r->section, *r->section ? "-" : "",
		       r->name);
	/* what a runtime calls itself is not to lead anywhere else */
	for (char *c = ret; *c; c++)
		if (*c == '/' || (unsigned char)*c <= ' ')
			*c = '_';
}

static void history_begin(struct node_runtime *r, const char *state_directory)
{
	char name[HISTORY_NAME_MAX];
	if (r->history_loaded)
		return;
	history_name(r, name);
	r->history_loaded = true;
	r->history_error.code = 0;
	(void)history_load(state_directory, name, &r->history, &r->history_error);
}

void node_runtime_observe(struct node_runtime *r, const char *state_directory,
			  struct inventory *inv, const struct image_use *use)
{
	history_begin(r, state_directory);
	/* What was heard of came before this inventory: what it does not resolve is gone. */
	if (usage_observe(&r->history, inv, use, &r->news, now_monotonic()))
		r->history_changed = true;
	container_news_clear(&r->news);
	predict_from_history(inv, &r->history);
}

void node_runtime_save(struct node_runtime *r, const char *state_directory, bool now)
{
	char name[HISTORY_NAME_MAX];
	if (!r->history_loaded)
		return;
	if (!now && !r->history_changed && now_monotonic() - r->history_saved_at < HISTORY_INTERVAL)
		return;
	history_name(r, name);
	r->history_saved_at = now_monotonic();
	r->history_error.code = 0;
	if (history_save(state_directory, name, &r->history, &r->history_error) == 0)
		r->history_changed = false;
}
