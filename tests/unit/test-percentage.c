/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet-cases.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/go-text.h"
#include "core/percentage.h"
#include "random.h"

static struct percentage parse(const char *text, enum percentage_syntax syntax)
{
	struct percentage p;
	struct err e = { 0 };
	if (percentage_parse(text, syntax, &p, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return p;
}

/* --- the kubelet's cases -------------------------------------------------------------------- */

/* The fraction as the kubelet has it; every float32 is exact as a double. */
static double fraction(const struct percentage *p)
{
	double magnitude = ldexp(p->kubelet.significand, p->kubelet.exponent);
	return p->negative ? -magnitude : magnitude;
}

static void check_error(const cJSON *row, const char *in)
{
	struct percentage p;
	struct err e = { 0 };
	if (percentage_parse(in, PERCENTAGE_KUBELET, &p, &e) >= 0)
		fail_msg("%s is accepted", in);
	if (cJSON_IsString(kubelet_member(row, "error")))
		assert_string_equal(e.msg, kubelet_text(row, "error"));
}

static void check_finite(const cJSON *row, const char *in, const struct percentage *p)
{
	double expected = strtof(kubelet_text(row, "float32_hex"), NULL);
	if (p->kind != PERCENTAGE_FINITE || fraction(p) != expected)
		fail_msg("%s: %a", in, fraction(p));
	int64_t capacity = 0, amount = 0;
	assert_int_equal(json_get_i64(row, "capacity", &capacity, NULL), 0);
	assert_int_equal(parse_i64(kubelet_text(row, "threshold_quantity"), &amount), 0);
	/* no negative one is ever used */
	uint64_t expected_amount = amount < 0 ? 0 : (uint64_t)amount;
	uint64_t ours = percentage_of(p, (uint64_t)capacity, true);
	if (ours != expected_amount)
		fail_msg("%s of %" PRId64 ": %" PRIu64, in, capacity, ours);
}

static void check_row(const cJSON *row)
{
	const char *in = kubelet_text(row, "in");
	if (kubelet_member(row, "error")) {
		check_error(row, in);
		return;
	}
	struct percentage p = parse(in, PERCENTAGE_KUBELET);
	const char *hex = kubelet_text(row, "float32_hex");
	if (strcmp(hex, "NaN") == 0)
		assert_int_equal(p.kind, PERCENTAGE_NAN);
	else if (strcmp(hex, "+Inf") == 0)
		assert_int_equal(p.kind, PERCENTAGE_INFINITE);
	else
		check_finite(row, in, &p);
	bool threshold = strcmp(kubelet_text(row, "as_threshold"), "accepted") == 0;
	bool reclaim = strcmp(kubelet_text(row, "as_min_reclaim"), "accepted") == 0;
	bool fits = percentage_sign(&p, true) >= 0 && !percentage_is_above_all(&p, true);
	if (fits != threshold || (percentage_sign(&p, true) > 0) != reclaim)
		fail_msg("%s: sign %d", in, percentage_sign(&p, true));
}

static void same_as_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("quantity.json");
	const cJSON *row;
	int n = 0;
	cJSON_ArrayForEach(row, kubelet_member(cases, "derived_percentage"))
	{
		check_row(row);
		n++;
	}
	assert_int_equal(n, 22);
}

static void parses_as_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row;
	int n = 0;
	cJSON_ArrayForEach(row, kubelet_member(cases, "parse_percentage"))
	{
		n++;
		const char *in = kubelet_text(row, "in");
		if (kubelet_bool(row, "error")) {
			check_error(row, in);
			continue;
		}
		struct percentage p = parse(in, PERCENTAGE_KUBELET);
		if (fraction(&p) != (double)(float)kubelet_member(row, "value")->valuedouble)
			fail_msg("%s: %a", in, fraction(&p));
	}
	assert_int_equal(n, 4);
}

/* --- both arithmetics ----------------------------------------------------------------------- */

