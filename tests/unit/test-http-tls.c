/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fixture.h"
#include "made-certificates.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* The server's TLS, with a client in the same thread that takes turns with the loop. */

#define REPLY_MAX (16 * 1024 * 1024)
#define METRICS	  "GET /metrics HTTP/1.1\r\n" END
#define PATIENCE  (5 * USEC_PER_SEC)

static struct made authority, first, second, stranger, client, other_client, server_as_client,
	expired_client;

static int make_all(void **state)
{
	(void)state;
	make_certificate(&(struct wanted){ "CN=ca", NULL, NULL, 5 }, &authority);
	make_certificate(&(struct wanted){ "CN=first", &authority, NULL, 5 }, &first);
	make_certificate(&(struct wanted){ "CN=second", &authority, NULL, 5 }, &second);
	make_certificate(&(struct wanted){ "CN=ca", NULL, NULL, 5 }, &stranger);
	make_certificate(&(struct wanted){ "CN=system:prometheus,O=scrapers,O=system:monitoring",
					   &authority, GNUTLS_KP_TLS_WWW_CLIENT, 5 },
			 &client);
	make_certificate(&(struct wanted){ "CN=system:prometheus,O=scrapers", &stranger,
					   GNUTLS_KP_TLS_WWW_CLIENT, 5 },
			 &other_client);
	make_certificate(&(struct wanted){ "CN=server", &authority, GNUTLS_KP_TLS_WWW_SERVER, 5 },
			 &server_as_client);
	make_certificate(&(struct wanted){ "CN=late", &authority, GNUTLS_KP_TLS_WWW_CLIENT, -1 },
			 &expired_client);
	return 0;
}

static int drop_all(void **state)
{
	(void)state;
	struct made *all[] = { &authority, &first,	  &second,	     &stranger,
			       &client,	   &other_client, &server_as_client, &expired_client };
	for (size_t i = 0; i < ELEMENTS(all); i++)
		made_done(all[i]);
	return 0;
}

/* --- the server -------------------------------------------------------------------------------- */

static void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

/* NULL: without. */
static void protect(struct fixture *f, const struct made *server, bool client_ca, const char *token,
		    bool authorize)
{
	char paths[4][96];
	const char *texts[] = { server ? server->certificate : NULL, server ? server->key : NULL,
				client_ca ? authority.certificate : NULL, token };
	for (size_t i = 0; i < ELEMENTS(paths); i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%zu", f->directory, i);
		if (texts[i])
			put_file(paths[i], texts[i]);
		else
			paths[i][0] = '\0';
	}
	struct http_secret_paths where = { paths[0], paths[1], paths[2], paths[3] };
	struct http_secrets *secrets = NULL;
	struct err e = { 0 };
	assert_int_equal(http_secrets_load(&where, NULL, &secrets, &e), 1);
	assert_int_equal(http_server_protect(f->server, secrets, authorize, &e), 0);
	http_secrets_unref(secrets);
	for (size_t i = 0; i < ELEMENTS(paths); i++)
		(void)unlink(paths[i]);
}

/* --- the client -------------------------------------------------------------------------------- */

struct tls {
	int fd;
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	int error; /* of the handshake; 0: it came about */
	char server[64];
};

/* One of GnuTLS' calls until it is done or the time is over. */
#define RUN(f, call)                                                                    \
	({                                                                              \
		usec_t end_ = clock_now() + PATIENCE;                                   \
		ssize_t r_;                                                             \
		while ((r_ = (call)) == GNUTLS_E_AGAIN || r_ == GNUTLS_E_INTERRUPTED) { \
			if (clock_now() > end_)                                         \
				break;                                                  \
			assert_true(sd_event_run((f)->event, USEC_PER_MSEC) >= 0);      \
		}                                                                       \
		r_;                                                                     \
	})

static void note_server(struct tls *t)
{
	unsigned n;
	size_t size = sizeof(t->server);
	gnutls_x509_crt_t crt;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(t->session, &n);
	assert_non_null(chain);
	assert_true(gnutls_x509_crt_init(&crt) >= 0);
	assert_true(gnutls_x509_crt_import(crt, chain, GNUTLS_X509_FMT_DER) >= 0);
	assert_true(gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, t->server,
						  &size) >= 0);
	gnutls_x509_crt_deinit(crt);
}

