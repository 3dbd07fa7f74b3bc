/* SPDX-License-Identifier: Apache-2.0 */
#include "util/read-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, const char *path, struct buf *text, struct err *e)
{
	char piece[4096];
	ssize_t n;
	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "%s: %s", path, strerror(errno));
		if (buf_append(text, piece, (size_t)n) < 0)
			return err_set(e, E2BIG, "%s: larger than %zu bytes", path, text->max);
	}
	if (text->len > 0 && memchr(text->data, '\0', text->len))
		return err_set(e, EINVAL, "%s: expected a text, this has zero bytes", path);
	return 0;
}

int read_file(const char *path, struct buf *text, struct err *e)
{
	struct stat st;
	/* Without O_NONBLOCK the open of a FIFO waits for a writer. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: expected a regular file", path);
	return read_all(fd, path, text, e);
}
