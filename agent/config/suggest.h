/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/keys.h"

/* What somebody who wrote something unknown may have meant. */

/* The key that NAME in SECTION is closest to: the same name in another section, else the nearest
 * one within a few typing mistakes, those of the same section first. NULL: none is near. */
const struct config_key *suggest_key(const char *section, const char *name);
/* The section whose name is closest, or NULL. */
const char *suggest_section(const char *section);
