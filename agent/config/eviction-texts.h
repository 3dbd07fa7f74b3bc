/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "core/eviction-parse.h"
#include "util/alloc.h"
#include "util/err.h"

/* What the texts of section [eviction] say together: eviction_parse_texts() of them. */
must_check int eviction_texts_parse(const struct config *c, enum eviction_dialect dialect,
				    struct eviction_thresholds *ret, struct err *e);
