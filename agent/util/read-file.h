/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * Appends a file's content to text, at most its ceiling: 0, -E2BIG, -EINVAL when it is no regular
 * file or holds a NUL, or what open(2) and read(2) say; the message begins with path.
 */
must_check int read_file(const char *path, struct buf *text, struct err *e);
