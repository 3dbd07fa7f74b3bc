/* SPDX-License-Identifier: Apache-2.0 */
/* What the kubelet's configuration means to the agent. */
#include "kubelet-node.h"

#include "config/config.h"
#include "core/eviction-parse.h"
#include "kubelet.h"

#define GIB ((uint64_t)1 << 30)

static struct config *configured(const char *kubelet)
{
	struct config *c = config_defaults();
	free(c->kubelet_config);
	c->kubelet_config = xstrdup(kubelet);
	return c;
}

static uint64_t amount_of(const struct eviction_thresholds *thresholds, enum eviction_signal signal,
			  enum eviction_level by)
{
	const struct eviction_threshold *t = eviction_find(thresholds, signal, by);
	return t ? eviction_amount(t, 1000, false, thresholds->float32) : 0;
}

static void rules_of_a_file(void **state)
{
	(void)state;
	put_config("/k.yaml", "imageGCHighThresholdPercent: 70\nimageGCLowThresholdPercent: 60\n"
			      "imageMinimumGCAge: 10m\nimageMaximumGCAge: 24h\n"
			      "evictionHard: {nodefs.available: 20%, memory.available: 1Gi}\n"
			      "evictionSoft: {imagefs.available: 30%}\n"
			      "evictionSoftGracePeriod: {imagefs.available: 2m}\n"
			      "evictionPressureTransitionPeriod: 1m\n");
	cleanup_config struct config *c = configured("/k.yaml");
	struct kubelet_rules rules;
	struct err e = { 0 };
	assert_int_equal(kubelet_rules_read(c, node, &rules, &e), 0);
	assert_true(rules.found);
	assert_string_equal(rules.source, "/k.yaml");
	assert_int_equal(rules.gc.high_percent[RESOURCE_BYTES], 70);
	assert_int_equal(rules.gc.low_percent[RESOURCE_BYTES], 60);
	assert_true(rules.gc.high_percent[RESOURCE_INODES] > 100);
	assert_int_equal(rules.gc.minimum_age, 10 * USEC_PER_MINUTE);
	assert_int_equal(rules.gc.maximum_age, 24 * 60 * USEC_PER_MINUTE);
	assert_int_equal(rules.eviction.transition_period, USEC_PER_MINUTE);
	assert_int_equal(
		amount_of(&rules.eviction.thresholds, EVICTION_NODEFS_AVAILABLE, EVICTION_HARD),
		200);
	assert_int_equal(
		amount_of(&rules.eviction.thresholds, EVICTION_IMAGEFS_AVAILABLE, EVICTION_SOFT),
		300);
	assert_int_equal(
		amount_of(&rules.eviction.thresholds, EVICTION_IMAGEFS_AVAILABLE, EVICTION_HARD),
		0);
	struct kubelet_limits limits;
	assert_int_equal(kubelet_limits_read(c, node, &limits, &e), 0);
	assert_true(limits.known);
	assert_int_equal(limits.gc_high_percent, 70);
	assert_int_equal(limits.gc_low_percent, 60);
	assert_memory_equal(&limits.eviction, &rules.eviction.thresholds, sizeof(limits.eviction));
}

/* As with a file that says nothing; but there are no limits to be ahead of. */
static void rules_without_a_kubelet(void **state)
{
	(void)state;
	static const char *const settings[] = { "auto", "no" };
	put("/proc/1/comm", "systemd\n");
	for (size_t i = 0; i < ELEMENTS(settings); i++) {
		cleanup_config struct config *c = configured(settings[i]);
		struct kubelet_rules rules;
		struct kubelet_limits limits = { .known = true };
		struct err e = { 0 };
		assert_int_equal(kubelet_rules_read(c, node, &rules, &e), 0);
		assert_false(rules.found);
		assert_string_equal(rules.source, "");
		assert_int_equal(rules.gc.high_percent[RESOURCE_BYTES], 85);
		assert_int_equal(rules.gc.low_percent[RESOURCE_BYTES], 80);
		assert_int_equal(rules.gc.minimum_age, 2 * USEC_PER_MINUTE);
		assert_int_equal(rules.gc.maximum_age, 0);
		assert_int_equal(rules.eviction.transition_period, 5 * USEC_PER_MINUTE);
		assert_int_equal(amount_of(&rules.eviction.thresholds, EVICTION_NODEFS_AVAILABLE,
					   EVICTION_HARD),
				 100);
		assert_int_equal(kubelet_limits_read(c, node, &limits, &e), 0);
		assert_false(limits.known);
	}
}

