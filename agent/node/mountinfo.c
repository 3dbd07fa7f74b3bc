/* SPDX-License-Identifier: Apache-2.0 */
#include "node/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/limits.h"

/* A field of a mountinfo line: not terminated. */
struct field {
	const char *start;
	size_t len;
};

/* Copies with \040-like escapes resolved; cuts what does not fit. */
static void field_decode(struct field f, char *ret, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < f.len && n + 1 < size; n++) {
		const char *s = f.start + i;
		bool octal = f.len - i >= 4 && s[0] == '\\' && s[1] >= '0' && s[1] <= '3' &&
			     s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7';
		ret[n] = octal ? (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0')) : *s;
		i += octal ? 4 : 1;
	}
	ret[n] = '\0';
}

/* Fields are one space apart: the source of a mount may be empty. */
static bool field_next(const char **pos, const char *end, struct field *ret)
{
	if (*pos >= end)
		return false;
	const char *space = memchr(*pos, ' ', (size_t)(end - *pos));
	ret->start = *pos;
	ret->len = (size_t)((space ? space : end) - *pos);
	*pos = space ? space + 1 : end;
	return true;
}

/*
 * 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 * mountpoint has the whole mount point, as one that is cut would cover what it does not.
 */
static bool line_parse(const char *line, const char *end, char mountpoint[PATH_MAX],
		       struct mount *ret)
{
	struct field f, point;
	for (int i = 0; i < 4; i++)
		if (!field_next(&line, end, &f))
			return false;
	if (!field_next(&line, end, &point))
		return false;
	do {
		if (!field_next(&line, end, &f))
			return false;
	} while (f.len != 1 || *f.start != '-');
	struct field fstype, source;
	if (!field_next(&line, end, &fstype) || !field_next(&line, end, &source))
		return false;
	field_decode(point, mountpoint, PATH_MAX);
	field_decode(point, ret->mountpoint, sizeof(ret->mountpoint));
	field_decode(fstype, ret->fstype, sizeof(ret->fstype));
	field_decode(source, ret->device, sizeof(ret->device));
	return true;
}

/* Length of mountpoint when path is it or lies below it; 0 otherwise. */
static size_t covers(const char *mountpoint, const char *path)
{
	size_t len = strlen(mountpoint);
	if (strcmp(mountpoint, "/") == 0)
		return path[0] == '/';
	if (strncmp(mountpoint, path, len) != 0)
		return 0;
	return path[len] == '\0' || path[len] == '/' ? len : 0;
}

int mountinfo_find(const char *text, const char *path, struct mount *ret)
{
	char mountpoint[PATH_MAX];
	size_t best = 0;
	while (*text) {
		const char *end = strchrnul(text, '\n');
		struct mount m;
		size_t len = line_parse(text, end, mountpoint, &m) ? covers(mountpoint, path) : 0;
		if (len > 0 && len >= best) {
			best = len;
			*ret = m;
		}
		text = *end ? end + 1 : end;
	}
	return best ? 0 : -ENOENT;
}

int mountinfo_lookup(const char *file, const char *path, struct mount *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_MOUNTINFO);
	cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open %s: %s", file, strerror(errno));
	char chunk[4096];
	ssize_t n;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (buf_append(&text, chunk, (size_t)n) < 0)
			return err_set(e, E2BIG, "%s is larger than %d bytes", file,
				       BUF_MAX_MOUNTINFO);
	if (n < 0)
		return err_set(e, errno, "read %s: %s", file, strerror(errno));
	if (mountinfo_find(buf_string(&text), path, ret) < 0)
		return err_set(e, ENOENT, "%s has no mount for %s", file, path);
	return 0;
}
