/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pressure.h"

#include <string.h>

#include "cli/show.h"

const char *pressure_level(const cJSON *filesystem, const char *resource)
{
	const char *worst = NULL;
	const cJSON *p;
	cJSON_ArrayForEach(p, show_member(filesystem, "pressure"))
	{
		/* in the order of what they mean */
		if (strcmp(show_string(p, "resource"), resource) == 0 && show_bool(p, "active"))
			worst = show_string(p, "level");
	}
	return worst;
}

bool pressure_active(const cJSON *filesystem, const char *resource)
{
	return pressure_level(filesystem, resource) != NULL;
}

bool pressure_any(const cJSON *status)
{
	const cJSON *f;
	cJSON_ArrayForEach(
		f,
		show_member(status, "filesystems")) if (pressure_active(f, "bytes") ||
							pressure_active(f, "inodes")) return true;
	return false;
}