/* priorities NULL: what GnuTLS finds good. */
static void tls_open(const struct fixture *f, const struct made *own, const char *priorities,
		     struct tls *t)
{
	*t = (struct tls){ .fd = client_connect(f, false) };
	gnutls_datum_t ca = { (unsigned char *)authority.certificate,
			      (unsigned)strlen(authority.certificate) };
	assert_int_equal(gnutls_init(&t->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	assert_int_equal(gnutls_certificate_allocate_credentials(&t->credentials), 0);
	assert_int_equal(
		gnutls_certificate_set_x509_trust_mem(t->credentials, &ca, GNUTLS_X509_FMT_PEM), 1);
	if (own) {
		gnutls_x509_crt_t chain = own->crt;
		assert_int_equal(
			gnutls_certificate_set_x509_key(t->credentials, &chain, 1, own->privkey),
			0);
	}
	assert_int_equal(gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->credentials),
			 0);
	assert_int_equal(priorities ? gnutls_priority_set_direct(t->session, priorities, NULL)
				    : gnutls_set_default_priority(t->session),
			 0);
	/* a client shows its certificate whoever the server trusts */
	gnutls_transport_set_int(t->session, t->fd);
	gnutls_session_set_verify_cert(t->session, "localhost", 0);
	(void)fcntl(t->fd, F_SETFL, O_NONBLOCK);
	t->error = (int)RUN(f, gnutls_handshake(t->session));
	if (t->error == 0)
		note_server(t);
}

static void tls_close(struct tls *t)
{
	gnutls_deinit(t->session);
	gnutls_certificate_free_credentials(t->credentials);
	close(t->fd);
}

static void tls_send(const struct fixture *f, const struct tls *t, const char *data, size_t len)
{
	while (len) {
		ssize_t n = RUN(f, gnutls_record_send(t->session, data, len));
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

/* The reply until the server is done, in a buffer that the next call overwrites. */
static const char *tls_receive(const struct fixture *f, const struct tls *t)
{
	static char *reply;
	size_t len = 0;
	ssize_t n;
	free(reply);
	reply = xcalloc(1, REPLY_MAX);
	while (len < REPLY_MAX - 1 &&
	       (n = RUN(f, gnutls_record_recv(t->session, reply + len, REPLY_MAX - 1 - len))) > 0)
		len += (size_t)n;
	return reply;
}

static const char *tls_ask(const struct fixture *f, const struct made *own, const char *request,
			   char ret_server[64])
{
	struct tls t;
	const char *reply = "";
	tls_open(f, own, NULL, &t);
	if (t.error == 0) {
		tls_send(f, &t, request, strlen(request));
		reply = tls_receive(f, &t);
	}
	if (ret_server)
		memcpy(ret_server, t.server, sizeof(t.server));
	tls_close(&t);
	return reply;
}

/* --- tests ------------------------------------------------------------------------------------- */

static void test_serves(void **state)
{
	struct fixture *f = *state;
	char server[64];
	protect(f, &first, false, NULL, false);
	const char *reply = tls_ask(f, NULL, METRICS, server);
	assert_int_equal(status_of(reply), 200);
	assert_string_equal(body_of(reply), "text");
	assert_string_equal(server, "first");
	assert_int_equal(status_of(tls_ask(f, NULL, "GET /healthz HTTP/1.1\r\n" END, NULL)), 200);
	assert_int_equal(status_of(tls_ask(f, NULL, "GET / HTTP/1.1\r\n" END, NULL)), 404);
	/* the owner's socket is as it was, and so is one that comes later */
	assert_int_equal(status_of(ask(f, true, METRICS)), 200);
	f->server = http_server_free(f->server);
	f->server = http_server_new(f->event, &f->handlers, NULL);
	protect(f, &first, false, NULL, false);
	fixture_listen(f);
	assert_int_equal(status_of(ask(f, true, METRICS)), 200);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
	/* whoever speaks plain HTTP gets nothing */
	assert_int_equal(status_of(ask(f, false, METRICS)), 0);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
}

static void test_versions(void **state)
{
	static const struct {
		const char *priorities;
		bool works;
	} rows[] = {
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.3", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CCM-8", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.1", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.0", false },
	};
	struct fixture *f = *state;
	protect(f, &first, false, NULL, false);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct tls t;
		print_message("# row %zu\n", i);
		tls_open(f, NULL, rows[i].priorities, &t);
		if (rows[i].works)
			assert_int_equal(t.error, 0);
		else
			assert_int_not_equal(t.error, 0);
		tls_close(&t);
	}
}

static void test_client_certificates(void **state)
{
	static const struct {
		const struct made *own;
		const char *path;
		int status;
	} rows[] = {
		{ &client, "/metrics", 200 },
		{ &client, "/status", 200 },
		{ NULL, "/metrics", 403 },
		{ &other_client, "/metrics", 403 },
		{ &server_as_client, "/metrics", 403 },
		{ &expired_client, "/metrics", 403 },
		{ NULL, "/status", 403 },
		{ NULL, "/healthz", 200 },
		{ &other_client, "/readyz", 200 },
	};
	struct fixture *f = *state;
	protect(f, &first, true, NULL, false);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char request[128];
		print_message("# row %zu\n", i);
		(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" END, rows[i].path);
		const char *reply = tls_ask(f, rows[i].own, request, NULL);
		assert_int_equal(status_of(reply), rows[i].status);
		if (rows[i].status == 403)
			assert_string_equal(body_of(reply), "this needs a client certificate\n");
	}
}

/* Either of them is enough; without TLS's authority a certificate means nothing. */
static void test_certificate_or_token(void **state)
{
	static const char with_token[] =
		"GET /metrics HTTP/1.1\r\nAuthorization: Bearer t-1\r\n" END;
	struct fixture *f = *state;
	protect(f, &first, true, "t-1", false);
	assert_int_equal(status_of(tls_ask(f, &client, METRICS, NULL)), 200);
	assert_int_equal(status_of(tls_ask(f, NULL, with_token, NULL)), 200);
	assert_int_equal(status_of(tls_ask(f, &other_client, with_token, NULL)), 200);
	assert_int_equal(status_of(tls_ask(f, &other_client, METRICS, NULL)), 401);
	protect(f, &first, false, "t-1", false);
	assert_int_equal(status_of(tls_ask(f, &client, METRICS, NULL)), 401);
}

/* --- whom a certificate is for ----------------------------------------------------------------- */

static struct {
	unsigned calls;
	char user[256], groups[4][256];
	size_t n_groups;
	bool token;
} seen;

static void see(void *userdata, const struct http_caller *caller, struct http_request *request)
{
	(void)userdata;
	seen.calls++;
	seen.token = caller->token != NULL;
	seen.n_groups = caller->n_groups;
	(void)snprintf(seen.user, sizeof(seen.user), "%s", caller->user ? caller->user : "");
	for (size_t i = 0; i < caller->n_groups && i < ELEMENTS(seen.groups); i++)
		(void)snprintf(seen.groups[i], sizeof(seen.groups[i]), "%s", caller->groups[i]);
	http_request_admit(request, HTTP_ADMITTED);
}

static void test_who_it_is(void **state)
{
	struct fixture *f = *state;
	f->handlers.authorize = see;
	protect(f, &first, true, NULL, true);
	seen.calls = 0;
	assert_int_equal(status_of(tls_ask(f, &client, METRICS, NULL)), 200);
	assert_int_equal(seen.calls, 1);
	assert_false(seen.token);
	assert_string_equal(seen.user, "system:prometheus");
	assert_int_equal(seen.n_groups, 2);
	/* GnuTLS writes subjects from behind */
	assert_string_equal(seen.groups[0], "system:monitoring");
	assert_string_equal(seen.groups[1], "scrapers");
	/* nobody, and nobody that the authority knows: a case for no one */
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 401);
	assert_int_equal(status_of(tls_ask(f, &other_client, METRICS, NULL)), 401);
	assert_int_equal(status_of(tls_ask(f, &expired_client, METRICS, NULL)), 401);
	assert_int_equal(seen.calls, 1);
}

