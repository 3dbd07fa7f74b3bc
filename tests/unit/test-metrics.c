/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "expose/metrics.h"
#include "sample-status.h"
#include "util/limits.h"

static void render(const struct status *s, bool with_process, bool openmetrics, struct buf *out)
{
	struct process_metrics p;
	sample_process(&p);
	metrics_render(s, with_process ? &p : NULL, openmetrics, out);
	assert_false(out->overflowed);
}

/* Compares with a file below tests/data; `test-metrics --print text` writes a new one. */
static void assert_golden(const char *name, const struct buf *page)
{
	cleanup_free char *expected = xcalloc(1, BUF_MAX_METRICS + 1);
	const char *source = getenv("TOP_SRCDIR");
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/tests/data/%s", source ? source : ".", name);
	FILE *file = fopen(path, "re");
	if (!file)
		fail_msg("no %s", path);
	(void)fread(expected, 1, BUF_MAX_METRICS, file);
	(void)fclose(file);
	assert_string_equal(buf_string(page), expected);
}

static void test_golden(void **state)
{
	struct status s;
	(void)state;
	sample_status(&s);
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_METRICS);
	cleanup_buf struct buf openmetrics = BUF_INIT(BUF_MAX_METRICS);
	render(&s, true, false, &text);
	assert_golden("metrics.txt", &text);
	render(&s, true, true, &openmetrics);
	assert_golden("metrics.openmetrics.txt", &openmetrics);
}

/* What is not known has no series at all. */
static void test_nothing_known(void **state)
{
	static const char *const absent[] = {
		"filesystem=", "state=",      "runtime=",   "lane=",
		"process_",    "_timestamp_", "operation=", "disk_pressure_threshold",
	};
	struct status s = { .version = "0.1.0" };
	(void)state;
	cleanup_buf struct buf page = BUF_INIT(BUF_MAX_METRICS);
	render(&s, false, false, &page);
	for (size_t i = 0; i < ELEMENTS(absent); i++)
		if (strstr(buf_string(&page), absent[i]))
			fail_msg("%s in %s", absent[i], buf_string(&page));
	assert_non_null(
		strstr(buf_string(&page), "\ndisk_pressure_build_info{version=\"0.1.0\"} 1\n"));
	assert_non_null(strstr(buf_string(&page),
			       "\ndisk_pressure_images_removed_total{reason=\"space\"} 0\n"));
}

static bool has_line(const struct buf *page, const char *line)
{
	const char *at = strstr(buf_string(page), line);
	return at && at[-1] == '\n' && at[strlen(line)] == '\n';
}

static void test_conditions(void **state)
{
	struct status s;
	(void)state;
	sample_status(&s);
	cleanup_buf struct buf page = BUF_INIT(BUF_MAX_METRICS);

	/* gc off: the filesystem itself stays */
	s.filesystems[ROLE_IMAGEFS].gc = false;
	render(&s, false, false, &page);
	assert_null(strstr(buf_string(&page), "target="));
	assert_null(strstr(buf_string(&page), "trigger="));
	assert_true(has_line(&page, "disk_pressure_filesystem_stuck{filesystem=\"imagefs\"} 0"));

	/* not configured any more: gone altogether, whatever else is set */
	buf_clear(&page);
	sample_status(&s);
	s.filesystems[ROLE_IMAGEFS].configured = false;
	s.findings.n = 0; /* which may be about what is not there */
	render(&s, false, false, &page);
	assert_null(strstr(buf_string(&page), "imagefs"));

	/* a runtime that never answered is known by its endpoint */
	buf_clear(&page);
	sample_status(&s);
	s.runtimes.items[0].name[0] = '\0';
	s.runtimes.items[0].up = false;
	render(&s, false, false, &page);
	assert_true(has_line(
		&page,
		"disk_pressure_runtime_up{runtime=\"unix:///run/containerd/containerd.sock\"} 0"));

	/* what cannot occur is not announced, but never hidden either */
	assert_null(strstr(buf_string(&page), "trigger=\"age\",result=\"futile\""));
	buf_clear(&page);
	s.filesystems[ROLE_IMAGEFS].runs[TRIGGER_AGE][RESULT_FUTILE] = 1;
	render(&s, false, false, &page);
	assert_non_null(strstr(buf_string(&page), "trigger=\"age\",result=\"futile\"} 1\n"));
}

static size_t count_lines(const struct buf *page)
{
	size_t n = 0;
	for (const char *c = buf_string(page); *c; c++)
		n += *c == '\n';
	return n;
}

/* Whatever a mount point or a runtime is called, the page has the same lines. */
static void test_hostile(void **state)
{
	struct status benign, hostile;
	(void)state;
	sample_status(&benign);
	sample_status_hostile(&hostile);
	for (int openmetrics = 0; openmetrics <= 1; openmetrics++) {
		cleanup_buf struct buf a = BUF_INIT(BUF_MAX_METRICS), b = a;
		render(&benign, true, openmetrics, &a);
		render(&hostile, true, openmetrics, &b);
		assert_int_equal(count_lines(&a), count_lines(&b));
		assert_non_null(strstr(buf_string(&b),
				       "fstype=\"\\\"} 1\\n# EOF\\nx{a=\\\"\\\\\t\x01"
				       "\xef\xbf\xbd"
				       "\xc3\xa4"
				       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\r"
				       "\"}"));
		buf_done(&b);
	}
}

static void test_overflow(void **state)
{
	struct status s;
	(void)state;
	sample_status(&s);
	for (size_t max = 0; max < 2000; max += 97) {
		cleanup_buf struct buf page = BUF_INIT(max);
		metrics_render(&s, NULL, false, &page);
		assert_true(page.overflowed);
		assert_true(page.len <= max);
	}
}

static int print_page(const char *kind)
{
	bool openmetrics = strstr(kind, "openmetrics") != NULL;
	cleanup_buf struct buf page = BUF_INIT(BUF_MAX_METRICS);
	struct status s;
	struct process_metrics p;
	if (strstr(kind, "hostile"))
		sample_status_hostile(&s);
	else
		sample_status(&s);
	sample_process(&p);
	metrics_render(&s, &p, openmetrics, &page);
	return fputs(buf_string(&page), stdout) < 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	   cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_conditions), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_overflow),
	};
	/* text, openmetrics, hostile, hostile-openmetrics: pages for check-metrics.py */
	if (argc == 3 && strcmp(argv[1], "--print") == 0)
		return print_page(argv[2]);
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
