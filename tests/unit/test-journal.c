/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "expose/journal.h"

static void test_format(void **state)
{
	static const struct log_field fields[] = {
		LOG_TEXT("filesystem", "imagefs"), LOG_NUMBER("measuredBytes", -5),
		LOG_TEXT("error", "one\ntwo"),	   LOG_TEXT("empty", ""),
		LOG_TEXT("a-b c=d\n", "x"),	   LOG_TEXT("Upper", "x"),
		LOG_NUMBER("x2", 1LL << 40),
	};
	const struct log_entry entry = { .priority = LOG_WARNING,
					 .message_id = "5afc2d1b8d6c492c852aedbb6e624330",
					 .message = "reclaimed",
					 .fields = fields,
					 .n_fields = ELEMENTS(fields) };
	static const char expected[] = "SYSLOG_IDENTIFIER=disk-pressure-agent\n"
				       "PRIORITY=4\n"
				       "MESSAGE_ID=5afc2d1b8d6c492c852aedbb6e624330\n"
				       "MESSAGE=reclaimed\n"
				       "DPA_FILESYSTEM=imagefs\n"
				       "DPA_MEASURED_BYTES=-5\n"
				       "DPA_ERROR\n\x07\0\0\0\0\0\0\0one\ntwo\n"
				       "DPA_EMPTY=\n"
				       "DPA_A_B_C_D_=x\n"
				       "DPA_UPPER=x\n"
				       "DPA_X2=1099511627776\n";
	cleanup_buf struct buf out = BUF_INIT(4096);
	(void)state;
	journal_format(&entry, &out);
	assert_int_equal(out.len, sizeof(expected) - 1);
	assert_memory_equal(out.data, expected, out.len);
}

static void test_long_field_name(void **state)
{
	char name[200];
	memset(name, 'A', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	const struct log_field field = LOG_TEXT(name, "x");
	const struct log_entry entry = { .message = "", .fields = &field, .n_fields = 1 };
	cleanup_buf struct buf out = BUF_INIT(4096);
	(void)state;
	journal_format(&entry, &out);
	const char *start = strstr(buf_string(&out), "DPA_");
	assert_non_null(start);
	assert_true(strcspn(start, "=") <= 64);
}

struct fixture {
	char directory[32];
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/test-journal-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/socket", f->directory);
	memcpy(address.sun_path, f->path, strlen(f->path));
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	close(f->fd);
	unlink(f->path);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static void test_send(void **state)
{
	const struct log_entry entry = { .priority = LOG_INFO, .message = "hello" };
	struct fixture *f = *state;
	char datagram[256];
	assert_int_equal(journal_send(f->path, &entry), 0);
	ssize_t n = recv(f->fd, datagram, sizeof(datagram) - 1, 0);
	assert_true(n > 0);
	datagram[n] = '\0';
	assert_string_equal(datagram,
			    "SYSLOG_IDENTIFIER=disk-pressure-agent\nPRIORITY=6\nMESSAGE=hello\n");
}

/* A journal that does not read must not stop whoever logs; alarm() would end the test. */
static void test_send_never_blocks(void **state)
{
	const struct log_entry entry = { .priority = LOG_INFO, .message = "hello" };
	const struct fixture *f = *state;
	int r = 0;
	alarm(20);
	for (int i = 0; r == 0 && i < 100000; i++)
		r = journal_send(f->path, &entry);
	alarm(0);
	assert_int_equal(r, -EAGAIN);
}

static void test_send_errors(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *huge = xcalloc(1, 100000);
	char path[200];
	memset(huge, 'x', 99999);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	const struct log_entry entry = { .message = "x" }, large = { .message = huge };
	assert_int_equal(journal_send("/tmp/test-journal/nothing", &entry), -ENOENT);
	assert_int_equal(journal_send(path, &entry), -EINVAL);
	assert_int_equal(journal_send(f->path, &large), -E2BIG);
}

static void test_available(void **state)
{
	struct stat st;
	char stream[64];
	(void)state;
	unsetenv("JOURNAL_STREAM");
	assert_false(journal_available());
	setenv("JOURNAL_STREAM", "1:1", 1);
	assert_false(journal_available());
	setenv("JOURNAL_STREAM", "", 1);
	assert_false(journal_available());
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		       (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_true(journal_available());
	unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_long_field_name),
		cmocka_unit_test_setup_teardown(test_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_never_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_errors, setup, teardown),
		cmocka_unit_test(test_available),
	};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
