/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "core/quantity.h"
#include "random.h"

#define TEXT_MAX 1024

static struct quantity parse(const char *text)
{
	struct quantity q;
	struct err e = { 0 };
	if (quantity_parse(text, &q, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return q;
}

static void assert_prints(const char *name, const struct quantity *q, const char *parsed_from,
			  const char *expected)
{
	cleanup_buf struct buf b = BUF_INIT(TEXT_MAX);
	quantity_print(q, parsed_from, &b);
	if (strcmp(buf_string(&b), expected) != 0)
		fail_msg("%s: printed as %s, expected %s", name, buf_string(&b), expected);
}

#define FORMAT_WRONG                                    \
	"quantities must match the regular expression " \
	"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define SUFFIX_WRONG  "unable to parse quantity's suffix"
#define NUMERIC_WRONG "unable to parse numeric part of quantity"
#define EXPONENT_OUT  "exponent of quantity out of range"
#define TOO_MANY      "quantity has too many digits"

#define NINES_38 "99999999999999999999999999999999999999"
#define ZEROS_40 "0000000000000000000000000000000000000000"

/* Compared with apimachinery, except for the two messages that are ours. */
static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
		const char *message;
	} rows[] = {
		{ "", -EINVAL, FORMAT_WRONG },
		{ " ", -EINVAL, FORMAT_WRONG },
		{ "1 ", -EINVAL, FORMAT_WRONG },
		{ "--1", -EINVAL, SUFFIX_WRONG },
		{ "+-1", -EINVAL, SUFFIX_WRONG },
		{ "1..2", -EINVAL, FORMAT_WRONG },
		{ "1,5", -EINVAL, FORMAT_WRONG },
		{ "1e3M", -EINVAL, FORMAT_WRONG },
		{ "1e--3", -EINVAL, FORMAT_WRONG },
		{ "1e3.5", -EINVAL, FORMAT_WRONG },
		{ "1B", -EINVAL, FORMAT_WRONG },
		{ "1_000", -EINVAL, FORMAT_WRONG },
		{ "inf", -EINVAL, FORMAT_WRONG },
		{ "nan", -EINVAL, FORMAT_WRONG },
		{ "1\xc2\xb5", -EINVAL, FORMAT_WRONG },
		{ "1K", -EINVAL, SUFFIX_WRONG },
		{ "1ki", -EINVAL, SUFFIX_WRONG },
		{ "1kk", -EINVAL, SUFFIX_WRONG },
		{ "1e", -EINVAL, SUFFIX_WRONG },
		{ "1e+", -EINVAL, SUFFIX_WRONG },
		{ "1eE3", -EINVAL, SUFFIX_WRONG },
		{ "1m3", -EINVAL, SUFFIX_WRONG },
		{ "1-3", -EINVAL, SUFFIX_WRONG },
		{ "1e9223372036854775808", -EINVAL, SUFFIX_WRONG },
		{ "Pi", -EINVAL, NUMERIC_WRONG },
		{ ".Ei", -EINVAL, NUMERIC_WRONG },
		{ "e-10", -EINVAL, NUMERIC_WRONG },
		{ "-.e-10", -EINVAL, NUMERIC_WRONG },
		{ "1e2147483648", -ERANGE, EXPONENT_OUT },
		{ "1e-2147483649", -ERANGE, EXPONENT_OUT },
		{ "0e9223372036854775807", -ERANGE, EXPONENT_OUT },
		{ "1e-9223372036854775808", -ERANGE, EXPONENT_OUT },
		{ "10e2147483647", -ERANGE, TOO_MANY },
		{ "1" NINES_38, -ERANGE, TOO_MANY },
		{ NINES_38 NINES_38, -ERANGE, TOO_MANY },
		{ "340282366920938463463374607431768211456", -ERANGE, TOO_MANY }, /* 2^128 */
		{ "340282366920938463463374607431768211459", -ERANGE, TOO_MANY },
		{ NINES_38 ".1234567891", -ERANGE, TOO_MANY },
		{ "1" ZEROS_40 ".0000000001", -ERANGE, TOO_MANY },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct quantity q;
		struct err e = { 0 };
		int r = quantity_parse(rows[i].text, &q, &e);
		if (r != rows[i].code || strcmp(e.msg, rows[i].message) != 0)
			fail_msg("\"%s\": %d, %s", rows[i].text, r, e.msg);
		assert_int_equal(quantity_parse(rows[i].text, &q, NULL), rows[i].code);
	}
}

