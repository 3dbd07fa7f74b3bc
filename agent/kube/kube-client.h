/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/kube-config.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/limits.h"
#include "util/usec.h"

/*
 * Requests to the API server, one at a time, each of them blocking; a client belongs to one thread
 * at a time. Nothing is read or connected before the first request. The token is read anew for each
 * request, certificates for each connection, so that what is rotated is taken over.
 */

struct kube_client;

/* Takes config over and leaves it empty. Never NULL. */
struct kube_client *kube_client_new(struct kube_config *config);
/* Closes the connection. Takes NULL, returns NULL. */
struct kube_client *kube_client_free(struct kube_client *c);
/* Closes the connection; the next request opens one. For pauses: the server closes idle ones too. */
void kube_client_rest(struct kube_client *c);
/* "https://10.0.0.1:443". Owned by the client. */
const char *kube_client_server(const struct kube_client *c);

struct kube_call {
	const char *method;	  /* "GET", "POST", "PATCH" */
	const char *path;	  /* with query, percent-encoded: "/api/v1/nodes/a" */
	const char *content_type; /* of the body; NULL: application/json */
	const char *body;	  /* NULL: none */
	size_t body_len;
	/* What a 403 and a 404 are to be explained with, may be NULL: "get the Node a" (a role that
	 * allows to ...), "kubernetes.node-name is not the name of a Node". */
	const char *right, *missing;
	usec_t timeout; /* of the whole exchange */
	const int
		*stop_fd; /* ends the exchange with -ECANCELED when it becomes readable; or NULL */
};

/* What is known afterwards, also of a failure. */
struct kube_answer {
	long status;	    /* of HTTP; 0: there was no answer */
	usec_t retry_after; /* as the server wants it; 0: it says nothing */
	struct buf body;    /* whole, not yet looked at; of failures the server's Status */
};
#define KUBE_ANSWER_INIT ((struct kube_answer){ .body = BUF_INIT(BUF_MAX_KUBE_ANSWER) })

static inline void cleanup_kube_answerp(struct kube_answer *a)
{
	buf_done(&a->body);
}
#define cleanup_kube_answer __attribute__((__cleanup__(cleanup_kube_answerp)))

/*
 * Performs a request. A 401 that finds another token than was sent repeats it once. Returns 0 for a
 * status of 200 to 299, else a negative errno and a message for people, with the server's own words:
 *   -EACCES     401: the token or certificate is not accepted
 *   -EPERM      403: it is, and may not do that
 *   -ENOENT     404
 *   -EEXIST     409
 *   -ESTALE     410
 *   -EINVAL     any other 4xx: it will not be taken the next time either
 *   -EAGAIN     429, 503: too much at once
 *   -EREMOTEIO  any other 5xx
 *   -EBADMSG    what is no answer of an API server
 * or what request_perform() or reading the token or a certificate gave, then status is 0.
 */
must_check int kube_request(struct kube_client *c, const struct kube_call *call,
			    struct kube_answer *ret, struct err *e);
