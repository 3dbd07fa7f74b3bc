/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/kubelet-args.h"
#include "config/kubelet-config.h"
#include "config/kubelet-values.h"
#include "random.h"
#include "util/buf.h"
#include "util/human.h"
#include "util/json-read.h"
#include "util/limits.h"
#include "util/yaml-read.h"

/* --- a node -------------------------------------------------------------------------------- */

static char node[] = "/tmp/test-kubelet-XXXXXX";

static int make_node(void **state)
{
	(void)state;
	memcpy(strrchr(node, '-') + 1, "XXXXXX", 6);
	return mkdtemp(node) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_node(void **state)
{
	(void)state;
	return nftw(node, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path on this machine, its directories made. */
static const char *at(const char *path)
{
	static char full[512];
	(void)snprintf(full, sizeof(full), "%s%s", node, path);
	for (char *p = full + strlen(node) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	return full;
}

static void put_bytes(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(at(path), "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

#define HEADER		       "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
#define put_config(path, text) put(path, HEADER text)

#define put_process(pid, comm, status, cmdline)                                     \
	(put("/proc/" pid "/comm", comm "\n"), put("/proc/" pid "/status", status), \
	 put_bytes("/proc/" pid "/cmdline", cmdline, sizeof(cmdline)))
#define STATUS(nspid) "Name:\tkubelet\nNSpid:\t" nspid "\nNSpgid:\t1\n"

/* --- loading ------------------------------------------------------------------------------- */

static void print_map(const char *name, const struct kubelet_map *map, struct buf *out)
{
	(void)buf_printf(out, " %s:", name);
	for (size_t i = 0; i < map->n_pairs; i++)
		(void)buf_printf(out, "%s%s<%s", i ? "," : "", map->pairs[i].signal,
				 map->pairs[i].value);
}

static void print(const struct kubelet_config *c, struct buf *out)
{
	char text[HUMAN_MAX];
	(void)buf_printf(out, "%d/%d", (int)c->numbers[KUBELET_GC_HIGH_PERCENT],
			 (int)c->numbers[KUBELET_GC_LOW_PERCENT]);
	for (int i = KUBELET_GC_MINIMUM_AGE; i < _KUBELET_NUMBER_MAX; i++)
		(void)buf_printf(out, " %s", human_go_duration(c->numbers[i], text));
	print_map("hard", &c->eviction_hard, out);
	if (c->eviction_soft.n_pairs)
		print_map("soft", &c->eviction_soft, out);
	if (c->eviction_soft_grace_period.n_pairs)
		print_map("grace", &c->eviction_soft_grace_period, out);
	if (c->eviction_minimum_reclaim.n_pairs)
		print_map("reclaim", &c->eviction_minimum_reclaim, out);
	if (c->root_directory)
		(void)buf_printf(out, " root:%s", c->root_directory);
	if (c->pid)
		(void)buf_printf(out, " pid:%d", (int)c->pid);
}

static int load(const char *setting, const char *root, struct kubelet_config **ret, struct err *e)
{
	struct kubelet_source source = { .setting = setting, .root = root };
	return kubelet_config_load(&source, ret, e);
}

static void assert_loads(const char *setting, const char *root, const char *expected)
{
	cleanup_kubelet_config struct kubelet_config *c = NULL;
	cleanup_buf struct buf got = BUF_INIT(65536);
	struct err e = { 0 };
	if (load(setting, root, &c, &e) != 0)
		fail_msg("%s: %s", setting, e.msg);
	print(c, &got);
	if (strcmp(buf_string(&got), expected) != 0)
		fail_msg("%s:\n%s\nexpected:\n%s", setting, buf_string(&got), expected);
}

static void assert_fails(const char *setting, const char *root, int code, const char *expected)
{
	cleanup_kubelet_config struct kubelet_config *c = NULL;
	struct err e = { 0 };
	int r = load(setting, root, &c, &e);
	assert_null(c);
	if (r != -code || e.code != code || strcmp(e.msg, expected) != 0)
		fail_msg("%s: %d/%d: %s\nexpected %d: %s", setting, r, e.code, e.msg, -code,
			 expected);
}

#define DEFAULT_HARD                                                             \
	"hard:memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%," \
	"imagefs.available<15%,imagefs.inodesFree<5%"
#define DEFAULTS "85/80 2m0s 0s 5m0s " DEFAULT_HARD

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

/* --- a running kubelet --------------------------------------------------------------------- */

static void running_kubelet(void **state)
{
	(void)state;
	put_config("/k/config.yaml", "evictionHard: {a: '1', b: '1'}\n");
	put_config("/k/d/1.conf", "evictionHard: {c: '1'}\n");
	put_process("42", "kubelet", STATUS("42"),
		    "/usr/bin/kubelet\0--config=/k/config.yaml\0--config-dir\0/k/d\0--v=2\0"
		    "--root-dir=/data/kubelet\0--image_gc_high_threshold\0"
		    "95");
	assert_loads("auto", node, "95/80 2m0s 0s 5m0s hard:a<1,b<1,c<1 root:/data/kubelet pid:42");
	/* others: in a container, of another name, a later one */
	put_process("7", "kubelet", STATUS("7\t1"), "kubelet\0--eviction-hard=evil<99%");
	put_process("8", "kubelet2", STATUS("8"), "kubelet\0--eviction-hard=evil<99%");
	put_process("9", "kubele", STATUS("9"), "kubelet\0--eviction-hard=evil<99%");
	put_process("43", "kubelet", STATUS("43"), "kubelet\0--eviction-hard=later<99%");
	put("/proc/x1/comm", "kubelet\n");
	put("/proc/-1/comm", "kubelet\n");
	assert_loads("auto", node, "95/80 2m0s 0s 5m0s hard:a<1,b<1,c<1 root:/data/kubelet pid:42");
	/* one that belongs to somebody else */
	if (geteuid() == 0) {
		put_process("5", "kubelet", STATUS("5"), "kubelet\0--eviction-hard=evil<99%");
		assert_int_equal(chown(at("/proc/5"), 12345, 12345), 0);
		assert_loads("auto", node,
			     "95/80 2m0s 0s 5m0s hard:a<1,b<1,c<1 root:/data/kubelet pid:42");
	}
	/* what the running one was told is missing: that is no "no kubelet" */
	put_process("4", "kubelet", STATUS("4"), "kubelet\0--config=/k/gone.yaml");
	assert_fails("auto", node, EINVAL, "/k/gone.yaml: No such file or directory");
	put_process("4", "kubelet", STATUS("4"), "kubelet\0--config-dir=/k/gone");
	assert_fails("auto", node, EINVAL, "/k/gone: No such file or directory");
	/* and it may have exited; its entry is then without a command line */
	put_process("4", "kubelet", STATUS("4"), "kubelet");
	put_bytes("/proc/4/cmdline", "", 0);
	assert_fails("auto", node, ENOENT, "no kubelet on this node");
}

static void flags(void **state)
{
	(void)state;
	static const struct {
		const char *cmdline;
		size_t len;
		const char *expected;
	} rows[] = {
#define ROW(cmdline, expected) { cmdline, sizeof(cmdline) - 1, expected }
		ROW("kubelet", "85/80 2m0s 0s 5m0s hard:"),
		ROW("kubelet\0--eviction-hard=nodefs.available<5%, imagefs.available < 1Gi ,,",
		    "85/80 2m0s 0s 5m0s hard:nodefs.available<5%,imagefs.available<1Gi"),
		ROW("kubelet\0--eviction-hard\0a<1\0--eviction-hard\0b<2\0--eviction-hard=a<3",
		    "85/80 2m0s 0s 5m0s hard:a<3,b<2"),
		ROW("kubelet\0--eviction-soft=a<b<c\0--eviction-soft-grace-period=a=1m=2\0"
		    "--eviction-minimum-reclaim=a=1Gi",
		    "85/80 2m0s 0s 5m0s hard: soft:a<b<c grace:a<1m=2 reclaim:a<1Gi"),
		ROW("kubelet\0--minimum-image-ttl-duration=0s\0"
		    "--eviction-pressure-transition-period=0\0--image-gc-low-threshold=-0",
		    "85/0 0s 0s 0s hard:"),
		ROW("kubelet\0--\0--eviction-hard=a<1", "85/80 2m0s 0s 5m0s hard:"),
		ROW("kubelet\0-eviction-hard=a<1\0eviction-hard=a<1\0--v\0"
		    "2",
		    "85/80 2m0s 0s 5m0s hard:"),
		ROW("kubelet\0--eviction-hardest=a<1\0--eviction=a<1", "85/80 2m0s 0s 5m0s hard:"),
		ROW("kubelet\0--image-gc-high-threshold=70\0--image-gc-high-threshold=90\0"
		    "--config=",
		    "90/80 2m0s 0s 5m0s hard:"),
		ROW("kubelet\0--root-dir=/a\0--root-dir\0/b", "85/80 2m0s 0s 5m0s hard: root:/b"),
		ROW("kubelet\0--eviction-hard\0--root-dir", "!kubelet --eviction-hard: expected "
							    "SIGNAL<VALUE, got \"--root-dir\""),
		ROW("kubelet\0--eviction-hard", "!kubelet --eviction-hard: expected a value"),
		ROW("kubelet\0--eviction-hard= ", "!kubelet --eviction-hard: expected "
						  "SIGNAL<VALUE, got \" \""),
		ROW("kubelet\0--eviction-minimum-reclaim=a<1",
		    "!kubelet --eviction-minimum-reclaim: expected SIGNAL=VALUE, got \"a<1\""),
		ROW("kubelet\0--image-gc-high-threshold=85%",
		    "!kubelet --image-gc-high-threshold: expected a whole number, got \"85%\""),
		ROW("kubelet\0--image-gc-high-threshold=4294967381",
		    "!kubelet --image-gc-high-threshold: expected a whole number, got "
		    "\"4294967381\""),
		ROW("kubelet\0--image-gc-high-threshold=101",
		    "!kubelet --image-gc-high-threshold: imageGCHighThresholdPercent 101 must be "
		    "between 0 and 100, inclusive"),
		ROW("kubelet\0--minimum-image-ttl-duration=2",
		    "!kubelet --minimum-image-ttl-duration: expected a duration such as 2m or "
		    "1h30m, got \"2\""),
		ROW("kubelet\0--eviction-hard=a<\x1b[1m",
		    "!kubelet --eviction-hard: expected UTF-8 text without control characters"),
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char expected[512];
		put("/proc/1/comm", "kubelet\n");
		put_bytes("/proc/1/cmdline", rows[i].cmdline, rows[i].len);
		(void)snprintf(expected, sizeof(expected), "%s pid:1", rows[i].expected);
		if (rows[i].expected[0] == '!')
			assert_fails("auto", node, EINVAL, rows[i].expected + 1);
		else
			assert_loads("auto", node, expected);
	}
}

/* --- well-known places --------------------------------------------------------------------- */

static void places(void **state)
{
	(void)state;
	/* from the last to the first: each goes before those that are there */
	put("/proc/1/comm", "systemd\n");
	assert_fails("auto", node, ENOENT, "no kubelet on this node");
	put("/etc/kubernetes/kubelet.conf", "apiVersion: v1\nkind: Config\n");
	put("/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/README", "nothing");
	assert_fails("auto", node, ENOENT, "no kubelet on this node");
	put("/var/snap/microk8s/current/args/kubelet",
	    "# comment with a quote: it's\n--root-dir=${SNAP_COMMON}/var/lib/kubelet\n"
	    "--eviction-hard=\"memory.available<100Mi,nodefs.available<1Gi,imagefs.available<1Gi\"\n"
	    "--config-dir '$SNAP' --x=$SNAP_DATA --config-dir=\n");
	assert_loads("auto", node,
		     "85/80 2m0s 0s 5m0s hard:memory.available<100Mi,nodefs.available<1Gi,"
		     "imagefs.available<1Gi root:/var/snap/microk8s/common/var/lib/kubelet");
	put_config("/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/1.conf",
		   "evictionHard: {a: '1'}");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:a<1");
	put_config("/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/1.conf",
		   "evictionHard: {b: '1'}");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:b<1");
	put_config("/home/kubernetes/kubelet-config.yaml", "evictionHard: {c: '1'}");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:c<1");
	put_config("/etc/kubernetes/kubelet.conf", "evictionHard: {d: '1'}");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:d<1");
	put_config("/etc/kubernetes/kubelet/kubelet-config.json", "evictionHard: {e: '1'}");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:e<1");
	put_config("/etc/kubernetes/kubelet/config.json", "evictionHard: {f: '1'}");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:f<1");
	put_config("/etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf",
		   "evictionHard: {g: '1'}");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:f<1,g<1");
	put_config("/var/lib/kubelet/config.yaml", "");
	assert_loads("auto", node, DEFAULTS);
	put("/var/lib/kubelet/config.yaml", "kind: x");
	assert_fails(
		"auto", node, EINVAL,
		"/var/lib/kubelet/config.yaml: kind: expected KubeletConfiguration, got \"x\"");
}

static void args_file_errors(void **state)
{
	(void)state;
	static const char path[] = "/var/snap/microk8s/current/args/kubelet";
	put("/proc/1/comm", "systemd\n");
	put(path, "--eviction-hard=\"a<1\n");
	assert_fails("auto", node, EINVAL,
		     "/var/snap/microk8s/current/args/kubelet: a quote does not end");
	cleanup_buf struct buf many = BUF_INIT(65536);
	for (int i = 0; i < 1025; i++)
		(void)buf_puts(&many, "--x\n");
	put(path, buf_string(&many));
	assert_fails("auto", node, EINVAL,
		     "/var/snap/microk8s/current/args/kubelet: more than the allowed 1024 "
		     "arguments");
}

/* A link of the host's that begins with a slash stays on the host, and ".." does not leave it. */
static void links_below_the_root(void **state)
{
	(void)state;
	put("/proc/1/comm", "systemd\n");
	put_config("/data/config.yaml", "evictionHard: {a: '1'}");
	assert_int_equal(symlink("/data", at("/link")), 0);
	assert_int_equal(symlink("../../../../../../../data/config.yaml", at("/up.yaml")), 0);
	assert_loads("/link/config.yaml", node, "85/80 2m0s 0s 5m0s hard:a<1");
	assert_loads("/up.yaml", node, "85/80 2m0s 0s 5m0s hard:a<1");
}

static void origins_and_files(void **state)
{
	(void)state;
	put_config("/k/config.yaml", "evictionSoft: {a: '1'}\nimageGCLowThresholdPercent: 70\n");
	put_config("/k/d/1.conf", "evictionMinimumReclaim: {a: '1'}\n");
	put_process("42", "kubelet", STATUS("42"),
		    "kubelet\0--config=/k/config.yaml\0--config-dir=/k/d\0--eviction-hard=");
	cleanup_kubelet_config struct kubelet_config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(load("auto", node, &c, &e), 0);
	assert_int_equal(c->n_files, 2);
	assert_string_equal(c->files[0], "/k/config.yaml");
	assert_string_equal(c->files[1], "/k/d/1.conf");
	assert_string_equal(c->eviction_hard.origin, "kubelet --eviction-hard");
	assert_string_equal(c->eviction_soft.origin, "/k/config.yaml");
	assert_string_equal(c->eviction_minimum_reclaim.origin, "/k/d/1.conf");
	assert_null(c->eviction_soft_grace_period.origin);
	assert_string_equal(c->origins[KUBELET_GC_LOW_PERCENT], "/k/config.yaml");
	assert_null(c->origins[KUBELET_GC_HIGH_PERCENT]);
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

#define ON_A_NODE(test) cmocka_unit_test_setup_teardown(test, make_node, remove_node)

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
		ON_A_NODE(running_kubelet),
		ON_A_NODE(flags),
		ON_A_NODE(places),
		ON_A_NODE(args_file_errors),
		ON_A_NODE(links_below_the_root),
		ON_A_NODE(origins_and_files),
		ON_A_NODE(mutations),
	};
	return cmocka_run_group_tests_name("kubelet-config", tests, NULL, NULL);
}
