/* SPDX-License-Identifier: Apache-2.0 */
#include "pass-node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/filesystem.h"
#include "util/clock.h"
#include "util/rooted.h"

void pass_node_init(struct pass_node *node, const char *root)
{
	*node = (struct pass_node){ .root = xstrdup(root) };
}

void pass_node_done(struct pass_node *node)
{
	for (size_t i = 0; i < node->n_runtimes; i++)
		node_runtime_done(&node->runtimes[i]);
	free(node->root);
	*node = (struct pass_node){ 0 };
}

void pass_node_hear(struct pass_node *node, const char *endpoint, struct container_news *news)
{
	for (size_t i = 0; i < node->n_runtimes; i++)
		if (strcmp(node->runtimes[i].address, endpoint) == 0)
			node_runtime_hear(&node->runtimes[i], news);
	container_news_clear(news);
}

/* --- which runtimes there are --------------------------------------------------------------- */

static const struct runtime_config *section_of(const struct node_runtime *r,
					       const struct config *config)
{
	for (size_t i = 0; i < config->n_runtimes; i++)
		if (node_runtime_matches(r, &config->runtimes[i]))
			return &config->runtimes[i];
	return NULL;
}

/* Those that nobody asks for any more. */
static void forget_runtimes(struct pass_node *node, const struct config *config)
{
	size_t n = 0;
	for (size_t i = 0; i < node->n_runtimes; i++) {
		if (section_of(&node->runtimes[i], config)) {
			node->runtimes[n++] = node->runtimes[i];
			continue;
		}
		node_runtime_save(&node->runtimes[i], config->state_directory, true);
		node_runtime_done(&node->runtimes[i]);
	}
	node->n_runtimes = n;
}

static struct node_runtime *add_runtime(struct pass_node *node,
					const struct runtime_config *section)
{
	struct node_runtime *r = &node->runtimes[node->n_runtimes++];
	node_runtime_init(r, section);
	return r;
}

static void add_named(struct pass_node *node, const struct runtime_config *section)
{
	for (size_t i = 0; i < node->n_runtimes; i++)
		if (node_runtime_matches(&node->runtimes[i], section))
			return;
	if (node->n_runtimes < N_MAX_RUNTIMES)
		(void)add_runtime(node, section);
}

/* What answers on a well-known socket is a runtime of this node from then on. */
static int add_found(struct pass_node *node, const struct runtime_config *section, struct err *e)
{
	const char *known[N_MAX_RUNTIMES];
	struct runtime *found[N_MAX_RUNTIMES];
	for (size_t i = 0; i < node->n_runtimes; i++)
		known[i] = node->runtimes[i].found ? node->runtimes[i].address
						   : node->runtimes[i].endpoint;
	struct runtime_options options = {
		.endpoint = section->endpoint,
		.type = section->type,
		.root = node->root,
		.timeout = section->timeout,
	};
	int n = runtime_find(&options, known, node->n_runtimes, found,
			     N_MAX_RUNTIMES - node->n_runtimes, e);
	for (int i = 0; i < n; i++)
		node_runtime_reached(add_runtime(node, section), found[i]);
	return n < 0 ? n : 0;
}

static int find_runtimes(struct pass_node *node, const struct config *config, struct err *e)
{
	int r = 0;
	forget_runtimes(node, config);
	for (size_t i = 0; i < config->n_runtimes; i++) {
		const struct runtime_config *section = &config->runtimes[i];
		if (strcmp(section->endpoint, "auto") == 0)
			r = add_found(node, section, e);
		else
			add_named(node, section);
	}
	return node->n_runtimes > 0 ? 0 : r;
}

/* --- what they list ------------------------------------------------------------------------- */

void node_listing_done(struct node_listing *listing)
{
	for (size_t i = 0; i < listing->n; i++) {
		(void)inventory_free(listing->inventories[i]);
		free(listing->use[i]);
	}
	listing->n = 0;
}

static int list_one(struct pass_node *node, struct node_runtime *r, struct inventory **ret,
		    struct err *e)
{
	int code = node_runtime_connect(r, node->root, e);
	if (code == 0) {
		code = runtime_inventory(r->runtime, ret, e);
		if (code < 0)
			(void)node_runtime_failed(r, code);
	}
	if (code == 0)
		(void)snprintf(r->store, sizeof(r->store), "%s", (*ret)->image_store_path);
	return code;
}