/* What was compared with apimachinery: text as given, in canonical form, rounded up. */
static void accepts(void **state)
{
	(void)state;
	static const struct {
		const char *text, *printed, *canonical;
		uint64_t ceil;
	} rows[] = {
		{ "Ki", "0", "0", 0 },
		{ "-", "0", "0", 0 },
		{ "0e-10", "0", "0", 0 },
		{ "-0.0", "0", "0", 0 },
		{ "1.Ki", "1.Ki", "1Ki", 1024 },
		{ "8Ki", "8Ki", "8Ki", 8192 },
		{ "1009Ki", "1009Ki", "1009Ki", 1009 * 1024 },
		{ "+1008Ki", "1008Ki", "1008Ki", 1008 * 1024 },
		{ "1Pi", "1Pi", "1Pi", UINT64_C(1) << 50 },
		{ "1.5Ki", "1536", "1536", 1536 },
		{ "1.00000000000009765625Ki", "1024000000001n", "1024000000001n", 1025 },
		{ "0.5Ki", "512", "512", 512 },
		{ "0.0005Ki", "512m", "512m", 1 },
		{ "3.125Ki", "3200", "3200", 3200 },
		{ "7.9Ei", "9108079886394091110400m", "9108079886394091110400m",
		  UINT64_C(9108079886394091111) },
		{ "7.99999999999999999999999Ei", "9223372036854775807", "9223372036854775807",
		  INT64_MAX },
		{ "99999999999999999999Ki", "9223372036854775807", "9223372036854775807",
		  INT64_MAX },
		{ "0.00000000000000000000000000001Ki", "1n", "1n", 1 },
		{ "1024", "1024", "1024", 1024 },
		{ "2048e0", "2048e0", "2048", 2048 },
		{ "1e3", "1e3", "1e3", 1000 },
		{ "1000e0", "1e3", "1e3", 1000 },
		{ "+1e3", "+1e3", "1e3", 1000 },
		{ "100", "100", "100", 100 },
		{ "20000", "20k", "20k", 20000 },
		{ "1.0005", "1000500u", "1000500u", 2 },
		{ "1.00000000001", "1000000001n", "1000000001n", 2 },
		{ "123456789012345678", "123456789012345678", "123456789012345678",
		  UINT64_C(123456789012345678) },
		{ "1234567890123456789", "1234567890123456789", "1234567890123456789",
		  UINT64_C(1234567890123456789) },
		{ "18446744073709551615", "18446744073709551615", "18446744073709551615",
		  UINT64_MAX },
		{ "18446744073709551616", "18446744073709551616", "18446744073709551616",
		  UINT64_MAX },
		{ NINES_38, NINES_38, NINES_38, UINT64_MAX },
		{ NINES_38 "e-29", "1e9", "1e9", 1000000000 },
		{ "1" ZEROS_40, "10e39", "10e39", UINT64_MAX },
		{ "1e2147483647", "10e2147483646", "10e2147483646", UINT64_MAX },
		{ "1e-2147483648", "1e-9", "1e-9", 1 },
		{ "1000E", "1e21", "1e21",
		  UINT64_MAX }, /* apimachinery before 1.37 loses the e21 */
		{ "-5", "-5", "-5", 0 },
		{ "-0.5", "-500m", "-500m", 0 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct quantity q = parse(rows[i].text);
		assert_prints(rows[i].text, &q, rows[i].text, rows[i].printed);
		assert_prints(rows[i].text, &q, NULL, rows[i].canonical);
		if (quantity_ceil(&q) != rows[i].ceil)
			fail_msg("%s: rounded up to %" PRIu64, rows[i].text, quantity_ceil(&q));
	}
}

/*
 * The kubelet gives the text back when it was small and looked canonical; a plus sign tells whether
 * it does. Compared with apimachinery.
 */
static void gives_back(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
		bool given_back;
	} rows[] = {
		{ "+1Ki", "1Ki", true },
		{ "+8Ki", "8Ki", false },
		{ "+12Ki", "12Ki", true },
		{ "+16Ki", "16Ki", false },
		{ "+24Ki", "24Ki", false },
		{ "+104Ki", "104Ki", false },
		{ "+112Ki", "112Ki", false },
		{ "+113Ki", "113Ki", true },
		{ "+1112Ki", "1112Ki", false },
		{ "+9001Ki", "9001Ki", true },
		{ "+12345678901Ki", "12345678901Ki", true },
		{ "+123456789013Ki", "123456789013Ki", false },
		{ "+12345679Mi", "12345679Mi", true },
		{ "+123456789Mi", "123456789Mi", false },
		{ "+99Ti", "99Ti", true },
		{ "+101Ti", "101Ti", false },
		{ "+1Pi", "1Pi", false },
		{ "+1.0Ki", "1Ki", false },
		{ "+1", "1", true },
		{ "+100", "100", true },
		{ "+1000", "1k", false },
		{ "+1001", "1001", true },
		{ "+1010", "1010", true },
		{ "+1.000", "1", false },
		{ "+12.000", "12", false },
		{ "+1100", "1100", true },
		{ "+1110", "1110", true },
		{ "+10", "10", true },
		{ "+1.5", "1500m", false },
		{ "+1.5e1", "15", true },
		{ "+1.005", "1005m", true },
		{ "+1.5e2", "150", false },
		{ "+123456789012345678", "123456789012345678", true },
		{ "+1234567890123456789", "1234567890123456789", false },
		{ "+123456789012.345678", "123456789012345678u", true },
		{ "+1234567890123.456789", "1234567890123456789u", false },
		{ "+1.001u", "1001n", true },
		{ "+1.001n", "2n", false },
		{ "+0.001", "1m", false },
		{ "+5000G", "5T", false },
		{ "+0.005E", "5P", false },
		{ "+1000P", "1E", false },
		{ "+1000000000000n", "1k", false },
		{ "+1000000n", "1m", false },
		{ "+1000n", "1u", false },
		{ "+0.000001M", "1", false },
		{ "+1000k", "1M", false },
		{ "+1000M", "1G", false },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct quantity q = parse(rows[i].text);
		assert_prints(rows[i].text, &q, NULL, rows[i].canonical);
		assert_prints(rows[i].text, &q, rows[i].text,
			      rows[i].given_back ? rows[i].text : rows[i].canonical);
	}
}

