/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/json-read.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/utf8.h"

#define TOO_LONG_SECONDS 60 /* alarm() ends a test that blocks */

static int real_stderr = -1;

/* Puts fd, which is closed, in the place of standard error. */
static void stderr_to(int fd, log_sink *sink, int priority)
{
	real_stderr = dup(STDERR_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	close(fd);
	log_setup(sink, priority);
}

static void stderr_back(void)
{
	(void)dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	log_setup(log_sink_text, LOG_INFO);
}

static char captured[2 * BUF_MAX_LOG_LINE];

static const char *capture_to(const int fds[2], log_sink *sink, const struct log_entry *entry)
{
	stderr_to(fds[1], sink, LOG_DEBUG);
	log_entry(entry);
	stderr_back();
	ssize_t n = read(fds[0], captured, sizeof(captured) - 1);
	close(fds[0]);
	captured[n > 0 ? n : 0] = '\0';
	return captured;
}

static const char *capture(log_sink *sink, const struct log_entry *entry)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	return capture_to(fds, sink, entry);
}

static void test_text(void **state)
{
	(void)state;
	const struct log_field fields[] = {
		LOG_TEXT("filesystem", "imagefs"),
		LOG_NUMBER("measuredBytes", 300),
		LOG_NUMBER("error", -5),
		LOG_TEXT("name", "two words"),
		LOG_TEXT("empty", ""),
		LOG_TEXT("quotes", "a\"b\\c"),
		LOG_TEXT("equals", "a=b"),
	};
	const struct log_entry entry = { .priority = LOG_NOTICE,
					 .message = "removed \"one\" image",
					 .fields = fields,
					 .n_fields = ELEMENTS(fields) };
	assert_string_equal(
		capture(log_sink_text, &entry),
		"removed \"one\" image filesystem=imagefs measuredBytes=300 error=-5 "
		"name=\"two words\" empty=\"\" quotes=\"a\\\"b\\\\c\" equals=\"a=b\"\n");
}

static void test_text_hostile(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "one\ntwo", "one\\ntwo\n" },
		{ "<0>emerg", "<0>emerg\n" },
		{ "\t\r\x1b[31mred", "\\t\\x0d\\x1b[31mred\n" },
		{ "\x7f\xc2\x9b", "\\x7f\\x9b\n" },
		{ "caf\xc3\xa9 \xf0\x9f\x90\xb3", "caf\xc3\xa9 \xf0\x9f\x90\xb3\n" },
		{ "\xff\xc0\x80\xe2\x82", "\\xff\\xc0\\x80\\xe2\\x82\n" },
		{ "100% %s %n", "100% %s %n\n" },
		{ "", "\n" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const struct log_entry entry = { .priority = LOG_INFO, .message = rows[i].in };
		assert_string_equal(capture(log_sink_text, &entry), rows[i].out);
	}
	const struct log_field field = LOG_TEXT("name", "a\nb\x1b\xff");
	const struct log_entry entry = {
		.priority = LOG_INFO, .message = "x", .fields = &field, .n_fields = 1
	};
	assert_string_equal(capture(log_sink_text, &entry), "x name=\"a\\nb\\x1b\\xff\"\n");
}

static void test_priority_prefix(void **state)
{
	(void)state;
	const struct log_entry entry = { .priority = LOG_WARNING, .message = "x" };
	assert_int_equal(setenv("INVOCATION_ID", "0123456789abcdef0123456789abcdef", 1), 0);
	assert_string_equal(capture(log_sink_text, &entry), "x\n");
	assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
	assert_string_equal(capture(log_sink_text, &entry), "x\n");
	assert_int_equal(setenv("JOURNAL_STREAM", "", 1), 0);
	assert_string_equal(capture(log_sink_text, &entry), "x\n");

	int fds[2];
	assert_int_equal(pipe(fds), 0);
	struct stat st;
	assert_int_equal(fstat(fds[1], &st), 0);
	char stream[64];
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		       (uintmax_t)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	assert_string_equal(capture_to(fds, log_sink_text, &entry), "<4>x\n");
	unsetenv("JOURNAL_STREAM");
	unsetenv("INVOCATION_ID");
}

static void test_text_too_long(void **state)
{
	(void)state;
	char text[3 * BUF_MAX_LOG_LINE];
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	const struct log_entry entry = { .priority = LOG_INFO, .message = text };
	const char *line = capture(log_sink_text, &entry);
	assert_true(strlen(line) <= BUF_MAX_LOG_LINE);
	assert_true(strlen(line) > BUF_MAX_LOG_LINE - 8);
	assert_string_equal(line + strlen(line) - 5, "a...\n");
}

