/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/docker/docker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/docker/docker-build-cache.h"
#include "runtime/docker/docker-containerd.h"
#include "runtime/engine/engine-text.h"
#include "runtime/engine/engine.h"

/* Of the API: Docker 20.10 and 28.5. */
static const unsigned oldest[2] = { 1, 41 };
static const unsigned newest[2] = { 1, 51 };

/*
 * Measured on ext4 with Docker 20.10 and 28.5, overlay2: of a layer its folder, diff, link, the symbolic
 * link in l/, and in layerdb a folder, cache-id, diff, size and tar-split; not of the lowest also
 * work, lower and parent; of an image its configuration.
 */
static const struct engine_overhead overlay2 = {
	.lowest = { 9 * 4096, 9 },
	.other = { 12 * 4096, 12 },
	.image = { 4096, 1 },
};

/* In containerd a layer has a folder and work/ besides its files. */
static const struct engine_overhead in_containerd = {
	.lowest = { 2 * 4096, 2 },
	.other = { 2 * 4096, 2 },
	.image = { 2 * 4096, 2 },
};

/* The files of a layer alone are what other drivers have in common. */
static const struct engine_overhead other_driver = { .image = { 4096, 1 } };
static const struct engine_overhead vfs = { .image = { 4096, 1 }, .copies = true };

static bool is_older(const unsigned a[2], const unsigned b[2])
{
	return a[0] != b[0] ? a[0] < b[0] : a[1] < b[1];
}

/* An engine that is newer than what is known here may have given up what is. */
static int least_version(struct engine *engine, unsigned ret[2], struct err *e)
{
	cleanup_json cJSON *json = NULL;
	const char *text = "";
	struct err why = { 0 };
	engine->peer.prefix[0] = '\0';
	int r = engine_get(&engine->peer, OPERATION_VERSION, "/version", &json, e);
	if (r < 0)
		return r;
	(void)!json_get_string(json, "MinAPIVersion", &text, &why);
	return engine_parse_version(text, ret)
		       ? 0
		       : err_set(e, EBADMSG, "GET /version: no MinAPIVersion");
}

/* "Docker/20.10.24+dfsg1 (linux)" */
static void introduce(struct engine *engine, const char *server, const unsigned api[2])
{
	char version[64] = "", prefix[32];
	if (strncmp(server, "Docker/", strlen("Docker/")) == 0)
		server += strlen("Docker/");
	(void)snprintf(version, sizeof(version), "%.*s", (int)strcspn(server, " "), server);
	(void)snprintf(prefix, sizeof(prefix), "/v%u.%u", api[0], api[1]);
	engine_introduce(engine, "docker", version, prefix);
}

static int docker_recognise(struct engine *engine, const struct engine_ping *ping, struct err *e)
{
	unsigned api[2], least[2];
	if (*ping->libpod_version)
		return err_set(e, EPROTONOSUPPORT,
			       "GET /_ping: this is Podman: set type = podman for it");
	if (!engine_parse_version(ping->api_version, api))
		return err_set(e, EPROTONOSUPPORT,
			       "GET /_ping: no Api-Version: this is not Docker");
	if (is_older(api, oldest))
		return err_set(e, EPROTONOSUPPORT,
			       "Docker speaks version %s of its API, %u.%u or newer is needed",
			       ping->api_version, oldest[0], oldest[1]);
	if (!is_older(newest, api)) {
		introduce(engine, ping->server, api);
		return 0;
	}
	if (strcmp(engine->server, ping->server) == 0)
		return 0;
	int r = least_version(engine, least, e);
	if (r < 0)
		return r;
	introduce(engine, ping->server, is_older(newest, least) ? least : newest);
	(void)snprintf(engine->server, sizeof(engine->server), "%s", ping->server);
	return 0;
}

static int docker_store(struct engine *engine, const cJSON *info, struct arena *arena,
			const char **ret_path, struct err *e)
{
	const char *driver = "";
	int r = engine_text(arena, info, "Driver", &driver, e);
	if (r < 0)
		return r;
	engine->own = docker_containerd_new(engine, info, engine->own);
	struct err why = { 0 };
	if (engine->own && docker_containerd_path(engine->own, arena, ret_path, &why) == 0)
		return 0;
	engine->overhead = strcmp(driver, "overlay2") == 0    ? &overlay2
			   : strcmp(driver, "overlayfs") == 0 ? &in_containerd
			   : strcmp(driver, "vfs") == 0	      ? &vfs
							      : &other_driver;
	return engine_text(arena, info, "DockerRootDir", ret_path, e);
}

static int docker_layers(struct engine *engine, struct inventory *inv, struct err *e)
{
	if (!engine->own)
		return -EOPNOTSUPP;
	return docker_containerd_layers(engine->own, inv, e);
}

static void docker_done(struct engine *engine)
{
	engine->own = docker_containerd_free(engine->own);
}

static const struct engine_dialect dialect = {
	.ops = &runtime_docker_ops,
	.recognise = docker_recognise,
	.store = docker_store,
	.layers = docker_layers,
	.done = docker_done,
	.images = "/images/json?all=true",
	.containers = "/containers/json?all=true",
	.events = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D",
	.parents_stay = true,
};

static struct runtime *docker_new(const char *socket_path, usec_t timeout)
{
	return engine_new(&dialect, socket_path, timeout);
}

/* In a container that has nothing but the socket there is no link from one to the other. */
static const char *const endpoints[] = { "/run/docker.sock", "/var/run/docker.sock", NULL };

const struct runtime_ops runtime_docker_ops = {
	.type = "docker",
	.endpoints = endpoints,
	.new = docker_new,
	.free = engine_free,
	.probe = engine_probe,
	.inventory = engine_inventory,
	.containers = engine_containers,
	.remove_image = engine_remove_image,
	.watch = engine_watch,
	.remove_container = engine_remove_container,
	.build_cache = docker_build_cache,
	.prune_build_cache = docker_prune_build_cache,
};
