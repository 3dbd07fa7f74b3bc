/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cri/cri-call.h"
#include "runtime/cri/cri-convert.h"
#include "runtime/cri/cri-flavour.h"
#include "runtime/cri/cri-text.h"
#include "util/limits.h"

/* Messages are written as bytes, as a runtime sends them, and go through the decoder. */
struct wire {
	uint8_t data[4096];
	size_t len;
};

static void put_varint(struct wire *w, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		w->data[w->len++] = (uint8_t)(n | 0x80);
	w->data[w->len++] = (uint8_t)n;
}

static void put_number(struct wire *w, unsigned field, uint64_t n)
{
	put_varint(w, field << 3);
	put_varint(w, n);
}

static void put_bytes(struct wire *w, unsigned field, const void *data, size_t len)
{
	put_varint(w, field << 3 | 2);
	put_varint(w, len);
	if (len)
		memcpy(w->data + w->len, data, len);
	w->len += len;
}

static void put_text(struct wire *w, unsigned field, const char *text)
{
	put_bytes(w, field, text, strlen(text));
}

static void put_message(struct wire *w, unsigned field, const struct wire *m)
{
	put_bytes(w, field, m->data, m->len);
}

static const void *decode(const ProtobufCMessageDescriptor *type, const struct wire *w,
			  struct cri_answer *answer)
{
	struct err e = { 0 };
	if (cri_unpack(type, w->data, w->len, answer, &e) < 0)
		fail_msg("%s", e.msg);
	return answer->message;
}

#define DECODE(type, w, answer) decode(&runtime__v1__##type##__descriptor, w, answer)

static int images(const struct wire *w, struct inventory *inv, struct err *e)
{
	cleanup_cri_answer struct cri_answer answer = { 0 };
	return cri_convert_images(DECODE(list_images_response, w, &answer), inv, e);
}

static void an_image(void **state)
{
	(void)state;
	struct wire image = { 0 }, list = { 0 };
	put_text(&image, 1, "sha256:ab");
	put_text(&image, 2, "r/a:1");
	put_text(&image, 2, "");
	put_text(&image, 2, "r/a:ä");
	put_text(&image, 3, "r/a@sha256:cd");
	put_number(&image, 4, 123);
	put_text(&image, 6, "a user");
	put_number(&image, 8, 1);
	put_number(&image, 4711, 5);
	put_message(&list, 1, &image);
	cleanup_inventory struct inventory *inv = inventory_new();
	struct err e = { 0 };
	assert_int_equal(images(&list, inv, &e), 0);
	assert_int_equal(inv->n_images, 1);
	assert_string_equal(inv->images[0].id, "sha256:ab");
	assert_int_equal(inv->images[0].n_names, 2);
	assert_string_equal(inv->images[0].names[0], "r/a:1");
	assert_string_equal(inv->images[0].names[1], "r/a:ä");
	assert_int_equal(inv->images[0].n_digests, 1);
	assert_string_equal(inv->images[0].digests[0], "r/a@sha256:cd");
	assert_int_equal(inv->images[0].size_bytes, 123);
	assert_true(inv->images[0].pinned);
}

static void no_images(void **state)
{
	(void)state;
	struct wire list = { 0 };
	cleanup_inventory struct inventory *inv = inventory_new();
	assert_int_equal(images(&list, inv, NULL), 0);
	assert_int_equal(inv->n_images, 0);
}

/* One image listed three times among others: one that is pinned must not be removable by its double. */
static void doubles_become_one(void **state)
{
	(void)state;
	static const struct {
		const char *id, *name;
		uint64_t size;
		bool pinned;
	} listed[] = {
		{ "c", "c:1", 5, false }, { "b", "b:1", 9, false }, { "a", "a:1", 1, false },
		{ "b", "b:2", 3, true },  { "b", "b:3", 4, false },
	};
	struct wire list = { 0 };
	for (size_t i = 0; i < ELEMENTS(listed); i++) {
		struct wire image = { 0 };
		put_text(&image, 1, listed[i].id);
		put_text(&image, 2, listed[i].name);
		put_text(&image, 3, listed[i].name);
		put_number(&image, 4, listed[i].size);
		put_number(&image, 8, listed[i].pinned);
		put_message(&list, 1, &image);
	}
	cleanup_inventory struct inventory *inv = inventory_new();
	assert_int_equal(images(&list, inv, NULL), 0);
	assert_int_equal(inv->n_images, 3);
	assert_string_equal(inv->images[0].id, "a");
	assert_string_equal(inv->images[1].id, "b");
	assert_string_equal(inv->images[2].id, "c");
	assert_int_equal(inv->images[1].n_names, 3);
	assert_int_equal(inv->images[1].n_digests, 3);
	assert_int_equal(inv->images[1].size_bytes, 9);
	assert_true(inv->images[1].pinned);
	assert_false(inv->images[0].pinned);
}

