/* SPDX-License-Identifier: Apache-2.0 */
/* How the kubelet is found: its process, its flags, the well-known places. */
#include "kubelet-node.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config/kubelet-config.h"

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

static const struct {
	const char *cmdline;
	size_t len;
	const char *expected;
} flag_rows[] = {
#define ROW(cmdline, expected)                         \
	{                                              \
		cmdline, sizeof(cmdline) - 1, expected \
	}
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

static void flags(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(flag_rows); i++) {
		char expected[512];
		put("/proc/1/comm", "kubelet\n");
		put_bytes("/proc/1/cmdline", flag_rows[i].cmdline, flag_rows[i].len);
		(void)snprintf(expected, sizeof(expected), "%s pid:1", flag_rows[i].expected);
		if (flag_rows[i].expected[0] == '!')
			assert_fails("auto", node, EINVAL, flag_rows[i].expected + 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_NODE(running_kubelet),
		ON_A_NODE(flags),
		ON_A_NODE(places),
		ON_A_NODE(args_file_errors),
		ON_A_NODE(links_below_the_root),
		ON_A_NODE(origins_and_files),
	};
	return cmocka_run_group_tests_name("kubelet-found", tests, NULL, NULL);
}
