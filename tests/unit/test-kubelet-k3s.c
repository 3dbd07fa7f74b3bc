/* SPDX-License-Identifier: Apache-2.0 */
/* The kubelet within k3s and beside rke2. */
#include "kubelet-node.h"

#include <errno.h>
#include <string.h>

#include "config/kubelet-args.h"
#include "config/kubelet-config.h"

/* Of k3s before 1.32, which has no drop-ins. */
#define OLD	    "hard:imagefs.available<5%,nodefs.available<5%"
#define OLD_RECLAIM " reclaim:imagefs.available<10%,nodefs.available<10%"

#define KUBECONFIG "/var/lib/rancher/k3s/agent/kubelet.kubeconfig"
#define DROPIN	   "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf"
#define CONFIG	   "/etc/rancher/k3s/config.yaml"

static void put_no_process(void)
{
	put("/proc/1/comm", "systemd\n");
}

/* --- configuration files ------------------------------------------------------------------- */

static const struct {
	const char *config, *first, *second; /* config.yaml, and two files of config.yaml.d */
	const char *expected;
} config_rows[] = {
	{ NULL, NULL, NULL, "85/80 2m0s 0s 5m0s " OLD OLD_RECLAIM },
	{ "# nothing\n", NULL, NULL, "85/80 2m0s 0s 5m0s " OLD OLD_RECLAIM },
	{ "token: x\nkubelet-arg:\n  - \"eviction-hard=nodefs.available<7%\"\n"
	  "  - image-gc-high-threshold=70\n  - --image-gc-low-threshold=60\n",
	  NULL, NULL, "70/60 2m0s 0s 5m0s hard:nodefs.available<7%" OLD_RECLAIM },
	/* one text is a list of one; a flag without value does not matter */
	{ "kubelet-arg: eviction-hard=a<1\n", NULL, NULL,
	  "85/80 2m0s 0s 5m0s hard:a<1" OLD_RECLAIM },
	{ "kubelet-arg: [fail-swap-on]\n", NULL, NULL, "85/80 2m0s 0s 5m0s " OLD OLD_RECLAIM },
	/* twice the same adds up, as the kubelet does it; "+" and "-" keep the default */
	{ "kubelet-arg: [eviction-hard=a<1, \"eviction-hard=b<2,a<3\"]\n", NULL, NULL,
	  "85/80 2m0s 0s 5m0s hard:a<3,b<2" OLD_RECLAIM },
	{ "kubelet-arg: [\"eviction-hard+=a<1,nodefs.available<9%\"]\n", NULL, NULL,
	  "85/80 2m0s 0s 5m0s hard:imagefs.available<5%,nodefs.available<9%,a<1" OLD_RECLAIM },
	{ "kubelet-arg: [\"eviction-hard-=a<1,nodefs.available<9%\"]\n", NULL, NULL,
	  "85/80 2m0s 0s 5m0s hard:a<1,nodefs.available<5%,imagefs.available<5%" OLD_RECLAIM },
	{ "kubelet-arg: [\"eviction-hard+=a<1\", \"eviction-hard=b<1\"]\n", NULL, NULL,
	  "85/80 2m0s 0s 5m0s " OLD ",a<1,b<1" OLD_RECLAIM },
	{ "kubelet-arg: [eviction-hard=, eviction-minimum-reclaim=]\n", NULL, NULL,
	  "85/80 2m0s 0s 5m0s hard:" },
	/* config.yaml.d replaces, and "+" adds */
	{ "kubelet-arg: [eviction-hard=a<1]\n", "kubelet-arg: [eviction-hard=b<1]\n", NULL,
	  "85/80 2m0s 0s 5m0s hard:b<1" OLD_RECLAIM },
	{ "kubelet-arg: [eviction-hard=a<1]\n", "kubelet-arg+: [eviction-hard=b<1]\n",
	  "kubelet-arg+: eviction-hard=c<1\n", "85/80 2m0s 0s 5m0s hard:a<1,b<1,c<1" OLD_RECLAIM },
	{ NULL, "kubelet-arg: [eviction-hard=b<1]\n", "debug: true\n",
	  "85/80 2m0s 0s 5m0s hard:b<1" OLD_RECLAIM },
	/* what is wrong */
	{ "kubelet-arg: [[1]]\n", NULL, NULL,
	  "!/etc/rancher/k3s/config.yaml: kubelet-arg: expected a list of texts such as "
	  "\"eviction-hard=nodefs.available<5%\"" },
	{ "kubelet-arg: {a: 1}\n", NULL, NULL,
	  "!/etc/rancher/k3s/config.yaml: kubelet-arg: expected a list of texts such as "
	  "\"eviction-hard=nodefs.available<5%\"" },
	{ NULL, "kubelet-arg+: 7\n", NULL,
	  "!/etc/rancher/k3s/config.yaml.d/1.yaml: kubelet-arg: expected a list of texts such as "
	  "\"eviction-hard=nodefs.available<5%\"" },
	{ "data-dir: [a]\n", NULL, NULL,
	  "!/etc/rancher/k3s/config.yaml: data-dir: expected a path" },
	{ "kubelet-arg: [eviction-hard=a]\n", NULL, NULL,
	  "!kubelet --eviction-hard: expected SIGNAL<VALUE, got \"a\"" },
	{ "a: b: c\n", NULL, NULL, "!/etc/rancher/k3s/config.yaml:1:" },
};

