/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/inventory.h"
#include "util/usec.h"

/*
 * What events told of containers since the last inventory, one item a container, so that one that
 * came and went between two inventories is not missed. Bounded by N_MAX_CONTAINER_NEWS and
 * BUF_MAX_CONTAINER_NEWS: what is too much is dropped, as the next inventory shows what lives
 * longer. Zero-initialised is empty. Owns its texts.
 */
struct container_news {
	struct container_news_item {
		struct container container; /* ID and references; "" where not told */
		bool created;		    /* it came into being, and that was told */
		usec_t at;		    /* of the last event */
	} * items;
	size_t n_items;
	size_t bytes; /* of all texts */
};

/*
 * Adds an event; those of one container become one item. False when it was left out: no room, or
 * nothing to be learnt from it (no ID; no image, of a container that is not known from before).
 */
bool container_news_add(struct container_news *news, const struct container_event *event,
			usec_t at);
/* Adds all of from, which is empty afterwards. */
void container_news_move(struct container_news *into, struct container_news *from);
/* Releases everything; it is empty and usable. */
void container_news_clear(struct container_news *news);
