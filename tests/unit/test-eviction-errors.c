/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "core/eviction-parse.h"
#include "core/go-text.h"

#define SIGNALS                                                                              \
	"there are nodefs.available nodefs.inodesFree imagefs.available imagefs.inodesFree " \
	"containerfs.available containerfs.inodesFree"
#define EXPECTED_AMOUNT \
	"expected a percentage such as 10% or 12.5%, or an amount such as 1Gi or 500M, got "
#define EXPECTED_DURATION "expected a duration such as 1m30s, got "
#define FORMAT_WRONG                                    \
	"quantities must match the regular expression " \
	"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define SYNTAX(text) "strconv.ParseFloat: parsing \"" text "\": invalid syntax"
#define MISSING_GRACE \
	"grace period must be specified for the soft eviction threshold nodefs.available"

/* The kubelet's message, and ours; NULL: accepted. */
static const struct {
	struct eviction_texts texts;
	int code;
	const char *ours;
	int kubelet_code;
	const char *kubelet;
} refused[] = {
	{ { .hard = "nodefs.available" },
	  -EINVAL,
	  "evictionHard: malformed pair, expect string<string",
	  -EINVAL,
	  "malformed pair, expect string<string" },
	{ { .hard = "nodefs.available<10%, " },
	  -EINVAL,
	  "evictionHard: malformed pair, expect string<string",
	  -EINVAL,
	  "malformed pair, expect string<string" },
	{ { .soft_grace_period = "nodefs.available<10s" },
	  -EINVAL,
	  "evictionSoftGracePeriod: malformed pair, expect string=string",
	  -EINVAL,
	  "malformed pair, expect string=string" },
	{ { .hard = "nodefs.Available<10%" },
	  -EINVAL,
	  "evictionHard: unsupported eviction signal nodefs.Available; " SIGNALS,
	  -EINVAL,
	  "unsupported eviction signal nodefs.Available" },
	{ { .hard = "<10%" },
	  -EINVAL,
	  "evictionHard: unsupported eviction signal ; " SIGNALS,
	  -EINVAL,
	  "unsupported eviction signal " },
	{ { .minimum_reclaim = "a\tb=1" },
	  -EINVAL,
	  "evictionMinimumReclaim: unsupported eviction signal a\\x09b; " SIGNALS,
	  -EINVAL,
	  "unsupported eviction signal a\\x09b" },
	{ { .soft_grace_period = "x=1s" },
	  -EINVAL,
	  "evictionSoftGracePeriod: unsupported eviction signal x; " SIGNALS,
	  -EINVAL,
	  "unsupported eviction signal x" },
	/* only the kubelet looks after memory and processes */
	{ { .hard = "memory.available<100Mi" },
	  -EINVAL,
	  "evictionHard: unsupported eviction signal memory.available; " SIGNALS,
	  0,
	  NULL },
	{ { .minimum_reclaim = "allocatableMemory.available=1" },
	  -EINVAL,
	  "evictionMinimumReclaim: unsupported eviction signal "
	  "allocatableMemory.available; " SIGNALS,
	  0,
	  NULL },
	{ { .soft_grace_period = "pid.available=1m" },
	  -EINVAL,
	  "evictionSoftGracePeriod: unsupported eviction signal pid.available; " SIGNALS,
	  0,
	  NULL },
	{ { .hard = "memory.available<-1" },
	  -EINVAL,
	  "evictionHard: unsupported eviction signal memory.available; " SIGNALS,
	  -EINVAL,
	  "eviction threshold memory.available must be positive: -1" },
	/* given twice */
	{ { .hard = "nodefs.available<10%,nodefs.available<20%" },
	  -EINVAL,
	  "evictionHard: nodefs.available is there twice",
	  0,
	  NULL },
	{ { .hard = "nodefs.available<x,nodefs.available<20%" },
	  -EINVAL,
	  "evictionHard: nodefs.available is there twice",
	  0,
	  NULL },
	{ { .hard = "nodefs.available<20%,nodefs.available<x" },
	  -EINVAL,
	  "evictionHard: nodefs.available is there twice",
	  -EINVAL,
	  FORMAT_WRONG },
	/* values */
	{ { .hard = "nodefs.available<" },
	  -EINVAL,
	  "evictionHard: nodefs.available: " EXPECTED_AMOUNT "\"\": " FORMAT_WRONG,
	  -EINVAL,
	  FORMAT_WRONG },
	{ { .hard = "nodefs.available<10 %" },
	  -EINVAL,
	  "evictionHard: nodefs.available: " EXPECTED_AMOUNT "\"10 %\": " SYNTAX("10 "),
	  -EINVAL,
	  SYNTAX("10 ") },
	{ { .hard = "nodefs.available<10%%" },
	  -EINVAL,
	  "evictionHard: nodefs.available: " EXPECTED_AMOUNT "\"10%%\": expected one percent sign",
	  0,
	  NULL },
	{ { .hard = "nodefs.available<NaN%" },
	  -EINVAL,
	  "evictionHard: nodefs.available: " EXPECTED_AMOUNT "\"NaN%\": expected a decimal number",
	  0,
	  NULL },
	{ { .minimum_reclaim = "nodefs.available=Inf%" },
	  -EINVAL,
	  "evictionMinimumReclaim: nodefs.available: " EXPECTED_AMOUNT
	  "\"Inf%\": expected a decimal number",
	  0,
	  NULL },
	{ { .hard = "nodefs.available<1e39%" },
	  -ERANGE,
	  "evictionHard: nodefs.available: " EXPECTED_AMOUNT
	  "\"1e39%\": strconv.ParseFloat: parsing \"1e39\": value out of range",
	  -ERANGE,
	  "strconv.ParseFloat: parsing \"1e39\": value out of range" },
	{ { .minimum_reclaim = "nodefs.available=Ki" },
	  -EINVAL,
	  "evictionMinimumReclaim: nodefs.available: " EXPECTED_AMOUNT "\"Ki\": there is no digit",
	  0,
	  NULL },
	{ { .hard = "nodefs.available<1gb" },
	  -EINVAL,
	  "evictionHard: nodefs.available: " EXPECTED_AMOUNT "\"1gb\": " FORMAT_WRONG,
	  -EINVAL,
	  FORMAT_WRONG },
	{ { .hard = "nodefs.available<-10%" },
	  -EINVAL,
	  "evictionHard: eviction percentage threshold nodefs.available must be >= 0%: -10%",
	  -EINVAL,
	  "eviction percentage threshold nodefs.available must be >= 0%: -10%" },
	{ { .hard = "nodefs.available<%" },
	  -EINVAL,
	  "evictionHard: nodefs.available: " EXPECTED_AMOUNT "\"%\": " SYNTAX(""),
	  -EINVAL,
	  SYNTAX("") },
	/* float32 has no number so near to 0 */
	{ { .hard = "nodefs.available<-1e-50%" },
	  -EINVAL,
	  "evictionHard: eviction percentage threshold nodefs.available must be >= 0%: -1e-50%",
	  0,
	  NULL },
	{ { .minimum_reclaim = "nodefs.available=1e-50%" },
	  0,
	  NULL,
	  -EINVAL,
	  "eviction percentage minimum reclaim nodefs.available must be positive: 1e-50%" },
	{ { .hard = "nodefs.available<101%" },
	  -EINVAL,
	  "evictionHard: eviction percentage threshold nodefs.available must be <= 100%: 101%",
	  -EINVAL,
	  "eviction percentage threshold nodefs.available must be <= 100%: 101%" },
	/* float32 has nothing between 100 and this */
	{ { .hard = "nodefs.available<100.000001%" },
	  -EINVAL,
	  "evictionHard: eviction percentage threshold nodefs.available must be <= 100%: "
	  "100.000001%",
	  0,
	  NULL },
	{ { .hard = "nodefs.inodesFree<0" },
	  -EINVAL,
	  "evictionHard: eviction threshold nodefs.inodesFree must be positive: 0",
	  -EINVAL,
	  "eviction threshold nodefs.inodesFree must be positive: 0" },
	{ { .hard = "imagefs.available<-1.5Gi" },
	  -EINVAL,
	  "evictionHard: eviction threshold imagefs.available must be positive: -1536Mi",
	  -EINVAL,
	  "eviction threshold imagefs.available must be positive: -1536Mi" },
	{ { .hard = "imagefs.available<-5Gi" },
	  -EINVAL,
	  "evictionHard: eviction threshold imagefs.available must be positive: -5Gi",
	  -EINVAL,
	  "eviction threshold imagefs.available must be positive: -5Gi" },
	{ { .soft = "imagefs.available<1e2147483648" },
	  -ERANGE,
	  "evictionSoft: imagefs.available: " EXPECTED_AMOUNT
	  "\"1e2147483648\": exponent of quantity out of range",
	  -ERANGE,
	  "exponent of quantity out of range" },
	/* minimum reclaim */
	{ { .minimum_reclaim = "nodefs.available=0%" },
	  -EINVAL,
	  "evictionMinimumReclaim: eviction percentage minimum reclaim nodefs.available must be "
	  "positive: 0%",
	  -EINVAL,
	  "eviction percentage minimum reclaim nodefs.available must be positive: 0%" },
	{ { .minimum_reclaim = "nodefs.available=-1" },
	  -EINVAL,
	  "evictionMinimumReclaim: negative eviction minimum reclaim specified for "
	  "nodefs.available",
	  -EINVAL,
	  "negative eviction minimum reclaim specified for nodefs.available" },
	{ { .minimum_reclaim = "nodefs.available=1KB" },
	  -EINVAL,
	  "evictionMinimumReclaim: nodefs.available: " EXPECTED_AMOUNT "\"1KB\": " FORMAT_WRONG,
	  -EINVAL,
	  FORMAT_WRONG },
	/* grace periods */
	{ { .soft = "nodefs.available<10%" },
	  -EINVAL,
	  "evictionSoftGracePeriod: " MISSING_GRACE,
	  -EINVAL,
	  MISSING_GRACE },
	{ { .soft = "nodefs.available<10%", .soft_grace_period = "imagefs.available=1m" },
	  -EINVAL,
	  "evictionSoftGracePeriod: " MISSING_GRACE,
	  -EINVAL,
	  MISSING_GRACE },
	{ { .soft_grace_period = "nodefs.available=-1ns" },
	  -EINVAL,
	  "evictionSoftGracePeriod: invalid eviction grace period specified: -1ns, must be a "
	  "positive value",
	  -EINVAL,
	  "invalid eviction grace period specified: -1ns, must be a positive value" },
	{ { .soft_grace_period = "nodefs.available=5d" },
	  -EINVAL,
	  "evictionSoftGracePeriod: nodefs.available: " EXPECTED_DURATION
	  "\"5d\": time: unknown unit \"d\" in duration \"5d\"",
	  -EINVAL,
	  "time: unknown unit \"d\" in duration \"5d\"" },
	/* the order of the checks */
	{ { .hard = "x<1", .soft = "y<1", .soft_grace_period = "z=1s", .minimum_reclaim = "a=1" },
	  -EINVAL,
	  "evictionHard: unsupported eviction signal x; " SIGNALS,
	  -EINVAL,
	  "unsupported eviction signal x" },
	{ { .soft = "y<1", .soft_grace_period = "z=1s", .minimum_reclaim = "a=1" },
	  -EINVAL,
	  "evictionSoft: unsupported eviction signal y; " SIGNALS,
	  -EINVAL,
	  "unsupported eviction signal y" },
	{ { .soft_grace_period = "z=1s", .minimum_reclaim = "a=1" },
	  -EINVAL,
	  "evictionSoftGracePeriod: unsupported eviction signal z; " SIGNALS,
	  -EINVAL,
	  "unsupported eviction signal z" },
	{ { .soft = "nodefs.available<1", .minimum_reclaim = "a=1" },
	  -EINVAL,
	  "evictionMinimumReclaim: unsupported eviction signal a; " SIGNALS,
	  -EINVAL,
	  "unsupported eviction signal a" },
};

