/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "util/base64.h"

#define ROOM 64

static const struct {
	const char *text;
	int result;
	const char *bytes;
	size_t len;
} table[] = {
	{ "", 0, "", 0 },
	{ "Zg==", 0, "f", 1 },
	{ "Zm8=", 0, "fo", 2 },
	{ "Zm9v", 0, "foo", 3 },
	{ "Zm9vYg==", 0, "foob", 4 },
	{ "Zm9vYmE=", 0, "fooba", 5 },
	{ "Zm9vYmFy", 0, "foobar", 6 },
	{ "AAAA", 0, "\0\0\0", 3 },
	{ "/+9/", 0, "\xff\xef\x7f", 3 },
	{ "Zm9v\nYm\r\n Fy\t", 0, "foobar", 6 },
	{ " Z g = = ", 0, "f", 1 },
	{ "Z", -EINVAL, NULL, 0 },
	{ "Zg", -EINVAL, NULL, 0 },
	{ "Zg=", -EINVAL, NULL, 0 },
	{ "Zg===", -EINVAL, NULL, 0 },
	{ "Zm8", -EINVAL, NULL, 0 },
	{ "Zm8==", -EINVAL, NULL, 0 },
	{ "Zm9v=", -EINVAL, NULL, 0 },
	{ "Zm9v====", -EINVAL, NULL, 0 },
	{ "====", -EINVAL, NULL, 0 },
	{ "Z===", -EINVAL, NULL, 0 },
	{ "Zg==Zg==", -EINVAL, NULL, 0 },
	{ "Zh==", -EINVAL, NULL, 0 }, /* bits behind the last byte */
	{ "Zm9=", -EINVAL, NULL, 0 },
	{ "Zm9_", -EINVAL, NULL, 0 }, /* of URLs */
	{ "Zm9-", -EINVAL, NULL, 0 },
	{ "Zm\xc3\xa4", -EINVAL, NULL, 0 },
	{ "-----BEGIN CERTIFICATE-----", -EINVAL, NULL, 0 },
};

static void decodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct buf out = BUF_INIT(ROOM);
		int r = base64_decode(table[i].text, &out);
		if (r != table[i].result)
			fail_msg("\"%s\": %d", table[i].text, r);
		if (r == 0) {
			assert_int_equal(out.len, table[i].len);
			assert_memory_equal(buf_string(&out), table[i].bytes, table[i].len);
		}
		buf_done(&out);
	}
}

static void stops_at_the_ceiling(void **state)
{
	(void)state;
	char text[101];
	memset(text, 'A', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct buf out = BUF_INIT(ROOM);
	assert_int_equal(base64_decode(text, &out), -E2BIG);
	assert_in_range(out.len, 0, ROOM);
	buf_done(&out);
	/* in the last, shorter group too */
	out = BUF_INIT(3);
	assert_int_equal(base64_decode("Zm9vYg==", &out), -E2BIG);
	buf_done(&out);
	out = BUF_INIT(4);
	assert_int_equal(base64_decode("Zm9vYmE=", &out), -E2BIG);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(stops_at_the_ceiling),
	};
	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
