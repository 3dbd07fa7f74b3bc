/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/* Where the API server is, whom to trust, and what to show it. */

/* A text that is known, or that stands in a file which may be replaced at any time. */
struct kube_secret {
	char *text; /* the file counts where both are there */
	char *file;
};

struct kube_config {
	char *source;		   /* in messages: the kubeconfig's path, or "service account" */
	char *server;		   /* https://HOST[:PORT][/PATH] */
	char *server_name, *proxy; /* NULL: none */
	struct kube_secret ca, certificate, key, token;
	bool insecure;
};

/* Where a pod finds what belongs to its service account. */
#define KUBE_SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/* Whether this is a pod of a cluster: host is $KUBERNETES_SERVICE_HOST, may be NULL. */
bool kube_config_is_in_cluster(const char *host, const char *directory);
/*
 * What a pod uses: host and port as $KUBERNETES_SERVICE_HOST and _PORT (NULL: 443), IPv6 without
 * brackets; token and ca.crt in directory. Nothing is read yet. -EINVAL: that is no address.
 */
must_check int kube_config_in_cluster(const char *host, const char *port, const char *directory,
				      struct kube_config *ret, struct err *e);
/*
 * The current context of a kubeconfig. Relative paths in it start from its directory. -EINVAL: it is
 * none, or wants what is not supported (programs, passwords, impersonation, plain HTTP): e says
 * what; else what reading it gave.
 */
must_check int kube_config_load(const char *path, struct kube_config *ret, struct err *e);
/* The same of its text, which directory stands for. text[len] is NUL. */
must_check int kube_config_parse(const char *path, const char *text, size_t len,
				 struct kube_config *ret, struct err *e);
/* Releases what c holds. */
void kube_config_done(struct kube_config *c);
#define cleanup_kube_config __attribute__((__cleanup__(kube_config_done)))

/* What s is now, appended to text; nothing when there is none. The message begins with what. */
must_check int kube_secret_read(const struct kube_secret *s, const char *what, struct buf *text,
				struct err *e);
/* The same of a token: without the space around it, and refused where it could not be in a header. */
must_check int kube_token_read(const struct kube_secret *s, struct buf *text, struct err *e);