/* The kubelet's were computed with Go. */
static void parts_of_totals(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t total, exact, kubelet;
	} rows[] = {
		{ "10%", 0, 0, 0 },
		{ "10%", 9, 0, 0 },
		{ "10%", 10, 1, 1 },
		{ "10%", 105, 10, 10 },
		{ "5%", 100, 5, 5 },
		{ "15%", 100, 15, 15 },
		{ "15%", UINT64_C(107374182400), UINT64_C(16106127360), UINT64_C(16106128000) },
		{ "10%", UINT64_C(107374182400), UINT64_C(10737418240), UINT64_C(10737418400) },
		{ "12.5%", UINT64_C(107374182400), UINT64_C(13421772800), UINT64_C(13421772800) },
		/* 1 % is less in float32, so a node with 100 bytes has no byte to keep free */
		{ "1%", 100, 1, 0 },
		{ "1%", UINT64_C(4398046511104), UINT64_C(43980465111), UINT64_C(43980464128) },
		{ "0.000001%", UINT64_C(107374182400), 1073, 1073 },
		{ "33.333333333333333%", UINT64_C(1000000000000000000),
		  UINT64_C(333333333333333330), UINT64_C(333333313465118400) },
		{ "100%", UINT64_MAX, UINT64_MAX, UINT64_MAX },
		{ "50%", UINT64_MAX, UINT64_C(9223372036854775807), UINT64_C(9223372036854775808) },
		{ "150%", 1000, 1500, 1500 },
		{ "1e3%", 1000, 10000, 10000 },
		{ "1e-40%", UINT64_MAX, 0, 0 },
		{ "1e30%", 1, UINT64_MAX, UINT64_MAX },
		{ "1e30%", 0, 0, 0 },
		{ "101%", UINT64_MAX, UINT64_MAX, UINT64_MAX },
		{ "-5%", 1000, 0, 0 },
		{ "-0%", 1000, 0, 0 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct percentage p = parse(rows[i].text, PERCENTAGE_PLAIN);
		uint64_t exact = percentage_of(&p, rows[i].total, false);
		uint64_t kubelet = percentage_of(&p, rows[i].total, true);
		if (exact != rows[i].exact || kubelet != rows[i].kubelet)
			fail_msg("%s of %" PRIu64 ": %" PRIu64 ", %" PRIu64, rows[i].text,
				 rows[i].total, exact, kubelet);
	}
	struct percentage nan = parse("NaN%", PERCENTAGE_KUBELET);
	assert_int_equal(percentage_of(&nan, 1000, true), 0);
	struct percentage inf = parse("Inf%", PERCENTAGE_KUBELET);
	assert_int_equal(percentage_of(&inf, 1000, true), 0);
}

static void signs(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int sign, sign_kubelet;
		bool above, above_kubelet;
	} rows[] = {
		{ "0%", 0, 0, false, false },
		{ "-0.0%", 0, 0, false, false },
		{ "1e-9%", 1, 1, false, false },
		{ "-1e-9%", -1, -1, false, false },
		/* below what float32 has */
		{ "1e-50%", 1, 0, false, false },
		{ "100%", 1, 1, false, false },
		{ "100.0%", 1, 1, false, false },
		{ "1e2%", 1, 1, false, false },
		{ "99.999999%", 1, 1, false, false },
		/* float32 has no number so near to 100 */
		{ "100.000001%", 1, 1, true, false },
		{ "100.00001%", 1, 1, true, true },
		{ "100.1%", 1, 1, true, true },
		{ "101%", 1, 1, true, true },
		{ "110%", 1, 1, true, true },
		{ "250%", 1, 1, true, true },
		{ "1e30%", 1, 1, true, true },
		{ "-101%", -1, -1, false, false },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct percentage p = parse(rows[i].text, PERCENTAGE_PLAIN);
		if (percentage_sign(&p, false) != rows[i].sign ||
		    percentage_sign(&p, true) != rows[i].sign_kubelet ||
		    percentage_is_above_all(&p, false) != rows[i].above ||
		    percentage_is_above_all(&p, true) != rows[i].above_kubelet)
			fail_msg("%s", rows[i].text);
	}
	static const struct {
		const char *text;
		int sign;
		bool above;
	} specials[] = {
		{ "NaN%", 1, false },
		{ "Inf%", 1, true },
		{ "+infinity%", 1, true },
		{ "-iNf%", -1, false },
	};
	for (size_t i = 0; i < ELEMENTS(specials); i++) {
		struct percentage p = parse(specials[i].text, PERCENTAGE_KUBELET);
		if (percentage_sign(&p, true) != specials[i].sign ||
		    percentage_is_above_all(&p, true) != specials[i].above)
			fail_msg("%s", specials[i].text);
	}
}

