/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/parse.h"

/* Fields of /proc/PID/stat, proc(5) numbers; those after the name start at 3. */
#define STAT_FIRST     3
#define STAT_UTIME     14
#define STAT_STIME     15
#define STAT_STARTTIME 22
#define STAT_VSIZE     23
#define STAT_RSS       24
#define STAT_MAX       2048

/* Ticks beyond this are no time a machine was ever up; times a million they still fit. */
#define TICKS_MAX ((int64_t)1 << 40)

static bool is_time(int field)
{
	return field == STAT_UTIME || field == STAT_STIME || field == STAT_STARTTIME;
}

static int stat_fields(char *text, int64_t fields[STAT_RSS + 1])
{
	char *rest = strrchr(text, ')');
	if (!rest || rest[1] != ' ')
		return -EBADMSG;
	rest += 2;
	for (int i = STAT_FIRST; i <= STAT_RSS; i++) {
		const char *word = strsep(&rest, " \n");
		if (!word)
			return -EBADMSG;
		if (!is_time(i) && i < STAT_VSIZE)
			continue;
		if (parse_i64(word, &fields[i]) < 0 || fields[i] < 0 ||
		    (is_time(i) && fields[i] > TICKS_MAX))
			return -EBADMSG;
	}
	return 0;
}

static usec_t ticks_to_usec(int64_t ticks, long ticks_per_second)
{
	return ticks * USEC_PER_SEC / ticks_per_second;
}

int process_parse_stat(const char *text, long ticks_per_second, long page_size,
		       struct process_metrics *p, usec_t *ret_start)
{
	int64_t fields[STAT_RSS + 1] = { 0 };
	cleanup_free char *copy = xstrdup(text);
	int r = stat_fields(copy, fields);
	if (r < 0)
		return r;
	p->cpu = ticks_to_usec(fields[STAT_UTIME] + fields[STAT_STIME], ticks_per_second);
	p->virtual_bytes = (uint64_t)fields[STAT_VSIZE];
	p->resident_bytes = (uint64_t)fields[STAT_RSS] * (uint64_t)page_size;
	*ret_start = ticks_to_usec(fields[STAT_STARTTIME], ticks_per_second);
	return 0;
}

static int read_stat(int proc_fd, char text[STAT_MAX])
{
	cleanup_close int fd = openat(proc_fd, "self/stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, STAT_MAX - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

static int count_fds(int proc_fd, uint64_t *ret)
{
	int fd = openat(proc_fd, "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	uint64_t n = 0;
	for (const struct dirent *d; (d = readdir(dir));)
		n += d->d_name[0] != '.';
	closedir(dir);
	*ret = n - 2; /* not the two opened here */
	return 0;
}

static int64_t clock_usec(clockid_t clock)
{
	struct timespec ts = { 0 };
	(void)clock_gettime(clock, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

int process_metrics_read(const char *proc, struct process_metrics *p)
{
	struct process_metrics next = *p;
	char text[STAT_MAX];
	usec_t start = 0;
	cleanup_close int fd = open(proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = read_stat(fd, text);
	if (r == 0)
		r = process_parse_stat(text, sysconf(_SC_CLK_TCK), sysconf(_SC_PAGESIZE), &next,
				       &start);
	if (r == 0)
		r = count_fds(fd, &next.open_fds);
	if (r < 0)
		return r;
	if (next.start_wall_usec == 0)
		next.start_wall_usec =
			clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_BOOTTIME) + start;
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		next.max_fds = limit.rlim_cur;
	*p = next;
	return 0;
}
