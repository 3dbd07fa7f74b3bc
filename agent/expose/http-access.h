/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <microhttpd.h>

#include "expose/http-secrets.h"
#include "expose/http-server.h"
#include "util/limits.h"

/* Inside of http-server: who a client is, and whether that is enough. */

/*
 * The token in the value of an Authorization header (RFC 6750), which it points into; NULL when there
 * is none, or no such value. value may be NULL.
 */
const char *http_access_token(const char *value, size_t *ret_len);

/* Whom a client's certificate is for. */
struct http_client {
	char user[256];
	char groups[N_MAX_CLIENT_GROUPS][256];
	size_t n_groups;
};

/*
 * Whom a connection's certificate is for, as the API server sees it: the common name is the user, each
 * organization a group. True when there is one for clients that is valid and that whom the daemon trusts
 * signed; and, with ret, that names a user.
 */
bool http_access_client(struct MHD_Connection *mhd, struct http_client *ret);
