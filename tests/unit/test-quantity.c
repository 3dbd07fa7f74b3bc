/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet-cases.h"

#include <errno.h>
#include <stdlib.h>
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

/* --- the kubelet's cases -------------------------------------------------------------------- */

static const struct kubelet_group groups[] = {
	{ "parse", 63, 0, NULL },
	{ "parse_invalid", 9, 0, NULL },
	{ "split", 4, 0, NULL },
	{ "cmp", 4, 0, NULL },
	{ "emit", 6, 0, NULL },
	{ "canonical_string", 32, 0, NULL },
	{ "derived_parse", 32, 0, NULL },
	{ "derived_percentage", 22, 0, NULL }, /* by test-percentage */
};

/* Where an int64 cannot hold the value, the kubelet goes on with what is left of it. Ours says so. */
static const struct {
	const char *in, *kubelet;
} overflows[] = {
	{ "12E", "0" },
	{ "1e400", "0" },
	{ "9223372036854775808", "-9223372036854775808" },
	{ "99999999999999999999", "7766279631452241919" },
};

static bool overflows_in_kubelet(const char *in, const char *value)
{
	for (size_t i = 0; i < ELEMENTS(overflows); i++)
		if (strcmp(overflows[i].in, in) == 0)
			return strcmp(overflows[i].kubelet, value) == 0;
	return false;
}

static void check_value(const cJSON *row, const char *in, const struct quantity *q,
			int *n_overflows)
{
	const char *expected = kubelet_text(row, "value_int64_roundup");
	int64_t value = 42;
	int r = quantity_value(q, &value);
	if (overflows_in_kubelet(in, expected)) {
		++*n_overflows;
		if (r != -ERANGE || value != 42)
			fail_msg("%s: does not say that it overflows", in);
		return;
	}
	char text[32];
	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	if (r < 0 || strcmp(text, expected) != 0)
		fail_msg("%s: %s, expected %s", in, r < 0 ? "overflow" : text, expected);
}

static void check_exact(const cJSON *row, const char *in, const struct quantity *q)
{
	char exact[TEXT_MAX];
	if (kubelet_member(row, "exact"))
		(void)snprintf(exact, sizeof(exact), "%s", kubelet_text(row, "exact"));
	else
		(void)snprintf(exact, sizeof(exact), "%.0fe%.0f",
			       kubelet_member(row, "mantissa")->valuedouble,
			       kubelet_member(row, "exponent10")->valuedouble);
	/* doubles do not hold this one */
	if (strcmp(in, "9Ei") == 0)
		(void)snprintf(exact, sizeof(exact), "%" PRId64, INT64_MAX);
	struct quantity expected = parse(exact);
	if (quantity_compare(q, &expected) != 0)
		fail_msg("%s is not %s", in, exact);
	if (kubelet_member(row, "sign"))
		assert_int_equal(quantity_sign(q), kubelet_member(row, "sign")->valueint);
}

static void check_refused(const cJSON *row, const char *in)
{
	struct quantity q;
	struct err e = { 0 };
	if (quantity_parse(in, &q, &e) != -EINVAL || strcmp(e.msg, kubelet_text(row, "error")) != 0)
		fail_msg("%s: %s", in, e.msg);
}

static void check_parsed(const cJSON *row, int *n_overflows)
{
	static const char *const formats[] = { "DecimalSI", "DecimalExponent", "BinarySI" };
	const char *in = kubelet_text(row, "in");
	if (kubelet_member(row, "error")) {
		check_refused(row, in);
		return;
	}
	struct quantity q = parse(in);
	check_exact(row, in, &q);
	check_value(row, in, &q, n_overflows);
	if (strcmp(formats[q.format], kubelet_text(row, "format")) != 0)
		fail_msg("%s: format %s", in, formats[q.format]);
	assert_prints(in, &q, in, kubelet_text(row, "canonical"));
}

static void parses_as_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("quantity.json");
	kubelet_census(cases, groups, ELEMENTS(groups));
	int n_overflows = 0;
	const cJSON *row;
	cJSON_ArrayForEach(row, kubelet_member(cases, "parse")) check_parsed(row, &n_overflows);
	cJSON_ArrayForEach(row, kubelet_member(cases, "derived_parse"))
		check_parsed(row, &n_overflows);
	cJSON_ArrayForEach(row, kubelet_member(cases, "parse_invalid"))
		check_refused(row, kubelet_text(row, "in"));
	assert_int_equal(n_overflows, ELEMENTS(overflows));
}

static void prints_as_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("quantity.json");
	static const char *const printed[] = { "emit", "canonical_string" };
	for (size_t i = 0; i < ELEMENTS(printed); i++) {
		const cJSON *row;
		cJSON_ArrayForEach(row, kubelet_member(cases, printed[i]))
		{
			const char *in = kubelet_text(row, "in");
			struct quantity q = parse(in);
			assert_prints(in, &q, in, kubelet_text(row, "canonical"));
			/* what is printed stays as it is */
			q = parse(kubelet_text(row, "canonical"));
			assert_prints(in, &q, NULL, kubelet_text(row, "canonical"));
		}
	}
}

static void compares_as_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("quantity.json");
	const cJSON *row;
	cJSON_ArrayForEach(row, kubelet_member(cases, "cmp"))
	{
		struct quantity x = parse(kubelet_text(row, "x")),
				y = parse(kubelet_text(row, "y"));
		int expected = kubelet_member(row, "cmp")->valueint;
		assert_int_equal(quantity_compare(&x, &y), expected);
		assert_int_equal(quantity_compare(&y, &x), -expected);
	}
	/* the parts of a text, put together in another way */
	cJSON_ArrayForEach(row, kubelet_member(cases, "split"))
	{
		char text[TEXT_MAX];
		(void)snprintf(text, sizeof(text), "%s0%s.%s%s",
			       kubelet_bool(row, "positive") ? "" : "-", kubelet_text(row, "num"),
			       kubelet_text(row, "denom"), kubelet_text(row, "suffix"));
		struct quantity x = parse(kubelet_text(row, "in")), y = parse(text);
		assert_int_equal(quantity_compare(&x, &y), 0);
		assert_int_equal(x.format, y.format);
	}
}

/* --- ours ----------------------------------------------------------------------------------- */

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
		cmocka_unit_test(parses_as_the_kubelet),
		cmocka_unit_test(prints_as_the_kubelet),
		cmocka_unit_test(compares_as_the_kubelet),
		cmocka_unit_test(refuses),
		cmocka_unit_test(accepts),
		cmocka_unit_test(rounds_to_int64),
		cmocka_unit_test(compares),
		cmocka_unit_test(adds),
		cmocka_unit_test(random_numbers),
		cmocka_unit_test(random_texts),
	};
	return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