static void remove_file(const char *path)
{
	if (remove(at(path)) < 0)
		assert_int_equal(errno, ENOENT);
}

static void put_or_remove(const char *path, const char *text)
{
	if (text)
		put(path, text);
	else
		remove_file(path);
}

static void assert_begins(const char *setting, const char *expected)
{
	cleanup_kubelet_config struct kubelet_config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(load(setting, node, &c, &e), -EINVAL);
	if (strncmp(e.msg, expected, strlen(expected)) != 0)
		fail_msg("%s\nexpected:\n%s", e.msg, expected);
}

static void config_files(void **state)
{
	(void)state;
	put_no_process();
	put(KUBECONFIG, "");
	put(CONFIG ".d/notes.txt", "kubelet-arg: [eviction-hard=evil<1]\n");
	put(CONFIG ".d/0.yaml/x", "");
	for (size_t i = 0; i < ELEMENTS(config_rows); i++) {
		put_or_remove(CONFIG, config_rows[i].config);
		put_or_remove(CONFIG ".d/1.yaml", config_rows[i].first);
		put_or_remove(CONFIG ".d/2.yml", config_rows[i].second);
		if (config_rows[i].expected[0] == '!')
			assert_begins("auto", config_rows[i].expected + 1);
		else
			assert_loads("auto", node, config_rows[i].expected);
	}
}

/* --- drop-ins, and other places ------------------------------------------------------------ */

static void with_dropins(void **state)
{
	(void)state;
	put_no_process();
	put_config(DROPIN, "evictionHard: {imagefs.available: 5%}\n"
			   "evictionMinimumReclaim: {imagefs.available: 10%}\n");
	assert_loads("auto", node,
		     "85/80 2m0s 0s 5m0s hard:imagefs.available<5% reclaim:imagefs.available<10%");
	/* a directory with other files has none */
	remove_file(DROPIN);
	put("/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/README", "nothing");
	assert_fails("auto", node, ENOENT, "no kubelet on this node");
	put(KUBECONFIG, "");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s " OLD OLD_RECLAIM);
	put_config(DROPIN, "evictionHard: {imagefs.available: 5%}\n"
			   "evictionMinimumReclaim: {imagefs.available: 10%}\n");
	/* flags go before them; files that they name were copied to them */
	put(CONFIG, "kubelet-arg: [eviction-hard=nodefs.available<3%, config=/gone.yaml]\n");
	assert_loads("auto", node,
		     "85/80 2m0s 0s 5m0s hard:nodefs.available<3% reclaim:imagefs.available<10%");
	put(CONFIG, "kubelet-arg: [\"eviction-hard+=nodefs.available<3%\"]\n");
	assert_loads("auto", node,
		     "85/80 2m0s 0s 5m0s hard:nodefs.available<3% reclaim:imagefs.available<10%");
}

/* Without drop-ins the kubelet reads them by itself. */
static void files_that_arguments_name(void **state)
{
	(void)state;
	put_no_process();
	put(KUBECONFIG, "");
	put_config("/k.yaml", "imageGCHighThresholdPercent: 90\n");
	put(CONFIG, "kubelet-arg: [config=/k.yaml, root-dir=/data]\n");
	assert_loads("auto", node, "90/80 2m0s 0s 5m0s " OLD OLD_RECLAIM " root:/data");
	put(CONFIG, "kubelet-arg: [config=/gone.yaml]\n");
	assert_fails("auto", node, EINVAL, "/gone.yaml: No such file or directory");
}

static void data_directory(void **state)
{
	(void)state;
	put_no_process();
	put(CONFIG, "data-dir: /data/k3s\n");
	assert_fails("auto", node, ENOENT, "no kubelet on this node");
	put_config("/data/k3s/agent/etc/kubelet.conf.d/1.conf", "evictionHard: {a: '1'}\n");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:a<1");
	/* of the default directory nothing counts then */
	put_config(DROPIN, "evictionHard: {b: '1'}\n");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:a<1");
	remove_file(CONFIG);
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:b<1");
}

