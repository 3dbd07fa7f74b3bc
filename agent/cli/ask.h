/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * Asks the agent that runs on this host, over the first unix socket of http.listen. body NULL is a
 * GET. Returns the HTTP status (200 is an answer in response), or a negative errno: -ENOENT and
 * -ECONNREFUSED mean that no agent runs here.
 */
must_check int ask_agent(const struct config *config, const char *path, const char *body,
			 struct buf *response, struct err *e);
