/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/inventory.h"
#include "core/space.h"
#include "core/usage.h"
#include "sim/scenario.h"

/*
 * A scenario of what a node is now. Everything is copied. A layer that others than images hold, and
 * that no removal of images frees therefore, counts as other data; an image whose layers are not
 * known gets one of its own as large as its predicted gain.
 */
struct scenario *scenario_from_inventory(const struct inventory *inv,
					 const struct usage_history *history, usec_t now);
/*
 * Adds the filesystem of a role; imagefs is needed, and before the others. Roles on one device give the
 * same name; its space is that of the first.
 */
void scenario_add_filesystem(struct scenario *s, enum fs_role role, const char *device,
			     const struct space *space);
/* Adds a key of the configuration; plain: the value is a number, true or false. */
void scenario_add_setting(struct scenario *s, const char *key, const char *value, bool plain);
/* Adds an event, behind the others, which are earlier. Events that concern an image or a container are
 * not made so. */
void scenario_add_event(struct scenario *s, enum scenario_event_kind kind, usec_t at);
