/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The files and processes of a node with a kubelet, in a directory of their own. */

#include "unit.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/kubelet-config.h"
#include "util/buf.h"
#include "util/human.h"

/* --- a node -------------------------------------------------------------------------------- */

static char node[] = "/tmp/test-kubelet-XXXXXX";

static inline int make_node(void **state)
{
	(void)state;
	memcpy(strrchr(node, '-') + 1, "XXXXXX", 6);
	return mkdtemp(node) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int remove_node(void **state)
{
	(void)state;
	return nftw(node, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path on this machine, its directories made. */
static inline const char *at(const char *path)
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

static inline void put_bytes(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(at(path), "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline void put(const char *path, const char *text)
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

static inline void print_map(const char *name, const struct kubelet_map *map, struct buf *out)
{
	(void)buf_printf(out, " %s:", name);
	for (size_t i = 0; i < map->n_pairs; i++)
		(void)buf_printf(out, "%s%s<%s", i ? "," : "", map->pairs[i].signal,
				 map->pairs[i].value);
}

static inline void print(const struct kubelet_config *c, struct buf *out)
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

static inline int load(const char *setting, const char *root, struct kubelet_config **ret,
		       struct err *e)
{
	struct kubelet_source source = { .setting = setting, .root = root };
	return kubelet_config_load(&source, ret, e);
}

static inline void assert_loads(const char *setting, const char *root, const char *expected)
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

static inline void assert_fails(const char *setting, const char *root, int code,
				const char *expected)
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

#define ON_A_NODE(test) cmocka_unit_test_setup_teardown(test, make_node, remove_node)