static void check_refused(size_t row, enum eviction_dialect dialect, int code, const char *message)
{
	struct eviction_thresholds thresholds = { .n = 42 };
	struct err e = { 0 };
	int r = eviction_parse_texts(&refused[row].texts, dialect, &thresholds, &e);
	if (r != code || strcmp(e.msg, message ? message : "") != 0)
		fail_msg("row %zu, dialect %d: %d, %s", row, (int)dialect, r, e.msg);
	if (code < 0)
		assert_int_equal(thresholds.n, 42);
	assert_int_equal(eviction_parse_texts(&refused[row].texts, dialect, &thresholds, NULL),
			 code);
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(refused); i++) {
		check_refused(i, EVICTION_OURS, refused[i].code, refused[i].ours);
		check_refused(i, EVICTION_KUBELET, refused[i].kubelet_code, refused[i].kubelet);
	}
}

static void durations_in_go_words(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "", "time: invalid duration \"\"" },
		{ "x", "time: invalid duration \"x\"" },
		{ "-5d", "time: unknown unit \"d\" in duration \"-5d\"" },
		{ "+5d", "time: unknown unit \"d\" in duration \"+5d\"" },
		{ "1.5x", "time: unknown unit \"x\" in duration \"1.5x\"" },
		{ "1.5xs", "time: unknown unit \"xs\" in duration \"1.5xs\"" },
		{ ".5x", "time: unknown unit \"x\" in duration \".5x\"" },
		{ "5.x", "time: unknown unit \"x\" in duration \"5.x\"" },
		{ "-", "time: invalid duration \"-\"" },
		{ "s", "time: invalid duration \"s\"" },
		{ ".s", "time: invalid duration \".s\"" },
		{ "+.", "time: invalid duration \"+.\"" },
		{ "1h ", "time: unknown unit \"h \" in duration \"1h \"" },
		{ "1hh", "time: unknown unit \"hh\" in duration \"1hh\"" },
		{ "1h2", "time: missing unit in duration \"1h2\"" },
		{ "1.5", "time: missing unit in duration \"1.5\"" },
		{ "1.5.5s", "time: missing unit in duration \"1.5.5s\"" },
		{ "1h-2m", "time: unknown unit \"h-\" in duration \"1h-2m\"" },
		{ "3\xc2\xb5x", "time: unknown unit \"\\xc2\\xb5x\" in duration \"3\\xc2\\xb5x\"" },
		{ "99999999999h", "time: invalid duration \"99999999999h\"" },
		{ "1ns2us3\xc2\xb5s4\xce\xbcs5ms6s7m8h9d",
		  "time: unknown unit \"d\" in duration "
		  "\"1ns2us3\\xc2\\xb5s4\\xce\\xbcs5ms6s7m8h9d\"" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct err e = { 0 };
		assert_int_equal(go_duration_error(rows[i].text, &e), -EINVAL);
		assert_string_equal(e.msg, rows[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(durations_in_go_words),
	};
	return cmocka_run_group_tests_name("eviction-errors", tests, NULL, NULL);
}
