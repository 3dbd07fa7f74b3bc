/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/podman/podman.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/engine/engine-text.h"
#include "runtime/engine/engine.h"

#define OLDEST 4 /* major version */
#define NEWEST 5 /* that this was written for; newer ones speak it too */

/*
 * Measured on ext4 with Podman 4.3 and 5.8, overlay: of a layer its folder, diff, work, merged, link,
 * the symbolic link in l/, tar-split, and empty or lower; of an image its folder, manifest twice,
 * configuration, and an empty file of signatures.
 */
static const struct engine_overhead overlay = {
	.lowest = { 8 * 4096, 8 },
	.other = { 8 * 4096, 8 },
	.image = { 4 * 4096, 5 },
};

static const struct engine_overhead other_driver = { .image = { 4 * 4096, 5 } };
static const struct engine_overhead vfs = { .image = { 4 * 4096, 5 }, .copies = true };

static int podman_recognise(struct engine *engine, const struct engine_ping *ping, struct err *e)
{
	unsigned version[2];
	char prefix[32];
	if (!*ping->libpod_version)
		return err_set(e, EPROTONOSUPPORT, "GET /_ping: this is not Podman but %s",
			       *ping->server ? ping->server : "something else");
	if (!engine_parse_version(ping->libpod_version, version))
		return err_set(e, EBADMSG, "GET /_ping: \"%s\" is no version of Podman",
			       ping->libpod_version);
	if (version[0] < OLDEST)
		return err_set(e, EPROTONOSUPPORT, "Podman %s is too old, %d.0 or newer is needed",
			       ping->libpod_version, OLDEST);
	(void)snprintf(prefix, sizeof(prefix), "/v%u.0.0/libpod",
		       version[0] < NEWEST ? version[0] : NEWEST);
	engine_introduce(engine, "podman", ping->libpod_version, prefix);
	return 0;
}

static int podman_store(struct engine *engine, const cJSON *info, struct arena *arena,
			const char **ret_path, struct err *e)
{
	const cJSON *store = NULL;
	struct err why = { 0 };
	if (json_get_object(info, "store", &store, &why) < 0)
		return err_set(e, EBADMSG, "%s", why.msg);
	const char *driver = "";
	int r = engine_text(arena, store, "graphDriverName", &driver, e);
	if (r < 0)
		return r;
	engine->overhead = strcmp(driver, "overlay") == 0 ? &overlay
			   : strcmp(driver, "vfs") == 0	  ? &vfs
							  : &other_driver;
	return engine_text(arena, store, "graphRoot", ret_path, e);
}

static const struct engine_dialect dialect = {
	.ops = &runtime_podman_ops,
	.recognise = podman_recognise,
	.store = podman_store,
	.images = "/images/json?all=true",
	/* External ones are Buildah's, in which images are being built. */
	.containers = "/containers/json?all=true&external=true",
	.events = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D",
	.imageless = true,
};

static struct runtime *podman_new(const char *socket_path, usec_t timeout)
{
	return engine_new(&dialect, socket_path, timeout);
}

static const char *const endpoints[] = { "/run/podman/podman.sock", NULL };

const struct runtime_ops runtime_podman_ops = {
	.type = "podman",
	.endpoints = endpoints,
	.new = podman_new,
	.free = engine_free,
	.probe = engine_probe,
	.inventory = engine_inventory,
	.containers = engine_containers,
	.remove_image = engine_remove_image,
	.watch = engine_watch,
	.remove_container = engine_remove_container,
};
