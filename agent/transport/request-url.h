/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/alloc.h"
#include "util/err.h"

/* Of transport/ alone. The parts of the URL of a server. */

struct request_url {
	char host[260]; /* IPv6 in brackets */
	char port[8];
	char path[512]; /* without slash at its end; often "" */
};

/* As request_url_check(), with the parts in *ret. */
must_check int request_url_split(const char *url, struct request_url *ret, struct err *e);
