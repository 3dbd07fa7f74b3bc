/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "expose/pass-json.h"
#include "util/limits.h"

#define NOW  (1000 * USEC_PER_SEC)
#define WALL ((int64_t)1767322800 * USEC_PER_SEC) /* 2026-01-02T03:00:00Z at NOW */

static const struct pass_json_context context = { .filesystem = ROLE_IMAGEFS,
						  .runtime = "containerd 1.6.20",
						  .wall_offset_usec = WALL - NOW,
						  .now = NOW,
						  .minimum_age = 2 * USEC_PER_MINUTE };

static const struct image images[] = {
	{ .id = "sha256:a",
	  LIST(names, "docker.io/lab/app:1", "docker.io/lab/app:2"),
	  LIST(digests, "docker.io/lab/app@sha256:1"),
	  .size_bytes = 100,
	  .predicted_bytes = 300,
	  .predicted_inodes = 4 },
	{ .id = "sha256:b", LIST(digests, "docker.io/lab/b@sha256:2"), .size_bytes = 5 },
	{ .id = "sha256:c", .size_bytes = 18446744073709551615U },
};

/* A pass that removed the first of three images and kept the others. */
static void sample_report(struct pass_report *report, struct inventory *inv,
			  struct verdict verdicts[3], struct removal *removal)
{
	inv->runtime = "containerd 1.6.20";
	verdicts[0] = (struct verdict){ .image = &images[0],
					.by = "",
					.first_seen = NOW - USEC_PER_HOUR,
					.last_used = NOW - USEC_PER_MINUTE,
					.uses = 12,
					.gain_known = true,
					.gain = { 280, 2 },
					.removed = true };
	verdicts[1] = (struct verdict){ .image = &images[1],
					.by = "",
					.first_seen = NOW - USEC_PER_HOUR,
					.last_used = USEC_NEVER,
					.predicted = { 5, 1 } };
	verdicts[2] = (struct verdict){ .image = &images[2],
					.keep = KEEP_IN_USE,
					.by = "0229abc",
					.first_seen = NOW,
					.last_used = NOW,
					.uses = UINT32_MAX };
	*removal = (struct removal){ .verdict = 0,
				     .reason = REMOVE_SPACE,
				     .predicted = { 300, 4 },
				     .measured = { 290, 3 },
				     .duration = 250 * USEC_PER_MSEC };
	*report = (struct pass_report){ .inventories = { inv },
					.n_inventories = 1,
					.plan = { .verdicts = verdicts,
						  .n_verdicts = 3,
						  .n_candidates = 2,
						  .reclaimable = { 305, 5 } },
					.request = { .trigger = TRIGGER_SPACE },
					.result = RESULT_REACHED,
					.before = { 4000, 700, 100, 50 },
					.after = { 4000, 990, 100, 53 },
					.target = { 800, 0 },
					.removals = removal,
					.n_removals = 1,
					.predicted = { 300, 4 },
					.measured = { 290, 3 },
					.started = NOW - 2 * USEC_PER_SEC,
					.ended = NOW };
}

static void test_document(void **state)
{
	static const char expected[] =
		"{\"passes\":[{\"runtime\":\"containerd 1.6.20\",\"filesystem\":\"imagefs\","
		"\"trigger\":\"space\",\"dryRun\":false,\"result\":\"reached\","
		"\"targetBytes\":800,\"targetInodes\":0,"
		"\"availableBytesBefore\":700,\"availableBytesAfter\":990,"
		"\"availableInodesBefore\":50,\"availableInodesAfter\":53,"
		"\"predictedBytes\":300,\"measuredBytes\":290,"
		"\"predictedInodes\":4,\"measuredInodes\":3,"
		"\"reclaimableBytes\":305,\"reclaimableInodes\":5,\"durationSeconds\":2,"
		"\"removed\":[{\"id\":\"sha256:a\","
		"\"names\":[\"docker.io/lab/app:1\",\"docker.io/lab/app:2\"],\"sizeBytes\":100,"
		"\"firstSeen\":\"2026-01-02T02:00:00Z\",\"lastUsed\":\"2026-01-02T02:59:00Z\","
		"\"uses\":12,\"lastMeasuredBytes\":280,\"lastMeasuredInodes\":2,"
		"\"reason\":\"space\",\"predictedBytes\":300,\"measuredBytes\":290,"
		"\"predictedInodes\":4,\"measuredInodes\":3,\"durationSeconds\":0.25}],"
		"\"kept\":[{\"id\":\"sha256:b\",\"names\":[\"docker.io/lab/b@sha256:2\"],"
		"\"sizeBytes\":5,\"firstSeen\":\"2026-01-02T02:00:00Z\",\"lastUsed\":null,"
		"\"uses\":0,\"lastMeasuredBytes\":null,\"lastMeasuredInodes\":null,"
		"\"reason\":\"not-needed\",\"detail\":\"the target is met without it\","
		"\"predictedBytes\":5,\"predictedInodes\":1},"
		"{\"id\":\"sha256:c\",\"names\":[],\"sizeBytes\":18446744073709551615,"
		"\"firstSeen\":\"2026-01-02T03:00:00Z\",\"lastUsed\":\"2026-01-02T03:00:00Z\","
		"\"uses\":4294967295,\"lastMeasuredBytes\":null,\"lastMeasuredInodes\":null,"
		"\"reason\":\"in-use\",\"detail\":\"container 0229abc\","
		"\"predictedBytes\":0,\"predictedInodes\":0}]}]}\n";
	struct inventory inv = { 0 };
	struct verdict verdicts[3];
	struct removal removal;
	struct pass_report report;
	(void)state;
	sample_report(&report, &inv, verdicts, &removal);
	const struct pass_report *reports[] = { &report };
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_STATUS);
	pass_json_render(reports, 1, &context, &out);
	assert_string_equal(buf_string(&out), expected);
}

