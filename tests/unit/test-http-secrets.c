/* SPDX-License-Identifier: Apache-2.0 */
#include "made-certificates.h"
#include "own-directory.h"

#include <sys/stat.h>

#include "expose/http-secrets.h"
#include "util/limits.h"

static const char garbage[] = "-----BEGIN CERTIFICATE-----\nbm90aGluZyBvZiB0aGUga2luZA==\n"
			      "-----END CERTIFICATE-----\n";

static void cleanup_secretsp(struct http_secrets **s)
{
	*s = http_secrets_unref(*s);
}
#define cleanup_secrets __attribute__((__cleanup__(cleanup_secretsp)))

static void put_text(const char *name, const char *text)
{
	put(at(name), text, strlen(text));
}

/* crt, key, ca and token in the directory: everything right. */
static struct http_secret_paths put_good(struct made *ca, struct made *server)
{
	static char paths[4][512];
	make_certificate(&(struct wanted){ .subject = "CN=ca", .days = 5 }, ca);
	make_certificate(&(struct wanted){ .subject = "CN=server", .issuer = ca, .days = 3 },
			 server);
	static const char *const names[] = { "crt", "key", "ca", "token" };
	const char *texts[] = { server->certificate, server->key, ca->certificate, "a-token\n" };
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "%s", at(names[i]));
		put_text(names[i], texts[i]);
	}
	return (struct http_secret_paths){ paths[0], paths[1], paths[2], paths[3] };
}

static void test_good(void **state)
{
	cleanup_made struct made ca, server;
	cleanup_secrets struct http_secrets *s = NULL;
	struct err e = { 0 };
	(void)state;
	struct http_secret_paths paths = put_good(&ca, &server);
	assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), 1);
	assert_string_equal(s->certificate, server.certificate);
	assert_string_equal(s->key, server.key);
	assert_string_equal(s->client_ca, ca.certificate);
	assert_in_range(s->valid_until, time(NULL) + 2 * 86400, time(NULL) + 4 * 86400);
	assert_in_range(s->valid_from, time(NULL) - 11 * 86400, time(NULL) - 9 * 86400);
	assert_string_equal(s->warning, "");
}

static void test_nothing(void **state)
{
	static const struct http_secret_paths paths = { "", "", "", "" };
	cleanup_secrets struct http_secrets *s = NULL, *again = NULL;
	struct err e = { 0 };
	(void)state;
	assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), 1);
	assert_null(s->certificate);
	assert_false(s->has_token);
	assert_false(http_secrets_is_token(s, "", 0));
	assert_false(http_secrets_is_token(NULL, "a", 1));
	assert_true(http_secrets_same_tls(s, NULL));
	assert_int_equal(http_secrets_load(&paths, s, &again, &e), 0);
}

static void test_token(void **state)
{
	static const struct {
		const char *token;
		bool right;
	} rows[] = {
		{ "a-token", true },	{ "a-toke", false },   { "a-token ", false },
		{ "a-token\n", false }, { "A-token", false },  { "", false },
		{ "b-token", false },	{ "a-tokenn", false },
	};
	cleanup_made struct made ca, server;
	cleanup_secrets struct http_secrets *s = NULL;
	struct err e = { 0 };
	(void)state;
	struct http_secret_paths paths = put_good(&ca, &server);
	put_text("token", " \ta-token\r\n\n");
	assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), 1);
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(http_secrets_is_token(s, rows[i].token, strlen(rows[i].token)),
				 rows[i].right);
}

/* Which file is wrong, and how. */
static void test_bad(void **state)
{
	cleanup_made struct made ca, server, other;
	(void)state;
	struct http_secret_paths paths = put_good(&ca, &server);
	make_certificate(&(struct wanted){ .subject = "CN=other", .days = 1 }, &other);
	cleanup_free char *large = xcalloc(1, BUF_MAX_HTTP_PEM + 2);
	memset(large, 'a', BUF_MAX_HTTP_PEM + 1);
	cleanup_free char *encrypted = xcalloc(1, 8192);
	size_t size = 8192;
	assert_true(gnutls_x509_privkey_export_pkcs8(server.privkey, GNUTLS_X509_FMT_PEM, "secret",
						     GNUTLS_PKCS_PBES2_AES_256, encrypted,
						     &size) >= 0);
	const struct {
		const char *name, *text;
		int result;
		const char *message;
	} rows[] = {
		{ "crt", "", -EINVAL, "expected certificates in PEM" },
		{ "crt", "\n", -EINVAL, "expected certificates in PEM" },
		{ "crt", garbage, -EINVAL, "expected certificates in PEM" },
		{ "crt", server.key, -EINVAL, "expected certificates in PEM" },
		{ "crt", large, -E2BIG, "larger than" },
		{ "key", "", -EINVAL, "expected a private key in PEM" },
		{ "key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", -EINVAL,
		  "expected a private key in PEM" },
		{ "key", server.certificate, -EINVAL, "expected a private key in PEM" },
		{ "key", other.key, -EINVAL, "is not the key of the certificate" },
		{ "key", encrypted, -EINVAL, "expected a key without a password" },
		{ "ca", "", -EINVAL, "expected certificates in PEM" },
		{ "ca", garbage, -EINVAL, "expected certificates in PEM" },
		{ "token", "", -EINVAL, "expected a token, the file is empty" },
		{ "token", " \n", -EINVAL, "expected a token, the file is empty" },
		{ "token", "two tokens", -EINVAL, "there is space in it" },
		{ "token", "a\ntoken", -EINVAL, "there is space in it" },
		{ "token", "tok\xc3\xa9n", -EINVAL, "printable ASCII" },
		{ "token", "tok\x01n", -EINVAL, "printable ASCII" },
		{ "token", "tok\x7fn", -EINVAL, "printable ASCII" },
		{ "token", large, -E2BIG, "larger than" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct http_secrets *s = NULL;
		struct err e = { 0 };
		cleanup_free char *before = NULL;
		print_message("# row %zu\n", i);
		put_text(rows[i].name, rows[i].text);
		assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), rows[i].result);
		print_message("# %s\n", e.msg);
		assert_null(s);
		assert_int_equal(e.code, -rows[i].result);
		assert_true(strncmp(e.msg, at(rows[i].name), strlen(at(rows[i].name))) == 0);
		assert_non_null(strstr(e.msg, rows[i].message));
		put_text(rows[i].name, strcmp(rows[i].name, "crt") == 0	  ? server.certificate
				       : strcmp(rows[i].name, "key") == 0 ? server.key
				       : strcmp(rows[i].name, "ca") == 0  ? ca.certificate
									  : "a-token");
	}
}