/* Certificates of the right authority that name nobody, or not as names are. */
static void test_who_it_is_not(void **state)
{
	static const struct {
		const char *subject, *user; /* NULL: nobody */
	} rows[] = {
		{ "O=scrapers", NULL },
		/* the last one counts; GnuTLS writes subjects from behind */
		{ "CN=a,CN=b", "a" },
		{ "CN=a\\,O\\=system:masters", "a,O=system:masters" },
		{ NULL, NULL },
		{ "C=DE", NULL },
	};
	struct fixture *f = *state;
	f->handlers.authorize = see;
	protect(f, &first, true, NULL, true);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_made struct made own;
		print_message("# row %zu\n", i);
		make_certificate(&(struct wanted){ rows[i].subject, &authority,
						   GNUTLS_KP_TLS_WWW_CLIENT, 5 },
				 &own);
		seen.calls = 0;
		int status = status_of(tls_ask(f, &own, METRICS, NULL));
		assert_int_equal(status, rows[i].user ? 200 : 401);
		assert_int_equal(seen.calls, rows[i].user != NULL);
		if (rows[i].user)
			assert_string_equal(seen.user, rows[i].user);
	}
	/* more groups than anybody has */
	cleanup_buf struct buf subject = BUF_INIT(8192);
	cleanup_made struct made many;
	(void)buf_puts(&subject, "CN=a");
	for (int i = 0; i <= N_MAX_CLIENT_GROUPS; i++)
		(void)buf_printf(&subject, ",O=%d", i);
	make_certificate(
		&(struct wanted){ buf_string(&subject), &authority, GNUTLS_KP_TLS_WWW_CLIENT, 5 },
		&many);
	assert_int_equal(status_of(tls_ask(f, &many, METRICS, NULL)), 401);
}

