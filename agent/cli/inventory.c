/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "config/keys.h"
#include "node-status.h"
#include "node/filesystem.h"
#include "pass-node.h"
#include "sim/scenario-inventory.h"
#include "util/clock.h"
#include "util/json-read.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/rooted.h"

/* What the filesystems that were looked at are called, so that one is not taken for two, nor two that
 * are mounted from the same source for one. */
struct devices {
	uint64_t dev[_ROLE_MAX];
	char name[_ROLE_MAX][sizeof(((struct mount *)NULL)->device) + 32];
	size_t n;
};

static const char *device_name(struct devices *known, uint64_t dev, const char *path)
{
	struct mount mount;
	for (size_t i = 0; i < known->n; i++)
		if (known->dev[i] == dev)
			return known->name[i];
	char *name = known->name[known->n];
	size_t size = sizeof(known->name[0]);
	unsigned major_number = major((dev_t)dev), minor_number = minor((dev_t)dev);
	if (filesystem_identify("", path, &mount, NULL) == 0)
		(void)snprintf(name, size, "%s (%u:%u)", mount.device, major_number, minor_number);
	else
		(void)snprintf(name, size, "%u:%u", major_number, minor_number);
	known->dev[known->n++] = dev;
	return name;
}

static int add_filesystem(struct scenario *s, enum fs_role role, const char *path,
			  struct devices *known, struct err *e)
{
	struct space space;
	uint64_t dev;
	int r = filesystem_sample(path, &space, &dev, e);
	if (r == 0)
		scenario_add_filesystem(s, role, device_name(known, dev, path), &space);
	return r;
}

static int add_filesystems(struct scenario *s, const struct cli_options *o,
			   const struct config *config, const char *store, struct err *e)
{
	struct devices known = { .n = 0 };
	int r = add_filesystem(s, ROLE_IMAGEFS, store, &known, e);
	for (int role = 0; r == 0 && role < _ROLE_MAX; role++) {
		char path[PATH_MAX], real[PATH_MAX];
		node_status_path(config, o->root, role, "", path, sizeof(path));
		if (role == ROLE_IMAGEFS || !*path)
			continue;
		r = rooted_path(o->root, path, real, e);
		if (r == 0)
			r = add_filesystem(s, role, real, &known, e);
	}
	return r;
}

static bool is_policy(const struct config_key *key)
{
	return strcmp(key->section, "image-gc") == 0 || strcmp(key->section, "eviction") == 0 ||
	       strncmp(key->name, "sample-interval-", strlen("sample-interval-")) == 0;
}

static bool keeps_unrecoverable(const struct config *config, const struct inventory *inv)
{
	const struct image_gc_policy policy = config_image_gc_policy(config);
	return policy.keep_unrecoverable &&
	       !(policy.unless_local_is_ordinary && inv->local_is_ordinary);
}

static void add_policy(struct scenario *s, const struct config *config, const struct inventory *inv)
{
	for (size_t i = 0; i < n_config_keys; i++) {
		const struct config_key *key = &config_keys[i];
		cleanup_buf struct buf value = BUF_INIT(BUF_MAX_CONFIG_FILE);
		if (!is_policy(key))
			continue;
		config_key_print(key, config, 0, &value);
		/* auto depends on the runtime, which a scenario does not have */
		bool unrecoverable = strcmp(key->name, "keep-unrecoverable") == 0;
		if (unrecoverable)
			buf_clear(&value);
		if (unrecoverable)
			(void)buf_puts(&value, keeps_unrecoverable(config, inv) ? "yes" : "no");
		scenario_add_setting(s, key->name, buf_string(&value),
				     key->type == CONFIG_INTEGER || key->type == CONFIG_PERCENT);
	}
}

static int take(const struct cli_options *o, const struct config *config, struct pass_node *node,
		struct scenario **ret, char runtime[RUNTIME_TEXT_MAX], struct err *e)
{
	cleanup_node_listing struct node_listing listing;
	int r = pass_node_list(node, config, &listing, e);
	if (r < 0)
		return r;
	const struct inventory *inv = listing.inventories[0];
	(void)snprintf(runtime, RUNTIME_TEXT_MAX, "%s", inv->runtime);
	if (listing.n > 1)
		log_notice("there are several runtimes; this is of %s alone", runtime);
	cleanup_scenario struct scenario *s =
		scenario_from_inventory(inv, &listing.runtimes[0]->history, now_monotonic());
	r = add_filesystems(s, o, config, listing.store, e);
	if (r < 0)
		return r;
	add_policy(s, config, inv);
	*ret = take_ptr(s);
	return 0;
}

int inventory_take(const struct cli_options *o, struct config **ret_config, struct scenario **ret,
		   char runtime[RUNTIME_TEXT_MAX])
{
	struct pass_node node;
	struct err e = { 0 };
	int r = config_load(&o->source, ret_config, &e);
	if (r < 0) {
		log_error("%s", e.msg);
		return r == -EINVAL ? CLI_BAD_ANSWER : CLI_IMPOSSIBLE;
	}
	pass_node_init(&node, o->root);
	r = take(o, *ret_config, &node, ret, runtime, &e);
	if (r < 0)
		log_error("%s", e.msg);
	pass_node_done(&node);
	return r < 0 ? CLI_IMPOSSIBLE : CLI_DONE;
}

/* For people who edit it: one member a line. */
static int print_pretty(const struct buf *text)
{
	struct err e = { 0 };
	cleanup_json cJSON *json = NULL;
	if (json_parse(buf_string(text), text->len, &json, &e) < 0) {
		log_error("%s", e.msg);
		return CLI_IMPOSSIBLE;
	}
	char *pretty = cJSON_Print(json);
	if (pretty)
		(void)puts(pretty);
	cJSON_free(pretty);
	return pretty ? CLI_DONE : CLI_IMPOSSIBLE;
}

int cli_inventory(const struct cli_options *o)
{
	cleanup_config struct config *config = NULL;
	cleanup_scenario struct scenario *s = NULL;
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_SCENARIO);
	char runtime[RUNTIME_TEXT_MAX];
	int code = inventory_take(o, &config, &s, runtime);
	if (code != CLI_DONE)
		return code;
	scenario_print(s, &text);
	if (text.overflowed) {
		log_error("the inventory is larger than %d bytes", BUF_MAX_SCENARIO);
		return CLI_IMPOSSIBLE;
	}
	if (!o->json)
		return print_pretty(&text);
	(void)puts(buf_string(&text));
	return CLI_DONE;
}