static void rke2(void **state)
{
	(void)state;
	put_no_process();
	put("/var/lib/rancher/rke2/agent/kubelet.kubeconfig", "");
	put("/etc/rancher/rke2/config.yaml",
	    "kubelet-arg: [\"eviction-hard=nodefs.available<8%\"]\n");
	put("/etc/systemd/system/k3s.service",
	    "ExecStart=k3s server --kubelet-arg=eviction-hard=x<1\n");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:nodefs.available<8%" OLD_RECLAIM);
	/* it runs the kubelet as a process, which says it all */
	put_process("42", "kubelet", STATUS("42"), "kubelet\0--eviction-hard=nodefs.available<9%");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:nodefs.available<9% pid:42");
}

/* --- the command line ---------------------------------------------------------------------- */

#define EVICTION_9 "eviction-hard=nodefs.available<9%"

static const struct {
	const char *cmdline;
	size_t len;
	const char *expected;
} process_rows[] = {
#define ROW(cmdline, expected)                         \
	{                                              \
		cmdline, sizeof(cmdline) - 1, expected \
	}
	ROW("/usr/local/bin/k3s\0server\0--kubelet-arg=" EVICTION_9 "\0--debug\0",
	    "85/80 2m0s 0s 5m0s hard:nodefs.available<9%" OLD_RECLAIM " pid:42"),
	ROW("k3s\0agent\0--kubelet-arg\0" EVICTION_9 "\0-kubelet-arg=image-gc-high-threshold=90",
	    "90/80 2m0s 0s 5m0s hard:nodefs.available<9%" OLD_RECLAIM " pid:42"),
	/* what does not belong to it, and what is not complete */
	ROW("k3s\0server\0--kube-proxy-arg=" EVICTION_9 "\0--kubelet-args=" EVICTION_9
	    "\0kubelet-arg=" EVICTION_9 "\0--\0-\0--=x\0--kubelet-arg",
	    "85/80 2m0s 0s 5m0s " OLD OLD_RECLAIM " pid:42"),
	ROW("k3s\0server\0--kubelet-arg\0--kubelet-arg=" EVICTION_9,
	    "85/80 2m0s 0s 5m0s hard:nodefs.available<9%" OLD_RECLAIM " pid:42"),
	/* another data directory, in which there is no kubelet; another file */
	ROW("k3s\0server\0-c\0/k3s.yaml", "85/80 2m0s 0s 5m0s hard:c<1" OLD_RECLAIM " pid:42"),
	ROW("k3s\0server\0--config=/k3s.yaml\0-d=/data/k3s", "85/80 2m0s 0s 5m0s hard:c<1 pid:42"),
};

static void running_k3s(void **state)
{
	(void)state;
	put(KUBECONFIG, "");
	put("/k3s.yaml", "kubelet-arg: eviction-hard=c<1\n");
	put_config("/data/k3s/agent/etc/kubelet.conf.d/1.conf", "evictionHard: {a: '1'}\n");
	put_process("42", "k3s-server", STATUS("42"), "k3s");
	put("/etc/systemd/system/k3s.service",
	    "ExecStart=k3s --kubelet-arg=eviction-hard=unit<1\n");
	for (size_t i = 0; i < ELEMENTS(process_rows); i++) {
		put_bytes("/proc/42/cmdline", process_rows[i].cmdline, process_rows[i].len);
		assert_loads("auto", node, process_rows[i].expected);
	}
	/* it goes before what kubeadm left behind, if it has run a kubelet at all */
	put_config("/var/lib/kubelet/config.yaml", "");
	assert_loads("auto", node, process_rows[ELEMENTS(process_rows) - 1].expected);
	put("/proc/42/comm", "k3s-servant\n");
	assert_loads("auto", node, DEFAULTS);
	put("/proc/42/comm", "k3s-agent\n");
	assert_loads("auto", node, process_rows[ELEMENTS(process_rows) - 1].expected);
	put_bytes("/proc/42/cmdline", "k3s\0server\0-d=/none", 19);
	assert_loads("auto", node, DEFAULTS);
}

static const struct {
	const char *unit, *expected;
} unit_rows[] = {
	{ "[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n\t'--kubelet-arg=" EVICTION_9
	  "' \\\n\n",
	  "hard:nodefs.available<9%" OLD_RECLAIM },
	/* the last one counts; percent signs are written twice */
	{ "ExecStart=\nExecStart=k3s server --kubelet-arg=eviction-hard=a<1\n"
	  "ExecStart=k3s agent --kubelet-arg \"eviction-hard=nodefs.available<9%%\"\nExecStartPost=x\n",
	  "hard:nodefs.available<9%" OLD_RECLAIM },
	{ "#ExecStart=k3s server --kubelet-arg=eviction-hard=a<1\n", OLD OLD_RECLAIM },
	{ "ExecStart=k3s server --kubelet-arg=eviction-hard=a<1\nExecStart=\n", OLD OLD_RECLAIM },
	{ "", OLD OLD_RECLAIM },
};

