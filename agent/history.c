/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "node/state-file.h"
#include "util/clock.h"

/* Room for some 2,600 images, whose records have 93 bytes with a SHA-256, and 16 more where a gain is
 * known. A node with more gets a file of twice the size, and so on, while there is room: it may
 * be full when the next image comes. Images that are gone have what these leave. */
#define CAPACITY_MIN ((size_t)240 * 1024)
/* What can be read back: N_MAX_IMAGES with IDs of 255 characters take 18 MB. */
#define PAYLOAD_MAX  ((size_t)32 * 1024 * 1024)

/* Where /proc shows processes and nothing else (ProcSubset=pid), the unit tells. */
#define BOOT_ID_VARIABLE "DPA_BOOT_ID"
#define BOOT_ID_DIGITS	 32

void history_boot_id(const char *text, char id[BOOT_ID_MAX])
{
	size_t n = 0;
	for (; *text && *text != '\n'; text++) {
		if (*text == '-')
			continue;
		if (!strchr("0123456789abcdef", *text) || n == BOOT_ID_DIGITS)
			break;
		id[n++] = *text;
	}
	bool whole = n == BOOT_ID_DIGITS && (!*text || *text == '\n');
	memset(id + (whole ? n : 0), 0, BOOT_ID_MAX - (whole ? n : 0));
}

static void clock_read(struct usage_clock *clock)
{
	*clock = (struct usage_clock){ .monotonic = now_monotonic(), .wall_usec = now_wall() };
	char text[64] = "";
	cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *told = getenv(BOOT_ID_VARIABLE);
	history_boot_id(n > 0 ? text : told ? told : "", clock->boot_id);
}

static int read_payload(const char *state_directory, const char *name, struct buf *ret,
			struct err *e)
{
	struct state_file file = STATE_FILE_INIT;
	int r = state_file_open_read(&file, state_directory, name, e);
	if (r < 0)
		return r;
	r = state_file_read(&file, ret, e);
	state_file_close(&file);
	return r < 0 ? err_prefix(e, "%s/%s: ", state_directory, name) : 0;
}

int history_load(const char *state_directory, const char *name, struct usage_history *h,
		 struct err *e)
{
	cleanup_buf struct buf payload = BUF_INIT(PAYLOAD_MAX);
	struct usage_clock clock;
	struct err why = { 0 };
	int r = read_payload(state_directory, name, &payload, &why);
	if (r == -ENOENT || r == -ENODATA)
		return 0;
	if (r < 0)
		return err_set(e, -r, "%s", why.msg);
	clock_read(&clock);
	r = usage_decode(payload.data, payload.len, &clock, h);
	return r < 0 ? err_set(e, -r, "%s/%s is no usage history of this version", state_directory,
			       name)
		     : 0;
}

static size_t capacity_for(const struct usage_history *h)
{
	size_t need = usage_encoded_size(h), capacity = CAPACITY_MIN;
	while (capacity < need && capacity < PAYLOAD_MAX)
		capacity *= 2;
	return capacity;
}

int history_save(const char *state_directory, const char *name, const struct usage_history *h,
		 struct err *e)
{
	struct state_file file = STATE_FILE_INIT;
	struct usage_clock clock;
	struct err why = { 0 };
	int r = state_file_open(&file, state_directory, name, capacity_for(h), e);
	if (r < 0)
		return r;
	cleanup_buf struct buf payload = BUF_INIT(state_file_capacity(&file));
	clock_read(&clock);
	(void)usage_encode(h, &clock, &payload);
	r = state_file_write(&file, buf_string(&payload), payload.len, &why);
	state_file_close(&file);
	return r < 0 ? err_set(e, -r, "%s/%s: %s", state_directory, name, why.msg) : 0;
}
