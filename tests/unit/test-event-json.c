/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdbool.h>
#include <string.h>

#include "kube/event-json.h"
#include "util/limits.h"

static const struct event_slot slot = {
	.reason = OCCURRENCE_RECLAIM_FUTILE,
	.filesystem = ROLE_IMAGEFS,
	.note = "a \"note\" \xc3\xa4",
	.id = 0x17f0c0ffee000001,
	.count = 1,
	.first_wall_usec = 1767323045000006,
	.last_wall_usec = 1767323105999999,
};

static void one(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(BUF_MAX_KUBE_BODY);
	event_create_json(&slot, "node-a", &out);
	assert_string_equal(
		buf_string(&out),
		"{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\","
		"\"metadata\":{\"name\":\"node-a.17f0c0ffee000001\",\"namespace\":\"default\"},"
		"\"eventTime\":\"2026-01-02T03:04:05.000006Z\","
		"\"reportingController\":\"disk-pressure-agent.io/agent\","
		"\"reportingInstance\":\"node-a\",\"action\":\"RemoveImages\","
		"\"reason\":\"DiskReclaimFutile\",\"regarding\":{\"apiVersion\":\"v1\","
		"\"kind\":\"Node\",\"name\":\"node-a\",\"uid\":\"node-a\"},"
		"\"note\":\"a \\\"note\\\" \xc3\xa4\",\"type\":\"Warning\"}");
	buf_done(&out);
}

static void series(void **state)
{
	(void)state;
	static const char expected[] =
		"\"series\":{\"count\":7,\"lastObservedTime\":\"2026-01-02T03:05:05.999999Z\"}}";
	struct event_slot s = slot;
	s.count = 7;
	struct buf out = BUF_INIT(BUF_MAX_KUBE_BODY);
	event_create_json(&s, "node-a", &out);
	assert_non_null(strstr(buf_string(&out), expected));
	buf_clear(&out);
	event_series_json(&s, &out);
	assert_int_equal(buf_string(&out)[0], '{');
	assert_string_equal(buf_string(&out) + 1, expected);
	buf_done(&out);
}

static void names(void **state)
{
	(void)state;
	char node[NODE_NAME_MAX], name[NODE_NAME_MAX];
	struct event_slot s = slot;
	/* the longest there is, with a dot or a dash where it is cut */
	memset(node, 'n', sizeof(node) - 1);
	node[sizeof(node) - 1] = '\0';
	event_name(&s, node, name);
	assert_int_equal(strlen(name), 253);
	assert_string_equal(name + 236, ".17f0c0ffee000001");
	node[235] = '.';
	node[234] = '-';
	event_name(&s, node, name);
	assert_int_equal(strlen(name), 251);
	assert_string_equal(name + 234, ".17f0c0ffee000001");
	assert_int_equal(name[233], 'n');
	s.id = 1;
	event_name(&s, "a", name);
	assert_string_equal(name, "a.1");
	s.id = UINT64_MAX;
	event_name(&s, "a", name);
	assert_string_equal(name, "a.ffffffffffffffff");
}

static void instances_are_cut(void **state)
{
	(void)state;
	char node[NODE_NAME_MAX];
	memset(node, 'n', sizeof(node) - 1);
	node[sizeof(node) - 1] = '\0';
	struct buf out = BUF_INIT(BUF_MAX_KUBE_BODY);
	event_create_json(&slot, node, &out);
	const char *instance = strstr(buf_string(&out), "\"reportingInstance\":\"");
	assert_non_null(instance);
	assert_int_equal(strspn(instance + strlen("\"reportingInstance\":\""), "n"), 128);
	assert_false(out.overflowed);
	buf_done(&out);
}

static void times(void **state)
{
	(void)state;
	static const struct {
		int64_t wall;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ 1, "1970-01-01T00:00:00.000001Z" },
		{ 1767323045000006, "2026-01-02T03:04:05.000006Z" },
		{ 1767323045999999, "2026-01-02T03:04:05.999999Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ -1000000, "1969-12-31T23:59:59.000000Z" },
	};
	char text[HUMAN_MAX];
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_string_equal(event_time(rows[i].wall, text), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one),	 cmocka_unit_test(series),
		cmocka_unit_test(names), cmocka_unit_test(instances_are_cut),
		cmocka_unit_test(times),
	};
	return cmocka_run_group_tests_name("event-json", tests, NULL, NULL);
}