/* k3s overwrites its command line with "k3s server". */
static void hidden_command_line(void **state)
{
	(void)state;
	put(KUBECONFIG, "");
	put_process("42", "k3s-server", STATUS("42"), "/usr/local/bin/k3s server\0\0\0");
	put("/etc/systemd/system/k3s-agent.service",
	    "ExecStart=k3s agent --kubelet-arg=eviction-hard=z<1\n");
	assert_loads("auto", node, "85/80 2m0s 0s 5m0s hard:z<1" OLD_RECLAIM " pid:42");
	for (size_t i = 0; i < ELEMENTS(unit_rows); i++) {
		cleanup_buf struct buf expected = BUF_INIT(4096);
		(void)buf_printf(&expected, "85/80 2m0s 0s 5m0s %s pid:42", unit_rows[i].expected);
		put("/etc/systemd/system/k3s.service", unit_rows[i].unit);
		assert_loads("auto", node, buf_string(&expected));
	}
	put("/etc/systemd/system/k3s.service", "ExecStart=k3s 'server\n");
	assert_fails("auto", node, EINVAL, "/etc/systemd/system/k3s.service: a quote does not end");
}

static void the_command_line_comes_last(void **state)
{
	(void)state;
	put(KUBECONFIG, "");
	put(CONFIG, "kubelet-arg: [eviction-hard=a<1, image-gc-high-threshold=95]\n");
	put_process("42", "k3s-agent", STATUS("42"),
		    "k3s\0agent\0--kubelet-arg=image-gc-high-threshold=90\0"
		    "--kubelet-arg=eviction-hard=a<2,b<2");
	assert_loads("auto", node, "90/80 2m0s 0s 5m0s hard:a<2,b<2" OLD_RECLAIM " pid:42");
}

/* --- limits -------------------------------------------------------------------------------- */

static void too_many(void **state)
{
	(void)state;
	put_no_process();
	put(KUBECONFIG, "");
	cleanup_buf struct buf many = BUF_INIT(1 << 20);
	(void)buf_puts(&many, "kubelet-arg:\n");
	for (int i = 0; i < KUBELET_ARGS_MAX; i++)
		(void)buf_puts(&many, "- v=2\n");
	put(CONFIG, buf_string(&many));
	/* with the defaults that is more */
	assert_fails("auto", node, EINVAL, "k3s: more than the allowed 1024 arguments");
	(void)buf_puts(&many, "- v=2\n");
	put(CONFIG, buf_string(&many));
	assert_fails("auto", node, EINVAL,
		     "/etc/rancher/k3s/config.yaml: more than the allowed 1024 arguments");
	put(CONFIG ".d/1.yaml", "kubelet-arg: v=2\n");
	assert_fails("auto", node, EINVAL,
		     "/etc/rancher/k3s/config.yaml: more than the allowed 1024 arguments");
}

static void origins_and_files(void **state)
{
	(void)state;
	put_no_process();
	put(CONFIG, "kubelet-arg: image-gc-high-threshold=90\n");
	put(CONFIG ".d/1.yaml", "debug: true\n");
	put_config(DROPIN, "evictionHard: {a: '1'}\n");
	cleanup_kubelet_config struct kubelet_config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(load("auto", node, &c, &e), 0);
	assert_int_equal(c->n_files, 3);
	assert_string_equal(c->files[0], CONFIG);
	assert_string_equal(c->files[1], CONFIG ".d/1.yaml");
	assert_string_equal(c->files[2], DROPIN);
	assert_string_equal(c->eviction_hard.origin, DROPIN);
	assert_string_equal(c->origins[KUBELET_GC_HIGH_PERCENT],
			    "kubelet --image-gc-high-threshold");
	assert_int_equal(c->pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_NODE(config_files),
		ON_A_NODE(with_dropins),
		ON_A_NODE(files_that_arguments_name),
		ON_A_NODE(data_directory),
		ON_A_NODE(rke2),
		ON_A_NODE(running_k3s),
		ON_A_NODE(hidden_command_line),
		ON_A_NODE(the_command_line_comes_last),
		ON_A_NODE(too_many),
		ON_A_NODE(origins_and_files),
	};
	return cmocka_run_group_tests_name("kubelet-k3s", tests, NULL, NULL);
}
