/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Certificates that are made while a test runs. */

#include "unit.h"

#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

struct made {
	char certificate[4096], key[4096]; /* PEM */
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t privkey;
};

/* A subject as RFC 4514 has it ("CN=a,O=b"). */
struct wanted {
	const char *subject;	   /* NULL: a common name with a NUL in it */
	const struct made *issuer; /* NULL: an authority of its own */
	const char *purpose;	   /* GNUTLS_KP_TLS_...; NULL: any */
	int days;		   /* from now; negative: it is over */
};

static inline void make_serial(gnutls_x509_crt_t crt)
{
	unsigned char serial[8];
	assert_true(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)) >= 0);
	serial[0] &= 0x7f;
	assert_true(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)) >= 0);
}

static inline void make_certificate(const struct wanted *w, struct made *ret)
{
	time_t now = time(NULL);
	const char *at;
	memset(ret, 0, sizeof(*ret));
	assert_true(gnutls_x509_privkey_init(&ret->privkey) >= 0);
	assert_true(gnutls_x509_privkey_generate(ret->privkey, GNUTLS_PK_ECDSA,
						 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
						 0) >= 0);
	assert_true(gnutls_x509_crt_init(&ret->crt) >= 0);
	assert_true(gnutls_x509_crt_set_version(ret->crt, 3) >= 0);
	if (w->subject)
		assert_true(gnutls_x509_crt_set_dn(ret->crt, w->subject, &at) >= 0);
	else
		assert_true(gnutls_x509_crt_set_dn_by_oid(ret->crt, GNUTLS_OID_X520_COMMON_NAME, 0,
							  "a\0b", 3) >= 0);
	make_serial(ret->crt);
	assert_true(gnutls_x509_crt_set_key(ret->crt, ret->privkey) >= 0);
	assert_true(gnutls_x509_crt_set_activation_time(ret->crt, now - 10 * 86400) >= 0);
	assert_true(gnutls_x509_crt_set_expiration_time(ret->crt, now + w->days * 86400) >= 0);
	assert_true(gnutls_x509_crt_set_basic_constraints(ret->crt, w->issuer == NULL, -1) >= 0);
	if (!w->issuer)
		assert_true(gnutls_x509_crt_set_key_usage(ret->crt, GNUTLS_KEY_KEY_CERT_SIGN) >= 0);
	else
		assert_true(gnutls_x509_crt_set_subject_alt_name(ret->crt, GNUTLS_SAN_DNSNAME,
								 "localhost", 9,
								 GNUTLS_FSAN_SET) >= 0);
	if (w->purpose)
		assert_true(gnutls_x509_crt_set_key_purpose_oid(ret->crt, w->purpose, 0) >= 0);
	const struct made *issuer = w->issuer ? w->issuer : ret;
	assert_true(gnutls_x509_crt_sign2(ret->crt, issuer->crt, issuer->privkey, GNUTLS_DIG_SHA256,
					  0) >= 0);
	size_t size = sizeof(ret->certificate);
	assert_true(gnutls_x509_crt_export(ret->crt, GNUTLS_X509_FMT_PEM, ret->certificate,
					   &size) >= 0);
	size = sizeof(ret->key);
	assert_true(gnutls_x509_privkey_export(ret->privkey, GNUTLS_X509_FMT_PEM, ret->key,
					       &size) >= 0);
}

static inline void made_done(struct made *m)
{
	if (m->crt)
		gnutls_x509_crt_deinit(m->crt);
	if (m->privkey)
		gnutls_x509_privkey_deinit(m->privkey);
}
#define cleanup_made __attribute__((__cleanup__(made_done)))
