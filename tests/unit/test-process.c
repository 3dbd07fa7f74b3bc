/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "expose/process.h"

#define BEFORE " S 1 2 3 4 -1 4194560 5 6 7 8 "
#define AFTER  " 18446744073709551615 1 1 0 0\n"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{ "42 (agent)" BEFORE "150 50 0 0 20 0 1 0 1000 8192 3" AFTER, 0 },
		{ "42 (a) Z 1 (b)" BEFORE "150 50 0 0 -2 -20 1 0 1000 8192 3" AFTER, 0 },
		{ "42 ()" BEFORE "150 50 0 0 20 0 1 0 1000 8192 3", 0 },
		{ "42 (agent)" BEFORE "150 50 0 0 20 0 1 0 1000 8192", -EBADMSG },
		{ "42 (agent)" BEFORE "x 50 0 0 20 0 1 0 1000 8192 3" AFTER, -EBADMSG },
		{ "42 (agent)" BEFORE "-1 50 0 0 20 0 1 0 1000 8192 3" AFTER, -EBADMSG },
		{ "42 (agent)" BEFORE "9223372036854775807 50 0 0 20 0 1 0 1000 8192 3" AFTER,
		  -EBADMSG },
		{ "42 (agent)" BEFORE "150 50 0 0 20 0 1 0 9223372036854775808 8192 3" AFTER,
		  -EBADMSG },
		{ "42 (agent)", -EBADMSG },
		{ "42 (agent", -EBADMSG },
		{ ")", -EBADMSG },
		{ "", -EBADMSG },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct process_metrics p = { 0 };
		usec_t start = 0;
		print_message("# row %zu\n", i);
		assert_int_equal(process_parse_stat(rows[i].text, 100, 4096, &p, &start),
				 rows[i].r);
		assert_int_equal(p.cpu, rows[i].r ? 0 : 2 * USEC_PER_SEC);
		assert_int_equal(p.virtual_bytes, rows[i].r ? 0 : 8192);
		assert_int_equal(p.resident_bytes, rows[i].r ? 0 : 3 * 4096);
		assert_int_equal(start, rows[i].r ? 0 : 10 * USEC_PER_SEC);
	}
}

static uint64_t count_fds(void)
{
	uint64_t n = 0;
	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_self(void **state)
{
	struct process_metrics p = { 0 };
	(void)state;
	assert_int_equal(process_metrics_read("/proc", &p), 0);
	assert_true(p.resident_bytes > 100 * 1024 && p.resident_bytes <= p.virtual_bytes);
	assert_int_equal(p.open_fds, count_fds());
	assert_true(p.max_fds >= 3);
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	int64_t age = ts.tv_sec * USEC_PER_SEC - p.start_wall_usec;
	assert_true(age > -2 * USEC_PER_SEC && age < 300 * USEC_PER_SEC);

	struct process_metrics again = p;
	cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(process_metrics_read("/proc", &again), 0);
	assert_int_equal(again.open_fds, p.open_fds + 1);
	assert_true(again.cpu >= p.cpu);
	assert_int_equal(again.start_wall_usec, p.start_wall_usec);
}

/* What was known stays when it cannot be read any more. */
static void test_unreadable(void **state)
{
	struct process_metrics p = { .cpu = 1, .open_fds = 2 };
	(void)state;
	assert_int_equal(process_metrics_read("/proc/nothing", &p), -ENOENT);
	assert_int_equal(process_metrics_read("/proc/self/fdinfo", &p), -ENOENT);
	assert_int_equal(p.cpu, 1);
	assert_int_equal(p.open_fds, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_unreadable),
	};
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