/* --- syntax --------------------------------------------------------------------------------- */

#define PARSING(text, what) "strconv.ParseFloat: parsing \"" text "\": " what
#define SYNTAX(text)	    PARSING(text, "invalid syntax")
#define RANGE(text)	    PARSING(text, "value out of range")
#define ZEROS_50	    "00000000000000000000000000000000000000000000000000"
#define DIGITS_38	    "12345678901234567890123456789012345678"

/*
 * The fraction or the message that Go has; plain: NULL when our own configuration takes it as
 * well.
 */
static const struct {
	const char *text;
	double fraction;
	const char *kubelet, *plain;
} syntax_rows[] = {
	{ "10%", 0x1.99999ap-4, NULL, NULL },
	{ "+10%", 0x1.99999ap-4, NULL, NULL },
	{ "-10%", -0x1.99999ap-4, NULL, NULL },
	{ "1e1%", 0x1.99999ap-4, NULL, NULL },
	{ "100E-1%", 0x1.99999ap-4, NULL, NULL },
	{ ".1e+2%", 0x1.99999ap-4, NULL, NULL },
	{ "10.%", 0x1.99999ap-4, NULL, NULL },
	{ "0010.0%", 0x1.99999ap-4, NULL, NULL },
	{ "10.0000000000000000000000000000000000000000000000%", 0x1.99999ap-4, NULL, NULL },
	{ ".5%", 0x1.47ae14p-8, NULL, NULL },
	{ "10%%", 0x1.99999ap-4, NULL, "expected one percent sign" },
	{ "10", 0x1.99999ap-4, NULL, "expected one percent sign" },
	{ "1_0%", 0x1.99999ap-4, NULL, "expected a decimal number" },
	{ "0x1p3%", 0x1.47ae14p-4, NULL, "expected a decimal number" },
	{ "0X_A.8p0%", 0x1.ae147ap-4, NULL, "expected a decimal number" },
	{ "0xaP-1_0%", 0x1.99999ap-14, NULL, "expected a decimal number" },
	{ "10_0.5%", 0x1.0147aep+0, NULL, "expected a decimal number" },
	{ "0x1p-10000%", 0, NULL, "expected a decimal number" },
	{ "0x1p-99999%", 0, NULL, "expected a decimal number" },
	{ "0x0p0%", 0, NULL, "expected a decimal number" },
	{ "0x1.fffffep127%", 0x1.47ae14p121, NULL, "expected a decimal number" },
	{ "0x100000100000000000000000000000001p-120%", 0x1.47ae18p+1, NULL,
	  "expected a decimal number" },
	{ "33.3333333333333333333%", 0x1.555554p-2, NULL,
	  "expected a number of at most 19 digits" },
	{ "1" DIGITS_38 DIGITS_38 "e-76%", 0x1.702264p-7, NULL,
	  "expected a number of at most 19 digits" },
	{ "1." ZEROS_50 "1%", 0x1.47ae14p-7, NULL, "expected a number of at most 19 digits" },
	{ "0." ZEROS_50 "1%", 0, NULL, NULL },
	{ "1" ZEROS_50 "e-50%", 0x1.47ae14p-7, NULL, NULL },
	{ "18446744073709551615e-19%", 0x1.2e3b4p-6, NULL, NULL },
	{ "18446744073709551617e-19%", 0x1.2e3b4p-6, NULL,
	  "expected a number of at most 19 digits" },
	/* 1/16 and half of the last bit, without and with something 39 digits behind the point */
	{ "0.062500003725290298461914062500000000000%", 0x1.47ae14p-11, NULL,
	  "expected a number of at most 19 digits" },
	{ "0.062500003725290298461914062500000000001%", 0x1.47ae18p-11, NULL,
	  "expected a number of at most 19 digits" },
	/* halves go to the even neighbour, and what is a little more up */
	{ "16777217%", 0x1.47ae14p+17, NULL, NULL },
	{ "16777217.0000000000000000000000000001%", 0x1.47ae18p+17, NULL,
	  "expected a number of at most 19 digits" },
	{ "16777219%", 0x1.47ae1ap+17, NULL, NULL },
	{ "0.000000000000000000000000000000000000001%", 0, NULL, NULL },
	{ "3.4028234e38%", 0x1.47ae14p121, NULL, NULL },
	{ "3.4028236e38%", 0, RANGE("3.4028236e38"), RANGE("3.4028236e38") },
	{ "1e39%", 0, RANGE("1e39"), RANGE("1e39") },
	{ "1e99999999999999999999%", 0, RANGE("1e99999999999999999999"),
	  RANGE("1e99999999999999999999") },
	{ "0x1p128%", 0, RANGE("0x1p128"), "expected a decimal number" },
	{ "0x1p9999%", 0, RANGE("0x1p9999"), "expected a decimal number" },
	{ "", 0, SYNTAX(""), SYNTAX("") },
	{ "%", 0, SYNTAX(""), SYNTAX("") },
	{ "%%", 0, SYNTAX(""), SYNTAX("") },
	{ "+%", 0, SYNTAX("+"), SYNTAX("+") },
	{ ".%", 0, SYNTAX("."), SYNTAX(".") },
	{ "1.2.3%", 0, SYNTAX("1.2.3"), SYNTAX("1.2.3") },
	{ "1e%", 0, SYNTAX("1e"), SYNTAX("1e") },
	{ "1e+%", 0, SYNTAX("1e+"), SYNTAX("1e+") },
	{ "1e5.5%", 0, SYNTAX("1e5.5"), SYNTAX("1e5.5") },
	{ "10 %", 0, SYNTAX("10 "), SYNTAX("10 ") },
	{ " 10%", 0, SYNTAX(" 10"), SYNTAX(" 10") },
	{ "1%0%", 0, SYNTAX("1%0"), SYNTAX("1%0") },
	{ "_1%", 0, SYNTAX("_1"), SYNTAX("_1") },
	{ "1_%", 0, SYNTAX("1_"), SYNTAX("1_") },
	{ "1__0%", 0, SYNTAX("1__0"), SYNTAX("1__0") },
	{ "1_.5%", 0, SYNTAX("1_.5"), SYNTAX("1_.5") },
	{ "1._5%", 0, SYNTAX("1._5"), SYNTAX("1._5") },
	{ "1e_5%", 0, SYNTAX("1e_5"), SYNTAX("1e_5") },
	{ "0x1._8p0%", 0, SYNTAX("0x1._8p0"), SYNTAX("0x1._8p0") },
	{ "xan%", 0, SYNTAX("xan"), SYNTAX("xan") },
	{ "xnf%", 0, SYNTAX("xnf"), SYNTAX("xnf") },
	{ "0x10%", 0, SYNTAX("0x10"), SYNTAX("0x10") },
	{ "0xp1%", 0, SYNTAX("0xp1"), SYNTAX("0xp1") },
	{ "0xgp1%", 0, SYNTAX("0xgp1"), SYNTAX("0xgp1") },
	{ "0b1%", 0, SYNTAX("0b1"), SYNTAX("0b1") },
	{ "0_x1p0%", 0, SYNTAX("0_x1p0"), SYNTAX("0_x1p0") },
	{ "1a%", 0, SYNTAX("1a"), SYNTAX("1a") },
	{ "+nan%", 0, SYNTAX("+nan"), SYNTAX("+nan") },
	{ "nax%", 0, SYNTAX("nax"), SYNTAX("nax") },
	{ "infin%", 0, SYNTAX("infin"), SYNTAX("infin") },
	{ "\"\\\t\xc3\xa9%", 0, SYNTAX("\\\"\\\\\\x09\\xc3\\xa9"),
	  SYNTAX("\\\"\\\\\\x09\\xc3\\xa9") },
};

