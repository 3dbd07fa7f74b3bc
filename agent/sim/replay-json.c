/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/replay.h"

#include "util/json-write.h"

static bool has_entries(const struct replay *r, enum replay_kind kind)
{
	for (size_t i = 0; i < r->n_entries; i++)
		if (r->entries[i].kind == kind)
			return true;
	return false;
}

static void print_members(struct json_writer *w, const struct replay_entry *entry)
{
	json_seconds(w, "at", entry->at);
	switch (entry->kind) {
	case REPLAY_REMOVAL:
		json_string(w, "action", "remove");
		json_string(w, "image", entry->image);
		json_string(w, "reason", entry->reason);
		json_u64(w, "freedBytes", entry->amount[RESOURCE_BYTES]);
		json_u64(w, "freedInodes", entry->amount[RESOURCE_INODES]);
		break;
	case REPLAY_PULL:
		json_string(w, "image", entry->image);
		json_bool(w, "again", entry->again);
		json_u64(w, "bytes", entry->amount[RESOURCE_BYTES]);
		if (entry->failed)
			json_bool(w, "failed", true);
		break;
	case REPLAY_LEVEL:
		json_string(w, "filesystem", fs_role_to_string(entry->role));
		json_string(w, "resource", resource_to_string(entry->resource));
		json_string(w, "level", pressure_level_to_string(entry->level));
		json_bool(w, "active", entry->active);
		break;
	case REPLAY_FULL:
		json_string(w, "filesystem", fs_role_to_string(entry->role));
		break;
	default:
		json_string(w, "signal", entry->reason);
		break;
	}
}

static void print_entries(const struct replay *r, struct json_writer *w, const char *key,
			  enum replay_kind kind)
{
	json_array_begin(w, key);
	for (size_t i = 0; i < r->n_entries; i++) {
		if (r->entries[i].kind != kind)
			continue;
		json_object_begin(w, NULL);
		print_members(w, &r->entries[i]);
		json_object_end(w);
	}
	json_array_end(w);
}

void replay_print_json(const struct replay *r, struct json_writer *w, const char *key)
{
	json_object_begin(w, key);
	print_entries(r, w, "actions", REPLAY_REMOVAL);
	print_entries(r, w, "pulls", REPLAY_PULL);
	print_entries(r, w, "levels", REPLAY_LEVEL);
	/* What should not happen is there only when it did. */
	if (has_entries(r, REPLAY_FULL))
		print_entries(r, w, "failedWrites", REPLAY_FULL);
	if (has_entries(r, REPLAY_EVICTION))
		print_entries(r, w, "evictions", REPLAY_EVICTION);
	json_object_begin(w, "summary");
	json_u64(w, "removed", r->n_removed);
	json_u64(w, "freedBytes", r->freed_bytes);
	json_u64(w, "repulledBytes", r->repulled_bytes);
	json_seconds(w, "secondsAboveHigh", replay_above(r, PRESSURE_GC));
	json_seconds(w, "secondsAboveHard", replay_above(r, PRESSURE_HARD));
	json_object_end(w);
	json_object_end(w);
}