static cJSON *parse_line(const char *line)
{
	cJSON *json = NULL;
	size_t len = strlen(line);
	assert_true(len > 1);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	assert_int_equal(json_parse(line, len, &json, NULL), 0);
	return json;
}

static void check_string(const cJSON *json, const char *name, const char *expected)
{
	const char *value = NULL;
	assert_int_equal(json_get_string(json, name, &value, NULL), 0);
	assert_string_equal(value, expected);
}

static void test_json(void **state)
{
	(void)state;
	const struct log_field fields[] = {
		LOG_TEXT("name", "a\"b\\c\nd\x1b\xff\xc3\xa9"),
		LOG_NUMBER("measuredBytes", 4294967296),
	};
	const struct log_entry entry = { .priority = LOG_ERR,
					 .message = "hostile \x01\n\"}{",
					 .message_id = "0123456789abcdef0123456789abcdef",
					 .fields = fields,
					 .n_fields = ELEMENTS(fields) };
	cleanup_json cJSON *json = parse_line(capture(log_sink_json, &entry));
	check_string(json, "level", "error");
	check_string(json, "message", "hostile \x01\n\"}{");
	check_string(json, "messageId", "0123456789abcdef0123456789abcdef");
	check_string(json, "name", "a\"b\\c\nd\x1b\xef\xbf\xbd\xc3\xa9");
	uint64_t bytes = 0;
	assert_int_equal(json_get_u64(json, "measuredBytes", &bytes, NULL), 0);
	assert_true(bytes == UINT64_C(4294967296));
	const char *time = NULL;
	assert_int_equal(json_get_string(json, "time", &time, NULL), 0);
	assert_int_equal(strlen(time), strlen("2026-01-02T03:04:05.000006Z"));
	assert_int_equal(time[10], 'T');
	assert_int_equal(time[19], '.');
	assert_int_equal(time[26], 'Z');
}

static void test_json_plain(void **state)
{
	(void)state;
	const struct log_entry entry = { .priority = LOG_CRIT, .message = "x" };
	cleanup_json cJSON *json = parse_line(capture(log_sink_json, &entry));
	check_string(json, "level", "error");
	assert_null(cJSON_GetObjectItemCaseSensitive(json, "messageId"));
}

static void test_json_too_long(void **state)
{
	(void)state;
	char text[3 * BUF_MAX_LOG_LINE];
	memset(text, '\x01', sizeof(text)); /* six bytes each */
	text[sizeof(text) - 1] = '\0';
	const struct log_field field = LOG_TEXT("name", text);
	const struct log_entry entry = {
		.priority = LOG_INFO, .message = text, .fields = &field, .n_fields = 1
	};
	const char *line = capture(log_sink_json, &entry);
	assert_true(strlen(line) <= BUF_MAX_LOG_LINE);
	cleanup_json cJSON *json = parse_line(line);
	check_string(json, "truncated", "yes");
	assert_null(cJSON_GetObjectItemCaseSensitive(json, "name"));
}

static void test_levels(void **state)
{
	(void)state;
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };
	for (int i = 0; i < (int)ELEMENTS(names); i++) {
		assert_int_equal(log_level_from_string(names[i]), LOG_ERR + i);
		assert_string_equal(log_level_to_string(LOG_ERR + i), names[i]);
	}
	static const char *const bad[] = { "", "err", "Error", "warn", "crit", "info ", "6" };
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(log_level_from_string(bad[i]), -EINVAL);
	assert_null(log_level_to_string(-1));
	assert_null(log_level_to_string(LOG_CRIT));
	assert_null(log_level_to_string(LOG_DEBUG + 1));
}

static int n_seen, last_priority;
static char last_message[4096];

static int sink_note(const struct log_entry *entry)
{
	n_seen++;
	last_priority = entry->priority;
	(void)snprintf(last_message, sizeof(last_message), "%s", entry->message);
	errno = ENOTTY;
	return last_priority == LOG_ERR ? -EAGAIN : 0;
}

