/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status.h"

static const char *const threshold_level_table[_LEVEL_MAX] = {
	[LEVEL_HIGH] = "high",
	[LEVEL_LOW] = "low",
	[LEVEL_SOFT] = "soft",
	[LEVEL_HARD] = "hard",
	[LEVEL_KUBELET_GC_HIGH] = "kubelet_gc_high",
	[LEVEL_KUBELET_HARD] = "kubelet_hard",
};

static const char *const runtime_operation_table[_OPERATION_MAX] = {
	[OPERATION_VERSION] = "version",
	[OPERATION_STATUS] = "status",
	[OPERATION_LIST_IMAGES] = "list_images",
	[OPERATION_IMAGE_STATUS] = "image_status",
	[OPERATION_REMOVE_IMAGE] = "remove_image",
	[OPERATION_IMAGE_FS_INFO] = "image_fs_info",
	[OPERATION_LIST_CONTAINERS] = "list_containers",
	[OPERATION_CONTAINER_STATUS] = "container_status",
	[OPERATION_LIST_SANDBOXES] = "list_sandboxes",
	[OPERATION_SANDBOX_STATUS] = "sandbox_status",
	[OPERATION_REMOVE_CONTAINER] = "remove_container",
	[OPERATION_BUILD_CACHE] = "build_cache",
};

const char *threshold_level_to_string(enum threshold_level l)
{
	return threshold_level_table[l];
}

const char *runtime_operation_to_string(enum runtime_operation o)
{
	return runtime_operation_table[o];
}

#define N_CODES                                                 \
	(sizeof(((struct status_kubernetes *)NULL)->requests) / \
	 sizeof(((struct status_kubernetes *)NULL)->requests[0]))

/* A peer that answers with ever new ones gets one series for those that come last. */
void status_count_request(struct status_kubernetes *k, long code)
{
	size_t i = 0;
	while (i < k->n_codes && k->requests[i].code != code)
		i++;
	if (i == N_CODES)
		i--;
	else if (i == k->n_codes)
		k->requests[k->n_codes++].code = i == N_CODES - 1 ? -1 : (int)code;
	k->requests[i].n++;
}

const struct status_runtime *status_runtime_down(const struct status_runtimes *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].configured && !r->items[i].up)
			return &r->items[i];
	return NULL;
}

bool status_runtime_any_up(const struct status_runtimes *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].up)
			return true;
	return false;
}
