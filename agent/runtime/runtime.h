/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/inventory.h"
#include "core/status.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/usec.h"

/*
 * A container runtime behind its socket. All calls block up to the timeout, but for runtime_watch(), and
 * a handle belongs to one thread at a time (the reclaim lane, the watch lane with a handle of its
 * own, or the command line's only thread). Errors are negative errnos with
 * a message that names the call:
 *   -ECONNREFUSED, -ENOENT, -EACCES  the socket cannot be reached (not there, not allowed)
 *   -ECONNRESET                      the runtime went away during the call
 *   -ETIMEDOUT                       no answer within the deadline
 *   -EBADMSG                         the answer is malformed
 *   -E2BIG                           the answer is larger than allowed (util/limits.h)
 *   -EBUSY, -EPERM, -EIO, -EPROTO    the runtime refused or failed
 *   -EOPNOTSUPP                      the runtime does not know the call
 */

struct runtime;

struct runtime_options {
	const char *endpoint; /* "auto", "unix:///path" or "unix:/path" */
	const char *type;     /* what is spoken there: "cri", "docker", "podman"; "auto" or NULL */
	const char *root;     /* prefix of host paths, sockets among them; "" for none */
	usec_t timeout;	      /* of one call */
};

/* Who wants to hear of containers, and until when. */
struct runtime_watch {
	int stop_fd; /* the watch ends when it becomes readable (an eventfd); it is not read */
	/* Called in the watching thread for each event; what it points to is valid during the call. */
	void (*on_event)(void *ctx, const struct container_event *event);
	void *ctx;
};

struct runtime_ops {
	const char *type; /* value of runtime.type: "cri", "docker", "podman" */
	/* Well-known sockets to try for endpoint auto, NULL-terminated. */
	const char *const *endpoints;
	/* Builds a handle for one endpoint; touches nothing yet. */
	struct runtime *(*new)(const char *socket_path, usec_t timeout);
	struct runtime *(*free)(struct runtime *r);
	/* Asks for the version: whether it is there and speaks our protocol. */
	int (*probe)(struct runtime *r, struct err *e);
	int (*inventory)(struct runtime *r, struct inventory **ret, struct err *e);
	int (*containers)(struct runtime *r, struct inventory *into, struct err *e);
	int (*remove_image)(struct runtime *r, const struct image *image, struct err *e);
	/*
	 * May be NULL: this runtime tells of nothing. Subscribes to what happens to containers from
	 * now on and hands it out until watch->stop_fd ends it (0, or -ECANCELED from transport/)
	 * or the stream breaks. Has no deadline: give transport/ USEC_INFINITY and &watch->stop_fd.
	 * An event that makes no sense is skipped, as events are hints; a stream that does not is
	 * -EBADMSG. A container is CREATED once in its life; anything else that shows it to be
	 * there, as far as it names the image, is ALIVE. -EOPNOTSUPP also when the runtime could tell
	 * but is set not to. Subscribing must not take events away from others who listen.
	 */
	int (*watch)(struct runtime *r, const struct runtime_watch *watch, struct err *e);
	/* What else than images takes space. Each may be NULL: this runtime has no such thing. */
	int (*remove_container)(struct runtime *r, const char *id, struct err *e);
	int (*build_cache)(struct runtime *r, uint64_t *ret_bytes, struct err *e);
	int (*prune_build_cache)(struct runtime *r, uint64_t keep_bytes, uint64_t *ret_freed,
				 struct err *e);
};

/* What every implementation's handle begins with. */
struct runtime {
	const struct runtime_ops *ops;
	char *endpoint;	   /* "unix:///run/containerd/containerd.sock" */
	char *root;	   /* that of the options */
	char name[64];	   /* "containerd", "cri-o"; "" before the first probe */
	char version[128]; /* "containerd 1.6.20" */
	struct runtime_statistics statistics;
	/* Why the last inventory knows the layers of no or not all images; code 0: nothing is amiss.
	 * Predictions then go by sizes, as with runtimes that do not show layers. */
	struct err layers_error;
};

/*
 * Finds the runtime that options name, trying the known sockets in order for "auto", and probes it.
 * On success *ret is a handle that the caller frees. -ENOENT with endpoint "auto": no runtime on
 * this host. When a socket is there but nothing usable behind it, that error is returned. Either
 * way the message lists what was tried and why each failed. -EINVAL: not an endpoint, or no
 * such type. With a socket that is named and type "auto" whatever is spoken there is found out.
 * -ENAMETOOLONG: a unix socket's path has 107 bytes at most, the prefix included.
 */
must_check int runtime_open(const struct runtime_options *options, struct runtime **ret,
			    struct err *e);
/*
 * Opens everything that answers on the well-known sockets of options->type, but not what known has
 * (endpoints of handles, with the prefix). Returns how many handles, max at most, are in ret, which the
 * caller frees; with nothing new there, an error as runtime_open() has it.
 */
must_check int runtime_find(const struct runtime_options *options, const char *const *known,
			    size_t n_known, struct runtime **ret, size_t max, struct err *e);
/* Asks for the version again, e.g. after the runtime was away. */
must_check int runtime_probe(struct runtime *r, struct err *e);
/* Images, containers in every state, sandboxes, and the image store. Fails as a whole: a fact
 * that cannot be had is an error, never an empty list. *ret is owned by the caller. */
must_check int runtime_inventory(struct runtime *r, struct inventory **ret, struct err *e);
/* Containers in every state only, fresh, into an inventory (made with inventory_new()) whose
 * containers are set and whose other members stay empty. */
must_check int runtime_containers(struct runtime *r, struct inventory *into, struct err *e);
/* Removes one image with all its names; 0 also when it was already gone. -EBUSY also when it has been
 * pinned or named anew since it was listed. */
must_check int runtime_remove_image(struct runtime *r, const struct image *image, struct err *e);
/*
 * Hands out what happens to containers, to a thread of its own with a handle of its own. Blocks until
 * watch->stop_fd becomes readable (0) or the stream breaks (negative; a runtime that ends it is
 * -ECONNRESET). -EOPNOTSUPP: this runtime does not tell. What happened before the stream stood, and
 * while it was broken, is not told: an inventory makes up for that.
 */
must_check int runtime_watch(struct runtime *r, const struct runtime_watch *watch, struct err *e);
/*
 * Removes a container that does not run, with what it wrote to its own layer; its volumes stay, also those
 * without a name. 0 also when it was already gone; -EBUSY when it runs or is paused; -EOPNOTSUPP: not
 * with this runtime.
 */
must_check int runtime_remove_container(struct runtime *r, const char *id, struct err *e);
/* What pruning all of the build cache would free by the runtime's account. -EOPNOTSUPP: it has none,
 * or cannot tell within reasonable time. */
must_check int runtime_build_cache(struct runtime *r, uint64_t *ret_bytes, struct err *e);
/* Lets go of build cache that no build uses, used longest ago first, until keep_bytes are left. What images
 * have as well is not freed by that, but no longer held when they go. *ret_freed is the runtime's account. */
must_check int runtime_prune_build_cache(struct runtime *r, uint64_t keep_bytes,
					 uint64_t *ret_freed, struct err *e);
/* Takes NULL, returns NULL. */
struct runtime *runtime_free(struct runtime *r);
