/* SPDX-License-Identifier: Apache-2.0 */
/* Files, drop-ins, and the cases that the kubelet's own loading was recorded for. */
#include "kubelet-node.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/kubelet-args.h"
#include "config/kubelet-config.h"
#include "config/kubelet-values.h"
#include "random.h"
#include "util/json-read.h"
#include "util/limits.h"

/* --- files --------------------------------------------------------------------------------- */

static const char *data(const char *name)
{
	static char path[512];
	const char *top = getenv("TOP_SRCDIR");
	(void)snprintf(path, sizeof(path), "%s/tests/data/kubelet/%s", top ? top : ".", name);
	if (path[0] == '/')
		return path;
	char *full = realpath(path, NULL);
	assert_non_null(full);
	(void)snprintf(path, sizeof(path), "%s", full);
	free(full);
	return path;
}

static void good_files(void **state)
{
	(void)state;
	static const struct {
		const char *name, *expected;
	} rows[] = {
		{ "good/kubeadm.yaml", DEFAULTS },
		{ "good/eks.json", "85/80 2m0s 0s 5m0s hard:memory.available<100Mi,"
				   "nodefs.available<10%,nodefs.inodesFree<5%" },
		{ "good/configmap.yaml", "70/60 2m0s 0s 5m0s hard:nodefs.available<1Gi,"
					 "imagefs.available<20%" },
		{ "good/soft.yaml",
		  "75/70 5m0s 168h0m0s 30s hard:nodefs.available<5%,memory.available<0%,"
		  "nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5% "
		  "soft:nodefs.available<15%,imagefs.available<20% "
		  "grace:nodefs.available<1m30s,imagefs.available<2m "
		  "reclaim:nodefs.available<1Gi" },
		{ "good/none.yaml", "100/80 2m0s 0s 5m0s hard:" },
		{ "k3s.conf.d",
		  "90/80 2m0s 0s 5m0s hard:imagefs.available<5%,nodefs.inodesFree<3%" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_loads(data(rows[i].name), NULL, rows[i].expected);
}

/* Bad files say their message behind their path in the first line: "# expect: TEXT". */
static void check_bad(const char *path)
{
	char line[512], expected[2048];
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(fclose(f), 0);
	line[strcspn(line, "\n")] = '\0';
	assert_memory_equal(line, "# expect: ", 10);
	(void)snprintf(expected, sizeof(expected), "%s%s", path, line + 10);
	assert_fails(path, "", EINVAL, expected);
}

static void bad_files(void **state)
{
	(void)state;
	size_t n = 0;
	char path[1024], directory[512];
	(void)snprintf(directory, sizeof(directory), "%s", data("bad"));
	DIR *d = opendir(directory);
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (strstr(path, ".yaml")) {
			check_bad(path);
			n++;
		}
	}
	closedir(d);
	assert_in_range(n, 20, 100);
	char expected[2048];
	(void)snprintf(path, sizeof(path), "%s/duplicate.json", directory);
	(void)snprintf(expected, sizeof(expected), "%s: the key \"a\" comes twice", path);
	assert_fails(path, "", EINVAL, expected);
}

static void unreadable_files(void **state)
{
	(void)state;
	assert_fails("/nowhere/config.yaml", node, EINVAL,
		     "/nowhere/config.yaml: No such file or directory");
	assert_int_equal(mkfifo(at("/fifo"), 0600), 0);
	assert_fails("/fifo", node, ENODEV, "/fifo: not a regular file");
	cleanup_free char *huge = xcalloc(BUF_MAX_CONFIG_FILE + 2, 1);
	memset(huge, '#', BUF_MAX_CONFIG_FILE + 1);
	put("/huge", huge);
	assert_fails("/huge", node, EINVAL, "/huge: more than the allowed 262144 bytes");
	put("/control", HEADER "evictionHard: {\"a\\e[1m\": 5%}\n");
	assert_fails("/control", node, EINVAL,
		     "/control: evictionHard: a signal has control characters in its name");
	put("/control", HEADER "evictionHard: {a: \"\\n\"}\n");
	assert_fails("/control", node, EINVAL,
		     "/control: evictionHard: a: control characters in the value");
}

static void settings(void **state)
{
	(void)state;
	assert_fails("no", node, ENOENT, "the kubelet's configuration is not looked for");
	struct kubelet_config *c = NULL;
	assert_int_equal(load("no", node, &c, NULL), -ENOENT);
	assert_int_equal(load("/nowhere", node, &c, NULL), -EINVAL);
	assert_null(kubelet_config_free(NULL));
}

/* --- drop-ins ------------------------------------------------------------------------------ */

static void dropin_order(void **state)
{
	(void)state;
	put_config("/d/10.conf",
		   "imageGCHighThresholdPercent: 90\nevictionHard: {a: '1', b: '1'}\n");
	put_config("/d/15.d/9.conf", "imageGCHighThresholdPercent: 91\nevictionHard: {c: '1'}\n");
	put_config("/d/20.conf",
		   "imageGCLowThresholdPercent: 70\nevictionHard: {a: null, b: '2'}\n");
	put_config("/d/.30.conf", "evictionSoft: {s: '1'}\n");
	put_config("/d/40.yaml", "imageGCHighThresholdPercent: 99\n");
	put("/d/50.conf.bak", "nothing");
	assert_loads("/d", node, "91/70 2m0s 0s 5m0s hard:b<2,c<1 soft:s<1");
	put_config("/d/60.conf", "imageGCHighThresholdPercent: null\nimageMinimumGCAge: 0s\n"
				 "evictionHard: null\nevictionSoft: {}\n");
	assert_loads("/d", node, "85/70 2m0s 0s 5m0s hard: soft:s<1");
	put("/d/70.conf", "evictionHard: {}\n");
	assert_fails("/d", node, EINVAL,
		     "/d/70.conf: kind: expected KubeletConfiguration, got \"\"");
	put_config("/d/70.conf", "imageMinimumGCAge: x\n");
	assert_fails("/d", node, EINVAL,
		     "/d/70.conf: imageMinimumGCAge: expected a duration such as 2m or 1h30m, got "
		     "\"x\"");
	/* which file the message names: the last that set it */
	put_config("/d/70.conf", "imageGCLowThresholdPercent: 85\n");
	assert_fails("/d", node, EINVAL,
		     "/d/70.conf: imageGCLowThresholdPercent 85 must be less than "
		     "imageGCHighThresholdPercent 85");
}

static void many_dropins(void **state)
{
	(void)state;
	char path[64];
	for (int i = 0; i < N_MAX_DROPINS; i++) {
		(void)snprintf(path, sizeof(path), "/d/%03d.conf", i);
		put_config(path, "evictionHard: {a: '1'}\n");
	}
	assert_loads("/d", node, "85/80 2m0s 0s 5m0s hard:a<1");
	put_config("/d/more.conf", "");
	assert_fails("/d", node, EINVAL, "/d: expected at most 256 entries on 8 levels");
	/* a chain of directories */
	put_config("/e/e/e/e/e/e/e/e/1.conf", "evictionHard: {a: '1'}\n");
	assert_loads("/e", node, "85/80 2m0s 0s 5m0s hard:a<1");
	put_config("/e/e/e/e/e/e/e/e/e/1.conf", "");
	assert_fails("/e", node, EINVAL,
		     "/e/e/e/e/e/e/e/e/e: expected at most 256 entries on 8 levels");
	/* a link to a directory is not gone into, a file through a link is read */
	put_config("/f/g/1.conf", "evictionHard: {b: '1'}\n");
	assert_int_equal(symlink("..", at("/f/g/loop")), 0);
	assert_int_equal(symlink("1.conf", at("/f/g/2.conf")), 0);
	assert_loads("/f", node, "85/80 2m0s 0s 5m0s hard:b<1");
}

/* --- the case file ------------------------------------------------------------------------- */

static void apply_flags(struct kubelet_config *c, const cJSON *flags)
{
	struct kubelet_args args = { 0 };
	char *words[8];
	struct err e = { 0 };
	const cJSON *flag = NULL;
	cJSON_ArrayForEach(flag, flags)
	{
		assert_true(args.n_args < ELEMENTS(words));
		words[args.n_args++] = flag->valuestring;
	}
	args.args = words;
	assert_int_equal(kubelet_args_apply(&args, c, &e), 0);
}

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void assert_number(const struct kubelet_config *c, enum kubelet_number index,
			  const cJSON *expect, const char *name, int64_t unit)
{
	const cJSON *item = member(expect, name);
	if (item && (int64_t)item->valuedouble * unit != c->numbers[index])
		fail_msg("%s is %lld", name, (long long)c->numbers[index]);
}

static void check_case(const cJSON *item)
{
	cleanup_kubelet_config struct kubelet_config *c = kubelet_values_new();
	struct err e = { 0 };
	const cJSON *file = member(item, "config_file"), *dropin = member(item, "drop_in");
	const cJSON *expect = member(item, "expect"), *hard = member(expect, "eviction_hard");
	if (!cJSON_IsNull(file))
		assert_int_equal(kubelet_values_file(c, file, "f", &e), 0);
	if (dropin)
		assert_int_equal(kubelet_values_dropin(c, dropin, "d", &e), 0);
	apply_flags(c, member(item, "flags"));
	assert_int_equal(cJSON_GetArraySize(hard), c->eviction_hard.n_pairs);
	for (size_t i = 0; i < c->eviction_hard.n_pairs; i++) {
		const cJSON *value = member(hard, c->eviction_hard.pairs[i].signal);
		assert_non_null(value);
		assert_string_equal(c->eviction_hard.pairs[i].value, value->valuestring);
	}
	assert_number(c, KUBELET_GC_HIGH_PERCENT, expect, "image_gc_high_threshold_percent", 1);
	assert_number(c, KUBELET_GC_LOW_PERCENT, expect, "image_gc_low_threshold_percent", 1);
	assert_number(c, KUBELET_GC_MINIMUM_AGE, expect, "image_minimum_gc_age_s", USEC_PER_SEC);
	assert_number(c, KUBELET_TRANSITION_PERIOD, expect, "eviction_pressure_transition_period_s",
		      USEC_PER_SEC);
	/* the one that the kubelet then refuses */
	bool zero = strstr(member(item, "name")->valuestring, "rejected by validation");
	assert_int_equal(kubelet_values_check(c, &e), zero ? -EINVAL : 0);
}

static void cases_of_the_kubelet(void **state)
{
	(void)state;
	cleanup_buf struct buf text = BUF_INIT(1024 * 1024);
	cleanup_json cJSON *all = NULL;
	struct err e = { 0 };
	FILE *f = fopen(data("thresholds.json"), "re");
	char chunk[4096];
	assert_non_null(f);
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
		assert_int_equal(buf_append(&text, chunk, n), 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(json_parse(buf_string(&text), text.len, &all, &e), 0);
	const cJSON *item = NULL;
	int n = 0;
	cJSON_ArrayForEach(item, member(all, "derived_config_loading"))
	{
		printf("# %s\n", member(item, "name")->valuestring);
		check_case(item);
		n++;
	}
	assert_in_range(n, 14, 1000);
}

/* --- mutations ----------------------------------------------------------------------------- */

static void mutations(void **state)
{
	(void)state;
	static const char text[] =
		HEADER "evictionHard: {nodefs.available: 5%, b: \"1\"}\n"
		       "evictionSoft:\n  a: 15%\nimageMinimumGCAge: 2m\n"
		       "mergeDefaultEvictionSettings: true\n"
		       "imageGCHighThresholdPercent: 85\nimageMaximumGCAge: 0s\n";
	static const char bytes[] = "{}[]:,-&*!|>'\"%@`#?~<\n\t \x80\xc3\xff\x01"
				    "059aAs.";
	struct random random = random_start("mutations of configurations");
	unsigned good = 0;
	for (int round = 0; round < 3000; round++) {
		char copy[sizeof(text)];
		memcpy(copy, text, sizeof(text));
		for (uint64_t n = 1 + random_below(&random, 3); n > 0; n--)
			copy[random_below(&random, sizeof(text) - 1)] =
				bytes[random_below(&random, sizeof(bytes) - 1)];
		cleanup_kubelet_config struct kubelet_config *c = NULL;
		struct err e = { 0 };
		put_bytes("/c", copy, sizeof(text) - 1);
		int r = load("/c", node, &c, &e);
		assert_true(r == 0 ? c && c->numbers[0] >= 0 && c->numbers[0] <= 100
				   : !c && r == -EINVAL && e.code == EINVAL);
		good += r == 0;
	}
	assert_in_range(good, 100, 2900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files),
		cmocka_unit_test(bad_files),
		ON_A_NODE(unreadable_files),
		ON_A_NODE(settings),
		ON_A_NODE(dropin_order),
		ON_A_NODE(many_dropins),
		cmocka_unit_test(cases_of_the_kubelet),
		ON_A_NODE(mutations),
	};
	return cmocka_run_group_tests_name("kubelet-config", tests, NULL, NULL);
}