static void test_filter(void **state)
{
	(void)state;
	log_setup(sink_note, LOG_NOTICE);
	n_seen = 0;
	unsigned long long before = log_dropped();
	errno = E2BIG;
	log_debug("debug");
	log_info("info");
	assert_int_equal(n_seen, 0);
	log_notice("%s %d", "notice", 1);
	assert_int_equal(n_seen, 1);
	assert_string_equal(last_message, "notice 1");
	log_warning("warning");
	assert_int_equal(last_priority, LOG_WARNING);
	assert_true(log_dropped() == before);
	log_error("error");
	assert_int_equal(n_seen, 3);
	assert_true(log_dropped() == before + 1);
	assert_int_equal(errno, E2BIG);
	log_setup(sink_note, LOG_DEBUG);
	log_debug("%5000d", 1);
	assert_int_equal(strlen(last_message), 2047);
	log_setup(log_sink_text, LOG_INFO);
}

/* Logs until an entry is dropped; returns how many were not. */
static int fill(void)
{
	int n = 0;
	alarm(TOO_LONG_SECONDS);
	unsigned long long before = log_dropped();
	for (; log_dropped() == before && n < 1000000; n++)
		log_info("line %d ................................................", n);
	for (int i = 0; i < 100; i++)
		log_info("nobody reads");
	alarm(0);
	assert_true(log_dropped() > before);
	return n - 1;
}

/* Reads all there is, and checks that each line is whole. */
static int count_lines(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	FILE *f = fdopen(dup(fd), "r");
	char line[256];
	int n = 0;
	while (fgets(line, sizeof(line), f)) {
		n++;
		assert_non_null(strchr(line, '\n'));
		assert_true(strncmp(line, "line ", 5) == 0 || strncmp(line, "nobody", 6) == 0);
	}
	(void)fclose(f);
	return n;
}

static void check_full(int reader, int writer)
{
	stderr_to(writer, log_sink_text, LOG_INFO);
	int n = fill();
	assert_true(n > 10);
	/* The description that others share has been left as it was. */
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	assert_true(count_lines(reader) >= n);
	/* And it goes on as soon as somebody reads. */
	unsigned long long before = log_dropped();
	log_info("line again");
	assert_true(log_dropped() == before);
	assert_int_equal(count_lines(reader), 1);
	stderr_back();
	close(reader);
}

static void test_full_pipe(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	check_full(fds[0], fds[1]);
}

static void test_full_socket(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	check_full(fds[0], fds[1]);
}

static void test_stalled_terminal(void **state)
{
	(void)state;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
		skip();
		return;
	}
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	stderr_to(terminal, log_sink_text, LOG_INFO);
	(void)fill();
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	stderr_back();
	close(master);
}

static void test_reader_gone(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	stderr_to(fds[1], log_sink_text, LOG_INFO);
	close(fds[0]);
	unsigned long long before = log_dropped();
	log_info("SIGPIPE would end this");
	stderr_back();
	assert_true(log_dropped() == before + 1);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	stderr_to(fds[1], log_sink_json, LOG_INFO);
	close(fds[0]);
	log_info("here as well");
	stderr_back();
	assert_true(log_dropped() == before + 2);
}

static void test_regular_file(void **state)
{
	(void)state;
	FILE *f = tmpfile();
	assert_non_null(f);
	stderr_to(dup(fileno(f)), log_sink_text, LOG_INFO);
	log_info("one");
	log_info("two");
	stderr_back();
	char text[64] = "";
	assert_int_equal(pread(fileno(f), text, sizeof(text) - 1, 0), 8);
	assert_string_equal(text, "one\ntwo\n");
	(void)fclose(f);
}

static void test_closed(void **state)
{
	(void)state;
	real_stderr = dup(STDERR_FILENO);
	close(STDERR_FILENO);
	log_setup(log_sink_text, LOG_INFO);
	unsigned long long before = log_dropped();
	log_info("nowhere to go");
	stderr_back();
	assert_true(log_dropped() == before + 1);
}

static void *log_lines(void *name)
{
	for (int i = 0; i < 500; i++)
		log_info("line %s %d %0200d", (const char *)name, i, i);
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	static char names[4][2] = { "a", "b", "c", "d" };
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	stderr_to(fds[1], log_sink_text, LOG_INFO);
	unsigned long long before = log_dropped();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_lines, names[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	unsigned long long n_dropped = log_dropped() - before;
	stderr_back();
	assert_int_equal((unsigned long long)count_lines(fds[0]) + n_dropped, 4 * 500);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_hostile),
		cmocka_unit_test(test_priority_prefix),
		cmocka_unit_test(test_text_too_long),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_plain),
		cmocka_unit_test(test_json_too_long),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_full_pipe),
		cmocka_unit_test(test_full_socket),
		cmocka_unit_test(test_stalled_terminal),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_regular_file),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
