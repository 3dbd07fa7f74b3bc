/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util/buf.h"
#include "util/limits.h"
#include "util/yaml-read.h"

/* What text is as JSON, or its error's message; to be released. */
static char *parsed(const char *text, size_t len, int *code)
{
	cleanup_json cJSON *json = NULL;
	struct err e = { 0 };
	*code = yaml_parse("f", text, len, &json, &e);
	if (*code == 0)
		return cJSON_PrintUnformatted(json);
	assert_null(json);
	assert_int_equal(e.code, -*code);
	return xstrdup(e.msg);
}

struct row {
	const char *text, *expected;
};

static void check_rows(const struct row *rows, size_t n, int expected_code)
{
	for (size_t i = 0; i < n; i++) {
		int code = 0;
		cleanup_free char *got = parsed(rows[i].text, strlen(rows[i].text), &code);
		if (code != expected_code || strcmp(got, rows[i].expected) != 0)
			fail_msg("%s\ngave %d: %s\nexpected: %s", rows[i].text, code, got,
				 rows[i].expected);
	}
}

static void scalars(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "[~, null, Null, NULL, nULL]", "[null,null,null,null,\"nULL\"]" },
		{ "[true, True, TRUE, yes, Yes, on, ON, y, tRUE]",
		  "[true,true,true,true,true,true,true,true,\"tRUE\"]" },
		{ "[false, no, Off, n, \"no\", 'off']",
		  "[false,false,false,false,\"no\",\"off\"]" },
		{ "[0, 5, -5, +5, 1_000, 0x1F, 0b11, 017, 0o17, 08]",
		  "[0,5,-5,5,1000,31,3,15,15,8]" },
		{ "[1.5, .5, 1., -.25, 1e3, 1.5E-1, +1e+2]", "[1.5,0.5,1,-0.25,1000,0.15,100]" },
		{ "[123456789012, 0x7fffffff]", "[123456789012,2147483647]" },
		{ "[10%, 5Gi, 100Mi, 2m, 1h30m, 1.5.1, 0x, 0xg, 1e, e1, '.', -, +, 1:30, ._, --1]",
		  "[\"10%\",\"5Gi\",\"100Mi\",\"2m\",\"1h30m\",\"1.5.1\",\"0x\",\"0xg\",\"1e\","
		  "\"e1\",\".\",\"-\",\"+\",\"1:30\",\"._\",\"--1\"]" },
		{ "[2001-01-01, \"5\", '5', \"\"]", "[\"2001-01-01\",\"5\",\"5\",\"\"]" },
		{ "1234567890123456789012345678901234567890123456789012345678901234",
		  "\"1234567890123456789012345678901234567890123456789012345678901234\"" },
		{ "a: |\n  5\n", "{\"a\":\"5\\n\"}" },
		{ "a: >-\n  one\n  two\n", "{\"a\":\"one two\"}" },
		{ "\"\\u00e9\\t\"", "\"\xc3\xa9\\t\"" },
	};
	check_rows(rows, ELEMENTS(rows), 0);
}

static void structures(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "", "null" },
		{ "# only a comment\n", "null" },
		{ "---\n...\n", "null" },
		{ "a:\nb: {}\nc: []\n", "{\"a\":null,\"b\":{},\"c\":[]}" },
		{ "a: {b: [1, {c: d}]}\ne:\n- f\n- - g\n", "{\"a\":{\"b\":[1,{\"c\":\"d\"}]},"
							   "\"e\":[\"f\",[\"g\"]]}" },
		{ "%YAML 1.1\n---\ntrue: 1\n5: x\nA: 1\na: 2\n",
		  "{\"true\":1,\"5\":\"x\",\"A\":1,\"a\":2}" },
		{ "\xef\xbb\xbf"
		  "a: b",
		  "{\"a\":\"b\"}" },
		{ "\"<<\": 1", "{\"<<\":1}" },
		{ "- {a: 1}\n- {a: 2}\n", "[{\"a\":1},{\"a\":2}]" },
		{ "a: b\r\nc: d\r\n", "{\"a\":\"b\",\"c\":\"d\"}" },
		{ " \n{\"a\": [1, true, null, \"\\u0041\"]}\n", "{\"a\":[1,true,null,\"A\"]}" },
	};
	check_rows(rows, ELEMENTS(rows), 0);
}

