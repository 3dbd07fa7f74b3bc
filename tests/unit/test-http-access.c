/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "expose/http-access.h"

/* Who may see what without TLS: tokens, and a handler that decides about them. */

static void test_token_of_header(void **state)
{
	static const struct {
		const char *value, *token; /* NULL: none */
	} rows[] = {
		{ "Bearer abc", "abc" },
		{ "bearer abc", "abc" },
		{ "BEARER   abc  ", "abc" },
		{ "Bearer a.b-c_d~e+f/g==", "a.b-c_d~e+f/g==" },
		{ NULL, NULL },
		{ "", NULL },
		{ "Bearer", NULL },
		{ "Bearer ", NULL },
		{ "Bearer  \t", NULL },
		{ "Bearerabc", NULL },
		{ "Bearer\tabc", NULL },
		{ "Basic YTpi", NULL },
		{ "Digest abc", NULL },
		{ " Bearer abc", NULL },
		{ "Bearer abc def", NULL },
		{ "Bearer abc, Bearer def", NULL },
		{ "Bearer a\tb", NULL },
		{ "Bearer a\x7f", NULL },
		{ "Bearer a\xc3\xa9", NULL },
		{ "Bearer a\x01", NULL },
		{ "abc", NULL },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		size_t len = 0;
		const char *token = http_access_token(rows[i].value, &len);
		print_message("# row %zu\n", i);
		assert_int_equal(token != NULL, rows[i].token != NULL);
		if (token) {
			assert_int_equal(len, strlen(rows[i].token));
			assert_memory_equal(token, rows[i].token, len);
		}
	}
}

/* --- a server with a token --------------------------------------------------------------------- */

static void protect(struct fixture *f, const char *token, bool authorize)
{
	char path[96];
	struct http_secrets *secrets = NULL;
	struct err e = { 0 };
	(void)snprintf(path, sizeof(path), "%s/token", f->directory);
	struct http_secret_paths paths = { "", "", "", token ? path : "" };
	if (token) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		(void)fputs(token, file);
		(void)fclose(file);
	}
	assert_int_equal(http_secrets_load(&paths, NULL, &secrets, &e), 1);
	assert_int_equal(http_server_protect(f->server, secrets, authorize, &e), 0);
	http_secrets_unref(secrets);
	(void)unlink(path);
}

static int ask_with(const struct fixture *f, bool local, const char *path, const char *header,
		    const char **ret_reply)
{
	char request[512];
	(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n%s%s" END, path,
		       header ? header : "", header ? "\r\n" : "");
	const char *reply = ask(f, local, request);
	if (ret_reply)
		*ret_reply = reply;
	return status_of(reply);
}

#define RIGHT "Authorization: Bearer the-token"
#define WRONG "Authorization: Bearer the-tokem"

static void test_token(void **state)
{
	static const struct {
		bool local;
		const char *path, *header;
		int status;
	} rows[] = {
		{ false, "/metrics", RIGHT, 200 },
		{ false, "/status", RIGHT, 200 },
		{ false, "/metrics?token=the-token", NULL, 401 },
		{ false, "/metrics", NULL, 401 },
		{ false, "/metrics", WRONG, 401 },
		{ false, "/metrics", "Authorization: Bearer the-toke", 401 },
		{ false, "/metrics", "Authorization: Bearer the-token2", 401 },
		{ false, "/metrics", "Authorization: Bearer", 401 },
		{ false, "/metrics", "Authorization: Basic dGhlLXRva2VuOg==", 401 },
		{ false, "/metrics", "X-Authorization: Bearer the-token", 401 },
		{ false, "/metrics", "authorization: bearer the-token", 200 },
		{ false, "/status", NULL, 401 },
		{ false, "/status", WRONG, 401 },
		/* probes, and what is not there anyway */
		{ false, "/healthz", NULL, 200 },
		{ false, "/readyz", NULL, 200 },
		{ false, "/healthz", WRONG, 200 },
		{ false, "/nothing", NULL, 404 },
		{ false, "/gc", RIGHT, 404 },
		/* the owner of the socket */
		{ true, "/metrics", NULL, 200 },
		{ true, "/status", WRONG, 200 },
	};
	struct fixture *f = *state;
	protect(f, "the-token\n", false);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		print_message("# row %zu\n", i);
		assert_int_equal(ask_with(f, rows[i].local, rows[i].path, rows[i].header, NULL),
				 rows[i].status);
	}
}

