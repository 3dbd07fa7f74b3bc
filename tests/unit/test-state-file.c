/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "node/state-file.h"
#include "own-directory.h"
#include "own-filesystem.h"
#include "random.h"

#define SLOT	  4096
#define FILE_SIZE (2 * SLOT)
#define HEAD	  24
#define SMALL	  100 /* capacity of a file of the least size */

/* --- helpers ----------------------------------------------------------------------------------- */

/* How many flushes from now on fail; those of the program that is tested come here. */
static int failing_flushes;

int fdatasync(int fd)
{
	if (failing_flushes > 0) {
		failing_flushes--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static struct state_file opened(const char *directory, size_t capacity)
{
	struct state_file f = STATE_FILE_INIT;
	struct err e = { 0 };
	if (state_file_open(&f, directory, "state", capacity, &e) < 0)
		fail_msg("%s", e.msg);
	return f;
}

static void write_text(const struct state_file *f, const char *text)
{
	struct err e = { 0 };
	if (state_file_write(f, text, strlen(text), &e) < 0)
		fail_msg("%s", e.msg);
}

/* What directory/state holds, opened anew for reading: 0, or the negative errno. */
static int read_state(const char *directory, struct buf *ret)
{
	struct state_file f = STATE_FILE_INIT;
	struct err e = { 0 };
	int r = state_file_open_read(&f, directory, "state", &e);
	if (r == 0)
		r = state_file_read(&f, ret, &e);
	state_file_close(&f);
	assert_int_equal(r, -e.code);
	return r;
}

static void assert_state(const char *directory, const char *text)
{
	cleanup_buf struct buf content = BUF_INIT(1024 * 1024);
	assert_int_equal(read_state(directory, &content), 0);
	assert_string_equal(buf_string(&content), text);
}

/* The bytes of the small file. */
static void image_take(char image[FILE_SIZE])
{
	cleanup_close int fd = open(at("state"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, image, FILE_SIZE), FILE_SIZE);
}

static void image_put(const char image[FILE_SIZE])
{
	put(at("state"), image, FILE_SIZE);
}

/* --- reading and writing ----------------------------------------------------------------------- */

static void two_slots_alternate(void **state)
{
	(void)state;
	char image[FILE_SIZE];
	struct state_file f = opened(own_directory, SMALL);
	cleanup_buf struct buf content = BUF_INIT(1000);
	struct err e = { 0 };
	assert_int_equal(state_file_read(&f, &content, &e), -ENODATA);
	static const char *const texts[] = { "one", "two", "", "four", "fifth" };
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		write_text(&f, texts[i]);
		assert_state(own_directory, texts[i]);
		image_take(image);
		assert_memory_equal(image + i % 2 * SLOT + HEAD, texts[i], strlen(texts[i]));
		if (i > 0)
			assert_memory_equal(image + (i - 1) % 2 * SLOT + HEAD, texts[i - 1],
					    strlen(texts[i - 1]));
	}
	state_file_close(&f);
	state_file_close(&f);
}

static void holds_what_it_says(void **state)
{
	(void)state;
	struct state_file f = opened(own_directory, 5000);
	struct err e = { 0 };
	size_t capacity = state_file_capacity(&f);
	assert_true(capacity >= 5000);
	cleanup_free char *text = xcalloc(capacity + 2, 1);
	memset(text, 'x', capacity);
	write_text(&f, text);
	assert_state(own_directory, text);
	write_text(&f, text);
	text[capacity] = 'y';
	assert_int_equal(state_file_write(&f, text, capacity + 1, &e), -E2BIG);
	text[capacity] = '\0';
	assert_state(own_directory, text);
	/* nothing ran over into the other slot */
	write_text(&f, "small");
	assert_state(own_directory, "small");
	state_file_close(&f);
}

/* More than the reader takes is an error, and nothing is half read. */
static void reader_with_little_room(void **state)
{
	(void)state;
	struct state_file f = opened(own_directory, SMALL);
	cleanup_buf struct buf content = BUF_INIT(4);
	struct err e = { 0 };
	write_text(&f, "12345");
	assert_int_equal(state_file_read(&f, &content, &e), -E2BIG);
	assert_int_equal(content.len, 0);
	state_file_close(&f);
}

static void read_only_is_read_only(void **state)
{
	(void)state;
	struct state_file f = opened(own_directory, SMALL);
	struct err e = { 0 };
	write_text(&f, "kept");
	state_file_close(&f);
	assert_int_equal(state_file_open_read(&f, own_directory, "state", &e), 0);
	assert_int_equal(state_file_write(&f, "new", 3, &e), -EBADF);
	state_file_close(&f);
	assert_state(own_directory, "kept");
}

/* --- what a crash leaves ----------------------------------------------------------------------- */

/* A file in which old is the last payload and next the one that a write is about to add. */
static void images_of_a_write(const char *old, const char *next, int writes_before,
			      char before[FILE_SIZE], char after[FILE_SIZE])
{
	struct state_file f = opened(own_directory, SMALL);
	for (int i = 0; i < writes_before; i++)
		write_text(&f, "longer than all that comes after it, so that it shows through");
	write_text(&f, old);
	image_take(before);
	write_text(&f, next);
	image_take(after);
	state_file_close(&f);
}

/* The file reads as old or next, and as next once it is written again. */
static void assert_survived(const char *old, const char *next)
{
	cleanup_buf struct buf content = BUF_INIT(10000);
	assert_int_equal(read_state(own_directory, &content), 0);
	if (strcmp(buf_string(&content), next) != 0)
		assert_string_equal(buf_string(&content), old);
}

static void cut_at_every_byte(void **state)
{
	(void)state;
	static const struct {
		const char *old, *next;
		int writes_before;
	} rows[] = {
		{ "old", "new", 0 },
		{ "old", "new", 1 },
		{ "old", "new", 2 },
		{ "", "n", 2 },
		{ "o", "", 3 },
		{ "the same", "the same", 2 },
		{ "short", "much longer than what was there before it", 5 },
		{ "much longer than what comes after it", "short", 4 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char before[FILE_SIZE], after[FILE_SIZE], image[FILE_SIZE];
		images_of_a_write(rows[i].old, rows[i].next, rows[i].writes_before, before, after);
		for (size_t cut = 0; cut <= FILE_SIZE; cut++) {
			if (cut > 0 && cut < FILE_SIZE && before[cut] == after[cut])
				continue;
			/* written from its start on, or from its end */
			memcpy(image, after, cut);
			memcpy(image + cut, before + cut, FILE_SIZE - cut);
			image_put(image);
			assert_survived(rows[i].old, rows[i].next);
			memcpy(image, before, cut);
			memcpy(image + cut, after + cut, FILE_SIZE - cut);
			image_put(image);
			assert_survived(rows[i].old, rows[i].next);
		}
		assert_int_equal(unlink(at("state")), 0);
	}
}

/* After a write that was cut off the next one counts, wherever it was cut. */
static void writing_goes_on_after_a_cut(void **state)
{
	(void)state;
	char before[FILE_SIZE], after[FILE_SIZE], image[FILE_SIZE];
	images_of_a_write("old", "new", 2, before, after);
	for (size_t cut = 0; cut < FILE_SIZE; cut++) {
		if (before[cut] == after[cut])
			continue;
		memcpy(image, after, cut);
		memcpy(image + cut, before + cut, FILE_SIZE - cut);
		image_put(image);
		struct state_file f = opened(own_directory, SMALL);
		write_text(&f, "third");
		assert_state(own_directory, "third");
		write_text(&f, "fourth");
		assert_state(own_directory, "fourth");
		state_file_close(&f);
	}
}

/* Any of the sectors of a large payload reached the disk, in any order. */
static void sectors_in_any_order(void **state)
{
	(void)state;
	enum { SECTOR = 512, LARGE = 20000 };
	struct random random = random_start("sectors_in_any_order");
	struct state_file f = opened(own_directory, LARGE);
	size_t size = 2 * (state_file_capacity(&f) + HEAD);
	cleanup_free char *before = xcalloc(size, 1), *after = xcalloc(size, 1);
	cleanup_free char *image = xcalloc(size, 1);
	cleanup_free char *old = xcalloc(LARGE + 1, 1), *next = xcalloc(LARGE + 1, 1);
	for (size_t i = 0; i < LARGE; i++) {
		old[i] = (char)('a' + random_below(&random, 26));
		next[i] = (char)('A' + random_below(&random, 26));
	}
	write_text(&f, "first");
	write_text(&f, old);
	assert_int_equal(pread(f.fd, before, size, 0), size);
	write_text(&f, next);
	assert_int_equal(pread(f.fd, after, size, 0), size);
	for (int round = 0; round < 500; round++) {
		for (size_t at_byte = 0; at_byte < size; at_byte += SECTOR)
			memcpy(image + at_byte,
			       (random_once_in(&random, 2) ? before : after) + at_byte, SECTOR);
		assert_int_equal(pwrite(f.fd, image, size, 0), size);
		cleanup_buf struct buf content = BUF_INIT(100000);
		assert_int_equal(state_file_read(&f, &content, NULL), 0);
		if (strcmp(buf_string(&content), next) != 0)
			assert_string_equal(buf_string(&content), old);
	}
	state_file_close(&f);
}

static void flipped_bits(void **state)
{
	(void)state;
	char before[FILE_SIZE], image[FILE_SIZE];
	images_of_a_write("older", "newer", 2, before, image);
	/* the fourth write went to the second slot */
	for (size_t slot = 0; slot < 2; slot++) {
		for (size_t bit = 0; bit < (HEAD + 5) * 8; bit++) {
			char *byte = &image[slot * SLOT + bit / 8];
			*byte ^= (char)(1 << bit % 8);
			image_put(image);
			assert_state(own_directory, slot == 1 ? "older" : "newer");
			*byte ^= (char)(1 << bit % 8);
		}
	}
	/* both */
	cleanup_buf struct buf content = BUF_INIT(1000);
	image[HEAD]++;
	image[SLOT + HEAD]++;
	image_put(image);
	assert_int_equal(read_state(own_directory, &content), -EBADMSG);
	assert_int_equal(content.len, 0);
	struct state_file f = opened(own_directory, SMALL);
	write_text(&f, "again");
	assert_state(own_directory, "again");
	state_file_close(&f);
}

/* What a write left unflushed does not count, and the next write does not touch the whole one. */
static void flush_fails(void **state)
{
	(void)state;
	char before[FILE_SIZE], after[FILE_SIZE];
	struct state_file f = opened(own_directory, SMALL);
	struct err e = { 0 };
	write_text(&f, "kept");
	image_take(before);
	for (int i = 0; i < 3; i++) {
		failing_flushes = 1;
		assert_int_equal(state_file_write(&f, "lost", 4, &e), -EIO);
		assert_state(own_directory, "kept");
	}
	image_take(after);
	assert_memory_equal(before, after, SLOT);
	write_text(&f, "next");
	assert_state(own_directory, "next");
	image_take(after);
	assert_memory_equal(before, after, SLOT);
	state_file_close(&f);
}

/* --- killed at any time ------------------------------------------------------------------------ */

/* A payload that is its number over and over; some are larger than the file was. */
static size_t payload_of(uint64_t number, char *ret)
{
	size_t n = number % 7 == 0 ? 900 : 20;
	for (size_t i = 0; i < n; i++)
		memcpy(ret + i * sizeof(number), &number, sizeof(number));
	return n * sizeof(number);
}

static void writer(volatile uint64_t *done)
{
	char payload[8192];
	for (uint64_t number = *done + 1;; number++) {
		struct state_file f = STATE_FILE_INIT;
		size_t len = payload_of(number, payload);
		if (state_file_open(&f, own_directory, "state", len, NULL) < 0 ||
		    state_file_write(&f, payload, len, NULL) < 0)
			_exit(1);
		state_file_close(&f);
		*done = number;
		/* from time to time it begins with a small file again */
		if (number % 50 == 0)
			_exit(0);
	}
}

/* It holds a payload in full: the last one that was finished, or the one after it. */
static void assert_number(uint64_t done)
{
	char expected[8192];
	uint64_t number;
	cleanup_buf struct buf content = BUF_INIT(100000);
	assert_int_equal(read_state(own_directory, &content), 0);
	assert_true(content.len >= sizeof(number));
	memcpy(&number, content.data, sizeof(number));
	assert_in_range(number, done, done + 1);
	assert_int_equal(payload_of(number, expected), content.len);
	assert_memory_equal(content.data, expected, content.len);
}

static void killed_at_any_time(void **state)
{
	(void)state;
	struct random random = random_start("killed_at_any_time");
	volatile uint64_t *done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(done != MAP_FAILED);
	struct state_file f = opened(own_directory, SMALL);
	write_text(&f, "\1\0\0\0\0\0\0");
	state_file_close(&f);
	for (int round = 0; round < 200; round++) {
		int status;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			writer(done);
		usleep((useconds_t)random_below(&random, 15000));
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		if (*done > 0)
			assert_number(*done);
		if (round % 20 == 19)
			assert_int_equal(unlink(at("state")), 0), *done = 0;
	}
	(void)munmap((void *)(uintptr_t)done, sizeof(*done));
}

/* --- making and growing ------------------------------------------------------------------------ */

static void assert_allocated(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size % FILE_SIZE, 0);
	assert_true(st.st_blocks * 512 >= st.st_size);
}

static void makes_what_is_missing(void **state)
{
	(void)state;
	static const mode_t masks[] = { 022, 077, 0 };
	for (size_t i = 0; i < ELEMENTS(masks); i++) {
		char top[32], directory[256];
		struct stat st;
		(void)snprintf(top, sizeof(top), "top%zu", i);
		(void)snprintf(directory, sizeof(directory), "%s/middle//last/", at(top));
		mode_t mask = umask(masks[i]);
		struct state_file f = opened(directory, SMALL);
		(void)umask(mask);
		write_text(&f, "here");
		state_file_close(&f);
		assert_state(directory, "here");
		(void)snprintf(directory, sizeof(directory), "%s/middle/last", at(top));
		assert_int_equal(stat(directory, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		(void)snprintf(directory, sizeof(directory), "%s/middle", at(top));
		assert_int_equal(stat(directory, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755 & ~masks[i]);
		(void)snprintf(directory, sizeof(directory), "%s/middle/last/state", at(top));
		assert_int_equal(stat(directory, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_allocated(directory);
	}
}

static void growing_keeps_the_content(void **state)
{
	(void)state;
	struct state_file f = opened(own_directory, SMALL);
	write_text(&f, "content");
	state_file_close(&f);
	static const size_t capacities[] = { 4072, 4073, 100000, 100001, 1000000, 10 };
	size_t last = SLOT - HEAD;
	int descriptors = open_descriptors();
	for (size_t i = 0; i < ELEMENTS(capacities); i++) {
		f = opened(own_directory, capacities[i]);
		assert_true(state_file_capacity(&f) >= capacities[i]);
		assert_true(state_file_capacity(&f) >= last); /* it never shrinks */
		last = state_file_capacity(&f);
		assert_state(own_directory, "content");
		assert_allocated(at("state"));
		assert_int_equal(access(at(".state.new"), F_OK), -1);
		state_file_close(&f);
		assert_int_equal(open_descriptors(), descriptors);
	}
}

/* One that was killed while it made a larger file left that behind. */
static void leftover_of_a_killed_process(void **state)
{
	(void)state;
	struct state_file f = opened(own_directory, SMALL);
	write_text(&f, "content");
	state_file_close(&f);
	put(at(".state.new"), "half", 4);
	f = opened(own_directory, 10000);
	assert_true(state_file_capacity(&f) >= 10000);
	assert_state(own_directory, "content");
	assert_int_equal(access(at(".state.new"), F_OK), -1);
	state_file_close(&f);
}

static void foreign_content_is_replaced(void **state)
{
	(void)state;
	cleanup_free char *junk = xcalloc(3 * FILE_SIZE, 1);
	memset(junk, 'j', 3 * FILE_SIZE);
	static const size_t sizes[] = { 0, 1, 10, SLOT, FILE_SIZE - 1, FILE_SIZE + 1, 3 * SLOT };
	for (size_t i = 0; i < ELEMENTS(sizes); i++) {
		cleanup_buf struct buf content = BUF_INIT(1000);
		put(at("state"), junk, sizes[i]);
		assert_int_equal(read_state(own_directory, &content), -EBADMSG);
		struct state_file f = opened(own_directory, SMALL);
		assert_int_equal(state_file_read(&f, &content, NULL), -ENODATA);
		write_text(&f, "ours");
		assert_state(own_directory, "ours");
		state_file_close(&f);
	}
	/* of the right size it is a damaged one */
	cleanup_buf struct buf content = BUF_INIT(1000);
	put(at("state"), junk, FILE_SIZE);
	assert_int_equal(read_state(own_directory, &content), -EBADMSG);
	struct state_file f = opened(own_directory, SMALL);
	write_text(&f, "ours");
	assert_state(own_directory, "ours");
	state_file_close(&f);
}

/* A slot of ours that claims to be longer than it is. */
static void hostile_lengths(void **state)
{
	(void)state;
	static const uint64_t lengths[] = { SLOT - HEAD + 1, SLOT, UINT32_MAX, INT64_MAX,
					    UINT64_MAX };
	char before[FILE_SIZE], image[FILE_SIZE];
	images_of_a_write("older", "newer", 2, before, image);
	for (size_t i = 0; i < ELEMENTS(lengths); i++) {
		memcpy(image + SLOT + 16, &lengths[i], sizeof(lengths[i]));
		image_put(image);
		assert_state(own_directory, "older");
	}
}

/* --- what is refused --------------------------------------------------------------------------- */

static void assert_refused(const char *directory, int code, const char *named)
{
	struct state_file f = STATE_FILE_INIT;
	struct err e = { 0 };
	int descriptors = open_descriptors();
	assert_int_equal(state_file_open(&f, directory, "state", SMALL, &e), -code);
	assert_int_equal(e.code, code);
	assert_non_null(strstr(e.msg, named));
	assert_int_equal(f.fd, -1);
	assert_int_equal(open_descriptors(), descriptors);
}

static void symbolic_link_is_refused(void **state)
{
	(void)state;
	struct state_file f = STATE_FILE_INIT;
	struct err e = { 0 };
	put(at("victim"), "untouched", 9);
	assert_int_equal(symlink("victim", at("state")), 0);
	assert_refused(own_directory, ELOOP, at("state"));
	assert_int_equal(state_file_open_read(&f, own_directory, "state", &e), -ELOOP);
	assert_int_equal(unlink(at("state")), 0);
	assert_int_equal(symlink("nowhere", at("state")), 0);
	assert_refused(own_directory, ELOOP, at("state"));
	/* nor does one in place of the file beside it lead anywhere */
	assert_int_equal(unlink(at("state")), 0);
	assert_int_equal(symlink("victim", at(".state.new")), 0);
	f = opened(own_directory, SMALL);
	state_file_close(&f);
	struct stat st;
	assert_int_equal(stat(at("victim"), &st), 0);
	assert_int_equal(st.st_size, 9);
}

static void other_things_of_that_name(void **state)
{
	(void)state;
	struct state_file f = STATE_FILE_INIT;
	struct err e = { 0 };
	assert_int_equal(mkdir(at("state"), 0700), 0);
	assert_refused(own_directory, EISDIR, at("state"));
	assert_int_equal(rmdir(at("state")), 0);
	/* one that would wait for a writer */
	assert_int_equal(mkfifo(at("state"), 0600), 0);
	(void)alarm(20);
	assert_int_equal(state_file_open_read(&f, own_directory, "state", &e), -EBADMSG);
	assert_int_equal(f.fd, -1);
	f = opened(own_directory, SMALL);
	(void)alarm(0);
	write_text(&f, "ours");
	assert_state(own_directory, "ours");
	state_file_close(&f);
}

static void directories_that_are_none(void **state)
{
	(void)state;
	struct state_file f = STATE_FILE_INIT;
	struct err e = { 0 };
	put(at("file"), "x", 1);
	assert_refused(at("file"), ENOTDIR, at("file/state"));
	assert_refused(at("file/below/it"), ENOTDIR, at("file/below/it/state"));
	assert_refused("", ENOENT, "/state");
	/* reading makes nothing */
	assert_int_equal(state_file_open_read(&f, at("missing"), "state", &e), -ENOENT);
	assert_int_equal(access(at("missing"), F_OK), -1);
	assert_int_equal(state_file_open_read(&f, own_directory, "state", &e), -ENOENT);
	assert_int_equal(access(at("state"), F_OK), -1);
}

/* As somebody who may not write there. */
static void not_ours(void)
{
	struct state_file f = STATE_FILE_INIT;
	struct err e = { 0 };
	bool good = state_file_open(&f, own_directory, "state", SMALL, &e) == -EACCES &&
		    strstr(e.msg, at("state")) && strstr(e.msg, strerror(EACCES)) && f.fd == -1;
	good = good && state_file_open(&f, at("below"), "state", SMALL, &e) == -EACCES &&
	       strstr(e.msg, at("below/state"));
	_exit(good ? 0 : 1);
}

static void directory_without_permission(void **state)
{
	(void)state;
	int status;
	assert_int_equal(chmod(own_directory, 0555), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		not_ours();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(own_directory, 0700), 0);
	assert_int_equal(status, 0);
}

static void read_only_filesystem(void **state)
{
	(void)state;
	if (!own_tmpfs("size=1m", own_directory))
		SKIP("no mounts of one's own: not root");
	struct state_file f = opened(own_directory, SMALL);
	write_text(&f, "kept");
	state_file_close(&f);
	assert_int_equal(mount(NULL, own_directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_refused(own_directory, EROFS, at("state"));
	assert_refused(at("below"), EROFS, at("below/state"));
	assert_state(own_directory, "kept");
}

/* --- no room ----------------------------------------------------------------------------------- */

static void growing_without_room(void **state)
{
	(void)state;
	if (!own_tmpfs("size=256k", own_directory))
		SKIP("no mounts of one's own: not root");
	struct state_file f = opened(own_directory, SMALL);
	write_text(&f, "content");
	state_file_close(&f);
	fill_up(own_directory);
	int descriptors = open_descriptors();
	f = opened(own_directory, 100000);
	assert_int_equal(state_file_capacity(&f), SLOT - HEAD);
	assert_state(own_directory, "content");
	assert_int_equal(access(at(".state.new"), F_OK), -1);
	write_text(&f, "still written");
	assert_state(own_directory, "still written");
	state_file_close(&f);
	assert_int_equal(open_descriptors(), descriptors);
	assert_int_equal(unlink(at("filler")), 0);
	f = opened(own_directory, 50000);
	assert_true(state_file_capacity(&f) >= 50000);
	assert_state(own_directory, "still written");
	state_file_close(&f);
}

static void making_without_room(void **state)
{
	(void)state;
	if (!own_tmpfs("size=64k", own_directory))
		SKIP("no mounts of one's own: not root");
	fill_up(own_directory);
	assert_refused(own_directory, ENOSPC, at("state"));
	assert_int_equal(access(at("state"), F_OK), -1);
	assert_int_equal(access(at(".state.new"), F_OK), -1);
}

/* Once the file is there no write needs room for anything, on filesystems that differ in what they
 * do at a write. */
static void writing_on_a_full_disk(const char *kind, off_t size)
{
	enum { LEN = 240 * 1024 };
	if (!own_filesystem(kind, size, own_directory))
		SKIP("%s cannot be made and mounted here", kind);
	cleanup_free char *payload = xcalloc(LEN + 1, 1);
	struct state_file f = opened(own_directory, LEN);
	state_file_close(&f);
	fill_up(own_directory);
	for (int i = 0; i < 20; i++) {
		memset(payload, 'a' + i % 26, LEN);
		f = opened(own_directory, LEN);
		write_text(&f, payload);
		state_file_close(&f);
	}
	assert_state(own_directory, payload);
}

static void full_ext4(void **state)
{
	(void)state;
	writing_on_a_full_disk("ext4", 32 << 20);
}

static void full_xfs(void **state)
{
	(void)state;
	writing_on_a_full_disk("xfs", 320 << 20);
}

static void full_btrfs(void **state)
{
	(void)state;
	writing_on_a_full_disk("btrfs", 160 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(two_slots_alternate),
		IN_OWN_DIRECTORY(holds_what_it_says),
		IN_OWN_DIRECTORY(reader_with_little_room),
		IN_OWN_DIRECTORY(read_only_is_read_only),
		IN_OWN_DIRECTORY(cut_at_every_byte),
		IN_OWN_DIRECTORY(writing_goes_on_after_a_cut),
		IN_OWN_DIRECTORY(sectors_in_any_order),
		IN_OWN_DIRECTORY(flipped_bits),
		IN_OWN_DIRECTORY(flush_fails),
		IN_OWN_DIRECTORY(killed_at_any_time),
		IN_OWN_DIRECTORY(makes_what_is_missing),
		IN_OWN_DIRECTORY(growing_keeps_the_content),
		IN_OWN_DIRECTORY(leftover_of_a_killed_process),
		IN_OWN_DIRECTORY(foreign_content_is_replaced),
		IN_OWN_DIRECTORY(hostile_lengths),
		IN_OWN_DIRECTORY(symbolic_link_is_refused),
		IN_OWN_DIRECTORY(other_things_of_that_name),
		IN_OWN_DIRECTORY(directories_that_are_none),
		IN_OWN_DIRECTORY(directory_without_permission),
		IN_OWN_DIRECTORY(read_only_filesystem),
		IN_OWN_DIRECTORY(growing_without_room),
		IN_OWN_DIRECTORY(making_without_room),
		IN_OWN_DIRECTORY(full_ext4),
		IN_OWN_DIRECTORY(full_xfs),
		IN_OWN_DIRECTORY(full_btrfs),
	};
	return cmocka_run_group_tests_name("state-file", tests, NULL, NULL);
}
