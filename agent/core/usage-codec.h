/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/usage.h"
#include "util/buf.h"

/*
 * The usage history as bytes that survive restarts and reboots. Ages are stored, not dates: within
 * one boot they continue by the monotonic clock, which no one steps, and over a reboot by the wall
 * clock, never backwards. When the wall clock was not set at the time of encoding, as before 2020, a
 * reboot adds nothing: an age that is too small keeps an image longer, one that is too large loses it.
 */

#define BOOT_ID_MAX 40

/* What the clocks say at the moment of encoding or decoding. */
struct usage_clock {
	char boot_id[BOOT_ID_MAX]; /* of this boot, "" when unknown */
	usec_t monotonic;
	int64_t wall_usec;
};

/* How many bytes the history takes, without images that are gone: those have the room that is left. */
size_t usage_encoded_size(const struct usage_history *h);
/*
 * Appends the history to out. Images that out's ceiling has no room for are left out, those used
 * longest ago first, and before these the ones that are gone. IDs longer than 255 characters are
 * not stored. Returns the number of images stored, without those that are gone.
 */
size_t usage_encode(const struct usage_history *h, const struct usage_clock *clock,
		    struct buf *out);
/*
 * The opposite: fills *ret, which the caller clears. -EBADMSG when the bytes are no history of this
 * version or one before; *ret is empty then.
 */
int usage_decode(const void *data, size_t len, const struct usage_clock *clock,
		 struct usage_history *ret) __attribute__((warn_unused_result));
