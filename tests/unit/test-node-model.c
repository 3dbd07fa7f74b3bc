/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/use.h"
#include "sim/node-model.h"
#include "sim/replay.h"

#define SEC USEC_PER_SEC

static struct scenario *scenario(const char *rest)
{
	cleanup_buf struct buf text = BUF_INIT(65536);
	struct scenario *s = NULL;
	struct err e = { 0 };
	(void)buf_printf(
		&text,
		"{\"version\":1,\"filesystems\":{\"imagefs\":{\"device\":\"d\","
		"\"capacityBytes\":1000,\"capacityInodes\":100,\"otherBytes\":100}},"
		"\"layers\":{\"base\":{\"bytes\":200,\"inodes\":20},"
		"\"a\":{\"bytes\":50,\"inodes\":5},\"b\":{\"bytes\":30,\"inodes\":3}},"
		"\"images\":[{\"id\":\"A\",\"sizeBytes\":1,\"layers\":[\"base\",\"a\",\"a\"]}]%s}",
		rest);
	if (scenario_parse(buf_string(&text), text.len, &s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

#define PULL_B \
	",\"events\":[{\"at\":1,\"pull\":{\"id\":\"B\",\"sizeBytes\":9,\"layers\":[\"base\",\"b\"]}}]"
#define PULL_C ",\"events\":[{\"at\":1,\"pull\":{\"id\":\"C\",\"sizeBytes\":651}}]"

static uint64_t available(const struct node_model *n)
{
	struct space space;
	node_space(n, 0, &space);
	return space.avail_bytes;
}

static uint64_t inodes_free(const struct node_model *n)
{
	struct space space;
	node_space(n, 0, &space);
	return space.inodes_free;
}

static void shared_layers(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = scenario(PULL_B);
	struct node_model n;
	uint64_t bytes = 0;
	node_init(&n, s);
	assert_int_equal(available(&n), 650);
	assert_int_equal(inodes_free(&n), 75);
	assert_false(node_has(&n, 1) || node_had(&n, 1));
	assert_int_equal(node_pull(&n, 1, &bytes), 0);
	assert_int_equal(bytes, 30);
	assert_int_equal(available(&n), 620);
	node_remove(&n, "A");
	assert_int_equal(available(&n), 670);
	assert_true(node_had(&n, 0) && !node_has(&n, 0));
	node_remove(&n, "A");
	node_remove(&n, "unknown");
	node_remove(&n, "B");
	assert_int_equal(available(&n), 900);
	assert_int_equal(inodes_free(&n), 100);
	node_done(&n);
}

static void no_space(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = scenario(PULL_C);
	struct node_model n;
	uint64_t bytes = 0;
	node_init(&n, s);
	assert_int_equal(node_pull(&n, 1, &bytes), -ENOSPC);
	assert_int_equal(available(&n), 650);
	assert_false(node_has(&n, 1));
	node_remove(&n, "A");
	assert_int_equal(node_pull(&n, 1, &bytes), 0);
	assert_int_equal(bytes, 651);
	assert_int_equal(available(&n), 249);
	node_done(&n);
}

static struct scenario_event event(uint64_t bytes, uint64_t inodes, usec_t duration)
{
	return (struct scenario_event){ .amount = { bytes, inodes }, .duration = duration };
}

static void writes(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = scenario("");
	struct node_model n;
	struct scenario_event slow = event(300, 30, 10 * SEC), quick = event(50, 0, 0);
	size_t device = 0;
	node_init(&n, s);
	assert_false(node_write(&n, &slow));
	assert_int_equal(available(&n), 650);
	assert_int_equal(node_advance(&n, 5 * SEC, &device), 0);
	assert_int_equal(available(&n), 500);
	assert_int_equal(inodes_free(&n), 60);
	assert_false(node_write(&n, &quick));
	assert_int_equal(available(&n), 450);
	assert_int_equal(node_advance(&n, 50 * SEC, &device), 0);
	assert_int_equal(available(&n), 300);
	assert_int_equal(inodes_free(&n), 45);
	assert_int_equal(n.n_writes, 0);
	/* at once, and more than fits */
	struct scenario_event large = event(301, 0, 0);
	assert_true(node_write(&n, &large));
	assert_int_equal(available(&n), 0);
	node_done(&n);
}

static void deletions(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = scenario("");
	struct node_model n;
	struct scenario_event written = event(50, 7, 0), deleted = event(120, 3, 0);
	node_init(&n, s);
	(void)node_write(&n, &written);
	node_delete(&n, &deleted);
	assert_int_equal(available(&n), 720);
	assert_int_equal(inodes_free(&n), 71);
	/* no more than there is: images stay */
	node_delete(&n, &deleted);
	node_delete(&n, &deleted);
	assert_int_equal(available(&n), 750);
	assert_int_equal(inodes_free(&n), 75);
	node_done(&n);
}

static void filling_up(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = scenario("");
	struct node_model n;
	struct scenario_event one = event(1300, 0, 10 * SEC), two = event(650, 0, 10 * SEC);
	size_t device = 7;
	node_init(&n, s);
	(void)node_write(&n, &one);
	(void)node_write(&n, &two);
	/* 195 a second: full after three and a third; both writers get to know */
	assert_int_equal(node_advance(&n, 20 * SEC, &device), 2);
	assert_int_equal(device, 0);
	assert_true(n.now > 3 * SEC && n.now < 4 * SEC);
	assert_int_equal(available(&n), 0);
	assert_int_equal(node_advance(&n, 20 * SEC, &device), 0);
	assert_int_equal(n.now, 20 * SEC);
	/* what was given up does not go on when there is room again */
	node_remove(&n, "A");
	assert_int_equal(node_advance(&n, 30 * SEC, &device), 0);
	assert_int_equal(available(&n), 250);
	node_done(&n);
}

static void inodes_run_out(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = scenario("");
	struct node_model n;
	struct scenario_event files = event(10, 750, 10 * SEC);
	size_t device = 0;
	node_init(&n, s);
	(void)node_write(&n, &files);
	assert_int_equal(node_advance(&n, 20 * SEC, &device), 1);
	assert_int_equal(inodes_free(&n), 0);
	assert_true(n.now >= SEC && n.now < SEC + SEC / 10);
	assert_int_equal(available(&n), 649);
	node_done(&n);
}

/* Containers c0 ... of the images A, B and the name of C, which come and go as random numbers have it. */
#define N_CONTAINERS 40
static struct scenario *with_containers(void)
{
	static const char *const references[] = { "A", "B", "reg/c", "reg/c:2", "unknown" };
	cleanup_buf struct buf rest = BUF_INIT(65536);
	(void)buf_puts(&rest, ",\"sandboxImages\":[\"B\"],\"events\":["
			      "{\"at\":1,\"pull\":{\"id\":\"B\",\"sizeBytes\":9}},"
			      "{\"at\":1,\"pull\":{\"id\":\"C\",\"sizeBytes\":9,"
			      "\"names\":[\"reg/c:latest\",\"reg/c:2\"]}}");
	for (int i = 0; i < N_CONTAINERS; i++)
		(void)buf_printf(&rest,
				 ",{\"at\":2,\"start\":{\"id\":\"c%d\",\"image\":\"A\","
				 "\"references\":[\"%s\"],\"imageVolumes\":[\"%s\"]}}",
				 i, references[i % 5], references[i / 5 % 5]);
	(void)buf_puts(&rest, "]");
	return scenario(buf_string(&rest));
}

static const struct container *container_of(const struct scenario *s, size_t i)
{
	return &s->events[2 + i].container;
}

static void containers(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = with_containers();
	struct node_model n;
	node_init(&n, s);
	for (size_t i = 0; i < N_CONTAINERS; i++) {
		node_start(&n, container_of(s, i));
		node_start(&n, container_of(s, i));
	}
	assert_int_equal(n.containers.n_containers, N_CONTAINERS);
	node_stop(&n, "c3");
	node_stop(&n, "unknown");
	assert_int_equal(n.containers.containers[3].state, CONTAINER_EXITED);
	node_start(&n, container_of(s, 3));
	assert_int_equal(n.containers.containers[3].state, CONTAINER_RUNNING);
	node_remove_container(&n, "c0");
	node_remove_container(&n, "c0");
	node_stop(&n, "c0");
	assert_int_equal(n.containers.n_containers, N_CONTAINERS - 1);
	node_done(&n);
}

static void assert_same_use(const struct node_model *n)
{
	struct image_use expected[3], use[3];
	cleanup_inventory struct inventory *inv = node_inventory(n);
	assert_in_range(inv->n_images, 0, 3);
	use_resolve(inv->images, inv->n_images, &inv->containers, inv->sandbox_images,
		    inv->n_sandbox_images, expected);
	node_use(n, use);
	for (size_t i = 0; i < inv->n_images; i++) {
		if (use[i].reason != expected[i].reason)
			fail_msg("%s is %s, not %s", inv->images[i].id,
				 keep_reason_to_string(use[i].reason),
				 keep_reason_to_string(expected[i].reason));
		assert_true(i == 0 || strcmp(inv->images[i - 1].id, inv->images[i].id) < 0);
	}
}

/* Whoever uses an image is the same as resolved anew. */
static void random_use(void **state)
{
	(void)state;
	struct random r = random_start("use on the node");
	cleanup_scenario struct scenario *s = with_containers();
	struct node_model n;
	node_init(&n, s);
	for (int round = 0; round < 20000; round++) {
		const struct container *c = container_of(s, random_below(&r, N_CONTAINERS));
		size_t image = random_below(&r, 3);
		uint64_t bytes;
		if (random_once_in(&r, 4))
			node_start(&n, c);
		else if (random_once_in(&r, 3))
			node_stop(&n, c->id);
		else
			node_remove_container(&n, c->id);
		if (random_once_in(&r, 2) && !node_has(&n, image))
			(void)node_pull(&n, image, &bytes);
		else if (random_once_in(&r, 3))
			node_remove(&n, s->images[image].image.id);
		assert_same_use(&n);
	}
	node_done(&n);
}

static void as_inventory(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = scenario(PULL_B);
	struct node_model n;
	uint64_t bytes;
	node_init(&n, s);
	assert_int_equal(node_pull(&n, 1, &bytes), 0);
	cleanup_inventory struct inventory *inv = node_inventory(&n);
	assert_int_equal(inv->n_images, 2);
	assert_int_equal(inv->images[0].predicted_bytes, 50);
	assert_int_equal(inv->images[1].predicted_bytes, 30);
	assert_int_equal(inv->images[1].predicted_inodes, 3);
	node_done(&n);
}

/* The instant of a crossing does not depend on how often anybody looks. */
static void crossing(void **state)
{
	(void)state;
	cleanup_scenario struct scenario *s = scenario("");
	struct sim_policy policy = { .gc = { .high_percent = { 60, 101 },
					     .low_percent = { 40, 40 } } };
	for (usec_t step = 1; step <= 16; step *= 4) {
		struct replay r;
		replay_init(&r, s, &policy);
		struct scenario_event fill = event(600, 0, 10 * SEC);
		(void)node_write(&r.node, &fill);
		for (usec_t at = step * SEC; at <= 16 * SEC; at += step * SEC)
			replay_advance(&r, at);
		assert_int_equal(r.n_entries, 1);
		/* 40.9 % available is the last that counts as 60 % used: 241 written */
		assert_int_equal(r.entries[0].at, 4016667);
		assert_int_equal(replay_above(&r, PRESSURE_GC), 16 * SEC - 4016667);
		replay_done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_layers),  cmocka_unit_test(no_space),
		cmocka_unit_test(writes),	  cmocka_unit_test(filling_up),
		cmocka_unit_test(inodes_run_out), cmocka_unit_test(containers),
		cmocka_unit_test(deletions),	  cmocka_unit_test(random_use),
		cmocka_unit_test(as_inventory),	  cmocka_unit_test(crossing),
	};
	return cmocka_run_group_tests_name("node-model", tests, NULL, NULL);
}
