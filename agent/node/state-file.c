/* SPDX-License-Identifier: Apache-2.0 */
#include "node/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crc32.h"
#include "node/directory.h"

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

static bool head_is_empty(const struct slot_head *head)
{
	return head->magic == 0 && head->crc == 0 && head->generation == 0 && head->len == 0;
}

/*
 * Reads one slot whole; -ENODATA when nothing was written to it, -EBADMSG when it is damaged. The
 * payload is appended to ret.
 */
static int slot_read(const struct state_file *f, int slot, struct slot_head *head, struct buf *ret)
{
	off_t offset = (off_t)f->slot_size * slot;
	int r = read_all(f->fd, head, sizeof(*head), offset);
	if (r < 0)
		return r;
	if (head_is_empty(head))
		return -ENODATA;
	if (head->magic != SLOT_MAGIC || head->len > state_file_capacity(f))
		return -EBADMSG;
	cleanup_free char *data = xcalloc(head->len + 1, 1);
	r = read_all(f->fd, data, head->len, offset + (off_t)sizeof(*head));
	if (r < 0)
		return r;
	if (head->crc != slot_crc(head, data))
		return -EBADMSG;
	return buf_append(ret, data, head->len);
}

/*
 * The newer whole slot, its payload in ret and its generation in *ret_generation. Without one
 * -ENODATA when nothing was written yet, else what is wrong with a slot.
 */
static int slot_newest(const struct state_file *f, struct buf *ret, uint64_t *ret_generation)
{
	int newest = -ENODATA;
	*ret_generation = 0;
	for (int slot = 0; slot < 2; slot++) {
		struct slot_head head;
		cleanup_buf struct buf payload = BUF_INIT(SLOT_MAX);
		int r = slot_read(f, slot, &head, &payload);
		if (r < 0) {
			if (newest == -ENODATA)
				newest = r;
			continue;
		}
		if (newest >= 0 && head.generation < *ret_generation)
			continue;
		newest = slot;
		*ret_generation = head.generation;
		buf_clear(ret);
		r = buf_append(ret, buf_string(&payload), payload.len);
		if (r < 0)
			return r;
	}
	return newest;
}

int state_file_read(const struct state_file *f, struct buf *ret, struct err *e)
{
	uint64_t generation;
	buf_clear(ret);
	int r = slot_newest(f, ret, &generation);
	if (r >= 0)
		return 0;
	buf_clear(ret);
	if (r == -ENODATA)
		return err_set(e, ENODATA, "nothing was written yet");
	if (r == -EBADMSG)
		return err_set(e, EBADMSG, "both copies are damaged");
	return err_set(e, -r, "reading state: %s", strerror(-r));
}

/* Flushed as well, or it does not count: a slot that is whole in memory only would have the next
 * write go to the one that is whole on the disk. */
static int slot_write(const struct state_file *f, int slot, const struct buf *content)
{
	static const struct slot_head nothing = { 0 };
	off_t offset = (off_t)f->slot_size * slot;
	int r = write_all(f->fd, content->data, content->len, offset);
	if (r == 0 && fdatasync(f->fd) < 0)
		r = -errno;
	if (r < 0)
		(void)write_all(f->fd, &nothing, sizeof(nothing), offset);
	return r;
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
		r = slot_write(f, newest == 0 ? 1 : 0, &out);
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

/* Where every write goes to a new place (btrfs), one in place must be asked for; others refuse. */
static void write_in_place(int fd)
{
	int flags = 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	flags |= FS_NOCOW_FL;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* Allocates all blocks, and writes them once: to turn allocated blocks into written ones a
 * filesystem may need room for its own records. */
static int allocate(int fd, size_t size)
{
	static const char zeros[64 * 1024];
	int r;
	do
		r = -posix_fallocate(fd, 0, (off_t)size);
	while (r == -EINTR);
	for (size_t done = 0; r == 0 && done < size; done += sizeof(zeros)) {
		size_t rest = size - done;
		r = write_all(fd, zeros, rest < sizeof(zeros) ? rest : sizeof(zeros), (off_t)done);
	}
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	return r;
}

/* A new file with the old one's content, under a name of its own. */
static int make_temporary(int dir, const char *name, const struct buf *content, size_t slot_size,
			  struct state_file *ret)
{
	(void)unlinkat(dir, name, 0);
	struct state_file f = { .slot_size = slot_size };
	f.fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE_PRIVATE);
	if (f.fd < 0)
		return -errno;
	write_in_place(f.fd);
	int r = allocate(f.fd, 2 * slot_size);
	if (r == 0 && content->len)
		r = state_file_write(&f, content->data, content->len, NULL);
	if (r < 0)
		state_file_close(&f);
	else
		*ret = f;
	return r;
}

/* Puts a new file with the old one's content in its place; *ret is changed when that is done. */
static int make(int dir, const char *name, const struct buf *content, size_t slot_size,
		struct state_file *ret)
{
	char temporary[NAME_MAX];
	struct state_file f = STATE_FILE_INIT;
	if ((size_t)snprintf(temporary, sizeof(temporary), ".%s.new", name) >= sizeof(temporary))
		return -ENAMETOOLONG;
	int r = make_temporary(dir, temporary, content, slot_size, &f);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, temporary, 0);
		state_file_close(&f);
		return r;
	}
	state_file_close(ret);
	*ret = f;
	return fsync(dir) < 0 ? -errno : 0;
}

static int open_existing(int dir, const char *name, int flags, struct state_file *ret)
{
	/* O_NONBLOCK: a FIFO of that name would wait for a writer */
	cleanup_close int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int r = slot_size_of(fd, &ret->slot_size);
	if (r == 0)
		ret->fd = take_fd(fd);
	return r;
}

static int open_or_make(struct state_file *f, int dir, const char *name, size_t slot_size)
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
	r = make(dir, name, &content, slot_size, f);
	return r < 0 && usable ? 0 : r;
}

static int open_failed(struct state_file *f, const char *directory, const char *name, int r,
		       struct err *e)
{
	state_file_close(f);
	return err_set(e, -r, "%s/%s: %s", directory, name,
		       r == -EBADMSG ? "is no state file" : strerror(-r));
}

int state_file_open(struct state_file *f, const char *directory, const char *name, size_t capacity,
		    struct err *e)
{
	cleanup_close int dir = directory_open(directory, true);
	int r = dir < 0 ? dir : open_or_make(f, dir, name, slot_size_for(capacity));
	return r < 0 ? open_failed(f, directory, name, r, e) : 0;
}

int state_file_open_read(struct state_file *f, const char *directory, const char *name,
			 struct err *e)
{
	cleanup_close int dir = directory_open(directory, false);
	int r = dir < 0 ? dir : open_existing(dir, name, O_RDONLY, f);
	return r < 0 ? open_failed(f, directory, name, r, e) : 0;
}

void state_file_close(struct state_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
