/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/usage.h"
#include "core/usage-codec.h"
#include "util/err.h"

/*
 * Where the usage history of a runtime is between runs: DIRECTORY/NAME. Without it every image would be first
 * seen again after a restart, and a single gc would find all of them too young.
 */

/* Reads what was kept into *h, which is empty; leaves it so when there is nothing (0) or it cannot be
 * read or is damaged (negative, e filled). */
int history_load(const char *state_directory, const char *name, struct usage_history *h,
		 struct err *e);
/* Keeps the history. Works on a full disk once the file exists; what it has no room for then is left
 * out, images used longest ago first. */
int history_save(const char *state_directory, const char *name, const struct usage_history *h,
		 struct err *e);

/* The digits of a boot ID, which Linux writes with dashes and systemd without; "" when it is none. */
void history_boot_id(const char *text, char id[BOOT_ID_MAX]);
