/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * A small file that can be written when the disk is full and survives being cut off at any byte.
 * Its blocks are allocated when it is made; a write goes to the older of two slots and is flushed,
 * so the newer one is whole at every moment. A slot counts when its checksum is right. Of two
 * processes that write at the same moment one may lose its payload.
 */
struct state_file {
	int fd;
	size_t slot_size;
};
#define STATE_FILE_INIT  \
	{                \
		.fd = -1 \
	}

/*
 * Opens directory/name for reading and writing, making both where they are missing, with slots that
 * hold at least capacity bytes. A file with smaller slots is replaced by a larger one, keeping its
 * content, or used as it is when there is no room for that. What is no state file is replaced; a
 * symbolic link is refused (-ELOOP). Errors name the path. f is closed then.
 */
must_check int state_file_open(struct state_file *f, const char *directory, const char *name,
			       size_t capacity, struct err *e);
/* Opens an existing file for reading only. -ENOENT when there is none, -EBADMSG when what is there is
 * no state file. */
must_check int state_file_open_read(struct state_file *f, const char *directory, const char *name,
				    struct err *e);
/* Takes a closed one. */
void state_file_close(struct state_file *f);

/* The payload that was written last, in full; -ENODATA when nothing was written yet, -EBADMSG when
 * nothing that was is whole. ret is empty then. */
must_check int state_file_read(const struct state_file *f, struct buf *ret, struct err *e);
/* Writes a payload of at most state_file_capacity() bytes and waits until it is on the disk. */
must_check int state_file_write(const struct state_file *f, const void *data, size_t len,
				struct err *e);
size_t state_file_capacity(const struct state_file *f);
