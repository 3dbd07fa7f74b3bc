/* SPDX-License-Identifier: Apache-2.0 */
#include "core/container-news.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/limits.h"

static struct container_news_item *find(const struct container_news *news, const char *id)
{
	for (size_t i = 0; i < news->n_items; i++)
		if (strcmp(news->items[i].container.id, id) == 0)
			return &news->items[i];
	return NULL;
}

static bool names_image(const struct container_event *event)
{
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		if (*event->references[i])
			return true;
	return false;
}

static size_t bytes_of(const struct container_event *event)
{
	size_t bytes = strlen(event->id);
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		bytes += strlen(event->references[i]);
	return bytes;
}

/* Grows by doubling: always full where the number of items is a power of two. */
static struct container_news_item *append(struct container_news *news)
{
	size_t n = news->n_items;
	if ((n & (n - 1)) == 0)
		news->items = xreallocarray(news->items, n ? 2 * n : 1, sizeof(*news->items));
	return &news->items[news->n_items++];
}

static bool add_new(struct container_news *news, const struct container_event *event, usec_t at)
{
	size_t bytes = bytes_of(event);
	if (news->n_items >= N_MAX_CONTAINER_NEWS || bytes > BUF_MAX_CONTAINER_NEWS - news->bytes)
		return false;
	struct container_news_item *item = append(news);
	*item = (struct container_news_item){
		.container = { .id = xstrdup(event->id), .state = CONTAINER_UNKNOWN },
		.created = event->kind == CONTAINER_EVENT_CREATED,
		.at = at,
	};
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		item->container.references[i] = xstrdup(event->references[i]);
	news->bytes += bytes;
	return true;
}

bool container_news_add(struct container_news *news, const struct container_event *event, usec_t at)
{
	struct container_news_item *known = find(news, event->id);
	if (known) {
		known->created = known->created || event->kind == CONTAINER_EVENT_CREATED;
		known->at = at > known->at ? at : known->at;
		return true;
	}
	return *event->id && names_image(event) && add_new(news, event, at);
}

void container_news_move(struct container_news *into, struct container_news *from)
{
	if (into->n_items == 0) {
		container_news_clear(into);
		*into = *from;
		*from = (struct container_news){ 0 };
		return;
	}
	for (size_t i = 0; i < from->n_items; i++) {
		const struct container_news_item *item = &from->items[i];
		struct container_event event = {
			.kind = item->created ? CONTAINER_EVENT_CREATED : CONTAINER_EVENT_ALIVE,
			.id = item->container.id,
		};
		memcpy(event.references, item->container.references, sizeof(event.references));
		(void)container_news_add(into, &event, item->at);
	}
	container_news_clear(from);
}

static void text_free(const char *text)
{
	free((char *)(uintptr_t)text);
}

void container_news_clear(struct container_news *news)
{
	for (size_t i = 0; i < news->n_items; i++) {
		text_free(news->items[i].container.id);
		for (size_t k = 0; k < CONTAINER_N_REFERENCES; k++)
			text_free(news->items[i].container.references[k]);
	}
	free(news->items);
	*news = (struct container_news){ 0 };
}
