/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/alloc.h"
#include "util/buf.h"

/*
 * Appends what text stands for in base64 (RFC 4648, padded; line ends and spaces anywhere are
 * skipped). -EINVAL when it is none, -E2BIG when it is more than out takes; out then holds some of it.
 */
must_check int base64_decode(const char *text, struct buf *out);