static void refused(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "a: &x 1\n", "f:1: anchors (&) are not supported" },
		{ "a: 1\nb: &x {}\n", "f:2: anchors (&) are not supported" },
		{ "a: &x [1]\n", "f:1: anchors (&) are not supported" },
		{ "a: 1\nb: *x\n", "f:2: aliases (*) are not supported" },
		{ "<<: {a: 1}\n", "f:1: merge keys (<<) are not supported" },
		{ "a:\n  <<: [1]\n", "f:2: merge keys (<<) are not supported" },
		{ "a: !!int 5\n", "f:1: tags (!) are not supported" },
		{ "a: !x [5]\n", "f:1: tags (!) are not supported" },
		{ "!x\na: b\n", "f:1: tags (!) are not supported" },
		{ "a: 1\nb: 2\na: 3\n", "f:3: the key \"a\" comes twice" },
		{ "x: {b: 1,\n \"b\": 2}\n", "f:2: the key \"b\" comes twice" },
		{ "a: 1\n---\nb: 2\n", "f:2: a second document begins here" },
		{ "? [a]\n: b\n", "f:1: a key must be a plain value" },
		{ "{\"a\": 1}\nx",
		  "f: not valid JSON: more text after the value at byte 9 (line 2)" },
		{ "{\"a\": {\"b\": 1, \"c\": 2, \"b\": 3}}", "f: the key \"b\" comes twice" },
		{ "a: .inf", "f:1: \".inf\" is not a number that JSON has" },
		{ "- -.INF", "f:1: \"-.INF\" is not a number that JSON has" },
		{ "\n- 1e999", "f:2: \"1e999\" is not a number that JSON has" },
		{ "a: b: c\n",
		  "f:1: not valid YAML: mapping values are not allowed in this context" },
		{ "a: [1\n", "f:2: not valid YAML: did not find expected ',' or ']', while parsing "
			     "a flow sequence" },
		{ "a: \"b\n", "f:2: not valid YAML: found unexpected end of stream, while scanning "
			      "a quoted scalar" },
		{ "a: 1\nb: \x01\n", "f:2: not valid YAML: control characters are not allowed" },
		{ "a: \"\\0\"\n", "f:1: NUL in a string" },
		{ "a: 1\nb: \xff\n", "f:2: not valid UTF-8" },
		{ "a: \xc0\x80\n", "f:1: not valid UTF-8" },
		{ "a: \xed\xa0\x80\n", "f:1: not valid UTF-8" },
		{ "\xff\xfe"
		  "a",
		  "f:1: not valid UTF-8" },
		{ "@a", "f:1: not valid YAML: found character that cannot start any token, while "
			"scanning for the next token" },
	};
	check_rows(rows, ELEMENTS(rows), -EBADMSG);

	/* '{' makes it JSON; where in it cJSON stops depends on its version */
	int code = 0;
	cleanup_free char *flow = parsed("{a: b}", 6, &code);
	assert_int_equal(code, -EBADMSG);
	assert_ptr_equal(strstr(flow, "f: not valid JSON: a value is missing or malformed"), flow);
	cleanup_free char *nul = parsed("a: 1\nb: \0", 9, &code);
	assert_int_equal(code, -EBADMSG);
	assert_string_equal(nul, "f:2: NUL");
}

/* n times text, between before and after. */
static void repeat(struct buf *b, const char *before, const char *text, size_t n, const char *after)
{
	(void)buf_puts(b, before);
	for (size_t i = 0; i < n; i++)
		(void)buf_puts(b, text);
	(void)buf_puts(b, after);
	assert_false(b->overflowed);
}

static void assert_too_big(const struct buf *b, const char *expected)
{
	int code = 0;
	cleanup_free char *got = parsed(buf_string(b), b->len, &code);
	if (code != -E2BIG || strcmp(got, expected) != 0)
		fail_msg("%d: %.200s, expected %s", code, got, expected);
}

static void assert_parses(const struct buf *b)
{
	int code = 0;
	cleanup_free char *got = parsed(buf_string(b), b->len, &code);
	if (code != 0)
		fail_msg("%d: %s", code, got);
}

static void depth(void **state)
{
	(void)state;
	cleanup_buf struct buf b = BUF_INIT(YAML_MAX_BYTES + 100);
	repeat(&b, "", "[", YAML_MAX_DEPTH, "");
	repeat(&b, "", "]", YAML_MAX_DEPTH, "");
	assert_parses(&b);
	buf_clear(&b);
	repeat(&b, "", "[", YAML_MAX_DEPTH + 1, "");
	assert_too_big(&b, "f:1: nested deeper than the allowed 32 levels");
	static const char *const bombs[] = { "[", "- ", "a: {", "[{a: " };
	for (size_t i = 0; i < ELEMENTS(bombs); i++) {
		int code = 0;
		buf_clear(&b);
		repeat(&b, "", bombs[i], YAML_MAX_BYTES / strlen(bombs[i]), "");
		cleanup_free char *got = parsed(buf_string(&b), b.len, &code);
		assert_true(code < 0);
	}
	buf_clear(&b);
	repeat(&b, "", "{\"a\":", 1000, "");
	assert_too_big(&b, "f: not valid JSON: nested too deep at byte 320 (line 1)");
}

