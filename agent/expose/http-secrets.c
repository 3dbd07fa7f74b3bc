/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/http-secrets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "util/buf.h"
#include "util/limits.h"
#include "util/read-file.h"

/* Memory that is given back keeps what was in it. */
static void wipe(struct buf *text)
{
	if (text->data)
		explicit_bzero(text->data, text->allocated);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Others may not change what is shown or trusted, nor read what is secret. */
static void warn_of_mode(const char *path, bool secret, struct http_secrets *s)
{
	struct stat st;
	if (s->warning[0] || stat(path, &st) < 0)
		return;
	mode_t bad = st.st_mode & (secret ? 0026 : 0022);
	if (bad)
		(void)snprintf(s->warning, sizeof(s->warning),
			       "%s may be %s by others: mode %04o, expected %s", path,
			       bad & 0022 ? "written" : "read", (unsigned)(st.st_mode & 07777),
			       secret ? "0600 or 0640" : "0644 or less");
}

static int read_pem(const char *path, bool secret, struct http_secrets *s, char **ret,
		    struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_HTTP_PEM);
	if (!*path)
		return 0;
	int r = read_file(path, &text, e);
	if (r < 0)
		return r;
	*ret = xstrdup(buf_string(&text));
	wipe(&text);
	warn_of_mode(path, secret, s);
	return 0;
}

/* Without the space around it, which editors leave at the end. */
static int check_token(const char *path, const char *text, const char **ret, size_t *ret_len,
		       struct err *e)
{
	const char *start = text + strspn(text, " \t\r\n");
	size_t len = strcspn(start, " \t\r\n");
	if (len == 0)
		return err_set(e, EINVAL, "%s: expected a token, the file is empty", path);
	for (size_t i = 0; i < len; i++)
		if (start[i] <= ' ' || start[i] > '~')
			return err_set(e, EINVAL, "%s: expected a token of printable ASCII", path);
	if (start[len + strspn(start + len, " \t\r\n")])
		return err_set(e, EINVAL, "%s: expected one token, there is space in it", path);
	*ret = start;
	*ret_len = len;
	return 0;
}

static int read_token(const char *path, struct http_secrets *s, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_HTTP_TOKEN);
	const char *token = NULL;
	size_t len = 0;
	if (!*path)
		return 0;
	int r = read_file(path, &text, e);
	if (r == 0)
		r = check_token(path, buf_string(&text), &token, &len, e);
	if (r < 0)
		return r;
	s->has_token = true;
	r = keyed_hash(&s->hash_key, token, len, &s->token);
	wipe(&text);
	warn_of_mode(path, true, s);
	return r < 0 ? err_set(e, -r, "%s: GnuTLS cannot hash", path) : 0;
}

static int read_all(const struct http_secret_paths *paths, const struct http_secrets *before,
		    struct http_secrets *s, struct err *e)
{
	int r = 0;
	if (before)
		s->hash_key = before->hash_key;
	else if (keyed_hash_key_make(&s->hash_key) < 0)
		r = err_set(e, EIO, "no random numbers");
	if (r == 0)
		r = read_pem(paths->certificate, false, s, &s->certificate, e);
	if (r == 0)
		r = read_pem(paths->key, true, s, &s->key, e);
	if (r == 0)
		r = read_pem(paths->client_ca, false, s, &s->client_ca, e);
	if (r == 0)
		r = read_token(paths->token, s, e);
	return r;
}

/* --- looking into them ------------------------------------------------------------------------- */

struct certificates {
	gnutls_x509_crt_t *list;
	unsigned n;
};

static void certificates_done(struct certificates *c)
{
	for (unsigned i = 0; i < c->n; i++)
		gnutls_x509_crt_deinit(c->list[i]);
	gnutls_free(c->list);
}
#define cleanup_certificates __attribute__((__cleanup__(certificates_done)))

static void deinit_key(gnutls_x509_privkey_t *key)
{
	if (*key)
		gnutls_x509_privkey_deinit(*key);
}
#define cleanup_key __attribute__((__cleanup__(deinit_key)))

static gnutls_datum_t datum(char *text)
{
	return (gnutls_datum_t){ .data = (unsigned char *)text, .size = (unsigned)strlen(text) };
}

static int import_certificates(const char *path, char *text, struct certificates *ret,
			       struct err *e)
{
	gnutls_datum_t pem = datum(text);
	int r = gnutls_x509_crt_list_import2(&ret->list, &ret->n, &pem, GNUTLS_X509_FMT_PEM, 0);
	if (r < 0)
		return err_set(e, EINVAL, "%s: expected certificates in PEM: %s", path,
			       gnutls_strerror(r));
	return 0;
}