/* --- replacing --------------------------------------------------------------------------------- */

static void test_replaced(void **state)
{
	struct fixture *f = *state;
	char server[64];
	protect(f, &first, false, NULL, false);
	for (int i = 0; i < 10; i++) {
		protect(f, i % 2 ? &first : &second, false, NULL, false);
		assert_int_equal(status_of(tls_ask(f, NULL, METRICS, server)), 200);
		assert_string_equal(server, i % 2 ? "first" : "second");
	}
	/* off and on again: the same socket */
	protect(f, NULL, false, NULL, false);
	assert_int_equal(status_of(ask(f, false, METRICS)), 200);
	protect(f, &second, false, NULL, false);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, server)), 200);
	assert_string_equal(server, "second");
}

/* Who is connected goes on. */
static void test_replaced_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct tls old;
	char server[64];
	protect(f, &first, false, NULL, false);
	tls_open(f, NULL, NULL, &old);
	assert_int_equal(old.error, 0);
	assert_string_equal(old.server, "first");
	tls_send(f, &old, METRICS, 20);
	protect(f, &second, false, NULL, false);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, server)), 200);
	assert_string_equal(server, "second");
	/* a third one waits until the first one has no connection any more */
	protect(f, &first, false, NULL, false);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, server)), 200);
	assert_string_equal(server, "second");
	tls_send(f, &old, METRICS + 20, strlen(METRICS) - 20);
	const char *reply = tls_receive(f, &old);
	assert_int_equal(status_of(reply), 200);
	tls_close(&old);
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, server)), 200);
	assert_string_equal(server, "first");
}

/* Whether the server comes to rest: what it does for a moment, on a busy machine, is not for ever. */
static bool comes_to_rest(struct fixture *f, unsigned most, usec_t window)
{
	for (int tries = 0; tries < 20; tries++)
		if (wake_ups(f, window) <= most)
			return true;
	return false;
}

/* Requests may not hold an old certificate in service for longer than they may last. */
static void test_retired_ends(void **state)
{
	static const struct http_limits limits = { .connections = 4,
						   .idle_seconds = 60,
						   .request_seconds = 1 };
	struct fixture *f = *state;
	struct tls old;
	char server[64];
	fixture_restart(f, &limits);
	protect(f, &first, false, NULL, false);
	tls_open(f, NULL, NULL, &old);
	protect(f, &second, false, NULL, false);
	protect(f, &first, false, NULL, false);
	protect(f, &second, false, NULL, false);
	protect(f, &first, false, NULL, false);
	(void)wake_ups(f, 1500 * USEC_PER_MSEC);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, server)), 200);
	assert_string_equal(server, "first");
	tls_close(&old);
	assert_true(comes_to_rest(f, 0, 400 * USEC_PER_MSEC));
}

