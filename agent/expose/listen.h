/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "util/alloc.h"
#include "util/err.h"

/* A bound, listening socket. Non-blocking and close-on-exec. */
#define LISTENER_ADDRESS_MAX 128
struct listener {
	int fd;
	bool local;			    /* a unix socket: only its owner and root reach it */
	char address[LISTENER_ADDRESS_MAX]; /* as bound: "127.0.0.1:9779", "unix:/run/x.sock" */
	/* local: the socket file, so that closing never removes someone else's */
	dev_t dev;
	ino_t ino;
};
#define LISTENER_INIT    \
	{                \
		.fd = -1 \
	}

/*
 * Binds one word of http.listen: "ADDRESS:PORT" with a numeric address, IPv6 in brackets, port 0 for
 * any free one, "[::]" for every address of either family; or "unix:/PATH". The socket file has
 * mode 0600 from its first moment whatever the umask; its directory is created (0755) when missing.
 * A socket file that nobody answers on is replaced. -EINVAL: not such a word; -EADDRINUSE: someone
 * listens there, or the path is something else than a socket; other errnos as the system gives them.
 * *ret only on success; close it with listener_close().
 */
must_check int listener_open(const char *word, struct listener *ret, struct err *e);
/* Closes the socket and removes its file. Takes a closed one. */
void listener_close(struct listener *l);
