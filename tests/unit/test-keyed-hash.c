/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "util/keyed-hash.h"

/* RFC 4231, test case 1: HMAC itself fills its key of 20 bytes up with zeroes. */
static void test_is_hmac_sha256(void **state)
{
	static const uint8_t wanted[KEYED_HASH_LEN] = {
		0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
		0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
		0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7,
	};
	struct keyed_hash_key key = { 0 };
	struct keyed_hash hash;
	(void)state;
	memset(key.bytes, 0x0b, 20);
	assert_int_equal(keyed_hash(&key, "Hi There", 8, &hash), 0);
	assert_memory_equal(hash.bytes, wanted, sizeof(wanted));
}

static void test_keys_differ(void **state)
{
	struct keyed_hash_key a, b;
	struct keyed_hash of_a, of_b, again;
	(void)state;
	assert_int_equal(keyed_hash_key_make(&a), 0);
	assert_int_equal(keyed_hash_key_make(&b), 0);
	assert_memory_not_equal(a.bytes, b.bytes, sizeof(a.bytes));
	assert_int_equal(keyed_hash(&a, "token", 5, &of_a), 0);
	assert_int_equal(keyed_hash(&b, "token", 5, &of_b), 0);
	assert_int_equal(keyed_hash(&a, "token", 5, &again), 0);
	assert_false(keyed_hash_equal(&of_a, &of_b));
	assert_true(keyed_hash_equal(&of_a, &again));
	again.bytes[KEYED_HASH_LEN - 1] ^= 1;
	assert_false(keyed_hash_equal(&of_a, &again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_hmac_sha256),
		cmocka_unit_test(test_keys_differ),
	};
	return cmocka_run_group_tests_name("keyed-hash", tests, NULL, NULL);
}
