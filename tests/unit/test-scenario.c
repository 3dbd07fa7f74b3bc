/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "sim/scenario.h"
#include "util/limits.h"

#define FILESYSTEMS "\"filesystems\":{\"imagefs\":{\"device\":\"d\",\"capacityBytes\":1000}}"
#define HEAD	    "{\"version\":1," FILESYSTEMS
#define IMAGE_A	    ",\"images\":[{\"id\":\"a\",\"sizeBytes\":5}]"
#define EVENT(e)    HEAD IMAGE_A ",\"events\":[" e "]}"

static const char *const everything =
	"{\"version\":1,\"description\":\"one of each\","
	"\"filesystems\":{\"imagefs\":{\"device\":\"d1\",\"capacityBytes\":4000000000,"
	"\"capacityInodes\":262144,\"otherBytes\":-100,\"otherInodes\":50},"
	"\"nodefs\":{\"device\":\"d1\"},\"containerfs\":{\"device\":\"d2\",\"capacityBytes\":7,"
	"\"capacityInodes\":0,\"otherBytes\":0,\"otherInodes\":0}},"
	"\"policy\":{\"imageGCHighThresholdPercent\":60,\"keep\":\"x* y\","
	"\"keep-unrecoverable\":true},"
	"\"layers\":{\"l1\":{\"bytes\":300,\"inodes\":4},\"l2\":{\"bytes\":1,\"inodes\":0}},"
	"\"images\":[{\"id\":\"a\",\"names\":[\"n:1\",\"n:2\"],\"digests\":[\"n@sha256:1\"],"
	"\"sizeBytes\":100,\"pinned\":true,\"layers\":[\"l1\",\"l2\"],\"firstSeen\":-3600.5,"
	"\"lastUsed\":null},{\"id\":\"own\",\"names\":[],\"digests\":[],\"sizeBytes\":3,"
	"\"pinned\":false,\"layers\":[],\"firstSeen\":0,\"lastUsed\":-1,\"uses\":7,"
	"\"lastMeasuredBytes\":4096,\"lastMeasuredInodes\":2}],"
	"\"containers\":[{\"id\":\"c1\",\"image\":\"a\",\"references\":[\"n:1\"],"
	"\"state\":\"exited\",\"imageVolumes\":[\"own\"]}],"
	"\"sandboxImages\":[\"pause:1\"],"
	"\"events\":[{\"at\":1,\"pull\":{\"id\":\"b\",\"names\":[],\"digests\":[\"b@1\"],"
	"\"sizeBytes\":1,\"pinned\":false,\"layers\":[\"l2\"]}},"
	"{\"at\":2,\"start\":{\"id\":\"c2\",\"image\":\"b\",\"state\":\"running\","
	"\"imageVolumes\":[]}},"
	"{\"at\":3,\"stop\":\"c2\"},{\"at\":4,\"remove\":\"c2\"},"
	"{\"at\":5,\"write\":{\"filesystem\":\"containerfs\",\"bytes\":10,\"inodes\":1,"
	"\"seconds\":2.5}},{\"at\":5.5,\"delete\":{\"filesystem\":\"containerfs\",\"bytes\":4,"
	"\"inodes\":1}},{\"at\":6,\"gc\":true},{\"at\":7,\"restartAgent\":true},"
	"{\"at\":8,\"end\":true}]}";