static void formats(void **state)
{
	(void)state;
	assert_int_equal(parse("0.5Ki").format, QUANTITY_BINARY_SI);
	assert_int_equal(parse("0.0Ki").format, QUANTITY_BINARY_SI);
	assert_int_equal(parse("0.0005Ki").format, QUANTITY_DECIMAL_SI);
	assert_int_equal(parse("0.00000000000000000001Ki").format, QUANTITY_DECIMAL_SI);
	assert_int_equal(parse("0.0009765625Ki").format, QUANTITY_BINARY_SI);
	assert_int_equal(parse("1e0").format, QUANTITY_DECIMAL_EXPONENT);
	assert_int_equal(parse("1E").format, QUANTITY_DECIMAL_SI);
}

static void rounds_to_int64(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
		int64_t value;
	} rows[] = {
		{ "0", 0, 0 },
		{ "1n", 0, 1 },
		{ "-1n", 0, -1 },
		{ "1.5", 0, 2 },
		{ "-1.5", 0, -2 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775806.1", 0, INT64_MAX },
		{ "9223372036854775807.1", -ERANGE, 0 },
		{ "-9223372036854775807.1", 0, INT64_MIN },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "-9223372036854775808.1", -ERANGE, 0 },
		{ "9E", 0, INT64_C(9000000000000000000) },
		{ "10E", -ERANGE, 0 },
		{ "-10E", -ERANGE, 0 },
		{ "1e2147483647", -ERANGE, 0 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct quantity q = parse(rows[i].text);
		int64_t value = 0;
		int r = quantity_value(&q, &value);
		if (r != rows[i].code || value != rows[i].value)
			fail_msg("%s: %d, %" PRId64, rows[i].text, r, value);
	}
}