static void check_syntax(const char *text, enum percentage_syntax syntax, double expected,
			 const char *message)
{
	struct percentage p = { .exponent = 42 };
	struct err e = { 0 };
	int r = percentage_parse(text, syntax, &p, &e);
	if (!message != (r == 0) || (message && strcmp(message, e.msg) != 0))
		fail_msg("\"%s\": %d, %s", text, r, e.msg);
	if (message)
		assert_int_equal(p.exponent, 42);
	else if (fraction(&p) != expected)
		fail_msg("\"%s\": %a, expected %a", text, fraction(&p), expected);
}

static void syntax(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(syntax_rows); i++) {
		check_syntax(syntax_rows[i].text, PERCENTAGE_KUBELET, syntax_rows[i].fraction,
			     syntax_rows[i].kubelet);
		check_syntax(syntax_rows[i].text, PERCENTAGE_PLAIN, syntax_rows[i].fraction,
			     syntax_rows[i].plain);
	}
	check_syntax("nan%", PERCENTAGE_PLAIN, 0, "expected a decimal number");
	check_syntax("-Infinity%", PERCENTAGE_PLAIN, 0, "expected a decimal number");
	assert_int_equal(percentage_parse("x%", PERCENTAGE_PLAIN, NULL, NULL), -EINVAL);
}

