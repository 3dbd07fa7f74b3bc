/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "util/alloc.h"
#include "util/arena.h"
#include "util/err.h"

/*
 * Texts from a runtime. Both return 0 and a copy in the arena, or -EBADMSG (not UTF-8, control
 * characters, a NUL inside) or -E2BIG (more than BUF_MAX_CRI_TEXT bytes); the message begins with
 * what, which names the field.
 */
must_check int cri_text(struct arena *arena, const ProtobufCBinaryData *data, const char *what,
			const char **ret, struct err *e);
/* The same, and empty is an error too. */
must_check int cri_id(struct arena *arena, const ProtobufCBinaryData *data, const char *what,
		      const char **ret, struct err *e);
