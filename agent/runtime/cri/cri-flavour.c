/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri/cri-flavour.h"

#include <string.h>

#include "util/alloc.h"

static const struct cri_flavour flavours[] = {
	{ .runtime_name = "containerd",
	  .compressed_sizes = true,
	  .usage_counts_layers = true,
	  .has_containerd_api = true },
	{ .runtime_name = "cri-o" },
};

static const struct cri_flavour unknown = { .runtime_name = "" };

const struct cri_flavour *cri_flavour_find(const char *runtime_name)
{
	for (size_t i = 0; i < ELEMENTS(flavours); i++)
		if (strcmp(flavours[i].runtime_name, runtime_name) == 0)
			return &flavours[i];
	return &unknown;
}

bool cri_flavour_says_in_use(const char *message)
{
	return strstr(message, "in use by") || strstr(message, "image used by");
}