static void compares(void **state)
{
	(void)state;
	/* each less than the next, or equal where marked */
	static const struct {
		const char *text;
		bool equals_last;
	} rows[] = {
		{ "-1e2147483647", false },
		{ "-" NINES_38, false },
		{ "-1Ei", false },
		{ "-1024", false },
		{ "-1Ki", true },
		{ "-1n", false },
		{ "0", false },
		{ "-0.0Ki", true },
		{ "1n", false },
		{ "1e-10", true },
		{ "999m", false },
		{ "1", false },
		{ "1000m", true },
		{ "1023.999999999", false },
		{ "1Ki", false },
		{ "1024000000000n", true },
		{ "1024.000000001", false },
		{ "1M", false },
		{ "1Mi", false },
		{ "1Gi", false },
		{ "1.1G", false },
		{ "9223372036854775807", false },
		{ "9Ei", true },
		{ "9223372036854775807.000000001", false },
		{ "18446744073709551615", false },
		{ "1e29", false },
		{ NINES_38, false },
		{ "1e38", false },
		{ "1e39", false },
		{ "1e2147483647", false },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		size_t first_equal = i;
		while (rows[first_equal].equals_last)
			first_equal--;
		for (size_t j = 0; j <= i; j++) {
			struct quantity a = parse(rows[j].text), b = parse(rows[i].text);
			bool equal = j >= first_equal;
			int ab = quantity_compare(&a, &b), ba = quantity_compare(&b, &a);
			if (equal ? ab != 0 || ba != 0 : ab >= 0 || ba <= 0)
				fail_msg("%s and %s: %d, %d", rows[j].text, rows[i].text, ab, ba);
		}
	}
	/* 1.05Gi is not whole: what decides is not the rounded value */
	struct quantity q = parse("1.05Gi");
	assert_true(quantity_compare_amount(&q, 1127428915) > 0);
	assert_true(quantity_compare_amount(&q, 1127428916) < 0);
	q = parse("18446744073709551615");
	assert_int_equal(quantity_compare_amount(&q, UINT64_MAX), 0);
	assert_true(quantity_compare_amount(&q, UINT64_MAX - 1) > 0);
}

static void adds(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		const char *sum; /* NULL: too many digits */
	} rows[] = {
		{ "0", "0", "0" },
		{ "0", "+5Gi", "5Gi" },
		{ "+5Gi", "0", "5Gi" },
		{ "0.5", "0.5", "1" },
		{ "1Gi", "512Mi", "1536Mi" },
		{ "1Gi", "1G", "2073741824" },
		{ "1G", "1Gi", "2073741824" },
		{ "1.05Gi", "0.8", "1127428916" },
		{ "1e3", "1", "1001" },
		{ "1", "-1", "0" },
		{ "-1", "3", "2" },
		{ "1", "-3", "-2" },
		{ "-1", "-1n", "-1000000001n" },
		{ "7Ei", "7Ei", "14Ei" },
		{ "1e400", "1e400", "20e399" },
		{ "1e400", "-1e400", "0" },
		{ "1e400", "1", NULL },
		{ "1", "1e400", NULL },
		{ NINES_38, "1", "100e36" },
		{ NINES_38, "2", NULL },
		{ NINES_38, NINES_38, NULL },
		{ "33333333333333333333333333333333333333e1", NINES_38, NULL },
		{ "1e29", "1n", NULL },
		{ "1e28", "1n", "10000000000000000000000000000000000001e-9" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct quantity a = parse(rows[i].a), b = parse(rows[i].b), sum;
		int r = quantity_add(&a, &b, &sum);
		assert_int_equal(r, rows[i].sum ? 0 : -ERANGE);
		if (rows[i].sum)
			assert_prints(rows[i].a, &sum, rows[i].a, rows[i].sum);
	}
	/* beyond all that a binary suffix can say */
	struct quantity a = parse("7Ei"), b = parse("7Ei");
	assert_int_equal(quantity_add(&a, &b, &a), 0);
	assert_int_equal(quantity_add(&a, &b, &a), 0);
	assert_prints("21Ei", &a, NULL, "24211351596743786496");
}

/* --- random --------------------------------------------------------------------------------- */

