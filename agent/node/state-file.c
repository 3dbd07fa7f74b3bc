/* SPDX-License-Identifier: Apache-2.0 */
#include "node/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crc32.h"

#define SLOT_MAGIC   0x64706131 /* "dpa1" */
#define SLOT_UNIT    4096	/* slots begin on pages, so that one write never touches both */
#define SLOT_MAX     ((size_t)64 * 1024 * 1024)
#define MODE_PRIVATE 0600

/* Host byte order: the file never leaves its host. crc covers everything behind it. */
struct slot_head {
	uint32_t magic, crc;
	uint64_t generation;
	uint64_t len;
};

static size_t slot_size_for(size_t capacity)
{
	size_t size = capacity + sizeof(struct slot_head);
	return (size + SLOT_UNIT - 1) / SLOT_UNIT * SLOT_UNIT;
}

size_t state_file_capacity(const struct state_file *f)
{
	return f->slot_size - sizeof(struct slot_head);
}

static uint32_t slot_crc(const struct slot_head *head, const void *data)
{
	size_t behind = offsetof(struct slot_head, generation);
	uint32_t crc = crc32_update(0, (const char *)head + behind, sizeof(*head) - behind);
	return crc32_update(crc, data, head->len);
}

static int read_all(int fd, void *data, size_t len, off_t offset)
{
	char *pos = data;
	while (len > 0) {
		ssize_t n = pread(fd, pos, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		pos += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_all(int fd, const void *data, size_t len, off_t offset)
{
	const char *pos = data;
	while (len > 0) {
		ssize_t n = pwrite(fd, pos, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		pos += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Reads one slot whole; -ENODATA when it is empty or damaged. The payload is appended to ret. */
static int slot_read(const struct state_file *f, int slot, struct slot_head *head, struct buf *ret)
{
	off_t offset = (off_t)f->slot_size * slot;
	int r = read_all(f->fd, head, sizeof(*head), offset);
	if (r < 0)
		return r;
	if (head->magic != SLOT_MAGIC || head->len > state_file_capacity(f))
		return -ENODATA;
	cleanup_free char *data = xcalloc(head->len + 1, 1);
	r = read_all(f->fd, data, head->len, offset + (off_t)sizeof(*head));
	if (r < 0)
		return r;
	if (head->crc != slot_crc(head, data))
		return -ENODATA;
	return buf_append(ret, data, head->len);
}

/* The newer whole slot, or -1; its payload is in ret and its generation in *ret_generation. */
static int slot_newest(const struct state_file *f, struct buf *ret, uint64_t *ret_generation)
{
	int newest = -1;
	*ret_generation = 0;
	for (int slot = 0; slot < 2; slot++) {
		struct slot_head head;
		cleanup_buf struct buf payload = BUF_INIT(SLOT_MAX);
		if (slot_read(f, slot, &head, &payload) < 0 ||
		    (newest >= 0 && head.generation < *ret_generation))
			continue;
		newest = slot;
		*ret_generation = head.generation;
		buf_clear(ret);
		if (buf_append(ret, buf_string(&payload), payload.len) < 0)
			return -1;
	}
	return newest;
}

int state_file_read(const struct state_file *f, struct buf *ret, struct err *e)
{
	uint64_t generation;
	buf_clear(ret);
	if (slot_newest(f, ret, &generation) < 0)
		return err_set(e, ENODATA, "the state file holds nothing that is whole");
	return 0;
}

int state_file_write(const struct state_file *f, const void *data, size_t len, struct err *e)
{
	cleanup_buf struct buf old = BUF_INIT(SLOT_MAX), out = BUF_INIT(SLOT_MAX);
	uint64_t generation;
	if (len > state_file_capacity(f))
		return err_set(e, E2BIG, "%zu bytes of state, the file holds %zu", len,
			       state_file_capacity(f));
	int newest = slot_newest(f, &old, &generation);
	struct slot_head head = { .magic = SLOT_MAGIC, .generation = generation + 1, .len = len };
	head.crc = slot_crc(&head, data);
	int r = buf_append(&out, &head, sizeof(head));
	if (r == 0)
		r = buf_append(&out, data, len);
	if (r == 0)
		r = write_all(f->fd, out.data, out.len, newest == 0 ? (off_t)f->slot_size : 0);
	if (r == 0 && fdatasync(f->fd) < 0)
		r = -errno;
	return r < 0 ? err_set(e, -r, "writing state: %s", strerror(-r)) : 0;
}

static int slot_size_of(int fd, size_t *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size % (2 * SLOT_UNIT) != 0 || st.st_size <= 0 ||
	    (size_t)st.st_size / 2 > SLOT_MAX)
		return -EBADMSG;
	*ret = (size_t)st.st_size / 2;
	return 0;
}

/* A new file beside the old one, its blocks allocated, with the old one's content. */
static int make(int dir, const char *name, const struct buf *content, size_t slot_size,
		struct state_file *ret, struct err *e)
{
	char temporary[NAME_MAX];
	if ((size_t)snprintf(temporary, sizeof(temporary), ".%s.new", name) >= sizeof(temporary))
		return -ENAMETOOLONG;
	(void)unlinkat(dir, temporary, 0);
	struct state_file f = { .slot_size = slot_size };
	f.fd = openat(dir, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		      MODE_PRIVATE);
	if (f.fd < 0)
		return -errno;
	int r = -posix_fallocate(f.fd, 0, (off_t)(2 * slot_size));
	if (r == 0 && content->len)
		r = state_file_write(&f, content->data, content->len, e);
	if (r == 0 && (renameat(dir, temporary, dir, name) < 0 || fsync(dir) < 0))
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, temporary, 0);
		state_file_close(&f);
		return r;
	}
	state_file_close(ret);
	*ret = f;
	return 0;
}

static int open_existing(int dir, const char *name, int flags, struct state_file *ret)
{
	cleanup_close int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int r = slot_size_of(fd, &ret->slot_size);
	if (r == 0)
		ret->fd = take_fd(fd);
	return r;
}

static int open_or_make(struct state_file *f, int dir, const char *name, size_t slot_size,
			struct err *e)
{
	cleanup_buf struct buf content = BUF_INIT(SLOT_MAX);
	int r = open_existing(dir, name, O_RDWR, f);
	/* what is no state file of ours is replaced: it could not be read anyway */
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	if (r == 0 && f->slot_size >= slot_size)
		return 0;
	bool usable = r == 0;
	if (usable && state_file_read(f, &content, NULL) < 0)
		buf_clear(&content);
	r = make(dir, name, &content, slot_size, f, e);
	return r < 0 && usable ? 0 : r;
}

static int open_directory(const char *directory, bool create)
{
	if (create && mkdir(directory, 0700) < 0 && errno != EEXIST)
		return -errno;
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

int state_file_open(struct state_file *f, const char *directory, const char *name, size_t capacity,
		    struct err *e)
{
	cleanup_close int dir = open_directory(directory, true);
	int r = dir < 0 ? dir : open_or_make(f, dir, name, slot_size_for(capacity), e);
	return r < 0 ? err_set(e, -r, "%s/%s: %s", directory, name, strerror(-r)) : 0;
}

int state_file_open_read(struct state_file *f, const char *directory, const char *name,
			 struct err *e)
{
	cleanup_close int dir = open_directory(directory, false);
	int r = dir < 0 ? dir : open_existing(dir, name, O_RDONLY, f);
	return r < 0 ? err_set(e, -r, "%s/%s: %s", directory, name, strerror(-r)) : 0;
}

void state_file_close(struct state_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
