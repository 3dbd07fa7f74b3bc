/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "runtime/cri/cri.h"
#include "runtime/docker/docker.h"
#include "runtime/podman/podman.h"
#include "util/buf.h"
#include "util/rooted.h"

/* For endpoint auto in this order: on a host where Kubernetes and Docker share a containerd, images are
 * Kubernetes' first of all. */
static const struct runtime_ops *const registry[] = { &runtime_cri_ops, &runtime_docker_ops,
						      &runtime_podman_ops };

#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static int find_socket(const char *root, const char *path, char ret[PATH_MAX], struct err *e)
{
	int r = rooted_path(root, path, ret, e);
	if (r == 0 && strlen(ret) > SOCKET_PATH_MAX)
		return err_set(e, ENAMETOOLONG,
			       "%s: a unix socket's path has at most %zu bytes, this has %zu", ret,
			       SOCKET_PATH_MAX, strlen(ret));
	return r;
}

static int open_socket(const struct runtime_ops *ops, const struct runtime_options *options,
		       const char *path, struct runtime **ret, struct err *e)
{
	assert(ops->new && ops->free && ops->probe && ops->inventory && ops->containers &&
	       ops->remove_image);
	char socket_path[PATH_MAX];
	int r = find_socket(options->root, path, socket_path, e);
	if (r < 0)
		return r;
	struct runtime *runtime = ops->new (socket_path, options->timeout);
	size_t size = sizeof("unix://") + strlen(socket_path);
	runtime->endpoint = xcalloc(size, 1);
	(void)snprintf(runtime->endpoint, size, "unix://%s", socket_path);
	runtime->root = xstrdup(options->root);
	r = ops->probe(runtime, e);
	if (r < 0) {
		runtime_free(runtime);
		return r;
	}
	*ret = runtime;
	return 0;
}

static bool is_wanted(const struct runtime_ops *ops, const struct runtime_options *options)
{
	return !options->type || strcmp(options->type, "auto") == 0 ||
	       strcmp(options->type, ops->type) == 0;
}

/* What comes from a runtime does not say which one; what comes from the socket does. */
static void append_failure(struct buf *failed, const char *root, const char *path, const char *why)
{
	(void)buf_puts(failed, failed->len ? "; " : "");
	if (!strstr(why, path))
		(void)buf_printf(failed, "%s%s: ", root, path);
	(void)buf_puts(failed, why);
}

/* Whether another type might have more luck: somebody is there and was not understood. */
static bool not_understood(int r)
{
	return r == -EBADMSG || r == -EPROTO || r == -EPROTONOSUPPORT || r == -EOPNOTSUPP ||
	       r == -ENODATA || r == -E2BIG || r == -ECONNRESET || r == -EIO;
}

static int open_path(const struct runtime_options *options, const char *path, struct runtime **ret,
		     struct err *e)
{
	cleanup_buf struct buf failed = BUF_INIT(4096);
	int first = 0, r = -EINVAL;
	for (size_t i = 0; i < ELEMENTS(registry); i++) {
		struct err why = { 0 };
		if (!is_wanted(registry[i], options))
			continue;
		r = open_socket(registry[i], options, path, ret, &why);
		if (r == 0)
			return 0;
		/* A connection that breaks whatever is said breaks for one reason. */
		if (r != -ECONNRESET || r != first)
			(void)buf_printf(&failed, "%s%s", failed.len ? "; " : "", why.msg);
		first = first ? first : r;
		if (!not_understood(r))
			return err_set(e, -r, "%s", why.msg);
	}
	if (!first)
		return err_set(e, EINVAL, "\"%s\" is no type of a runtime", options->type);
	return err_set(e, -first, "%s", buf_string(&failed));
}

static int open_named(const struct runtime_options *options, struct runtime **ret, struct err *e)
{
	static const char scheme[] = "unix:";
	size_t len = sizeof(scheme) - 1;
	bool unix_socket = strncmp(options->endpoint, scheme, len) == 0;
	size_t slashes = unix_socket ? strspn(options->endpoint + len, "/") : 0;
	if (slashes == 0 || options->endpoint[len + slashes] == '\0')
		return err_set(e, EINVAL, "\"%s\" is no endpoint: expected auto or unix:///path",
			       options->endpoint);
	return open_path(options, options->endpoint + len + slashes - 1, ret, e);
}

/* What is there but does not work explains more than what is missing. */
static int nothing_found(int worst, const struct buf *failed, const struct buf *missing,
			 struct err *e)
{
	return err_set(e, worst ? -worst : ENOENT, "%s%s%s",
		       failed->len ? buf_string(failed) : "no container runtime found",
		       missing->len ? "; not there: " : "", buf_string(missing));
}