static struct scenario *parse(const char *text)
{
	struct scenario *s = NULL;
	struct err e = { 0 };
	if (scenario_parse(text, strlen(text), &s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static void all_members(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = parse(everything);
	assert_string_equal(s->description, "one of each");
	assert_int_equal(s->n_devices, 2);
	assert_int_equal(s->device_of[ROLE_NODEFS], s->device_of[ROLE_IMAGEFS]);
	assert_int_equal(s->devices[0].other[RESOURCE_BYTES], -100);
	assert_int_equal(s->n_settings, 3);
	assert_string_equal(s->settings[1].value, "x* y");
	assert_int_equal(s->n_present, 2);
	assert_int_equal(s->n_images, 3);
	assert_int_equal(s->images[0].first_seen, -3600500000);
	assert_true(s->images[0].last_used == USEC_NEVER);
	assert_int_equal(s->images[0].uses, 0);
	assert_false(s->images[0].gain_known);
	assert_int_equal(s->images[1].uses, 7);
	assert_true(s->images[1].gain_known);
	assert_int_equal(s->images[1].gain[RESOURCE_BYTES], 4096);
	assert_int_equal(s->images[1].gain[RESOURCE_INODES], 2);
	assert_int_equal(s->images[0].image.n_layers, 2);
	/* without layers: one of its own, as large as the image */
	assert_int_equal(s->images[1].image.n_layers, 1);
	assert_int_equal(s->layers[s->images[1].image.layers[0]].size[RESOURCE_BYTES], 3);
	assert_int_equal(s->containers.containers[0].state, CONTAINER_EXITED);
	assert_int_equal(s->n_events, 9);
	assert_int_equal(s->events[1].image, 2);
	assert_int_equal(s->events[4].duration, 2500000);
	assert_int_equal(s->events[5].amount[RESOURCE_BYTES], 4);
	assert_int_equal(scenario_end(s), 8 * USEC_PER_SEC);
}

static void read_back(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = parse(everything);
	cleanup_buf struct buf first = BUF_INIT(BUF_MAX_SCENARIO),
			       second = BUF_INIT(BUF_MAX_SCENARIO);
	scenario_print(s, &first);
	assert_string_equal(buf_string(&first), everything);
	cleanup_scenario struct scenario *again = parse(buf_string(&first));
	scenario_print(again, &second);
	assert_string_equal(buf_string(&second), buf_string(&first));
}

static void order_and_end(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = parse(
		EVENT("{\"at\":9,\"gc\":true},{\"at\":1,\"stop\":\"x\"},{\"at\":9,\"stop\":\"y\"},"
		      "{\"at\":0.25,\"write\":{\"filesystem\":\"imagefs\",\"seconds\":20}}"));
	assert_int_equal(s->events[0].at, 250000);
	assert_string_equal(s->events[1].container.id, "x");
	assert_int_equal(s->events[2].kind, EVENT_GC);
	assert_string_equal(s->events[3].container.id, "y");
	/* fifteen minutes after the last thing that happens */
	assert_int_equal(scenario_end(s), 20250000 + 15 * USEC_PER_MINUTE);
	cleanup_scenario struct scenario *pass = parse(EVENT("{\"at\":4,\"gc\":true}"));
	assert_int_equal(scenario_end(pass), 4 * USEC_PER_SEC);
	cleanup_scenario struct scenario *none = parse(HEAD "}");
	assert_string_equal(none->description, "");
	assert_int_equal(scenario_end(none), 15 * USEC_PER_MINUTE);
}

static void hostile(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
		int code;
	} rows[] = {
		{ "", "not valid JSON", EBADMSG },
		{ "[]", "expected an object", EINVAL },
		{ "{", "not valid JSON", EBADMSG },
		{ "{\"version\":1}", "filesystems: is missing", EINVAL },
		{ "{" FILESYSTEMS "}", "version: is missing", EINVAL },
		{ "{\"version\":2," FILESYSTEMS "}", "version: this program reads version 1",
		  EINVAL },
		{ "{\"version\":\"1\"," FILESYSTEMS "}", "version: expected an integer", EINVAL },
		{ HEAD ",\"description\":7}", "description: expected a string", EINVAL },
		{ HEAD ",\"x\":1}", "x: unknown; expected one of version", EINVAL },
		{ HEAD ",\"images\":[],\"images\":[]}", "images: is there twice", EINVAL },
		{ "{\"version\":1,\"filesystems\":{}}", "filesystems.imagefs: is missing", EINVAL },
		{ "{\"version\":1,\"filesystems\":{\"imagefs\":{\"device\":\"d\"}}}",
		  "filesystems: nothing tells the capacityBytes of device d", EINVAL },
		{ "{\"version\":1,\"filesystems\":{\"imagefs\":{\"device\":\"d\","
		  "\"capacityBytes\":0}}}",
		  "filesystems.imagefs.capacityBytes: expected more than 0", EINVAL },
		{ "{\"version\":1,\"filesystems\":{\"imagefs\":{\"device\":\"d\","
		  "\"capacityBytes\":1},\"nodefs\":{\"device\":\"d\",\"capacityBytes\":2}}}",
		  "filesystems.nodefs: device d is described otherwise", EINVAL },
		{ "{\"version\":1,\"filesystems\":{\"imagefs\":{\"device\":\"d\","
		  "\"capacityBytes\":1e300}}}",
		  "filesystems.imagefs.capacityBytes: expected an integer", EINVAL },
		{ HEAD ",\"policy\":{\"a\":null}}", "policy.a: expected a value", EINVAL },
		{ HEAD ",\"policy\":{\"a\":1.5}}", "policy.a: expected an integer", EINVAL },
		{ HEAD ",\"policy\":[]}", "policy: expected an object", EINVAL },
		{ HEAD ",\"layers\":{\"l\":{}}}", "layers.l.bytes: is missing", EINVAL },
		{ HEAD ",\"layers\":{\"l\":{\"bytes\":-1}}}", "layers.l.bytes: expected an integer",
		  EINVAL },
		{ HEAD ",\"layers\":{\"l\":{\"bytes\":1},\"l\":{\"bytes\":1}}}",
		  "layers: l is there twice", EINVAL },
		{ HEAD ",\"layers\":[]}", "layers: expected an object", EINVAL },
		{ HEAD ",\"images\":{}}", "images: expected an array", EINVAL },
		{ HEAD ",\"images\":[1]}", "images[0]: expected an object", EINVAL },
		{ HEAD ",\"images\":[{\"id\":\"a\"}]}", "images[0].sizeBytes: is missing", EINVAL },
		{ HEAD ",\"images\":[{\"id\":\"\",\"sizeBytes\":1}]}",
		  "images[0].id: expected a string that is not empty", EINVAL },
		{ HEAD ",\"images\":[{\"id\":7,\"sizeBytes\":1}]}",
		  "images[0].id: expected a string", EINVAL },
		{ HEAD ",\"images\":[{\"id\":\"a\",\"sizeBytes\":1,\"names\":[\"n\",2]}]}",
		  "images[0].names[1]: expected a string", EINVAL },
		{ HEAD ",\"images\":[{\"id\":\"a\",\"sizeBytes\":1,\"layers\":[\"z\"]}]}",
		  "images[0].layers[0]: there is no z in layers", EINVAL },
		{ HEAD ",\"images\":[{\"id\":\"a\",\"sizeBytes\":1,\"pinned\":1}]}",
		  "images[0].pinned: expected true or false", EINVAL },
		{ HEAD ",\"images\":[{\"id\":\"a\",\"sizeBytes\":1,\"firstSeen\":null}]}",
		  "images[0].firstSeen: expected a number of seconds", EINVAL },
		{ HEAD ",\"images\":[{\"id\":\"a\",\"sizeBytes\":1,\"lastUsed\":1e20}]}",
		  "images[0].lastUsed: expected a number of seconds", EINVAL },
		{ HEAD ",\"containers\":[{\"id\":\"c\",\"image\":\"a\",\"state\":\"dead\"}]}",
		  "containers[0].state: expected created, running, exited or unknown", EINVAL },
		{ HEAD ",\"containers\":[{\"id\":\"c\",\"image\":\"a\",\"references\":"
		       "[\"1\",\"2\",\"3\",\"4\"]}]}",
		  "containers[0].references: expected at most 3 elements", EINVAL },
		{ HEAD ",\"containers\":7}", "containers: expected an array", EINVAL },
		{ HEAD ",\"sandboxImages\":\"p\"}", "sandboxImages: expected an array", EINVAL },
		{ EVENT("{\"at\":1}"), "events[0]: expected \"at\" and one of pull", EINVAL },
		{ EVENT("{\"gc\":true}"), "events[0].at: is missing", EINVAL },
		{ EVENT("{\"at\":-1,\"gc\":true}"), "events[0].at: expected 0 to", EINVAL },
		{ EVENT("{\"at\":1e9,\"gc\":true}"), "events[0].at: expected 0 to", EINVAL },
		{ EVENT("{\"at\":1,\"gc\":false}"), "events[0].gc: expected true", EINVAL },
		{ EVENT("{\"at\":1,\"gc\":true,\"end\":true}"),
		  "events[0]: expected \"at\" and one of pull", EINVAL },
		{ EVENT("{\"at\":1,\"gc\":true},{\"at\":2,\"pull\":{\"id\":3}}"),
		  "events[1].pull.id: expected a string", EINVAL },
		{ EVENT("{\"at\":1,\"pull\":{\"id\":\"z\"}}"),
		  "events[0].pull.id: z is neither among the images nor pulled", EINVAL },
		{ EVENT("{\"at\":1,\"pull\":{\"id\":\"z\",\"sizeBytes\":1,\"firstSeen\":0}}"),
		  "events[0].pull.firstSeen: unknown", EINVAL },
		{ EVENT("{\"at\":1,\"start\":{\"id\":\"c\",\"image\":\"z\"}}"),
		  "events[0].start.image: z is neither among the images nor pulled", EINVAL },
		{ EVENT("{\"at\":1,\"stop\":5}"), "events[0].stop: expected a string", EINVAL },
		{ EVENT("{\"at\":1,\"write\":{\"filesystem\":\"nodefs\"}}"),
		  "events[0].write.filesystem: this node has no nodefs", EINVAL },
		{ EVENT("{\"at\":1,\"write\":{\"filesystem\":\"x\"}}"),
		  "events[0].write.filesystem: expected imagefs, nodefs or containerfs", EINVAL },
		{ EVENT("{\"at\":1,\"write\":{\"filesystem\":\"imagefs\",\"seconds\":-1}}"),
		  "events[0].write.seconds: expected 0 to", EINVAL },
		{ EVENT("{\"at\":1,\"delete\":{\"filesystem\":\"imagefs\",\"seconds\":1}}"),
		  "events[0].delete.seconds: unknown", EINVAL },
		{ EVENT("{\"at\":1,\"delete\":{\"filesystem\":\"imagefs\",\"bytes\":-1}}"),
		  "events[0].delete.bytes: expected an integer", EINVAL },
		{ EVENT("{\"at\":1,\"end\":\"yes\"}"), "events[0].end: expected true", EINVAL },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct scenario *s = NULL;
		struct err e = { 0 };
		int r = scenario_parse(rows[i].text, strlen(rows[i].text), &s, &e);
		if (r != -rows[i].code || s ||
		    strncmp(e.msg, rows[i].message, strlen(rows[i].message)) != 0)
			fail_msg("row %zu: %d \"%s\", not \"%s\"", i, r, e.msg, rows[i].message);
		assert_int_equal(scenario_parse(rows[i].text, strlen(rows[i].text), &s, NULL), r);
	}
}

/* Whatever is cut off or changed: an error or a scenario, nothing else. */
static void damaged(void **state)
{
	(void)state;
	size_t len = strlen(everything);
	for (size_t i = 0; i < len; i++) {
		cleanup_free char *copy = xstrdup(everything);
		struct scenario *s = NULL;
		assert_true(scenario_parse(copy, i, &s, NULL) < 0);
		for (const char *c = "\"{}[],:-9tn\x7f"; *c; c++) {
			copy[i] = *c;
			if (scenario_parse(copy, len, &s, NULL) == 0)
				s = scenario_free(s);
		}
	}
}

static void too_large(void **state)
{
	(void)state;
	cleanup_free char *text = xcalloc(BUF_MAX_SCENARIO + 1, 1);
	struct scenario *s = NULL;
	assert_int_equal(scenario_parse(text, BUF_MAX_SCENARIO + 1, &s, NULL), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members),	 cmocka_unit_test(read_back),
		cmocka_unit_test(order_and_end), cmocka_unit_test(hostile),
		cmocka_unit_test(damaged),	 cmocka_unit_test(too_large),
	};
	return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