static void test_challenge(void **state)
{
	struct fixture *f = *state;
	const char *reply;
	protect(f, "the-token", false);
	assert_int_equal(ask_with(f, false, "/metrics", NULL, &reply), 401);
	assert_contains(reply, "WWW-Authenticate: Bearer realm=\"disk-pressure-agent\"\r\n");
	assert_string_equal(body_of(reply), "this needs a token\n");
	assert_int_equal(ask_with(f, false, "/metrics", WRONG, &reply), 401);
	assert_contains(reply, "WWW-Authenticate: Bearer realm=\"disk-pressure-agent\", "
			       "error=\"invalid_token\"\r\n");
	assert_string_equal(body_of(reply), "the token is not accepted\n");
	/* HEAD says as little, and other methods do not get that far */
	reply = ask(f, false, "HEAD /metrics HTTP/1.1\r\n" END);
	assert_int_equal(status_of(reply), 401);
	assert_string_equal(body_of(reply), "");
	assert_int_equal(status_of(ask(f, false, "DELETE /metrics HTTP/1.1\r\n" END)), 405);
}

static void test_replaced(void **state)
{
	struct fixture *f = *state;
	protect(f, "the-token", false);
	assert_int_equal(ask_with(f, false, "/metrics", RIGHT, NULL), 200);
	protect(f, "the-tokem", false);
	assert_int_equal(ask_with(f, false, "/metrics", RIGHT, NULL), 401);
	assert_int_equal(ask_with(f, false, "/metrics", WRONG, NULL), 200);
	protect(f, NULL, false);
	assert_int_equal(ask_with(f, false, "/metrics", NULL, NULL), 200);
}

/* --- a handler decides ------------------------------------------------------------------------- */

struct decision {
	unsigned calls;
	char path[64], token[64];
	bool user;
	bool later;
	enum http_verdict verdict;
	struct http_request *held;
};

static struct decision decision;

static void decide(void *userdata, const struct http_caller *caller, struct http_request *request)
{
	(void)userdata;
	decision.calls++;
	(void)snprintf(decision.path, sizeof(decision.path), "%s", caller->path);
	(void)snprintf(decision.token, sizeof(decision.token), "%.*s", (int)caller->token_len,
		       caller->token ? caller->token : "");
	decision.user = caller->user != NULL;
	if (decision.later)
		decision.held = request;
	else
		http_request_admit(request, decision.verdict);
}

static int decision_setup(void **state)
{
	int r = fixture_setup(state);
	((struct fixture *)*state)->handlers.authorize = decide;
	decision = (struct decision){ 0 };
	return r;
}

static void test_verdicts(void **state)
{
	static const struct {
		enum http_verdict verdict;
		int status;
		const char *body;
	} rows[] = {
		{ HTTP_ADMITTED, 200, "text" },
		{ HTTP_UNKNOWN, 401, "the token is not accepted\n" },
		{ HTTP_FORBIDDEN, 403, "the cluster does not allow you to see this\n" },
		{ HTTP_UNDECIDED, 503, "the cluster cannot be asked whether you may see this\n" },
	};
	struct fixture *f = *state;
	protect(f, "the-token", true);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const char *reply;
		decision.calls = 0;
		decision.verdict = rows[i].verdict;
		assert_int_equal(ask_with(f, false, "/metrics?a=b", WRONG, &reply), rows[i].status);
		assert_string_equal(body_of(reply), rows[i].body);
		assert_int_equal(decision.calls, 1);
		assert_string_equal(decision.path, "/metrics");
		assert_string_equal(decision.token, "the-tokem");
		assert_false(decision.user);
	}
	/* about what it is not asked */
	decision.calls = 0;
	decision.verdict = HTTP_FORBIDDEN;
	assert_int_equal(ask_with(f, false, "/metrics", RIGHT, NULL), 200);
	assert_int_equal(ask_with(f, false, "/metrics", NULL, NULL), 401);
	assert_int_equal(ask_with(f, false, "/metrics", "Authorization: Basic x", NULL), 401);
	assert_int_equal(ask_with(f, false, "/healthz", WRONG, NULL), 200);
	assert_int_equal(ask_with(f, false, "/nothing", WRONG, NULL), 404);
	assert_int_equal(ask_with(f, true, "/metrics", WRONG, NULL), 200);
	assert_int_equal(decision.calls, 0);
}