static void texts(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		size_t len;
		int r;
	} table[] = {
		{ "plain", 5, 0 },
		{ "", 0, 0 },
		{ "gr\xc3\xbc\xc3\x9f", 6, 0 },
		{ "\xf0\x9f\x90\x8b", 4, 0 },
		{ "a\0b", 3, -EBADMSG },
		{ "\0", 1, -EBADMSG },
		{ "a\n", 2, -EBADMSG },
		{ "\x1b[2J", 4, -EBADMSG },
		{ "\x7f", 1, -EBADMSG },
		{ "\xc2\x85", 2, -EBADMSG },
		{ "\xff", 1, -EBADMSG },
		{ "a\xc3", 2, -EBADMSG },
		{ "\xc0\xaf", 2, -EBADMSG },
		{ "\xed\xa0\x80", 3, -EBADMSG },
		{ "\xe2\x82", 2, -EBADMSG },
		/* the byte behind the text's end would complete it */
		{ "\xe2\x82\xac", 2, -EBADMSG },
	};
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct arena arena = { 0 };
		uint8_t data[8];
		memcpy(data, table[i].data, table[i].len);
		ProtobufCBinaryData binary = { table[i].len, data };
		const char *text = "untouched";
		struct err e = { 0 };
		assert_int_equal(cri_text(&arena, &binary, "the text", &text, &e), table[i].r);
		if (table[i].r == 0)
			assert_memory_equal(text, table[i].data, table[i].len + 1);
		else
			assert_string_equal(text, "untouched");
		arena_done(&arena);
	}
}

static void long_texts(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	cleanup_free uint8_t *data = xcalloc(BUF_MAX_CRI_TEXT + 1, 1);
	memset(data, 'x', BUF_MAX_CRI_TEXT + 1);
	const char *text;
	struct err e = { 0 };
	ProtobufCBinaryData binary = { BUF_MAX_CRI_TEXT, data };
	assert_int_equal(cri_id(&arena, &binary, "the ID", &text, &e), 0);
	assert_int_equal(strlen(text), BUF_MAX_CRI_TEXT);
	binary.len++;
	assert_int_equal(cri_id(&arena, &binary, "the ID", &text, &e), -E2BIG);
	assert_string_equal(e.msg, "the ID has 4097 bytes, more than 4096 are not taken");
	binary.len = 0;
	assert_int_equal(cri_id(&arena, &binary, "the ID", &text, &e), -EBADMSG);
	assert_string_equal(e.msg, "the ID is empty");
	arena_done(&arena);
}

static void container_references(void **state)
{
	(void)state;
	static const struct {
		const char *id, *ref, *spec, *user;
		const char *want[CONTAINER_N_REFERENCES];
	} table[] = {
		{ "i", "r", "s", "u", { "i", "r", "s", "u" } },
		{ "", "r", "s", "", { "r", "s", "", "" } },
		{ "x", "x", "x", "x", { "x", "", "", "" } },
		{ "", "", "", "u", { "u", "", "", "" } },
		{ "a", "b", "a", "c", { "a", "b", "c", "" } },
	};
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct wire spec = { 0 }, container = { 0 }, list = { 0 };
		put_text(&spec, 1, table[i].spec);
		put_text(&spec, 18, table[i].user);
		put_text(&container, 1, "c1");
		put_message(&container, 4, &spec);
		put_text(&container, 5, table[i].ref);
		put_text(&container, 10, table[i].id);
		put_message(&list, 1, &container);
		cleanup_inventory struct inventory *inv = inventory_new();
		cleanup_cri_answer struct cri_answer answer = { 0 };
		assert_int_equal(
			cri_convert_containers(DECODE(list_containers_response, &list, &answer),
					       inv, NULL),
			0);
		assert_int_equal(inv->containers.n_containers, 1);
		for (size_t n = 0; n < CONTAINER_N_REFERENCES; n++)
			assert_string_equal(inv->containers.containers[0].references[n],
					    table[i].want[n]);
	}
}

static void container_states(void **state)
{
	(void)state;
	static const struct {
		uint64_t wire;
		enum container_state want;
	} table[] = {
		{ 0, CONTAINER_CREATED },	  { 1, CONTAINER_RUNNING },
		{ 2, CONTAINER_EXITED },	  { 3, CONTAINER_UNKNOWN },
		{ 4, CONTAINER_UNKNOWN },	  { UINT32_MAX, CONTAINER_UNKNOWN },
		{ INT32_MAX, CONTAINER_UNKNOWN }, { UINT64_MAX, CONTAINER_UNKNOWN },
	};
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct wire container = { 0 }, list = { 0 };
		put_text(&container, 1, "c1");
		put_text(&container, 10, "i");
		put_number(&container, 6, table[i].wire);
		put_message(&list, 1, &container);
		cleanup_inventory struct inventory *inv = inventory_new();
		cleanup_cri_answer struct cri_answer answer = { 0 };
		assert_int_equal(
			cri_convert_containers(DECODE(list_containers_response, &list, &answer),
					       inv, NULL),
			0);
		assert_int_equal(inv->containers.containers[0].state, table[i].want);
	}
}