static int import_key(const char *path, char *text, gnutls_x509_privkey_t *ret, struct err *e)
{
	gnutls_datum_t pem = datum(text);
	int r = gnutls_x509_privkey_init(ret);
	if (r >= 0)
		r = gnutls_x509_privkey_import2(*ret, &pem, GNUTLS_X509_FMT_PEM, NULL,
						GNUTLS_PKCS_NULL_PASSWORD);
	if (r == GNUTLS_E_DECRYPTION_FAILED)
		return err_set(e, EINVAL, "%s: expected a key without a password", path);
	if (r < 0)
		return err_set(e, EINVAL, "%s: expected a private key in PEM: %s", path,
			       gnutls_strerror(r));
	return 0;
}

/* Does what the server will do with them. */
static int pair(const struct http_secret_paths *paths, const struct certificates *c,
		gnutls_x509_privkey_t key, struct err *e)
{
	gnutls_certificate_credentials_t credentials;
	int r = gnutls_certificate_allocate_credentials(&credentials);
	if (r >= 0) {
		r = gnutls_certificate_set_x509_key(credentials, c->list, (int)c->n, key);
		gnutls_certificate_free_credentials(credentials);
	}
	if (r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return err_set(e, EINVAL, "%s: is not the key of the certificate %s", paths->key,
			       paths->certificate);
	if (r < 0)
		return err_set(e, EINVAL, "%s: %s", paths->certificate, gnutls_strerror(r));
	return 0;
}

static int check_tls(const struct http_secret_paths *paths, struct http_secrets *s, struct err *e)
{
	cleanup_certificates struct certificates own = { 0 };
	cleanup_key gnutls_x509_privkey_t key = NULL;
	int r = import_certificates(paths->certificate, s->certificate, &own, e);
	if (r == 0)
		r = import_key(paths->key, s->key, &key, e);
	if (r == 0)
		r = pair(paths, &own, key, e);
	if (r < 0)
		return r;
	s->valid_from = gnutls_x509_crt_get_activation_time(own.list[0]);
	s->valid_until = gnutls_x509_crt_get_expiration_time(own.list[0]);
	return 0;
}

static int check_client_ca(const struct http_secret_paths *paths, const struct http_secrets *s,
			   struct err *e)
{
	cleanup_certificates struct certificates trusted = { 0 };
	return import_certificates(paths->client_ca, s->client_ca, &trusted, e);
}

/* --- what others call -------------------------------------------------------------------------- */

static bool same_token(const struct http_secrets *a, const struct http_secrets *b)
{
	if (a->has_token != b->has_token)
		return false;
	return !a->has_token || keyed_hash_equal(&a->token, &b->token);
}

int http_secrets_load(const struct http_secret_paths *paths, const struct http_secrets *before,
		      struct http_secrets **ret, struct err *e)
{
	struct http_secrets *s = xnew(struct http_secrets);
	s->users = 1;
	int r = read_all(paths, before, s, e);
	bool same_tls = r == 0 && http_secrets_same_tls(before, s);
	if (same_tls && before) {
		s->valid_from = before->valid_from;
		s->valid_until = before->valid_until;
	}
	if (r == 0 && s->certificate && !same_tls)
		r = check_tls(paths, s, e);
	if (r == 0 && s->client_ca && !same_tls)
		r = check_client_ca(paths, s, e);
	if (r == 0 && !(before && same_tls && same_token(before, s))) {
		*ret = s;
		return 1;
	}
	http_secrets_unref(s);
	return r;
}

struct http_secrets *http_secrets_ref(struct http_secrets *s)
{
	if (s)
		s->users++;
	return s;
}

struct http_secrets *http_secrets_unref(struct http_secrets *s)
{
	if (!s || --s->users > 0)
		return NULL;
	if (s->key)
		explicit_bzero(s->key, strlen(s->key));
	free(s->certificate);
	free(s->key);
	free(s->client_ca);
	free(s);
	return NULL;
}

bool http_secrets_same_tls(const struct http_secrets *a, const struct http_secrets *b)
{
	static const struct http_secrets none = { 0 };
	a = a ? a : &none;
	b = b ? b : &none;
	return same_text(a->certificate, b->certificate) && same_text(a->key, b->key) &&
	       same_text(a->client_ca, b->client_ca);
}

bool http_secrets_is_token(const struct http_secrets *s, const char *token, size_t len)
{
	struct keyed_hash hash;
	return s && s->has_token && keyed_hash(&s->hash_key, token, len, &hash) == 0 &&
	       keyed_hash_equal(&hash, &s->token);
}
