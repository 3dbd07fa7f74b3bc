/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/plan.h"

/*
 * Brings candidates into the order in which each frees the most of resource, given that those before it
 * are gone: the fewest removals for any amount, as far as taking the largest next can tell. A layer
 * that several of them share counts for the last one that holds it. Ties keep the order they come
 * in. Gains only grow along the way, so a heap with renewed entries does in O((n + layers) log n).
 */
void order_by_gain(struct verdict *candidates, size_t n, const struct inventory *inv,
		   enum resource resource);
