/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/alloc.h"
#include "util/err.h"
#include "util/keyed-hash.h"

/* What the HTTP server shows to its clients and wants to see from them, as it stands in files. */

/* Where; "" for what is not wanted. */
struct http_secret_paths {
	const char *certificate,
		*key; /* PEM, both or none; intermediate certificates behind ours */
	const char *client_ca;
	const char *token;
};

/* Everything that was in the files at one time. Never changes, but for users. */
struct http_secrets {
	unsigned users;			     /* counted by one thread alone */
	char *certificate, *key, *client_ca; /* PEM; NULL: none */
	bool has_token;
	struct keyed_hash_key hash_key;
	struct keyed_hash token;
	int64_t valid_from, valid_until; /* of the certificate: seconds since the epoch */
	char warning[512];		 /* about what others may read or write; "" */
};

/*
 * Reads the files, and sees whether they are what they should be. Returns 1 with new secrets, which have
 * one user; or 0 when they are what `before` (may be NULL) has, without *ret. Negative errnos: -EINVAL,
 * -E2BIG or what reading a file gave, with a message that begins with its path. May block; any thread,
 * `before` is only read.
 */
must_check int http_secrets_load(const struct http_secret_paths *paths,
				 const struct http_secrets *before, struct http_secrets **ret,
				 struct err *e);
/* One user more; returns s. Takes NULL. */
struct http_secrets *http_secrets_ref(struct http_secrets *s);
/* One user less; the last one frees it. Takes NULL, returns NULL. */
struct http_secrets *http_secrets_unref(struct http_secrets *s);

/* Whether TLS is the same with both; NULL is none. */
bool http_secrets_same_tls(const struct http_secrets *a, const struct http_secrets *b);
/* Whether it is this token. The time it takes does not tell how much of it is right. */
bool http_secrets_is_token(const struct http_secrets *s, const char *token, size_t len);
