/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <curl/curl.h>

#include "util/err.h"
#include "util/usec.h"

/* Of transport/ alone. How a transfer failed, as libcurl says it. */
struct request_failure {
	CURLcode code;	    /* not CURLE_OK */
	long os_errno;	    /* of a connection that did not come about */
	const char *peer;   /* a socket's path, or a URL */
	const char *detail; /* of TLS, what libcurl says beyond its code; may be "" */
	usec_t timeout;
	bool tls, http2;
};

/* Says so into e, and returns the negative errno that request_perform() gives. */
int request_failure_tell(const struct request_failure *f, struct err *e);
