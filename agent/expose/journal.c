/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/journal.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/alloc.h"

#define IDENTIFIER   "disk-pressure-agent"
#define FIELD_PREFIX "DPA_"
#define DATAGRAM_MAX 65536

/* "NAME=text"; a text of several lines goes with its length in front instead. */
static void write_field(struct buf *out, const char *name, const char *text)
{
	size_t len = strlen(text);
	buf_puts(out, name);
	if (memchr(text, '\n', len)) {
		uint64_t size = htole64(len);
		buf_putc(out, '\n');
		buf_append(out, &size, sizeof(size));
	} else {
		buf_putc(out, '=');
	}
	buf_append(out, text, len);
	buf_putc(out, '\n');
}

/* measuredBytes becomes DPA_MEASURED_BYTES; at most 64 characters, the journal's limit. */
static void field_name(const char *name, char ret[65])
{
	size_t n = strlen(FIELD_PREFIX);
	memcpy(ret, FIELD_PREFIX, n);
	for (; *name && n < 63; name++) {
		if (isupper((unsigned char)*name) && n > strlen(FIELD_PREFIX))
			ret[n++] = '_';
		ret[n++] =
			isalnum((unsigned char)*name) ? (char)toupper((unsigned char)*name) : '_';
	}
	ret[n] = '\0';
}

void journal_format(const struct log_entry *entry, struct buf *out)
{
	char name[65], number[32];
	write_field(out, "SYSLOG_IDENTIFIER", IDENTIFIER);
	(void)snprintf(number, sizeof(number), "%d", entry->priority);
	write_field(out, "PRIORITY", number);
	if (entry->message_id)
		write_field(out, "MESSAGE_ID", entry->message_id);
	write_field(out, "MESSAGE", entry->message);
	for (size_t i = 0; i < entry->n_fields; i++) {
		const struct log_field *field = &entry->fields[i];
		field_name(field->name, name);
		(void)snprintf(number, sizeof(number), "%lld", field->number);
		write_field(out, name, field->text ? field->text : number);
	}
}

int journal_send(const char *socket_path, const struct log_entry *entry)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	cleanup_buf struct buf datagram = BUF_INIT(DATAGRAM_MAX);
	journal_format(entry, &datagram);
	if (datagram.overflowed)
		return -E2BIG;
	/* A socket of its own for each entry: no state, and a restarted journald is found again. */
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, datagram.data, datagram.len, MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

int journal_sink(const struct log_entry *entry)
{
	return journal_send(JOURNAL_SOCKET, entry);
}

bool journal_available(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char own[64];
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}