static int list_all(struct pass_node *node, struct node_listing *ret, struct err *e)
{
	int first = 0;
	for (size_t i = 0; i < node->n_runtimes; i++) {
		struct node_runtime *r = &node->runtimes[i];
		r->error.code = 0;
		int code = list_one(node, r, &ret->inventories[ret->n], &r->error);
		if (code == 0) {
			ret->runtimes[ret->n++] = r;
		} else if (!first) {
			first = code;
			*e = r->error;
		}
	}
	return ret->n > 0 ? 0 : first;
}

static bool shares_store(const struct node_runtime *a, const struct node_runtime *b)
{
	return *a->store && strcmp(a->store, b->store) == 0;
}

static void drop(struct node_listing *l, size_t i)
{
	(void)inventory_free(l->inventories[i]);
	free(l->use[i]);
	l->n--;
	for (; i < l->n; i++) {
		l->inventories[i] = l->inventories[i + 1];
		l->runtimes[i] = l->runtimes[i + 1];
		l->use[i] = l->use[i + 1];
	}
}

/* Both lists as one, whose array is in arena where it is a new one. */
static struct container_list join(const struct container_list *a, const struct container_list *b,
				  struct arena *arena)
{
	struct container_list all = { .n_containers = a->n_containers + b->n_containers };
	if (a->n_containers == 0 || b->n_containers == 0)
		return a->n_containers ? *a : *b;
	all.containers = arena_calloc(arena, all.n_containers, sizeof(*all.containers));
	memcpy(all.containers, a->containers, a->n_containers * sizeof(*a->containers));
	memcpy(all.containers + a->n_containers, b->containers,
	       b->n_containers * sizeof(*b->containers));
	return all;
}

/* Containers of all that are listed with the store of entry index: whatever refers to an image there. */
static struct container_list users_of(const struct node_listing *l, size_t index)
{
	struct container_list all = { 0 };
	for (size_t i = 0; i < l->n; i++)
		if (i == index || shares_store(l->runtimes[i], l->runtimes[index]))
			all = join(&all, &l->inventories[i]->containers,
				   &l->inventories[index]->arena);
	return all;
}

static void resolve_use(struct node_listing *l, const struct config *config)
{
	for (size_t i = 0; i < l->n; i++) {
		struct inventory *inv = l->inventories[i];
		struct container_list users = users_of(l, i);
		l->use[i] = xcalloc(inv->n_images, sizeof(*l->use[i]));
		use_resolve(inv->images, inv->n_images, &users, inv->sandbox_images,
			    inv->n_sandbox_images, l->use[i]);
		node_runtime_observe(l->runtimes[i], config->state_directory, inv, l->use[i]);
	}
}

/* Images of a store are known once; and not at all while somebody who uses it cannot be asked. */
static void drop_shared(struct pass_node *node, struct node_listing *l)
{
	for (size_t i = l->n; i-- > 0;) {
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again = again || shares_store(l->runtimes[k], l->runtimes[i]);
		for (size_t k = 0; k < node->n_runtimes; k++)
			again = again || (node->runtimes[k].error.code &&
					  shares_store(&node->runtimes[k], l->runtimes[i]));
		if (again)
			drop(l, i);
	}
}

/* --- where the images are ------------------------------------------------------------------- */

/* Whose filesystem is the image filesystem: the first that has images at all, else the first. */
static size_t leader(const struct node_listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->inventories[i]->n_images > 0)
			return i;
	return 0;
}

static int choose_store(const struct pass_node *node, const struct config *config,
			struct node_listing *l, struct err *e)
{
	const char *path = config->filesystem_paths[ROLE_IMAGEFS];
	if (strcmp(path, "auto") == 0)
		path = l->runtimes[leader(l)]->store;
	if (!*path) {
		(void)err_set(e, ENODATA,
			      "%s does not say where its images are; set imagefs in [filesystems]",
			      l->runtimes[leader(l)]->name);
		l->runtimes[leader(l)]->error = *e;
		return -ENODATA;
	}
	(void)snprintf(l->host_store, sizeof(l->host_store), "%s", path);
	return rooted_path(node->root, path, l->store, e);
}