static void escapes(void **state)
{
	(void)state;
	char ret[GO_QUOTED_MAX], s[400];
	assert_string_equal(go_escape("a b~", 4, ret), "a b~");
	assert_string_equal(go_escape("abc", 2, ret), "ab");
	assert_string_equal(go_escape("\"\\\x7f\x1f\xff", 5, ret), "\\\"\\\\\\x7f\\x1f\\xff");
	/* cut, but never in the middle of an escape */
	memset(s, '\n', sizeof(s));
	(void)go_escape(s, sizeof(s), ret);
	assert_int_equal(strlen(ret), 156);
	assert_string_equal(ret + 152, "\\x0a");
	memset(s, 'x', sizeof(s));
	assert_int_equal(strlen(go_escape(s, sizeof(s), ret)), 156);
}

/* Numbers of which only the beginning is known. */
static void binary_fractions(void **state)
{
	(void)state;
	static const struct {
		uint64_t significand;
		bool rest;
		int64_t exponent;
		double expected;
	} rows[] = {
		{ 0, false, 5, 0 },
		{ 5, false, -1, 0.5 },
		{ 5, true, -1, 0.5 },
		{ 16777217, false, 0, 16777216 },
		{ 16777217, true, 0, 16777218 },
		{ 16777219, false, 0, 16777220 },
		{ 33554431, false, 0, 33554432 },
		{ 1234, false, -40, 0x1.46abccp-123 },
		{ 1234, true, -40, 0x1.46abccp-123 },
		{ 12300, true, -40, 0x1.a28c1cp-120 },
		{ 12300, false, -40, 0x1.a28c1cp-120 },
		{ 1, false, -39, 0 },
		{ 1, true, -400, 0 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct binary_fraction f = binary_fraction_from_decimal(
			rows[i].significand, rows[i].rest, rows[i].exponent);
		if (ldexp(f.significand, f.exponent) != rows[i].expected)
			fail_msg("row %zu: %a", i, ldexp(f.significand, f.exponent));
	}
	/* 1/16 and half of its last bit; and the digit behind 38 decimals that makes it more */
	unsigned __int128 half =
		(unsigned __int128)UINT64_C(625000037252902984) * 1000000000 + 619140625;
	half *= UINT64_C(100000000000);
	assert_int_equal(binary_fraction_from_decimal(half, false, -39).significand, 0x800000);
	assert_int_equal(binary_fraction_from_decimal(half + 1, false, -39).significand, 0x800001);
	assert_false(binary_fraction_above_one((struct binary_fraction){ 0 }));
	/* 0 and 2^-126 are there, and nothing in between */
	assert_int_equal(binary_fraction_from_binary(1, false, -126).significand, 1 << 23);
	assert_int_equal(binary_fraction_from_binary(1, false, -127).significand, 0);
	assert_int_equal(parse("0e5%", PERCENTAGE_PLAIN).exponent, 0);
}

/* --- random --------------------------------------------------------------------------------- */

/* part <= total * percent / 100 < part + 1, whatever the numbers. */
static void exact_part(void **state)
{
	(void)state;
	struct random r = random_start("percentages");
	for (int round = 0; round < 50000; round++) {
		uint64_t hundredths = random_below(&r, 10001), total = random_amount(&r);
		char text[64];
		(void)snprintf(text, sizeof(text), "%" PRIu64 ".%02" PRIu64 "%%", hundredths / 100,
			       hundredths % 100);
		struct percentage p = parse(text, PERCENTAGE_PLAIN);
		unsigned __int128 part = percentage_of(&p, total, false);
		unsigned __int128 product = (unsigned __int128)total * hundredths;
		if (part * 10000 > product || product >= (part + 1) * 10000)
			fail_msg("%s of %" PRIu64 ": %" PRIu64, text, total, (uint64_t)part);

		/* the kubelet's: by the compiler's float and double, which are IEEE's here */
		float value = strtof(text, NULL) / 100;
		double kubelet = (double)total * (double)value;
		if (kubelet < 0x1p64 && percentage_of(&p, total, true) != (uint64_t)kubelet)
			fail_msg("%s of %" PRIu64 " in float32: %" PRIu64, text, total,
				 percentage_of(&p, total, true));
	}
}

/* More of one total is never less, in both arithmetics. */
static void grows(void **state)
{
	(void)state;
	struct random r = random_start("growing percentages");
	for (int round = 0; round < 20000; round++) {
		uint64_t less = random_amount(&r) >> 4, more = random_amount(&r) >> 4;
		if (less > more) {
			uint64_t swap = less;
			less = more;
			more = swap;
		}
		uint64_t total = random_amount(&r);
		int exponent = -(int)random_below(&r, 19);
		char text[64];
		(void)snprintf(text, sizeof(text), "%" PRIu64 "e%d%%", less, exponent);
		struct percentage a = parse(text, PERCENTAGE_PLAIN);
		(void)snprintf(text, sizeof(text), "%" PRIu64 "e%d%%", more, exponent);
		struct percentage b = parse(text, PERCENTAGE_PLAIN);
		assert_true(percentage_of(&a, total, false) <= percentage_of(&b, total, false));
		assert_true(percentage_of(&a, total, true) <= percentage_of(&b, total, true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_the_kubelet),
		cmocka_unit_test(parses_as_the_kubelet),
		cmocka_unit_test(parts_of_totals),
		cmocka_unit_test(signs),
		cmocka_unit_test(syntax),
		cmocka_unit_test(escapes),
		cmocka_unit_test(binary_fractions),
		cmocka_unit_test(exact_part),
		cmocka_unit_test(grows),
	};
	return cmocka_run_group_tests_name("percentage", tests, NULL, NULL);
}
