/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/usage-codec.h"
#include "node/state-file.h"
#include "util/clock.h"
#include "util/limits.h"

#define FILE_NAME	"usage"
/* Room for some 2,700 images of 90 bytes; a node with more gets a larger file. */
#define CAPACITY_MIN	((size_t)240 * 1024)
#define BYTES_PER_IMAGE 96
#define CAPACITY_MAX	(N_MAX_IMAGES * (size_t)BYTES_PER_IMAGE * 4)

static void clock_read(struct usage_clock *clock)
{
	*clock = (struct usage_clock){ .monotonic = now_monotonic(), .wall_usec = now_wall() };
	cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, clock->boot_id, sizeof(clock->boot_id) - 1);
	clock->boot_id[n > 0 ? n : 0] = '\0';
}

int history_load(const char *state_directory, struct usage_history *h, struct err *e)
{
	struct state_file file = STATE_FILE_INIT;
	cleanup_buf struct buf payload = BUF_INIT(CAPACITY_MAX);
	struct usage_clock clock;
	int r = state_file_open_read(&file, state_directory, FILE_NAME, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = state_file_read(&file, &payload, e);
	state_file_close(&file);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	clock_read(&clock);
	r = usage_decode(payload.data, payload.len, &clock, h);
	return r < 0 ? err_set(e, -r, "%s/%s is no usage history of this version", state_directory,
			       FILE_NAME)
		     : 0;
}

int history_save(const char *state_directory, const struct usage_history *h, struct err *e)
{
	struct state_file file = STATE_FILE_INIT;
	size_t capacity = h->n_entries * BYTES_PER_IMAGE;
	struct usage_clock clock;
	int r = state_file_open(&file, state_directory, FILE_NAME,
				capacity > CAPACITY_MIN ? capacity : CAPACITY_MIN, e);
	if (r < 0)
		return r;
	cleanup_buf struct buf payload = BUF_INIT(state_file_capacity(&file));
	clock_read(&clock);
	(void)usage_encode(h, &clock, &payload);
	r = state_file_write(&file, buf_string(&payload), payload.len, e);
	state_file_close(&file);
	return r;
}
