/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/http-access.h"

#include <string.h>
#include <strings.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define SCHEME "Bearer"

const char *http_access_token(const char *value, size_t *ret_len)
{
	size_t scheme = strlen(SCHEME);
	if (!value || strncasecmp(value, SCHEME, scheme) != 0 || value[scheme] != ' ')
		return NULL;
	const char *token = value + scheme;
	token += strspn(token, " ");
	size_t len = 0;
	while (token[len] > ' ' && token[len] <= '~')
		len++;
	if (len == 0 || token[len + strspn(token + len, " ")])
		return NULL;
	*ret_len = len;
	return token;
}

/* --- certificates ------------------------------------------------------------------------------ */

/* The session's certificate is one that the daemon's authorities signed for a client, and it holds now. */
static bool is_trusted(gnutls_session_t session)
{
	unsigned n = 0, status = 0;
	char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st wanted = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
					 .data = (unsigned char *)purpose };
	if (!gnutls_certificate_get_peers(session, &n) || n == 0)
		return false;
	return gnutls_certificate_verify_peers(session, &wanted, 1, &status) >= 0 && status == 0;
}

/* What Go takes for a string, and nothing of another width. */
static bool is_text(unsigned tag)
{
	enum { UTF8_STRING = 12, PRINTABLE_STRING = 19, IA5_STRING = 22 };
	return tag == UTF8_STRING || tag == PRINTABLE_STRING || tag == IA5_STRING;
}

/* As it is, without what GnuTLS' own texts escape. */
static bool copy_text(const gnutls_x509_ava_st *ava, char ret[256])
{
	size_t len = ava->value.size;
	if (!is_text(ava->value_tag) || len == 0 || len > 255 || memchr(ava->value.data, 0, len))
		return false;
	memcpy(ret, ava->value.data, len);
	ret[len] = '\0';
	return true;
}

/* GnuTLS counts the NUL behind it. */
static bool is_attribute(const gnutls_x509_ava_st *ava, const char *oid)
{
	size_t len = ava->oid.size;
	while (len > 0 && ava->oid.data[len - 1] == '\0')
		len--;
	return len == strlen(oid) && memcmp(ava->oid.data, oid, len) == 0;
}

/* Of several names the last one counts, as it does in the API server. */
static bool add_part(const gnutls_x509_ava_st *ava, struct http_client *ret)
{
	if (is_attribute(ava, GNUTLS_OID_X520_COMMON_NAME))
		return copy_text(ava, ret->user);
	if (!is_attribute(ava, GNUTLS_OID_X520_ORGANIZATION_NAME))
		return true;
	return ret->n_groups < N_MAX_CLIENT_GROUPS && copy_text(ava, ret->groups[ret->n_groups++]);
}

static bool read_subject(gnutls_x509_crt_t certificate, struct http_client *ret)
{
	gnutls_x509_dn_t subject;
	gnutls_x509_ava_st ava;
	int n = 1;
	if (gnutls_x509_crt_get_subject(certificate, &subject) < 0)
		return false;
	for (int i = 0; n > 0; i++) {
		for (n = 0; gnutls_x509_dn_get_rdn_ava(subject, i, n, &ava) >= 0; n++)
			if (!add_part(&ava, ret))
				return false;
	}
	return ret->user[0] != '\0';
}

static bool read_client(gnutls_session_t session, struct http_client *ret)
{
	unsigned n = 0;
	gnutls_x509_crt_t certificate;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
	*ret = (struct http_client){ 0 };
	if (!chain || gnutls_x509_crt_init(&certificate) < 0)
		return false;
	bool done = gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) >= 0 &&
		    read_subject(certificate, ret);
	gnutls_x509_crt_deinit(certificate);
	return done;
}

bool http_access_client(struct MHD_Connection *mhd, struct http_client *ret)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	gnutls_session_t session = info ? info->tls_session : NULL;
	return session && is_trusted(session) && (!ret || read_client(session, ret));
}
