/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "node/mountinfo.h"
#include "own-directory.h"
#include "random.h"
#include "util/buf.h"
#include "util/limits.h"

/* A mountinfo line: where it is mounted, and what. */
#define LINE(point, type, source) \
	"36 25 98:0 / " point " rw,noatime shared:1 - " type " " source " rw,errors=continue\n"
#define ROOT LINE("/", "ext4", "/dev/root")

static void finds(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path;
		const char *mountpoint, *fstype, *device; /* NULL: none */
	} rows[] = {
		{ ROOT, "/", "/", "ext4", "/dev/root" },
		{ ROOT, "/var/lib", "/", "ext4", "/dev/root" },
		/* the one with the longest mount point, wherever it stands */
		{ ROOT LINE("/var", "xfs", "/dev/sdb1"), "/var", "/var", "xfs", "/dev/sdb1" },
		{ LINE("/var", "xfs", "/dev/sdb1") ROOT, "/var/lib", "/var", "xfs", "/dev/sdb1" },
		{ ROOT LINE("/a/b", "x", "b") LINE("/a", "x", "a") LINE("/a/b/c", "x", "c"),
		  "/a/b/x/y", "/a/b", "x", "b" },
		/* only whole names */
		{ ROOT LINE("/var", "xfs", "/dev/sdb1"), "/variety/lib", "/", "ext4", "/dev/root" },
		{ ROOT LINE("/var/lib", "xfs", "s"), "/var/li", "/", "ext4", "/dev/root" },
		{ ROOT LINE("/var/lib", "xfs", "s"), "/var", "/", "ext4", "/dev/root" },
		{ ROOT LINE("/var/lib/", "xfs", "s"), "/var/lib", "/", "ext4", "/dev/root" },
		/* mounted over: the later one counts */
		{ ROOT LINE("/a", "x", "under") LINE("/a", "y", "over"), "/a/b", "/a", "y",
		  "over" },
		{ ROOT LINE("/", "xfs", "/dev/late"), "/a", "/", "xfs", "/dev/late" },
		/* characters that would end a field are octal */
		{ ROOT LINE("/mnt/a\\040b\\011c\\012d\\134e\\043", "x", "//host/a\\040share"),
		  "/mnt/a b\tc\nd\\e#/f", "/mnt/a b\tc\nd\\e#", "x", "//host/a share" },
		{ LINE("/\\303\\244\\377", "x", "s"), "/\303\244\377", "/\303\244\377", "x", "s" },
		/* and these are none */
		{ LINE("/\\40", "x", "s"), "/\\40", "/\\40", "x", "s" },
		{ LINE("/\\048", "x", "s"), "/\\048", "/\\048", "x", "s" },
		{ LINE("/\\400", "x", "s"), "/\\400", "/\\400", "x", "s" },
		{ LINE("/\\", "x", "s"), "/\\", "/\\", "x", "s" },
		{ LINE("/a\\04", "x", "s\\"), "/a\\04", "/a\\04", "x", "s\\" },
		/* optional fields: none, or several */
		{ "36 25 98:0 / / rw - ext4 /dev/root rw\n", "/", "/", "ext4", "/dev/root" },
		{ "36 25 98:0 / / rw shared:1 master:2 propagate_from:3 unbindable - ext4 dev rw\n",
		  "/", "/", "ext4", "dev" },
		/* no super block options, no end of the line, and a source that is empty */
		{ "36 25 98:0 / / rw - ext4 /dev/root", "/", "/", "ext4", "/dev/root" },
		{ ROOT "36 25 0:1 / /t rw - tmpfs none", "/t", "/t", "tmpfs", "none" },
		{ "36 25 98:0 / / rw - tmpfs  rw\n", "/", "/", "tmpfs", "" },
		{ "36 25 98:0 / / rw -x: --- - ext4 dev rw\n", "/", "/", "ext4", "dev" },
		/* a type or source that looks like the separator */
		{ "36 25 98:0 / / rw - - - rw\n", "/", "/", "-", "-" },
		/* what is no mountinfo is skipped */
		{ "\n\n" ROOT "\n", "/", "/", "ext4", "/dev/root" },
		{ "junk\n36 25\n36 25 98:0 / /a rw shared:1\n36 25 98:0 / /a rw -\n" ROOT, "/a",
		  "/", "ext4", "/dev/root" },
		{ "36 25 98:0 / /a rw - ext4\n" ROOT, "/a", "/", "ext4", "/dev/root" },
		{ "                \n - - - - - -\n" ROOT, "/a", "/", "ext4", "/dev/root" },
		{ "/dev/sda1 /a ext4 rw 0 0\n" ROOT, "/a", "/", "ext4", "/dev/root" },
		/* nothing there */
		{ "", "/", NULL, NULL, NULL },
		{ "\n", "/", NULL, NULL, NULL },
		{ "36 25 98:0 / / rw", "/", NULL, NULL, NULL },
		{ LINE("/var", "xfs", "s"), "/", NULL, NULL, NULL },
		{ LINE("/var", "xfs", "s"), "/usr", NULL, NULL, NULL },
		{ ROOT, "", NULL, NULL, NULL },
		{ ROOT, "relative", NULL, NULL, NULL },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct mount m = { .device = "untouched" };
		int r = mountinfo_find(rows[i].text, rows[i].path, &m);
		if (r != (rows[i].mountpoint ? 0 : -ENOENT))
			fail_msg("%s in %s: %d", rows[i].path, rows[i].text, r);
		assert_string_equal(m.device, r == 0 ? rows[i].device : "untouched");
		if (r < 0)
			continue;
		assert_string_equal(m.mountpoint, rows[i].mountpoint);
		assert_string_equal(m.fstype, rows[i].fstype);
	}
}