static int descriptors(void)
{
	int n = 0;
	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_nothing_is_left(void **state)
{
	struct fixture *f = *state;
	protect(f, &first, false, NULL, false);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	int before = descriptors();
	for (int i = 0; i < 20; i++) {
		protect(f, i % 2 ? &first : &second, false, NULL, false);
		assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
	}
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	assert_int_equal(descriptors(), before);
	assert_true(comes_to_rest(f, 0, 400 * USEC_PER_MSEC));
}

/* It stops in the middle of a handshake, of a request, of a retirement. */
static void test_end_in_the_middle(void **state)
{
	struct fixture *f = *state;
	struct tls halfway, retired;
	protect(f, &first, false, NULL, false);
	tls_open(f, NULL, NULL, &retired);
	tls_send(f, &retired, METRICS, 10);
	protect(f, &second, false, NULL, false);
	tls_open(f, NULL, NULL, &halfway);
	tls_send(f, &halfway, METRICS, 10);
	cleanup_close int handshake = client_connect(f, false);
	client_send(f, handshake, "\x16\x03\x01\x02", 4);
	usec_t start = clock_now();
	f->server = http_server_free(f->server);
	assert_true(clock_now() - start < USEC_PER_SEC);
	tls_close(&halfway);
	tls_close(&retired);
}

/* --- limits ------------------------------------------------------------------------------------ */

/* A handshake that does not begin, stops halfway or trickles. */
static void test_slow_handshakes(void **state)
{
	static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
	static const struct http_limits idle = { .connections = 4,
						 .idle_seconds = 1,
						 .request_seconds = 60 };
	static const struct http_limits request = { .connections = 4,
						    .idle_seconds = 60,
						    .request_seconds = 2 };
	struct fixture *f = *state;
	char reply[1024];
	fixture_restart(f, &idle);
	protect(f, &first, false, NULL, false);
	for (size_t len = 0; len < sizeof(hello); len += sizeof(hello) - 1) {
		cleanup_close int fd = client_connect(f, false);
		client_send(f, fd, hello, len);
		unsigned n = wake_ups(f, 2500 * USEC_PER_MSEC);
		print_message("# %u wake-ups\n", n);
		assert_true(n <= 250);
		assert_true(client_receive(f, fd, reply, sizeof(reply), USEC_PER_SEC) >= 0);
	}

	fixture_restart(f, &request);
	protect(f, &first, false, NULL, false);
	int trickling = client_connect(f, false);
	usec_t start = clock_now();
	ssize_t n = -1;
	client_send(f, trickling, hello, sizeof(hello) - 1);
	while (n < 0 && clock_now() - start < 5 * USEC_PER_SEC) {
		client_send(f, trickling, "\0", 1);
		n = client_receive(f, trickling, reply, sizeof(reply), 100 * USEC_PER_MSEC);
	}
	assert_true(n >= 0);
	assert_true(clock_now() - start >= 1500 * USEC_PER_MSEC);
	close(trickling);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
}

static void test_connection_limit(void **state)
{
	struct fixture *f = *state;
	int fds[HTTP_MAX_CONNECTIONS];
	protect(f, &first, false, NULL, false);
	for (size_t i = 0; i < ELEMENTS(fds); i++) {
		fds[i] = client_connect(f, false);
		client_send(f, fds[i], "\x16\x03\x01\x02", 4);
	}
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	int late = client_connect(f, false);
	(void)wake_ups(f, 700 * USEC_PER_MSEC);
	/* it waits quietly, and the owner's socket is not concerned */
	assert_true(comes_to_rest(f, 10, 500 * USEC_PER_MSEC));
	assert_int_equal(status_of(ask(f, true, METRICS)), 200);
	close(late);
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		close(fds[i]);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
}

/* Whatever comes instead of TLS, or inside of it, the next client is served. */
static void test_garbage(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} rows[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 34 },
		{ "\x15\x03\x03\x00\x02\x02\x28", 7 },
		{ "\x16\x03\x01\xff\xff\x01\x00\x01", 8 },
		{ "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9 },
		{ "\x80\x2e\x01\x00\x02", 5 },
		{ "\0\0\0\0\0\0\0\0\0\0", 10 },
	};
	static const struct http_limits limits = { .connections = 4,
						   .idle_seconds = 1,
						   .request_seconds = 2 };
	struct fixture *f = *state;
	fixture_restart(f, &limits);
	protect(f, &first, false, NULL, false);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		print_message("# row %zu\n", i);
		assert_int_equal(status_of(exchange(f, false, rows[i].data, rows[i].len)), 0);
		assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
	}
	int status = status_of(tls_ask(f, NULL, "GET\r\n\r\n", NULL));
	assert_true(status == 0 || (status >= 400 && status < 500));
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
}

