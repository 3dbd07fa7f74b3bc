/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/keys.h"

/* What somebody who wrote something unknown may have meant. */

/* The key of any section whose name is nearest, within a few typing mistakes; NULL: none is. */
const struct config_key *suggest_key(const char *name);
/* The same among the names of sections. */
const char *suggest_section(const char *name);