/* A slash and then letters, len characters in all. */
static char *long_path(size_t len, char letter)
{
	char *path = xcalloc(len + 1, 1);
	memset(path, letter, len);
	path[0] = '/';
	return path;
}

/* Fields that do not fit are cut; what is mounted where is decided on the whole. */
static void long_fields(void **state)
{
	(void)state;
	static const size_t lengths[] = { 254, 255, 256, 300, 1000, 4095 };
	for (size_t i = 0; i < ELEMENTS(lengths); i++) {
		size_t len = lengths[i];
		cleanup_free char *point = long_path(len, 'm'), *type = long_path(len, 't');
		cleanup_free char *source = long_path(len, 's');
		cleanup_buf struct buf text = BUF_INIT(100000), path = BUF_INIT(10000);
		struct mount m;
		(void)buf_printf(&text,
				 "1 0 8:1 / / rw - ext4 /dev/root rw\n"
				 "2 1 8:2 / %s rw - %s %s rw\n",
				 point, type, source);
		(void)buf_printf(&path, "%s/below", point);

		assert_int_equal(mountinfo_find(buf_string(&text), point, &m), 0);
		assert_int_equal(strlen(m.mountpoint), len < 256 ? len : 255);
		assert_int_equal(strncmp(m.mountpoint, point, strlen(m.mountpoint)), 0);
		assert_int_equal(strlen(m.device), len < 256 ? len : 255);
		assert_int_equal(strncmp(m.device, source, strlen(m.device)), 0);
		assert_int_equal(strlen(m.fstype), 31);
		assert_int_equal(mountinfo_find(buf_string(&text), buf_string(&path), &m), 0);
		assert_int_equal(m.device[1], 's');

		/* where it would be mounted if the name ended where it is cut */
		point[len - 1] = '\0';
		assert_int_equal(mountinfo_find(buf_string(&text), point, &m), 0);
		assert_string_equal(m.device, "/dev/root");
		if (len > 255)
			point[255] = '\0';
		assert_int_equal(mountinfo_find(buf_string(&text), point, &m), 0);
		assert_string_equal(m.device, "/dev/root");
	}
}

/* Every part of a text, and any damage to it, gives an answer. */
static void damaged_text(void **state)
{
	(void)state;
	static const char good[] = ROOT LINE("/var\\040x", "xfs", "/dev/sdb1")
		LINE("/var/lib", "ext4", "/dev/mapper/a");
	struct random random = random_start("damaged_text");
	struct mount m;
	for (size_t len = 0; len <= strlen(good); len++) {
		cleanup_free char *text = xcalloc(len + 1, 1);
		memcpy(text, good, len);
		int r = mountinfo_find(text, "/var/lib/x", &m);
		assert_true(r == 0 || r == -ENOENT);
	}
	for (int round = 0; round < 10000; round++) {
		cleanup_free char *text = xstrdup(good);
		for (int i = 0; i < 5; i++)
			text[random_below(&random, strlen(good))] =
				"\\0 7-\n/a\377"[random_below(&random, 9)];
		int r = mountinfo_find(text, "/var/lib/x", &m);
		assert_true(r == 0 || r == -ENOENT);
	}
}

/* --- from a file ------------------------------------------------------------------------------- */

static void from_a_file(void **state)
{
	(void)state;
	static const char text[] = ROOT LINE("/var", "xfs", "/dev/sdb1");
	struct mount m;
	struct err e = { 0 };
	put(at("mountinfo"), text, strlen(text));
	assert_int_equal(mountinfo_lookup(at("mountinfo"), "/var/lib", &m, &e), 0);
	assert_string_equal(m.device, "/dev/sdb1");
	put(at("mountinfo"), "", 0);
	assert_int_equal(mountinfo_lookup(at("mountinfo"), "/var/lib", &m, &e), -ENOENT);
	assert_non_null(strstr(e.msg, at("mountinfo")));
	assert_non_null(strstr(e.msg, "/var/lib"));
	assert_int_equal(mountinfo_lookup(at("missing"), "/var", &m, &e), -ENOENT);
	assert_non_null(strstr(e.msg, at("missing")));
	assert_int_equal(mountinfo_lookup(own_directory, "/var", &m, &e), -EISDIR);
	assert_int_equal(mountinfo_lookup("/proc/self/mountinfo", "/proc/self", &m, &e), 0);
	assert_string_equal(m.fstype, "proc");
}

static void file_without_end(void **state)
{
	(void)state;
	struct mount m;
	struct err e = { 0 };
	assert_int_equal(mountinfo_lookup("/dev/zero", "/var", &m, &e), -E2BIG);
	assert_non_null(strstr(e.msg, "/dev/zero"));
	/* exactly what is allowed is read to its end */
	static const char last[] = "\n" LINE("/var", "xfs", "/dev/last");
	cleanup_free char *text = xcalloc(BUF_MAX_MOUNTINFO + 1, 1);
	memset(text, 'x', BUF_MAX_MOUNTINFO + 1);
	memcpy(text + BUF_MAX_MOUNTINFO - strlen(last), last, strlen(last));
	put(at("large"), text, BUF_MAX_MOUNTINFO);
	assert_int_equal(mountinfo_lookup(at("large"), "/var", &m, &e), 0);
	assert_string_equal(m.device, "/dev/last");
	put(at("large"), text, BUF_MAX_MOUNTINFO + 1);
	assert_int_equal(mountinfo_lookup(at("large"), "/var", &m, &e), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(long_fields),
		cmocka_unit_test(damaged_text),
		IN_OWN_DIRECTORY(from_a_file),
		IN_OWN_DIRECTORY(file_without_end),
	};
	return cmocka_run_group_tests_name("mountinfo", tests, NULL, NULL);
}