/* 100 is off only without a maximum age. */
static void collection_that_is_off(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int high;
	} rows[] = {
		{ "imageGCHighThresholdPercent: 100\n", 101 },
		{ "imageGCHighThresholdPercent: 100\nimageMaximumGCAge: 1h\n", 100 },
		{ "imageGCHighThresholdPercent: 99\n", 99 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_config struct config *c = configured("/k.yaml");
		struct kubelet_rules rules;
		struct err e = { 0 };
		put("/k.yaml", HEADER);
		cleanup_buf struct buf text = BUF_INIT(4096);
		(void)buf_printf(&text, "%s%s", HEADER, rows[i].text);
		put("/k.yaml", buf_string(&text));
		assert_int_equal(kubelet_rules_read(c, node, &rules, &e), 0);
		assert_int_equal(rules.gc.high_percent[RESOURCE_BYTES], rows[i].high);
	}
}

static void sources(void **state)
{
	(void)state;
	cleanup_config struct config *c = configured("auto");
	struct kubelet_rules rules;
	struct err e = { 0 };
	put_process("42", "kubelet", STATUS("42"), "kubelet\0--v=2");
	assert_int_equal(kubelet_rules_read(c, node, &rules, &e), 0);
	assert_string_equal(rules.source, "the flags of process 42");
	put_config("/k.yaml", "");
	put_process("42", "kubelet", STATUS("42"), "kubelet\0--config=/k.yaml");
	assert_int_equal(kubelet_rules_read(c, node, &rules, &e), 0);
	assert_string_equal(rules.source, "/k.yaml, the flags of process 42");
}

/* What is not to be read leaves everything as it was. */
static void errors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "evictionHard: {nodefs.available: banana}",
		  "/k.yaml: quantities must match the regular expression" },
		{ "imageGCHighThresholdPercent: 120", "/k.yaml: imageGCHighThresholdPercent" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_config struct config *c = configured("/k.yaml");
		cleanup_buf struct buf text = BUF_INIT(4096);
		struct kubelet_limits limits = { .gc_high_percent = 7 };
		struct err e = { 0 };
		(void)buf_printf(&text, "%s%s\n", HEADER, rows[i].text);
		put("/k.yaml", buf_string(&text));
		assert_int_equal(kubelet_limits_read(c, node, &limits, &e), -EINVAL);
		assert_int_equal(limits.gc_high_percent, 7);
		assert_non_null(strstr(e.msg, rows[i].said));
	}
}

/* Our thresholds are the configured ones until the image filesystem was looked at. */
static void policy_in_effect(void **state)
{
	(void)state;
	cleanup_config struct config *c = config_defaults();
	struct status_filesystem f[_ROLE_MAX] = { 0 };
	struct kubelet_limits k = { .known = true, .gc_high_percent = 101 };
	struct eviction_texts texts = { .hard = "nodefs.available<40%" };
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &k.eviction, NULL), 0);
	for (int role = 0; role < ROLE_CONTAINERFS; role++)
		f[role].space = (struct space){ 100 * GIB, 90 * GIB, 0, 0 };
	f[ROLE_NODEFS].sampled = true;
	assert_int_equal(effective_policy(c, &k, f).high_percent[RESOURCE_BYTES], 80);
	f[ROLE_IMAGEFS].sampled = true;
	/* 40 % and the lead; a little more, as the kubelet's are floats */
	assert_int_equal(effective_policy(c, &k, f).high_percent[RESOURCE_BYTES], 55);
	f[ROLE_NODEFS].dev = 8;
	assert_int_equal(effective_policy(c, &k, f).high_percent[RESOURCE_BYTES], 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_NODE(rules_of_a_file),
		ON_A_NODE(rules_without_a_kubelet),
		ON_A_NODE(collection_that_is_off),
		ON_A_NODE(sources),
		ON_A_NODE(errors),
		cmocka_unit_test(policy_in_effect),
	};
	return cmocka_run_group_tests_name("kubelet-rules", tests, NULL, NULL);
}
