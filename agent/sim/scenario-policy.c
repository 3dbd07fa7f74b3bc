/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "sim/scenario-parse.h"
#include "util/limits.h"

/* --- filesystems --------------------------------------------------------------------------- */

struct filesystem_members {
	struct scenario_device device;
	bool has_capacity, has_facts;
};

static int take_capacity(const struct json_place *at, void *into)
{
	struct filesystem_members *m = into;
	m->has_capacity = m->has_facts = true;
	int r = json_take_u64(at, &m->device.capacity[RESOURCE_BYTES]);
	if (r == 0 && m->device.capacity[RESOURCE_BYTES] == 0)
		r = json_wrong(at, "expected more than 0");
	return r;
}

static int take_inodes(const struct json_place *at, void *into)
{
	struct filesystem_members *m = into;
	m->has_facts = true;
	return json_take_u64(at, &m->device.capacity[RESOURCE_INODES]);
}

static int take_other(const struct json_place *at, void *into)
{
	struct filesystem_members *m = into;
	m->has_facts = true;
	return json_take_i64(at, &m->device.other[RESOURCE_BYTES]);
}

static int take_other_inodes(const struct json_place *at, void *into)
{
	struct filesystem_members *m = into;
	m->has_facts = true;
	return json_take_i64(at, &m->device.other[RESOURCE_INODES]);
}

static const struct json_field filesystem_fields[] = {
	{ "device", true, json_take_string,
	  offsetof(struct filesystem_members, device) + offsetof(struct scenario_device, name) },
	{ "capacityBytes", false, take_capacity, 0 },
	{ "capacityInodes", false, take_inodes, 0 },
	{ "otherBytes", false, take_other, 0 },
	{ "otherInodes", false, take_other_inodes, 0 },
};

static bool device_equal(const struct scenario_device *a, const struct scenario_device *b)
{
	return memcmp(a->capacity, b->capacity, sizeof(a->capacity)) == 0 &&
	       memcmp(a->other, b->other, sizeof(a->other)) == 0;
}

static int device_find(const struct scenario *s, const char *name)
{
	for (size_t i = 0; i < s->n_devices; i++)
		if (strcmp(s->devices[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Adds a filesystem in a role. One of several roles is described in one of them, or in each alike. */
static int add_filesystem(struct scenario *s, const struct json_place *at, enum fs_role role,
			  const struct filesystem_members *m)
{
	int known = device_find(s, m->device.name);
	if (known < 0) {
		known = (int)s->n_devices++;
		s->devices[known].name = m->device.name;
	}
	struct scenario_device *device = &s->devices[known];
	s->device_of[role] = known;
	if (!m->has_facts)
		return 0;
	if (!m->has_capacity)
		return json_wrong(at, "capacityBytes is missing");
	if (device->capacity[RESOURCE_BYTES] && !device_equal(device, &m->device))
		return json_wrong(at, "device %.80s is described otherwise in another role",
				  device->name);
	*device = m->device;
	return 0;
}

static int take_filesystem(const struct json_place *at, void *into)
{
	struct scenario *s = into;
	struct filesystem_members m = { 0 };
	int r = json_take_object(at, filesystem_fields, ELEMENTS(filesystem_fields), &m);
	for (int role = 0; r == 0 && role < _ROLE_MAX; role++)
		if (strcmp(at->name, fs_role_to_string(role)) == 0)
			return add_filesystem(s, at, role, &m);
	return r;
}

int scenario_parse_filesystems(struct scenario *s, const struct json_place *at)
{
	static const struct json_field fields[] = {
		{ "imagefs", true, take_filesystem, 0 },
		{ "nodefs", false, take_filesystem, 0 },
		{ "containerfs", false, take_filesystem, 0 },
	};
	int r = json_take_object(at, fields, ELEMENTS(fields), s);
	for (size_t i = 0; r == 0 && i < s->n_devices; i++)
		if (s->devices[i].capacity[RESOURCE_BYTES] == 0)
			r = json_wrong(at, "nothing tells the capacityBytes of device %.80s",
				       s->devices[i].name);
	return r;
}

/* --- policy -------------------------------------------------------------------------------- */

static int join_words(const struct json_place *at, struct buf *out)
{
	struct json_strings list;
	int r = json_take_strings(at, &list);
	for (size_t i = 0; r == 0 && i < list.n_strings; i++)
		(void)buf_printf(out, "%s%s", i ? " " : "", list.strings[i]);
	return r;
}

/* As KubeletConfiguration has it: {"nodefs.available":"10%"}; thresholds are less-than. */
static int join_map(const struct json_place *at, struct buf *out)
{
	bool threshold =
		strcmp(at->name, "evictionHard") == 0 || strcmp(at->name, "evictionSoft") == 0;
	for (const cJSON *member = at->value->child; member; member = member->next) {
		struct json_place place = json_member_place(at, member->string, member);
		const char *value;
		int r = json_take_string(&place, &value);
		if (r < 0)
			return r;
		(void)buf_printf(out, "%s%s%c%s", out->len ? "," : "", place.name,
				 threshold ? '<' : '=', value);
	}
	return 0;
}

static int print_value(const struct json_place *at, struct scenario_setting *setting,
		       struct buf *out)
{
	if (cJSON_IsArray(at->value))
		return join_words(at, out);
	if (cJSON_IsObject(at->value))
		return join_map(at, out);
	if (cJSON_IsString(at->value))
		return buf_puts(out, at->value->valuestring);
	setting->plain = true;
	if (cJSON_IsBool(at->value))
		return buf_puts(out, cJSON_IsTrue(at->value) ? "true" : "false");
	if (!cJSON_IsNumber(at->value))
		return json_wrong(at, "expected a value");
	int64_t number;
	int r = json_take_i64(at, &number);
	return r < 0 ? r : buf_printf(out, "%lld", (long long)number);
}

static int take_setting(const struct json_place *at, struct scenario_setting *ret)
{
	cleanup_buf struct buf value = BUF_INIT(BUF_MAX_CONFIG_FILE);
	int r = print_value(at, ret, &value);
	if (value.overflowed)
		return json_wrong(at, "is too long");
	if (r < 0)
		return r;
	ret->key = arena_strdup(at->arena, at->name);
	ret->value = arena_strdup(at->arena, buf_string(&value));
	return 0;
}

int scenario_parse_policy(struct scenario *s, const struct json_place *at)
{
	if (!cJSON_IsObject(at->value))
		return json_wrong(at, "expected an object");
	size_t n = (size_t)cJSON_GetArraySize(at->value);
	if (n > N_MAX_SCENARIO_SETTINGS)
		return json_wrong(at, "expected at most %d keys", N_MAX_SCENARIO_SETTINGS);
	s->settings = arena_calloc(&s->arena, n + 1, sizeof(*s->settings));
	for (const cJSON *member = at->value->child; member; member = member->next) {
		struct json_place place = json_member_place(at, member->string, member);
		for (size_t i = 0; i < s->n_settings; i++)
			if (strcmp(s->settings[i].key, place.name) == 0)
				return json_wrong(&place, "is there twice");
		int r = take_setting(&place, &s->settings[s->n_settings]);
		if (r < 0)
			return r;
		s->n_settings++;
	}
	return 0;
}