static cJSON *render(const struct pass_report *const *reports, size_t n,
		     const struct pass_json_context *contexts)
{
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_STATUS);
	pass_json_render(reports, n, contexts, &out);
	assert_false(out.overflowed);
	cJSON *json = cJSON_ParseWithLengthOpts(out.data, out.len + 1, NULL, true);
	assert_non_null(json);
	return json;
}

/* A pass without an inventory, for example because no runtime answered; and several at once. */
static void test_failed_and_several(void **state)
{
	struct pass_json_context contexts[3] = { context, context, context };
	struct pass_report report = { .request = { .trigger = TRIGGER_MANUAL, .dry_run = true },
				      .result = RESULT_ERROR,
				      .error = { .code = 111, .msg = "list \"images\": refused" } };
	const struct pass_report *reports[] = { &report, &report, &report };
	(void)state;
	contexts[1].filesystem = ROLE_CONTAINERFS;
	contexts[1].runtime = NULL;
	contexts[2].runtime = "";
	cJSON *json = render(reports, 3, contexts);
	const cJSON *passes = cJSON_GetObjectItem(json, "passes");
	assert_int_equal(cJSON_GetArraySize(passes), 3);
	const cJSON *pass = cJSON_GetArrayItem(passes, 0);
	assert_string_equal(cJSON_GetObjectItem(pass, "runtime")->valuestring, "containerd 1.6.20");
	assert_string_equal(cJSON_GetObjectItem(pass, "result")->valuestring, "error");
	assert_string_equal(cJSON_GetObjectItem(pass, "error")->valuestring,
			    "list \"images\": refused");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(pass, "dryRun")));
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(pass, "kept")), 0);
	pass = cJSON_GetArrayItem(passes, 1);
	assert_string_equal(cJSON_GetObjectItem(pass, "filesystem")->valuestring, "containerfs");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(pass, "runtime")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(passes, 2), "runtime")));
	cJSON_Delete(json);
	json = render(NULL, 0, NULL);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "passes")), 0);
	cJSON_Delete(json);
}

