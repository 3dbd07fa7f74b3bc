/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/status.h"
#include "runtime/runtime.h"
#include "transport/request.h"
#include "util/json-stream.h"

/*
 * Requests to an engine that speaks HTTP/1.1 and JSON on a unix socket. Besides the errors of
 * request_perform() and those of the JSON readers:
 *   -ENODATA     there is no such object (404)
 *   -EBUSY       the engine refuses because of the state that the object is in (409)
 *   -EPERM       not allowed (401, 403)
 *   -EOPNOTSUPP  it does not know the call (405, 501)
 *   -EIO         it failed (5xx)
 *   -EPROTO      any other status than 2xx
 * The message begins with the call and ends with what the engine said.
 */

struct engine_peer {
	struct request_client *client;
	usec_t timeout; /* of one call */
	struct runtime_statistics *statistics;
	char prefix[32]; /* of all paths, which names the API's version: "/v1.41" */
};

/* What an engine says about itself in the headers of GET /_ping, which asks no other program. */
struct engine_ping {
	char server[128];	 /* "Docker/20.10.24+dfsg1 (linux)" */
	char api_version[32];	 /* "1.41" */
	char libpod_version[32]; /* "4.3.1"; "" if it is not Podman */
};

/* Asks who is there. */
must_check int engine_ping(struct engine_peer *peer, struct engine_ping *ret, struct err *e);
/* One JSON document, which the caller releases. */
must_check int engine_get(struct engine_peer *peer, enum runtime_operation operation,
			  const char *path, cJSON **ret, struct err *e);
/* A list of objects, one at a time. */
must_check int engine_list(struct engine_peer *peer, enum runtime_operation operation,
			   const char *path,
			   int (*on_value)(void *ctx, const cJSON *value, struct err *e), void *ctx,
			   struct err *e);
/* Deletes what is there. *ret is the engine's account of it, which the caller releases; NULL when
 * that is no JSON. */
must_check int engine_delete(struct engine_peer *peer, enum runtime_operation operation,
			     const char *path, cJSON **ret, struct err *e);
/* Has something done; *ret is as with engine_delete(). */
must_check int engine_post(struct engine_peer *peer, enum runtime_operation operation,
			   const char *path, cJSON **ret, struct err *e);
/* An answer without end: objects as they come, until watch's descriptor ends it (-ECANCELED). An engine
 * that ends it is -ECONNRESET. */
must_check int engine_follow(struct engine_peer *peer, const char *path, const int *stop_fd,
			     int (*on_value)(void *ctx, const cJSON *value, struct err *e),
			     void *ctx, struct err *e);

/*
 * Puts an image's ID or name into a path: before + what + after. Escaped so that it is one element of
 * the path whatever it contains; -EBADMSG when it is nothing that could be an image's.
 */
#define ENGINE_PATH_MAX 2048
must_check int engine_path(char ret[ENGINE_PATH_MAX], const char *before, const char *what,
			   const char *after, struct err *e);