static bool is_on(const struct pass_node *node, const struct node_runtime *r, uint64_t dev)
{
	char path[PATH_MAX];
	struct space space;
	uint64_t own;
	return *r->store && rooted_path(node->root, r->store, path, NULL) == 0 &&
	       filesystem_sample(path, &space, &own, NULL) == 0 && own == dev;
}

/* One pass is about one filesystem. A single runtime is on it by the configuration's word. */
static int drop_elsewhere(const struct pass_node *node, struct node_listing *l, struct err *e)
{
	struct space space;
	uint64_t dev;
	if (l->n < 2) {
		l->runtimes[0]->elsewhere = false;
		return 0;
	}
	int r = filesystem_sample(l->store, &space, &dev, e);
	if (r < 0)
		return r;
	for (size_t i = l->n; i-- > 0;) {
		l->runtimes[i]->elsewhere = !is_on(node, l->runtimes[i], dev);
		if (l->runtimes[i]->elsewhere)
			drop(l, i);
	}
	return l->n > 0 ? 0
			: err_set(e, ENODATA, "no runtime has its images on the filesystem of %s",
				  l->store);
}

int pass_node_list(struct pass_node *node, const struct config *config, struct node_listing *ret,
		   struct err *e)
{
	*ret = (struct node_listing){ 0 };
	int r = find_runtimes(node, config, e);
	if (r == 0)
		r = list_all(node, ret, e);
	if (r < 0)
		return r;
	resolve_use(ret, config);
	drop_shared(node, ret);
	if (ret->n == 0)
		r = err_set(e, ECONNREFUSED,
			    "a runtime that shares the image store cannot be asked");
	if (r == 0)
		r = choose_store(node, config, ret, e);
	if (r == 0)
		r = drop_elsewhere(node, ret, e);
	if (r < 0)
		node_listing_done(ret);
	return r;
}

void node_listing_plan(const struct node_listing *listing, const struct image_gc_policy *policy,
		       struct plan *ret)
{
	struct plan plans[N_MAX_RUNTIMES];
	usec_t now = now_monotonic();
	for (size_t i = 0; i < listing->n; i++)
		plan_build(listing->inventories[i], listing->use[i], &listing->runtimes[i]->history,
			   policy, now, &plans[i]);
	plan_merge(plans, listing->n, policy, ret);
}

int node_listing_containers(const struct node_listing *listing, const struct pass_node *node,
			    size_t index, struct inventory *into, struct err *e)
{
	const struct node_runtime *owner = listing->runtimes[index];
	struct container_list all = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < node->n_runtimes; i++) {
		const struct node_runtime *other = &node->runtimes[i];
		if (other != owner && !shares_store(other, owner))
			continue;
		r = other->runtime ? runtime_containers(other->runtime, into, e)
				   : err_set(e, ECONNREFUSED, "%s is not reached", other->name);
		if (r == 0)
			all = join(&all, &into->containers, &into->arena);
	}
	into->containers = all;
	return r;
}

int pass_observe(struct pass_node *node, const struct config *config,
		 const struct image_gc_policy *policy, struct observation *ret, struct err *e)
{
	cleanup_node_listing struct node_listing listing;
	struct plan plan;
	int r = pass_node_list(node, config, &listing, e);
	if (r < 0)
		return r;
	*ret = (struct observation){ 0 };
	node_listing_plan(&listing, policy, &plan);
	plan_count(&plan, ret->images);
	schedule_facts(&plan, &ret->facts);
	plan_done(&plan);
	memcpy(ret->image_store_path, listing.host_store, sizeof(listing.host_store));
	return 0;
}

struct err pass_node_save(struct pass_node *node, const struct config *config, bool now)
{
	struct err first = { 0 };
	for (size_t i = 0; i < node->n_runtimes; i++) {
		struct node_runtime *r = &node->runtimes[i];
		/* A history that could not be read is to be told, also when it can be written again. */
		struct err unread = r->history_error;
		node_runtime_save(r, config->state_directory, now);
		if (first.code == 0)
			first = unread.code ? unread : r->history_error;
	}
	return first;
}
