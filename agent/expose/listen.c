/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/parse.h"

#define UNIX_PREFIX "unix:"
#define BACKLOG	    64
#define HOST_MAX    64 /* an IPv6 address with an interface name */

static const char expected[] =
	"expected ADDRESS:PORT with a numeric address (127.0.0.1:9779, [::1]:9779) or unix:/PATH";

static int bad_word(const char *word, struct err *e)
{
	return err_set(e, EINVAL, "cannot listen on \"%.200s\": %s", word, expected);
}

/* --- TCP ------------------------------------------------------------------------------------ */

/* Splits "HOST:PORT" and "[HOST]:PORT"; a bare IPv6 address would be ambiguous. */
static int split_address(const char *word, char host[HOST_MAX], const char **ret_port)
{
	const char *colon = strrchr(word, ':');
	int64_t port;
	if (!colon || parse_i64(colon + 1, &port) < 0 || port < 0 || port > 65535)
		return -EINVAL;
	const char *start = word, *end = colon;
	if (*word == '[') {
		if (end[-1] != ']')
			return -EINVAL;
		start++;
		end--;
	} else if (memchr(word, ':', (size_t)(colon - word))) {
		return -EINVAL;
	}
	if (end <= start || end - start >= HOST_MAX)
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	*ret_port = colon + 1;
	return 0;
}

/* "[::]" is every address; where the kernel has no IPv6 that is every address of IPv4. */
static void without_ipv6(char host[HOST_MAX])
{
	cleanup_close int fd = -1;
	if (strcmp(host, "::") != 0)
		return;
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		(void)snprintf(host, HOST_MAX, "0.0.0.0");
}

/* The address with the port that was really bound. */
static void describe_tcp(struct listener *l)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	char host[HOST_MAX], port[8];
	if (getsockname(l->fd, (struct sockaddr *)&bound, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	(void)snprintf(l->address, sizeof(l->address),
		       bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int open_tcp(const char *word, struct listener *l, struct err *e)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *info = NULL;
	char host[HOST_MAX];
	const char *port;
	if (split_address(word, host, &port) < 0)
		return bad_word(word, e);
	without_ipv6(host);
	if (getaddrinfo(host, port, &hints, &info) != 0)
		return bad_word(word, e);
	int r = 0, one = 1;
	cleanup_close int fd =
		socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		r = err_set(e, errno, "cannot listen on %s: %m", word);
	freeaddrinfo(info);
	if (r < 0)
		return r;
	l->fd = take_fd(fd);
	(void)snprintf(l->address, sizeof(l->address), "%s", word);
	describe_tcp(l);
	return 0;
}

/* --- unix sockets --------------------------------------------------------------------------- */

/* mkdir -p of the directory that path is in. Errors show when binding. */
static void make_parents(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(dir, path, (size_t)(slash - path));
		dir[slash - path] = '\0';
		(void)mkdir(dir, 0755);
	}
}

/* Whether connecting says that no process listens there any more. */
static bool nobody_answers(const struct sockaddr_un *address)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	       errno == ECONNREFUSED;
}

static int remove_stale(const struct sockaddr_un *address, const char *word, struct err *e)
{
	struct stat st;
	if (lstat(address->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, EADDRINUSE,
			       "cannot listen on %s: the path exists and is no socket", word);
	if (!nobody_answers(address))
		return err_set(e, EADDRINUSE, "cannot listen on %s: another process answers on it",
			       word);
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return err_set(e, errno, "cannot replace the stale socket %s: %m", word);
	return 0;
}

/*
 * The mode of a socket file is that of the unbound socket less the umask (Linux, unix_bind()): it
 * is 0600 from the start without touching the umask, which belongs to every thread.
 */
static int bind_private(int fd, const struct sockaddr_un *address, struct stat *ret_st)
{
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	int r = 0;
	if (lstat(address->sun_path, ret_st) < 0)
		r = -errno;
	else if (ret_st->st_mode & 0177)
		r = -EPERM;
	else if (listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(address->sun_path);
	return r;
}

static int open_unix(const char *word, struct listener *l, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = word + strlen(UNIX_PREFIX);
	if (*path != '/' || path[strlen(path) - 1] == '/')
		return bad_word(word, e);
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(
			e, EINVAL,
			"cannot listen on \"%.200s\": the path of a unix socket has at most %zu characters",
			word, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	make_parents(path);
	int r = remove_stale(&address, word, e);
	if (r < 0)
		return r;
	struct stat st = { 0 };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : bind_private(fd, &address, &st);
	if (r < 0)
		return err_set(e, -r, "cannot listen on %s: %s", word, strerror(-r));
	l->fd = take_fd(fd);
	l->local = true;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	(void)snprintf(l->address, sizeof(l->address), "%s", word);
	return 0;
}

int listener_open(const char *word, struct listener *ret, struct err *e)
{
	struct listener l = LISTENER_INIT;
	bool local = strncmp(word, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
	int r = local ? open_unix(word, &l, e) : open_tcp(word, &l, e);
	if (r == 0)
		*ret = l;
	return r;
}

void listener_close(struct listener *l)
{
	const char *path = l->address + strlen(UNIX_PREFIX);
	struct stat st;
	if (l->fd < 0)
		return;
	if (l->local && lstat(path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		(void)unlink(path);
	close(take_fd(l->fd));
}