static void sizes(void **state)
{
	(void)state;
	cleanup_buf struct buf b = BUF_INIT(YAML_MAX_BYTES + 100);
	/* one sequence and its items */
	repeat(&b, "", "- a\n", YAML_MAX_NODES - 1, "");
	assert_parses(&b);
	(void)buf_puts(&b, "- a\n");
	assert_too_big(&b, "f:20000: more than the allowed 20000 values");
	buf_clear(&b);
	repeat(&b, "{\"a\":[0", ",0", YAML_MAX_NODES, "]}");
	assert_too_big(&b, "f: more than the allowed 20000 values");
	buf_clear(&b);
	/* a huge scalar is fine up to the file's size */
	repeat(&b, "a: ", "x", YAML_MAX_BYTES - 3, "");
	assert_parses(&b);
	(void)buf_putc(&b, 'x');
	assert_too_big(&b, "f: more than the allowed 262144 bytes");
	buf_clear(&b);
	repeat(&b, "a: \"", "\\n", 100000, "\"");
	assert_parses(&b);
	buf_clear(&b);
	for (int i = 0; i < YAML_MAX_NODES / 2 - 1; i++)
		(void)buf_printf(&b, "key-%d: 1\n", i);
	assert_parses(&b);
}

static void billion_laughs(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "a: &a [l,l,l,l,l,l,l,l,l]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		  "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
		  "f:1: anchors (&) are not supported" },
	};
	check_rows(rows, ELEMENTS(rows), -EBADMSG);
}

static void arguments_may_be_missing(void **state)
{
	(void)state;
	cleanup_json cJSON *json = NULL;
	assert_int_equal(yaml_parse("f", "a: *b", 5, &json, NULL), -EBADMSG);
	assert_int_equal(yaml_parse("f", "{", 1, &json, NULL), -EBADMSG);
	assert_int_equal(yaml_parse("f", "\xff", 1, &json, NULL), -EBADMSG);
	assert_null(json);
	/* len counts, not the NUL */
	assert_int_equal(yaml_parse("f", "a: b\0c", 4, &json, NULL), 0);
	assert_string_equal(cJSON_GetObjectItemCaseSensitive(json, "a")->valuestring, "b");
}

/* --- mutations ----------------------------------------------------------------------------- */

static const char seed_text[] =
	"apiVersion: kubelet.config.k8s.io/v1beta1\n"
	"kind: KubeletConfiguration\n"
	"evictionHard: {nodefs.available: \"10%\", imagefs.available: 5Gi}\n"
	"evictionSoft:\n  nodefs.available: 15%\n"
	"list:\n- a\n- [b, 'c', \"\\u0041\"]\n- |\n  text\n  more\n"
	"imageGCHighThresholdPercent: 85 # comment\n"
	"imageMinimumGCAge: 2m\n";

static void mutate(struct random *random, struct buf *b)
{
	static const char bytes[] = "{}[]:,-&*!|>'\"%@`#?~<\n\t \\\x80\xc3\xff\x01"
				    "0aA";
	for (uint64_t n = 1 + random_below(random, 8); n > 0; n--) {
		size_t at = random_below(random, b->len);
		size_t len = random_below(random, b->len - at);
		switch (random_below(random, 4)) {
		case 0: /* any byte */
			b->data[at] = (char)random_next(random);
			break;
		case 1: /* one that means something; of bytes the NUL too */
			b->data[at] = bytes[random_below(random, sizeof(bytes))];
			break;
		case 2: /* a piece of it elsewhere */
			memmove(b->data + at, b->data + random_below(random, b->len - len), len);
			break;
		default: /* a piece again */
			if (b->len + len < 4096) {
				cleanup_free char *piece = xcalloc(len + 1, 1);
				memcpy(piece, b->data + at, len);
				(void)buf_append(b, piece, len);
			}
			break;
		}
	}
}

static void mutations(void **state)
{
	(void)state;
	struct random random = random_start("mutations of YAML");
	unsigned good = 0;
	for (int round = 0; round < 10000; round++) {
		cleanup_buf struct buf b = BUF_INIT(8192);
		cleanup_json cJSON *json = NULL;
		struct err e = { 0 };
		if (random_once_in(&random, 4))
			(void)buf_puts(&b, "{\"kind\": [1, {\"a\": null}], \"b\": \"\\u0041\"}");
		else
			(void)buf_append(&b, seed_text, sizeof(seed_text) - 1);
		mutate(&random, &b);
		int r = yaml_parse("f", b.data, b.len, &json, &e);
		assert_true(r == 0 ? json && !e.code : !json && e.code == -r && e.msg[0]);
		good += r == 0;
	}
	assert_in_range(good, 100, 9900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),
		cmocka_unit_test(structures),
		cmocka_unit_test(refused),
		cmocka_unit_test(depth),
		cmocka_unit_test(sizes),
		cmocka_unit_test(billion_laughs),
		cmocka_unit_test(arguments_may_be_missing),
		cmocka_unit_test(mutations),
	};
	return cmocka_run_group_tests_name("yaml-read", tests, NULL, NULL);
}