static void test_too_large(void **state)
{
	struct fixture *f = *state;
	size_t max = 256 * 1024;
	cleanup_free char *request = xcalloc(1, max);
	protect(f, &first, false, NULL, false);
	int n = snprintf(request, max, "GET /metrics HTTP/1.1\r\nX: ");
	memset(request + n, 'x', 200 * 1024);
	memcpy(request + n + 200 * 1024, "\r\n" END, strlen("\r\n" END));
	int status = status_of(tls_ask(f, NULL, request, NULL));
	assert_true(status == 0 || status == 413 || status == 431);
	memset(request, 'x', max - 1);
	memcpy(request, "GET /", 5);
	status = status_of(tls_ask(f, NULL, request, NULL));
	assert_true(status == 0 || status == 413 || status == 414);
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
}

/* Answers of many records, to a client that reads in its own time, and to one that goes. */
static void test_large_answer(void **state)
{
	static const char request[] = "GET /status HTTP/1.1\r\n" END;
	struct fixture *f = *state;
	struct tls t;
	f->status_bytes = 8 * 1024 * 1024;
	protect(f, &first, false, NULL, false);
	const char *reply = tls_ask(f, NULL, request, NULL);
	assert_int_equal(status_of(reply), 200);
	assert_int_equal(strlen(body_of(reply)), f->status_bytes);
	tls_open(f, NULL, NULL, &t);
	tls_send(f, &t, request, strlen(request));
	(void)wake_ups(f, 500 * USEC_PER_MSEC);
	reply = tls_receive(f, &t);
	assert_int_equal(strlen(body_of(reply)), f->status_bytes);
	tls_close(&t);
	tls_open(f, NULL, NULL, &t);
	tls_send(f, &t, request, strlen(request));
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	tls_close(&t);
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	f->status_bytes = 0;
	assert_int_equal(status_of(tls_ask(f, NULL, request, NULL)), 200);
}

/* A request in one record with the end of the handshake, and byte by byte in many. */
static void test_records(void **state)
{
	struct fixture *f = *state;
	struct tls t;
	protect(f, &first, false, NULL, false);
	tls_open(f, NULL, NULL, &t);
	for (const char *p = METRICS; *p; p++)
		tls_send(f, &t, p, 1);
	assert_int_equal(status_of(tls_receive(f, &t)), 200);
	tls_close(&t);
}

static void test_idle_loop(void **state)
{
	struct fixture *f = *state;
	protect(f, &first, false, NULL, false);
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	assert_true(comes_to_rest(f, 0, 1500 * USEC_PER_MSEC));
	assert_int_equal(status_of(tls_ask(f, NULL, METRICS, NULL)), 200);
	(void)wake_ups(f, 100 * USEC_PER_MSEC);
	assert_true(comes_to_rest(f, 0, 1500 * USEC_PER_MSEC));
	/* connected, and nothing said */
	struct tls t;
	tls_open(f, NULL, NULL, &t);
	(void)wake_ups(f, 100 * USEC_PER_MSEC);
	assert_true(comes_to_rest(f, 0, 1500 * USEC_PER_MSEC));
	tls_close(&t);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_serves),
		TEST(test_versions),
		TEST(test_client_certificates),
		TEST(test_certificate_or_token),
		TEST(test_who_it_is),
		TEST(test_who_it_is_not),
		TEST(test_replaced),
		TEST(test_replaced_meanwhile),
		TEST(test_retired_ends),
		TEST(test_nothing_is_left),
		TEST(test_end_in_the_middle),
		TEST(test_slow_handshakes),
		TEST(test_connection_limit),
		TEST(test_garbage),
		TEST(test_too_large),
		TEST(test_large_answer),
		TEST(test_records),
		TEST(test_idle_loop),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("http-tls", tests, make_all, drop_all);
}
