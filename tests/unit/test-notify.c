/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "expose/notify.h"

struct fixture {
	char directory[32];
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/test-notify-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/socket", f->directory);
	memcpy(address.sun_path, f->path, strlen(f->path));
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", f->path, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	unsetenv("NOTIFY_SOCKET");
	close(f->fd);
	unlink(f->path);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static const char *received(const struct fixture *f)
{
	static char text[1024];
	ssize_t n = recv(f->fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void test_messages(void **state)
{
	const struct fixture *f = *state;
	assert_true(notify_ready("watching 2 filesystems") > 0);
	assert_string_equal(received(f), "READY=1\nSTATUS=watching 2 filesystems");
	assert_true(notify_status("imagefs 82 %") > 0);
	assert_string_equal(received(f), "STATUS=imagefs 82 %");
	assert_true(notify_stopping("finishing a removal") > 0);
	assert_string_equal(received(f), "STOPPING=1\nSTATUS=finishing a removal");
	assert_true(notify_ready(NULL) > 0);
	assert_string_equal(received(f), "READY=1\n");
	assert_true(notify_stopping(NULL) > 0);
	assert_string_equal(received(f), "STOPPING=1\n");
	assert_true(notify_reloading(1234567) > 0);
	assert_string_equal(received(f), "RELOADING=1\nMONOTONIC_USEC=1234567");
}

/* A runtime's error message must not become a variable of the service manager. */
static void test_hostile_text(void **state)
{
	const struct fixture *f = *state;
	assert_true(notify_status("a\nMAINPID=1\r\x7f%s%n") > 0);
	assert_string_equal(received(f), "STATUS=a MAINPID=1  %s%n");
	char text[4096];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(notify_status(text) > 0);
	assert_int_equal(strlen(received(f)), strlen("STATUS=") + 511);
}

static void test_no_service_manager(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_ready("x"), 0);
	assert_int_equal(notify_reloading(1), 0);
	setenv("NOTIFY_SOCKET", "/tmp/test-notify/nothing", 1);
	assert_true(notify_ready("x") < 0);
	unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_text, setup, teardown),
		cmocka_unit_test(test_no_service_manager),
	};
	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
