/* SPDX-License-Identifier: Apache-2.0 */
#include "pass-node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/predict.h"
#include "history.h"
#include "util/clock.h"
#include "util/rooted.h"

/* The last use of what is in use moves on all the time; so much of it may be lost in a crash. */
#define HISTORY_INTERVAL (5 * USEC_PER_MINUTE)

void pass_node_init(struct pass_node *node, const char *root)
{
	*node = (struct pass_node){ .root = xstrdup(root) };
}

void pass_node_done(struct pass_node *node)
{
	node->runtime = runtime_free(node->runtime);
	usage_clear(&node->history);
	container_news_clear(&node->news);
	free(node->root);
	free(node->endpoint);
	free(node->type);
	node->root = node->endpoint = node->type = NULL;
}

static bool runtime_is_current(const struct pass_node *node, const struct config *config)
{
	return node->runtime && strcmp(node->endpoint, config->runtimes[0].endpoint) == 0 &&
	       strcmp(node->type, config->runtimes[0].type) == 0 &&
	       node->timeout == config->runtimes[0].timeout;
}

int pass_node_connect(struct pass_node *node, const struct config *config, struct err *e)
{
	if (runtime_is_current(node, config))
		return 0;
	node->runtime = runtime_free(node->runtime);
	free(node->endpoint);
	free(node->type);
	node->endpoint = xstrdup(config->runtimes[0].endpoint);
	node->type = xstrdup(config->runtimes[0].type);
	node->timeout = config->runtimes[0].timeout;
	struct runtime_options options = {
		.endpoint = node->endpoint,
		.type = node->type,
		.root = node->root,
		.timeout = node->timeout,
	};
	return runtime_open(&options, &node->runtime, e);
}

/* A runtime that cannot be reached may come back as another version or on another socket. */
int pass_node_failed(struct pass_node *node, int r)
{
	if (removal_error_from_errno(-r) == REMOVAL_ERROR_UNAVAILABLE)
		node->runtime = runtime_free(node->runtime);
	return r;
}

static void history_begin(struct pass_node *node, const struct config *config)
{
	if (node->history_loaded)
		return;
	node->history_loaded = true;
	node->history_error.code = 0;
	(void)history_load(config->state_directory, &node->history, &node->history_error);
}

void pass_node_save(struct pass_node *node, const struct config *config, bool now)
{
	if (!node->history_loaded)
		return;
	if (!now && !node->history_changed &&
	    now_monotonic() - node->history_saved_at < HISTORY_INTERVAL)
		return;
	node->history_saved_at = now_monotonic();
	node->history_error.code = 0;
	if (history_save(config->state_directory, &node->history, &node->history_error) == 0)
		node->history_changed = false;
}

void pass_node_hear(struct pass_node *node, struct container_news *news)
{
	container_news_move(&node->news, news);
}

/* What was heard of came before this inventory: what it does not resolve is gone. */
static void history_observe(struct pass_node *node, struct inventory *inv,
			    const struct image_use *use)
{
	if (usage_observe(&node->history, inv, use, &node->news, now_monotonic()))
		node->history_changed = true;
	container_news_clear(&node->news);
	predict_from_history(inv, &node->history);
}

/* The inventory, with what is in use noted in the history. *ret_use is an array the caller frees. */
int pass_node_inventory(struct pass_node *node, const struct config *config, struct inventory **ret,
			struct image_use **ret_use, struct err *e)
{
	cleanup_inventory struct inventory *inv = NULL;
	int r = pass_node_connect(node, config, e);
	if (r < 0)
		return r;
	r = runtime_inventory(node->runtime, &inv, e);
	if (r < 0)
		return pass_node_failed(node, r);
	struct image_use *use = xcalloc(inv->n_images, sizeof(*use));
	use_resolve(inv->images, inv->n_images, &inv->containers, inv->sandbox_images,
		    inv->n_sandbox_images, use);
	history_begin(node, config);
	history_observe(node, inv, use);
	*ret = take_ptr(inv);
	*ret_use = use;
	return 0;
}

/* As the host calls it: the configuration's word, else the runtime's. NULL when neither tells. */
static const char *store_of(const struct config *config, const struct inventory *inv, struct err *e)
{
	const char *path = config->filesystem_paths[ROLE_IMAGEFS];
	if (strcmp(path, "auto") == 0)
		path = inv->image_store_path;
	if (*path)
		return path;
	(void)err_set(e, ENODATA,
		      "the runtime does not say where its images are; set imagefs in "
		      "[filesystems]");
	return NULL;
}

int pass_node_store(const struct pass_node *node, const struct config *config,
		    const struct inventory *inv, char ret[PATH_MAX], struct err *e)
{
	const char *path = store_of(config, inv, e);
	return path ? rooted_path(node->root, path, ret, e) : -ENODATA;
}

int pass_observe(struct pass_node *node, const struct config *config,
		 const struct image_gc_policy *policy, struct observation *ret, struct err *e)
{
	cleanup_inventory struct inventory *inv = NULL;
	cleanup_free struct image_use *use = NULL;
	struct observation o = { 0 };
	struct plan plan;
	int r = pass_node_inventory(node, config, &inv, &use, e);
	if (r < 0)
		return r;
	plan_build(inv, use, &node->history, policy, now_monotonic(), &plan);
	plan_count(&plan, o.images);
	schedule_facts(&plan, &o.facts);
	plan_done(&plan);
	const char *path = store_of(config, inv, e);
	if (!path)
		return -ENODATA;
	if ((size_t)snprintf(o.image_store_path, sizeof(o.image_store_path), "%s", path) >=
	    sizeof(o.image_store_path))
		return err_set(e, ENAMETOOLONG, "the image store's path is too long");
	*ret = o;
	return 0;
}
