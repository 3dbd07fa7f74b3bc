/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/docker/docker-build-cache.h"

#include <errno.h>
#include <stdio.h>

#include "core/space.h"

/* The first version of the API that tells of the build cache alone: before, containers and volumes are
 * walked through for it, which takes minutes on the disks that this is about. */
static const unsigned told_alone[2] = { 1, 42 };
/* The first that calls what is kept by its newer name. */
static const unsigned renamed[2] = { 1, 48 };

static bool speaks(const struct engine *engine, const unsigned version[2])
{
	unsigned spoken[2] = { 0, 0 };
	(void)sscanf(engine->peer.prefix, "/v%4u.%4u", &spoken[0], &spoken[1]);
	return spoken[0] != version[0] ? spoken[0] > version[0] : spoken[1] >= version[1];
}

/* A record that a build uses just now, or that an image has too, is nothing to gain. */
static int add_record(const cJSON *record, uint64_t *sum, struct err *e)
{
	bool in_use = false, shared = false;
	uint64_t size = 0;
	(void)!json_get_bool(record, "InUse", &in_use, NULL);
	(void)!json_get_bool(record, "Shared", &shared, NULL);
	int r = json_get_u64(record, "Size", &size, e);
	if (r < 0)
		return err_set(e, EBADMSG,
			       "GET /system/df: a record of the build cache has no size");
	if (!in_use && !shared)
		*sum = amount_add(*sum, size);
	return 0;
}

int docker_build_cache(struct runtime *runtime, uint64_t *ret_bytes, struct err *e)
{
	struct engine *engine = (struct engine *)runtime;
	cleanup_json cJSON *json = NULL;
	const cJSON *records = NULL, *record;
	uint64_t sum = 0;
	struct err why = { 0 };
	if (!speaks(engine, told_alone))
		return err_set(
			e, EOPNOTSUPP,
			"this Docker tells of its build cache only together with all volumes");
	int r = engine_get(&engine->peer, OPERATION_BUILD_CACHE, "/system/df?type=build-cache",
			   &json, e);
	if (r < 0)
		return r;
	r = json_get_array(json, "BuildCache", &records, &why);
	if (r < 0 && r != -ENOENT)
		return err_set(e, EBADMSG, "GET /system/df: %s", why.msg);
	r = 0;
	cJSON_ArrayForEach(record, records)
	{
		r = r < 0 ? r : add_record(record, &sum, e);
	}
	if (r == 0)
		*ret_bytes = sum;
	return r;
}

int docker_prune_build_cache(struct runtime *runtime, uint64_t keep_bytes, uint64_t *ret_freed,
			     struct err *e)
{
	struct engine *engine = (struct engine *)runtime;
	cleanup_json cJSON *json = NULL;
	char path[128];
	uint64_t freed = 0;
	(void)snprintf(path, sizeof(path), "/build/prune?all=true&%s=%llu",
		       speaks(engine, renamed) ? "reserved-space" : "keep-storage",
		       (unsigned long long)keep_bytes);
	int r = engine_post(&engine->peer, OPERATION_BUILD_CACHE, path, &json, e);
	if (r < 0)
		return r;
	struct err why = { 0 };
	if (json_get_u64(json, "SpaceReclaimed", &freed, &why) < 0)
		return err_set(e, EBADMSG, "POST /build/prune: %s", why.msg);
	*ret_freed = freed;
	return 0;
}