#define ASK "GET /metrics HTTP/1.1\r\n" WRONG "\r\n" END

static int ask_and_hold(struct fixture *f)
{
	int fd = client_connect(f, false);
	decision.later = true;
	client_send(f, fd, ASK, strlen(ASK));
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	assert_non_null(decision.held);
	return fd;
}

/* Others are served meanwhile, and the time that deciding takes is not the client's. */
static void test_later(void **state)
{
	static const struct http_limits limits = { .connections = 4,
						   .idle_seconds = 1,
						   .request_seconds = 1 };
	struct fixture *f = *state;
	char reply[1024];
	fixture_restart(f, &limits);
	protect(f, "the-token", true);
	cleanup_close int fd = ask_and_hold(f);
	assert_true(wake_ups(f, 2500 * USEC_PER_MSEC) <= 3);
	assert_int_equal(recv(fd, reply, sizeof(reply), MSG_DONTWAIT), -1);
	assert_int_equal(ask_with(f, false, "/metrics", RIGHT, NULL), 200);
	http_request_admit(take_ptr(decision.held), HTTP_ADMITTED);
	assert_true(client_receive(f, fd, reply, sizeof(reply), USEC_PER_SEC) > 0);
	assert_int_equal(status_of(reply), 200);
	assert_string_equal(body_of(reply), "text");
}

static void test_client_gone(void **state)
{
	struct fixture *f = *state;
	protect(f, NULL, true);
	close(ask_and_hold(f));
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	http_request_admit(take_ptr(decision.held), HTTP_ADMITTED);
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	decision.later = false;
	decision.verdict = HTTP_ADMITTED;
	assert_int_equal(ask_with(f, false, "/metrics", RIGHT, NULL), 200);
}

/* Decided when there is no server any more. */
static void test_server_gone(void **state)
{
	struct fixture *f = *state;
	char reply[1024];
	protect(f, NULL, true);
	cleanup_close int fd = ask_and_hold(f);
	f->server = http_server_free(f->server);
	http_request_admit(take_ptr(decision.held), HTTP_ADMITTED);
	ssize_t n = recv(fd, reply, sizeof(reply) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	reply[n] = '\0';
	assert_int_equal(status_of(reply), 503);
}

/* Protection that changes while somebody waits: the verdict is still one. */
static void test_changed_meanwhile(void **state)
{
	static const enum http_verdict verdicts[] = { HTTP_UNKNOWN, HTTP_FORBIDDEN, HTTP_ADMITTED };
	static const int statuses[] = { 403, 403, 200 };
	struct fixture *f = *state;
	for (size_t i = 0; i < ELEMENTS(verdicts); i++) {
		char reply[1024];
		struct err e = { 0 };
		protect(f, NULL, true);
		cleanup_close int fd = ask_and_hold(f);
		assert_int_equal(http_server_protect(f->server, NULL, false, &e), 0);
		http_request_admit(take_ptr(decision.held), verdicts[i]);
		assert_true(client_receive(f, fd, reply, sizeof(reply), USEC_PER_SEC) > 0);
		assert_int_equal(status_of(reply), statuses[i]);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
#define DECIDED(function) \
	cmocka_unit_test_setup_teardown(function, decision_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_of_header),
		TEST(test_token),
		TEST(test_challenge),
		TEST(test_replaced),
		DECIDED(test_verdicts),
		DECIDED(test_later),
		DECIDED(test_client_gone),
		DECIDED(test_server_gone),
		DECIDED(test_changed_meanwhile),
	};
	return cmocka_run_group_tests_name("http-access", tests, NULL, NULL);
}