/* A number of up to 18 digits with up to nine decimals, and its value in 10^-9. */
static __int128 random_number(struct random *r, char text[64])
{
	static const struct {
		const char *name;
		int64_t factor;
	} suffixes[] = {
		{ "", 1 },	   { "k", 1000 },	 { "M", 1000000 }, { "Ki", 1024 },
		{ "Mi", 1048576 }, { "Gi", 1073741824 }, { "e0", 1 },	   { "e+3", 1000 },
	};
	int64_t whole = (int64_t)(random_amount(r) >> 34), billionths = 0;
	int decimals = (int)random_below(r, 10);
	char fraction[16];
	(void)snprintf(fraction, sizeof(fraction), "%09" PRIu64, random_below(r, 1000000000));
	fraction[decimals] = '\0';
	for (int i = 0; i < 9; i++)
		billionths = billionths * 10 + (i < decimals ? fraction[i] - '0' : 0);
	size_t s = (size_t)random_below(r, ELEMENTS(suffixes));
	bool negative = random_once_in(r, 4);
	(void)snprintf(text, 64, "%s%" PRId64 ".%s%s", negative ? "-" : "", whole, fraction,
		       suffixes[s].name);
	__int128 value = ((__int128)whole * 1000000000 + billionths) * suffixes[s].factor;
	return negative ? -value : value;
}

static void random_numbers(void **state)
{
	(void)state;
	struct random r = random_start("quantities");
	for (int round = 0; round < 20000; round++) {
		char x_text[64], y_text[64];
		__int128 x = random_number(&r, x_text), y = random_number(&r, y_text);
		struct quantity a = parse(x_text), b = parse(y_text), sum;
		int order = quantity_compare(&a, &b);
		if ((order > 0) - (order < 0) != (x > y) - (x < y))
			fail_msg("%s compared with %s: %d", x_text, y_text, order);

		/* what is printed is the same value, and is printed as it is */
		cleanup_buf struct buf printed = BUF_INIT(TEXT_MAX);
		quantity_print(&a, x_text, &printed);
		struct quantity again = parse(buf_string(&printed));
		if (quantity_compare(&a, &again) != 0)
			fail_msg("%s printed as %s", x_text, buf_string(&printed));

		/* the smallest whole amount that is not below */
		uint64_t up = quantity_ceil(&a);
		bool fits = x <= (__int128)INT64_MAX * 1000000000;
		if (x > 0 && fits &&
		    (quantity_compare_amount(&a, up) > 0 ||
		     quantity_compare_amount(&a, up - 1) <= 0))
			fail_msg("%s rounded up to %" PRIu64, x_text, up);

		assert_int_equal(quantity_add(&a, &b, &sum), 0);
		__int128 total = x + y, magnitude = total < 0 ? -total : total;
		struct quantity expected;
		assert_int_equal(quantity_make((unsigned __int128)magnitude, -9, total < 0,
					       QUANTITY_DECIMAL_SI, &expected),
				 0);
		if (quantity_compare(&sum, &expected) != 0)
			fail_msg("sum of %s and %s", x_text, y_text);
	}
}

/* Nothing but an error comes of any text: under the sanitizers this is what counts. */
static void random_texts(void **state)
{
	(void)state;
	static const char alphabet[] = "0123456789019.+-eEinumkKMGTPi% x";
	struct random r = random_start("texts");
	for (int round = 0; round < 50000; round++) {
		char text[64] = "";
		size_t len = (size_t)random_below(&r, sizeof(text));
		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[random_below(&r, sizeof(alphabet) - 1)];
		struct quantity q;
		if (quantity_parse(text, &q, NULL) < 0)
			continue;
		cleanup_buf struct buf b = BUF_INIT(TEXT_MAX);
		quantity_print(&q, text, &b);
		struct quantity again = parse(buf_string(&b));
		assert_int_equal(quantity_compare(&q, &again), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(accepts),
		cmocka_unit_test(gives_back),
		cmocka_unit_test(formats),
		cmocka_unit_test(rounds_to_int64),
		cmocka_unit_test(compares),
		cmocka_unit_test(adds),
		cmocka_unit_test(random_numbers),
		cmocka_unit_test(random_texts),
	};
	return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
