/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "core/findings.h"
#include "core/inventory.h"
#include "core/reasons.h"
#include "core/space.h"
#include "core/status.h"

/*
 * These words are the interface: metric labels, JSON values, log text. They stand here once more so
 * that nobody changes one without meaning to.
 */
#define assert_words(to_string, max, ...)                                  \
	do {                                                               \
		const char *const *words = STRINGS(__VA_ARGS__);           \
		assert_int_equal(ELEMENTS(STRINGS(__VA_ARGS__)), max);     \
		for (int word = 0; word < (max); word++)                   \
			assert_string_equal(to_string(word), words[word]); \
	} while (0)

static void words(void **state)
{
	(void)state;
	assert_words(resource_to_string, _RESOURCE_MAX, "bytes", "inodes");
	assert_words(fs_role_to_string, _ROLE_MAX, "nodefs", "imagefs", "containerfs");
	assert_words(keep_reason_to_string, _KEEP_REASON_MAX, "reclaimable", "in-use",
		     "image-volume", "sandbox", "pinned", "keep-rule", "unrecoverable",
		     "newest-of-repository", "too-young", "changed", "not-needed");
	assert_words(remove_reason_to_string, _REMOVE_REASON_MAX, "space", "inodes", "age",
		     "dangling", "manual");
	assert_words(pass_trigger_to_string, _PASS_TRIGGER_MAX, "space", "inodes", "age", "manual");
	assert_words(pass_result_to_string, _PASS_RESULT_MAX, "reached", "partial", "futile",
		     "nothing-to-do", "error");
	assert_words(removal_error_to_string, _REMOVAL_ERROR_MAX, "refused", "timeout",
		     "unavailable", "other");
	assert_words(container_state_to_string, _CONTAINER_STATE_MAX, "created", "running",
		     "exited", "unknown");
	assert_words(threshold_level_to_string, _LEVEL_MAX, "high", "low", "soft", "hard",
		     "kubelet_gc_high", "kubelet_hard");
	assert_words(finding_to_string, _FINDING_MAX, "KubeletDiskEvictionUnset",
		     "KubeletDiskActsFirst", "KubeletDiskThresholdAlwaysMet",
		     "KubeletDiskTargetUnreachable", "DiskThresholdNeverMet",
		     "DiskThresholdAlwaysMet", "DiskTargetUnreachable");
	assert_words(first_actor_to_string, _FIRST_MAX, "nobody", "agent", "kubelet");
	assert_words(pressure_level_to_string, _PRESSURE_MAX, "gc", "soft", "hard");
	assert_words(runtime_operation_to_string, _OPERATION_MAX, "version", "status",
		     "list_images", "image_status", "remove_image", "image_fs_info",
		     "list_containers", "container_status", "list_sandboxes", "sandbox_status",
		     "remove_container", "build_cache");
}

static void kinds_of_removal_errors(void **state)
{
	(void)state;
	static const struct {
		int code;
		enum removal_error kind;
	} rows[] = {
		{ EBUSY, REMOVAL_ERROR_REFUSED },
		{ EPERM, REMOVAL_ERROR_REFUSED },
		{ ETIMEDOUT, REMOVAL_ERROR_TIMEOUT },
		{ ECONNREFUSED, REMOVAL_ERROR_UNAVAILABLE },
		{ ECONNRESET, REMOVAL_ERROR_UNAVAILABLE },
		{ ENOENT, REMOVAL_ERROR_UNAVAILABLE },
		{ EACCES, REMOVAL_ERROR_UNAVAILABLE },
		{ EIO, REMOVAL_ERROR_OTHER },
		{ EBADMSG, REMOVAL_ERROR_OTHER },
		{ E2BIG, REMOVAL_ERROR_OTHER },
		{ EPROTO, REMOVAL_ERROR_OTHER },
		{ EOPNOTSUPP, REMOVAL_ERROR_OTHER },
		{ 0, REMOVAL_ERROR_OTHER },
		{ -1, REMOVAL_ERROR_OTHER },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(removal_error_from_errno(rows[i].code), rows[i].kind);
}

static void display_names(void **state)
{
	(void)state;
	struct image all = { .id = "id", LIST(names, "n1", "n2"), LIST(digests, "d1") };
	struct image digest = { .id = "id", LIST(digests, "d1", "d2") };
	struct image bare = { .id = "id" };
	assert_string_equal(image_display_name(&all), "n1");
	assert_string_equal(image_display_name(&digest), "d1");
	assert_string_equal(image_display_name(&bare), "id");
}

static void inventories(void **state)
{
	(void)state;
	assert_null(inventory_free(NULL));
	cleanup_inventory struct inventory *unset = NULL;
	struct inventory *inv = inventory_new();
	assert_string_equal(inv->runtime, "");
	assert_string_equal(inv->image_store_path, "");
	assert_int_equal(inv->n_images, 0);
	assert_int_equal(inv->containers.n_containers, 0);
	inv->runtime = arena_strdup(&inv->arena, "released with it");
	assert_null(inventory_free(inv));
	assert_null(unset);
}

/* As many codes as there is room for are told apart. */
static void codes_are_counted(void **state)
{
	(void)state;
	struct status_kubernetes k = { 0 };
	const size_t room = ELEMENTS(k.requests);
	status_count_request(&k, 0);
	status_count_request(&k, 201);
	status_count_request(&k, 201);
	assert_int_equal(k.n_codes, 2);
	assert_int_equal(k.requests[0].code, 0);
	assert_int_equal(k.requests[0].n, 1);
	assert_int_equal(k.requests[1].code, 201);
	assert_int_equal(k.requests[1].n, 2);
	for (long code = 300; code < 400; code++)
		status_count_request(&k, code);
	status_count_request(&k, 201);
	status_count_request(&k, 300);
	assert_int_equal(k.n_codes, room);
	assert_int_equal(k.requests[1].n, 3);
	assert_int_equal(k.requests[2].code, 300);
	assert_int_equal(k.requests[2].n, 2);
	assert_int_equal(k.requests[room - 2].n, 1);
	assert_int_equal(k.requests[room - 1].code, -1);
	assert_int_equal(k.requests[room - 1].n, 100 - (room - 3));
}

/* Of several, who is down and whether anybody is there. */
static void runtimes(void **state)
{
	(void)state;
	struct status_runtimes r = { 0 };
	assert_null(status_runtime_down(&r));
	assert_false(status_runtime_any_up(&r));
	r.n = 3;
	r.items[1].configured = true; /* the first is not asked for */
	assert_ptr_equal(status_runtime_down(&r), &r.items[1]);
	assert_false(status_runtime_any_up(&r));
	r.items[1].up = r.items[2].up = r.items[2].configured = true;
	assert_null(status_runtime_down(&r));
	assert_true(status_runtime_any_up(&r));
	r.items[2].up = false;
	assert_ptr_equal(status_runtime_down(&r), &r.items[2]);
	assert_true(status_runtime_any_up(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runtimes),	 cmocka_unit_test(codes_are_counted),
		cmocka_unit_test(words),	 cmocka_unit_test(kinds_of_removal_errors),
		cmocka_unit_test(display_names), cmocka_unit_test(inventories),
	};
	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
