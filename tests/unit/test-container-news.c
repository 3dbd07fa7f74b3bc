/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/container-news.h"
#include "util/limits.h"

static bool hear(struct container_news *news, enum container_event_kind kind, const char *id,
		 const char *image, usec_t at)
{
	const struct container_event event = { kind, id, { image, "", "", "" } };
	return container_news_add(news, &event, at);
}

static bool created(struct container_news *news, const char *id, const char *image, usec_t at)
{
	return hear(news, CONTAINER_EVENT_CREATED, id, image, at);
}

static bool alive(struct container_news *news, const char *id, const char *image, usec_t at)
{
	return hear(news, CONTAINER_EVENT_ALIVE, id, image, at);
}

static void one_item_a_container(void **state)
{
	(void)state;
	struct container_news news = { 0 };
	assert_true(created(&news, "c1", "one", 10));
	assert_true(alive(&news, "c2", "two", 19));
	assert_true(alive(&news, "c2", "two", 20));
	/* what it is made of is known already */
	assert_true(alive(&news, "c1", "", 30));
	/* and told late */
	assert_true(created(&news, "c2", "other", 15));
	assert_int_equal(news.n_items, 2);
	assert_string_equal(news.items[0].container.id, "c1");
	assert_string_equal(news.items[0].container.references[0], "one");
	assert_string_equal(news.items[0].container.references[3], "");
	assert_true(news.items[0].created);
	assert_int_equal(news.items[0].at, 30);
	assert_string_equal(news.items[1].container.references[0], "two");
	assert_true(news.items[1].created);
	assert_int_equal(news.items[1].at, 20);
	container_news_clear(&news);
	assert_int_equal(news.n_items, 0);
	assert_int_equal(news.bytes, 0);
	container_news_clear(&news);
}

static void nothing_to_be_learnt(void **state)
{
	(void)state;
	struct container_news news = { 0 };
	assert_false(created(&news, "", "one", 1));
	assert_false(alive(&news, "c1", "", 1));
	assert_false(created(&news, "c1", "", 1));
	assert_int_equal(news.n_items, 0);
	const struct container_event last = { CONTAINER_EVENT_ALIVE, "c1", { "", "", "", "x" } };
	assert_true(container_news_add(&news, &last, 1));
	container_news_clear(&news);
}

static void bounded_in_number(void **state)
{
	(void)state;
	struct container_news news = { 0 };
	char id[16];
	for (int i = 0; i < N_MAX_CONTAINER_NEWS; i++) {
		(void)snprintf(id, sizeof(id), "c%d", i);
		assert_true(created(&news, id, "i", i));
	}
	assert_false(created(&news, "one more", "i", 9));
	/* those that are there are still kept up with */
	assert_true(alive(&news, "c7", "i", 99999));
	assert_int_equal(news.items[7].at, 99999);
	assert_int_equal(news.n_items, N_MAX_CONTAINER_NEWS);
	container_news_clear(&news);
}

static void bounded_in_bytes(void **state)
{
	(void)state;
	struct container_news news = { 0 };
	cleanup_free char *half = xcalloc(BUF_MAX_CONTAINER_NEWS / 2, 1);
	memset(half, 'x', BUF_MAX_CONTAINER_NEWS / 2 - 1);
	assert_true(created(&news, "1", half, 1));
	assert_int_equal(news.bytes, BUF_MAX_CONTAINER_NEWS / 2);
	assert_true(created(&news, "2", half, 1));
	assert_int_equal(news.bytes, BUF_MAX_CONTAINER_NEWS);
	assert_false(created(&news, "3", "", 1));
	assert_false(created(&news, "3", "i", 1));
	container_news_clear(&news);
	assert_true(created(&news, "3", "i", 1));
	container_news_clear(&news);
}

static void moves(void **state)
{
	(void)state;
	struct container_news a = { 0 }, b = { 0 };
	container_news_move(&a, &b);
	assert_int_equal(a.n_items, 0);

	assert_true(created(&b, "c1", "one", 10));
	container_news_move(&a, &b);
	assert_int_equal(a.n_items, 1);
	assert_int_equal(b.n_items, 0);

	assert_true(alive(&b, "c1", "one", 30));
	assert_true(alive(&b, "c2", "two", 20));
	assert_true(created(&b, "c3", "three", 25));
	container_news_move(&a, &b);
	assert_int_equal(b.n_items, 0);
	assert_int_equal(a.n_items, 3);
	assert_true(a.items[0].created);
	assert_int_equal(a.items[0].at, 30);
	assert_false(a.items[1].created);
	assert_string_equal(a.items[1].container.references[0], "two");
	assert_true(a.items[2].created);
	container_news_move(&a, &b);
	assert_int_equal(a.n_items, 3);
	container_news_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_item_a_container),
		cmocka_unit_test(nothing_to_be_learnt),
		cmocka_unit_test(bounded_in_number),
		cmocka_unit_test(bounded_in_bytes),
		cmocka_unit_test(moves),
	};
	return cmocka_run_group_tests_name("container-news", tests, NULL, NULL);
}