static void test_no_files(void **state)
{
	cleanup_made struct made ca, server;
	struct http_secrets *s = NULL;
	struct err e = { 0 };
	(void)state;
	struct http_secret_paths paths = put_good(&ca, &server);
	assert_int_equal(unlink(at("ca")), 0);
	assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), -ENOENT);
	assert_non_null(strstr(e.msg, at("ca")));
	assert_int_equal(mkdir(at("ca"), 0700), 0);
	assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), -EINVAL);
	/* a FIFO would be waited for */
	assert_int_equal(rmdir(at("ca")), 0);
	assert_int_equal(mkfifo(at("ca"), 0600), 0);
	assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), -EINVAL);
	assert_null(s);
}

/* Looking again costs nothing and changes nothing while nothing changes. */
static void test_again(void **state)
{
	cleanup_made struct made ca, server, next;
	cleanup_secrets struct http_secrets *s = NULL, *now = NULL, *later = NULL;
	struct http_secrets *none = NULL;
	struct err e = { 0 };
	(void)state;
	struct http_secret_paths paths = put_good(&ca, &server);
	assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), 1);
	assert_int_equal(http_secrets_load(&paths, s, &none, &e), 0);
	assert_null(none);

	put_text("token", "another");
	assert_int_equal(http_secrets_load(&paths, s, &now, &e), 1);
	assert_true(http_secrets_same_tls(s, now));
	assert_int_equal(now->valid_until, s->valid_until);
	assert_true(http_secrets_is_token(now, "another", 7));
	assert_false(http_secrets_is_token(now, "a-token", 7));

	/* one file of the two: the moment between them is no news */
	make_certificate(&(struct wanted){ .subject = "CN=next", .issuer = &ca, .days = 20 },
			 &next);
	put_text("crt", next.certificate);
	assert_int_equal(http_secrets_load(&paths, now, &none, &e), -EINVAL);
	put_text("key", next.key);
	assert_int_equal(http_secrets_load(&paths, now, &later, &e), 1);
	assert_false(http_secrets_same_tls(now, later));
	assert_true(later->valid_until > now->valid_until);
	assert_true(http_secrets_is_token(later, "another", 7));

	/* another authority alone is news as well */
	cleanup_secrets struct http_secrets *trusting = NULL;
	put_text("ca", next.certificate);
	assert_int_equal(http_secrets_load(&paths, later, &trusting, &e), 1);
	assert_false(http_secrets_same_tls(later, trusting));
}

/* Certificates behind ours: what lies between it and the authority. */
static void test_chain(void **state)
{
	cleanup_made struct made ca, server;
	cleanup_secrets struct http_secrets *s = NULL;
	struct err e = { 0 };
	(void)state;
	struct http_secret_paths paths = put_good(&ca, &server);
	char chain[sizeof(ca.certificate) + sizeof(server.certificate)];
	(void)snprintf(chain, sizeof(chain), "%s%s", server.certificate, ca.certificate);
	put_text("crt", chain);
	assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), 1);
	assert_in_range(s->valid_until, time(NULL) + 2 * 86400, time(NULL) + 4 * 86400);
}

static void test_modes(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
		const char *warning; /* NULL: none */
	} rows[] = {
		{ "key", 0600, NULL },	       { "key", 0640, NULL },
		{ "key", 0400, NULL },	       { "key", 0644, "be read" },
		{ "key", 0604, "be read" },    { "key", 0660, "be written" },
		{ "token", 0644, "be read" },  { "token", 0602, "be written" },
		{ "crt", 0644, NULL },	       { "crt", 0664, "be written" },
		{ "crt", 0646, "be written" }, { "ca", 0444, NULL },
		{ "ca", 0666, "be written" },
	};
	cleanup_made struct made ca, server;
	(void)state;
	struct http_secret_paths paths = put_good(&ca, &server);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_secrets struct http_secrets *s = NULL;
		struct err e = { 0 };
		print_message("# row %zu\n", i);
		assert_int_equal(chmod(at(rows[i].name), rows[i].mode), 0);
		assert_int_equal(http_secrets_load(&paths, NULL, &s, &e), 1);
		if (rows[i].warning) {
			assert_non_null(strstr(s->warning, rows[i].warning));
			assert_non_null(strstr(s->warning, at(rows[i].name)));
		} else {
			assert_string_equal(s->warning, "");
		}
		assert_int_equal(chmod(at(rows[i].name), 0600), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(test_good),	 IN_OWN_DIRECTORY(test_nothing),
		IN_OWN_DIRECTORY(test_token),	 IN_OWN_DIRECTORY(test_bad),
		IN_OWN_DIRECTORY(test_no_files), IN_OWN_DIRECTORY(test_again),
		IN_OWN_DIRECTORY(test_chain),	 IN_OWN_DIRECTORY(test_modes),
	};
	return cmocka_run_group_tests_name("http-secrets", tests, NULL, NULL);
}
