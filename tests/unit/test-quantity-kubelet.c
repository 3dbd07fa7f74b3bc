/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet-cases.h"

#include <errno.h>
#include <string.h>

#include "core/quantity.h"

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

/*
 * Where an int64 cannot hold the value, the kubelet goes on with what is left of it. Ours says
 * so.
 */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_as_the_kubelet),
		cmocka_unit_test(prints_as_the_kubelet),
		cmocka_unit_test(compares_as_the_kubelet),
	};
	return cmocka_run_group_tests_name("quantity-kubelet", tests, NULL, NULL);
}