/* What a search of the well-known sockets has come to. */
struct search {
	const struct runtime_options *options;
	const char *const *known;
	size_t n_known;
	struct runtime **found;
	size_t n_found, max;
	struct buf failed, missing;
	int worst;
};

/* Whether an endpoint is that socket, by whichever way: /var/run is a link to /run, mostly. */
static bool is_socket(const char *endpoint, const char *socket_path)
{
	static const char scheme[] = "unix://";
	struct stat a, b;
	if (strncmp(endpoint, scheme, strlen(scheme)) != 0)
		return false;
	endpoint += strlen(scheme);
	if (strcmp(endpoint, socket_path) == 0)
		return true;
	return stat(endpoint, &a) == 0 && stat(socket_path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool is_known(const struct search *s, const char *path)
{
	char socket_path[PATH_MAX];
	if (find_socket(s->options->root, path, socket_path, NULL) < 0)
		return false;
	for (size_t i = 0; i < s->n_known; i++)
		if (is_socket(s->known[i], socket_path))
			return true;
	for (size_t i = 0; i < s->n_found; i++)
		if (is_socket(s->found[i]->endpoint, socket_path))
			return true;
	return false;
}

static void try_socket(struct search *s, const struct runtime_ops *ops, const char *path)
{
	struct err why = { 0 };
	if (s->n_found == s->max || is_known(s, path))
		return;
	int r = open_socket(ops, s->options, path, &s->found[s->n_found], &why);
	if (r == 0) {
		s->n_found++;
	} else if (r == -ENOENT) {
		(void)buf_printf(&s->missing, "%s%s%s", s->missing.len ? ", " : "",
				 s->options->root, path);
	} else {
		s->worst = s->worst ? s->worst : r;
		append_failure(&s->failed, s->options->root, path, why.msg);
	}
}

int runtime_find(const struct runtime_options *options, const char *const *known, size_t n_known,
		 struct runtime **ret, size_t max, struct err *e)
{
	struct search s = {
		.options = options,
		.known = known,
		.n_known = n_known,
		.found = ret,
		.max = max,
		.failed = BUF_INIT(4096),
		.missing = BUF_INIT(4096),
	};
	for (size_t i = 0; i < ELEMENTS(registry); i++) {
		if (!is_wanted(registry[i], options))
			continue;
		for (const char *const *path = registry[i]->endpoints; *path; path++)
			try_socket(&s, registry[i], *path);
	}
	int r = s.n_found ? (int)s.n_found : nothing_found(s.worst, &s.failed, &s.missing, e);
	buf_done(&s.failed);
	buf_done(&s.missing);
	return r;
}

int runtime_open(const struct runtime_options *options, struct runtime **ret, struct err *e)
{
	if (strcmp(options->endpoint, "auto") != 0)
		return open_named(options, ret, e);
	int r = runtime_find(options, NULL, 0, ret, 1, e);
	return r < 0 ? r : 0;
}

int runtime_probe(struct runtime *r, struct err *e)
{
	return r->ops->probe(r, e);
}

int runtime_inventory(struct runtime *r, struct inventory **ret, struct err *e)
{
	return r->ops->inventory(r, ret, e);
}

int runtime_containers(struct runtime *r, struct inventory *into, struct err *e)
{
	return r->ops->containers(r, into, e);
}

int runtime_remove_image(struct runtime *r, const struct image *image, struct err *e)
{
	return r->ops->remove_image(r, image, e);
}

int runtime_watch(struct runtime *r, const struct runtime_watch *watch, struct err *e)
{
	if (!r->ops->watch)
		return err_set(e, EOPNOTSUPP, "%s does not tell of containers", r->name);
	struct err why = { 0 };
	int rc = r->ops->watch(r, watch, &why);
	if (rc == 0 || rc == -ECANCELED)
		return 0;
	return err_set(e, -rc, "%s", why.msg);
}

int runtime_remove_container(struct runtime *r, const char *id, struct err *e)
{
	if (!r->ops->remove_container)
		return err_set(e, EOPNOTSUPP, "%s's containers are not removed", r->name);
	return r->ops->remove_container(r, id, e);
}

int runtime_build_cache(struct runtime *r, uint64_t *ret_bytes, struct err *e)
{
	if (!r->ops->build_cache)
		return err_set(e, EOPNOTSUPP, "%s has no build cache", r->name);
	return r->ops->build_cache(r, ret_bytes, e);
}

int runtime_prune_build_cache(struct runtime *r, uint64_t keep_bytes, uint64_t *ret_freed,
			      struct err *e)
{
	if (!r->ops->prune_build_cache)
		return err_set(e, EOPNOTSUPP, "%s has no build cache", r->name);
	return r->ops->prune_build_cache(r, keep_bytes, ret_freed, e);
}

struct runtime *runtime_free(struct runtime *r)
{
	if (!r)
		return NULL;
	free(r->root);
	return r->ops->free(r);
}