static void a_container_without_an_image(void **state)
{
	(void)state;
	struct wire container = { 0 }, list = { 0 };
	put_text(&container, 1, "c1");
	put_message(&list, 1, &container);
	cleanup_inventory struct inventory *inv = inventory_new();
	cleanup_cri_answer struct cri_answer answer = { 0 };
	struct err e = { 0 };
	const void *m = DECODE(list_containers_response, &list, &answer);
	assert_int_equal(cri_convert_containers(m, inv, &e), -EBADMSG);
	assert_string_equal(e.msg, "container c1 names no image");
	assert_int_equal(inv->containers.n_containers, 0);
}

static void a_status_adds_references(void **state)
{
	(void)state;
	struct container c = { .references = { "a", "b", "", "" } };
	cri_add_references(&c, (const char *const[CONTAINER_N_REFERENCES]){ "b", "", "c", "a" });
	assert_string_equal(c.references[2], "c");
	assert_string_equal(c.references[3], "");
	cri_add_references(&c, (const char *const[CONTAINER_N_REFERENCES]){ "d", "e", "f", "g" });
	assert_string_equal(c.references[0], "a");
	assert_string_equal(c.references[3], "d");
}

static void image_volumes(void **state)
{
	(void)state;
	struct wire status = { 0 }, response = { 0 };
	static const char *const volumes[] = { "v:1", NULL, "", "v:2" };
	for (size_t i = 0; i < ELEMENTS(volumes); i++) {
		struct wire spec = { 0 }, mount = { 0 };
		put_text(&mount, 1, "/path");
		if (volumes[i]) {
			put_text(&spec, 1, volumes[i]);
			put_message(&mount, 9, &spec);
		}
		put_message(&status, 14, &mount);
	}
	put_text(&status, 9, "ref");
	put_message(&response, 1, &status);
	struct arena arena = { 0 };
	cleanup_cri_answer struct cri_answer answer = { 0 };
	struct cri_container_facts facts;
	const void *m = DECODE(container_status_response, &response, &answer);
	assert_int_equal(cri_convert_container_status(m, &arena, &facts, NULL), 0);
	assert_string_equal(facts.references[0], "ref");
	assert_int_equal(facts.n_volume_images, 2);
	assert_string_equal(facts.volume_images[0], "v:1");
	assert_string_equal(facts.volume_images[1], "v:2");
	arena_done(&arena);
}

static int sandbox_image(const char *key, const char *json, struct arena *arena, const char **ret,
			 struct err *e)
{
	struct wire entry = { 0 }, response = { 0 };
	put_text(&entry, 1, key);
	put_text(&entry, 2, json);
	put_message(&response, 2, &entry);
	cleanup_cri_answer struct cri_answer answer = { 0 };
	return cri_convert_sandbox_image(DECODE(pod_sandbox_status_response, &response, &answer),
					 arena, ret, e);
}

static void sandbox_images(void **state)
{
	(void)state;
	static const struct {
		const char *key, *json;
		int r;
		const char *want;
	} table[] = {
		{ "info", "{\"pid\":1,\"image\":\"pause:3\"}", 0, "pause:3" },
		{ "info", "{\"image\":\"a\\u00e4\"}", 0, "aä" },
		{ "info", "{\"image\":\"\"}", 0, "" },
		{ "info", "{\"image\":null}", 0, "" },
		{ "info", "{\"Image\":\"other\"}", 0, "" },
		{ "info", "{}", 0, "" },
		{ "information", "{\"image\":\"x\"}", 0, "" },
		{ "", "", 0, "" },
		{ "info", "", -EBADMSG, "" },
		{ "info", "{\"image\":\"x\"} ,", -EBADMSG, "" },
		{ "info", "[]", -EBADMSG, "" },
		{ "info", "\"image\"", -EBADMSG, "" },
		{ "info", "{\"image\":7}", -EBADMSG, "" },
		{ "info", "{\"image\":{}}", -EBADMSG, "" },
		{ "info", "{\"image\":\"a\\nb\"}", -EBADMSG, "" },
		{ "info", "{\"image\":\"a\\u0000b\"}", -EBADMSG, "" },
	};
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct arena arena = { 0 };
		struct err e = { 0 };
		const char *image = NULL;
		int r = sandbox_image(table[i].key, table[i].json, &arena, &image, &e);
		if (r != table[i].r)
			fail_msg("%s: %d %s", table[i].json, r, e.msg);
		assert_int_equal(e.code, -table[i].r);
		if (r == 0)
			assert_string_equal(image, table[i].want);
		arena_done(&arena);
	}
}