static void test_details(void **state)
{
	static const struct {
		enum keep_reason keep;
		const char *by;
		enum pass_result result;
		bool stopped;
		const char *detail;
	} rows[] = {
		{ KEEP_IN_USE, "0229", 0, false, "container 0229" },
		{ KEEP_IN_USE, "", 0, false, "a container uses it" },
		{ KEEP_IN_USE, "sha256:0229", 0, false, "image sha256:0229 is built on it" },
		{ KEEP_IMAGE_VOLUME, "0229", 0, false, "volume of container 0229" },
		{ KEEP_SANDBOX, "registry.k8s.io/pause:3.9", 0, false,
		  "sandbox image registry.k8s.io/pause:3.9" },
		{ KEEP_PINNED, "", 0, false, "pinned by the runtime" },
		{ KEEP_RULE, "docker.io/x*", 0, false, "keep rule docker.io/x*" },
		{ KEEP_RULE, "%s%n", 0, false, "keep rule %s%n" },
		{ KEEP_UNRECOVERABLE, "", 0, false, "has no registry digest to pull it by" },
		{ KEEP_NEWEST_OF_REPOSITORY, "", 0, false, "among the newest of its repository" },
		{ KEEP_NEWEST_OF_REPOSITORY, "docker.io/x", 0, false,
		  "among the newest of docker.io/x" },
		{ KEEP_TOO_YOUNG, "", 0, false, "first seen 30s ago, minimum age 2m0s" },
		{ KEEP_CHANGED, "", 0, false, "the runtime did not remove it" },
		{ KEEP_CHANGED, "0229", 0, false, "came into use during the pass: container 0229" },
		{ KEEP_NONE, "", RESULT_REACHED, false, "the target is met without it" },
		{ KEEP_NONE, "", RESULT_NOTHING_TO_DO, false, "the target is met without it" },
		{ KEEP_NONE, "", RESULT_PARTIAL, true, "the pass was stopped before it" },
		{ KEEP_NONE, "", RESULT_PARTIAL, false, "the pass ended before it" },
		{ KEEP_NONE, "", RESULT_FUTILE, false, "removing it would not be enough" },
		{ KEEP_NONE, "", RESULT_ERROR, false, "the pass failed before it" },
		{ KEEP_NOT_NEEDED, "", RESULT_REACHED, false, "the target is met without it" },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct pass_report report = { .result = rows[i].result,
					      .stopped = rows[i].stopped };
		struct verdict v = { .keep = rows[i].keep,
				     .by = rows[i].by,
				     .first_seen = NOW - 30 * USEC_PER_SEC };
		char detail[PASS_DETAIL_MAX];
		assert_ptr_equal(pass_keep_detail(&report, &v, &context, detail), detail);
		assert_string_equal(detail, rows[i].detail);
	}
}

/* Every keep reason is a word of the interface, and instants at the ends of time are no dates. */
static void test_reasons_and_extremes(void **state)
{
	static const usec_t instants[] = { USEC_NEVER, USEC_INFINITY, 0, NOW };
	(void)state;
	for (int keep = 0; keep < _KEEP_REASON_MAX; keep++)
		for (size_t i = 0; i < ELEMENTS(instants); i++) {
			struct verdict v = { .image = &images[2],
					     .keep = keep,
					     .by = "",
					     .first_seen = instants[i],
					     .last_used = instants[i] };
			struct pass_report report = { .plan = { .verdicts = &v, .n_verdicts = 1 } };
			const struct pass_report *reports[] = { &report };
			cJSON *json = render(reports, 1, &context);
			const cJSON *kept = cJSON_GetArrayItem(
				cJSON_GetObjectItem(
					cJSON_GetArrayItem(cJSON_GetObjectItem(json, "passes"), 0),
					"kept"),
				0);
			assert_string_equal(cJSON_GetObjectItem(kept, "reason")->valuestring,
					    keep_reason_to_string(keep ? keep : KEEP_NOT_NEEDED));
			bool date = instants[i] == 0 || instants[i] == NOW;
			assert_true(date ? cJSON_IsString(cJSON_GetObjectItem(kept, "lastUsed"))
					 : cJSON_IsNull(cJSON_GetObjectItem(kept, "lastUsed")));
			cJSON_Delete(json);
		}
}

static void test_hostile(void **state)
{
	static const char evil[] = "\"}]\n\\\x01\xff\xed\xa0\x80";
	static const char *const names[] = { evil, "" };
	const struct image image = { .id = evil, .names = names, .n_names = 2 };
	cleanup_free char *by = xcalloc(1, 10001);
	(void)state;
	memset(by, '\xe2', 10000);
	struct verdict v = { .image = &image, .keep = KEEP_RULE, .by = by };
	struct pass_report report = { .plan = { .verdicts = &v, .n_verdicts = 1 } };
	const struct pass_report *reports[] = { &report };
	cJSON_Delete(render(reports, 1, &context));
}

#define N_MANY 10000

/* 10,000 images are written in a fraction of a second and stay below the ceiling. */
static void test_many(void **state)
{
	struct verdict *verdicts = xcalloc(N_MANY, sizeof(*verdicts));
	struct timespec before, after;
	(void)state;
	for (size_t i = 0; i < N_MANY; i++)
		verdicts[i] = (struct verdict){ .image = &images[0], .by = "", .last_used = NOW };
	struct pass_report report = { .plan = { .verdicts = verdicts, .n_verdicts = N_MANY } };
	const struct pass_report *reports[] = { &report };
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_STATUS);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	pass_json_render(reports, 1, &context, &out);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_false(out.overflowed);
	long ms =
		(after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	print_message("# %zu bytes in %ld ms\n", out.len, ms);
	assert_true(ms < 1000);
	free(verdicts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document), cmocka_unit_test(test_failed_and_several),
		cmocka_unit_test(test_details),	 cmocka_unit_test(test_reasons_and_extremes),
		cmocka_unit_test(test_hostile),	 cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests_name("pass-json", tests, NULL, NULL);
}
