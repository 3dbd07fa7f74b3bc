/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/docker/docker-containerd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "runtime/containerd/containerd-lists.h"
#include "runtime/containerd/containerd.h"
#include "runtime/engine/engine-text.h"
#include "util/rooted.h"

#define SNAPSHOTTER_TYPE "io.containerd.snapshotter.v1"

struct docker_containerd {
	struct request_client *client;
	struct containerd *containerd;
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char space[80];
	char snapshotter[80];
};

/* [["driver-type","io.containerd.snapshotter.v1"]] */
static bool is_in_containerd(const cJSON *info)
{
	const cJSON *status = NULL, *pair;
	if (json_get_array(info, "DriverStatus", &status, NULL) < 0)
		return false;
	cJSON_ArrayForEach(pair, status)
	{
		const cJSON *value = cJSON_IsArray(pair) ? cJSON_GetArrayItem(pair, 1) : NULL;
		if (cJSON_IsString(value) && strcmp(value->valuestring, SNAPSHOTTER_TYPE) == 0)
			return true;
	}
	return false;
}

static bool same(const struct docker_containerd *a, const struct docker_containerd *b)
{
	return a && strcmp(a->socket, b->socket) == 0 && strcmp(a->space, b->space) == 0 &&
	       strcmp(a->snapshotter, b->snapshotter) == 0;
}

/* What info says of it; false when that is not enough. Told from version 1.46 of the API on. */
static bool find(const struct engine *engine, const cJSON *info, struct docker_containerd *ret)
{
	const cJSON *containerd = NULL, *spaces = NULL;
	const char *address = "", *space = "", *driver = "";
	if (json_get_object(info, "Containerd", &containerd, NULL) < 0 ||
	    json_get_string(containerd, "Address", &address, NULL) < 0 ||
	    json_get_object(containerd, "Namespaces", &spaces, NULL) < 0 ||
	    json_get_string(spaces, "Containers", &space, NULL) < 0 ||
	    json_get_string(info, "Driver", &driver, NULL) < 0)
		return false;
	char path[PATH_MAX];
	if (*address != '/' || rooted_path(engine->base.root, address, path, NULL) < 0)
		return false;
	int socket = snprintf(ret->socket, sizeof(ret->socket), "%s", path);
	int length = snprintf(ret->space, sizeof(ret->space), "%s", space);
	int name = snprintf(ret->snapshotter, sizeof(ret->snapshotter), "%s", driver);
	return (size_t)socket < sizeof(ret->socket) && (size_t)length < sizeof(ret->space) &&
	       (size_t)name < sizeof(ret->snapshotter) && containerd_is_namespace(space);
}

struct docker_containerd *docker_containerd_new(const struct engine *engine, const cJSON *info,
						struct docker_containerd *previous)
{
	struct docker_containerd found = { 0 };
	bool there = is_in_containerd(info) && find(engine, info, &found);
	if (there && same(previous, &found))
		return previous;
	docker_containerd_free(previous);
	if (!there)
		return NULL;
	struct docker_containerd *c = xnew(struct docker_containerd);
	*c = found;
	c->client = request_client_new(c->socket, REQUEST_HTTP2);
	c->containerd = containerd_new(c->client, c->space, engine->peer.timeout);
	return c;
}

struct docker_containerd *docker_containerd_free(struct docker_containerd *c)
{
	if (!c)
		return NULL;
	c->containerd = containerd_free(c->containerd);
	c->client = request_client_free(c->client);
	free(c);
	return NULL;
}

int docker_containerd_path(struct docker_containerd *c, struct arena *arena, const char **ret,
			   struct err *e)
{
	cleanup_free char *path = NULL;
	int r = containerd_snapshotter_root(c->containerd, c->snapshotter, &path, e);
	if (r == 0)
		*ret = arena_strdup(arena, path);
	return r;
}

int docker_containerd_layers(struct docker_containerd *c, struct inventory *inv, struct err *e)
{
	return containerd_layers(c->containerd, inv, e);
}