static void image_filesystems(void **state)
{
	(void)state;
	struct wire number = { 0 }, path = { 0 }, usage = { 0 }, other = { 0 }, response = { 0 };
	put_number(&number, 1, 4096);
	put_text(&path, 1, "/var/lib/x");
	put_number(&usage, 1, 99);
	put_message(&usage, 2, &path);
	put_message(&usage, 3, &number);
	put_message(&response, 1, &usage);
	put_message(&response, 1, &other);
	put_message(&response, 2, &other);
	struct arena arena = { 0 };
	cleanup_cri_answer struct cri_answer answer = { 0 };
	struct cri_image_fs fs;
	const void *m = DECODE(image_fs_info_response, &response, &answer);
	assert_int_equal(cri_convert_image_fs(m, &arena, &fs, NULL), 0);
	assert_string_equal(fs.path, "/var/lib/x");
	assert_int_equal(fs.used_bytes, 4096);
	assert_int_equal(fs.used_inodes, 0);
	arena_done(&arena);
}

static void versions(void **state)
{
	(void)state;
	struct wire w = { 0 };
	put_text(&w, 2, "containerd");
	put_text(&w, 3, "1.6.20");
	cleanup_cri_answer struct cri_answer answer = { 0 };
	const void *m = DECODE(version_response, &w, &answer);
	char name[64], version[128], small[8];
	assert_int_equal(cri_convert_version(m, name, sizeof(name), version, sizeof(version), NULL),
			 0);
	assert_string_equal(name, "containerd");
	assert_string_equal(version, "containerd 1.6.20");
	assert_int_equal(
		cri_convert_version(m, small, sizeof(small), version, sizeof(version), NULL), 0);
	assert_string_equal(small, "contain");
}

/* Whatever the bytes are: an error or a message, within the budget; and converting it is safe. */
static void random_bytes(void **state)
{
	(void)state;
	uint64_t seed = 20;
	size_t decoded = 0;
	for (int round = 0; round < 20000; round++) {
		struct wire w = { 0 };
		seed = seed * 6364136223846793005 + 1442695040888963407;
		size_t len = seed >> 58;
		for (; w.len < len; w.len++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			/* mostly tags and lengths that occur */
			w.data[w.len] = (uint8_t)(seed >> 33 & (seed >> 63 ? 0x1f : 0xff));
		}
		cleanup_cri_answer struct cri_answer answer = { 0 };
		cleanup_inventory struct inventory *inv = inventory_new();
		if (cri_unpack(&runtime__v1__list_images_response__descriptor, w.data, w.len,
			       &answer, NULL) < 0)
			continue;
		decoded++;
		(void)!cri_convert_images((const Runtime__V1__ListImagesResponse *)answer.message,
					  inv, NULL);
	}
	assert_true(decoded > 100);
}

static void a_small_message_cannot_take_much(void **state)
{
	(void)state;
	size_t len = (size_t)4 << 20;
	cleanup_free uint8_t *data = xcalloc(len, 1);
	/* an empty image in every two bytes */
	for (size_t i = 0; i < len; i += 2)
		data[i] = 1 << 3 | 2;
	struct cri_answer answer = { 0 };
	struct err e = { 0 };
	assert_int_equal(
		cri_unpack(&runtime__v1__list_images_response__descriptor, data, len, &answer, &e),
		-E2BIG);
	assert_string_equal(e.msg, "the answer takes more than 67108864 bytes of memory");
	assert_null(answer.arena.blocks);
}

static void flavours(void **state)
{
	(void)state;
	assert_true(cri_flavour_find("containerd")->compressed_sizes);
	assert_true(cri_flavour_find("containerd")->usage_counts_layers);
	assert_false(cri_flavour_find("cri-o")->compressed_sizes);
	assert_false(cri_flavour_find("cri-o")->usage_counts_layers);
	assert_false(cri_flavour_find("docker")->compressed_sizes);
	assert_true(cri_flavour_says_in_use("image used by 1776: image is in use by a container"));
	assert_false(cri_flavour_says_in_use("no such image"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image),
		cmocka_unit_test(no_images),
		cmocka_unit_test(doubles_become_one),
		cmocka_unit_test(texts),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(container_references),
		cmocka_unit_test(container_states),
		cmocka_unit_test(a_container_without_an_image),
		cmocka_unit_test(a_status_adds_references),
		cmocka_unit_test(image_volumes),
		cmocka_unit_test(sandbox_images),
		cmocka_unit_test(image_filesystems),
		cmocka_unit_test(versions),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(a_small_message_cannot_take_much),
		cmocka_unit_test(flavours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
