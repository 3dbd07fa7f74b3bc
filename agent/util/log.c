/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/human.h"
#include "util/json-write.h"
#include "util/limits.h"
#include "util/usec.h"
#include "util/utf8.h"

#define MESSAGE_MAX   2048
#define MESSAGE_SHORT 512 /* six bytes for each in JSON still fit a line */

static _Atomic(log_sink *) current_sink = log_sink_text;
static atomic_int max_priority = LOG_INFO;
static atomic_ullong dropped;

/* Standard error as it was found at log_setup() or at the first entry. */
static struct {
	pthread_mutex_t lock;
	bool known;
	bool is_socket;
	bool is_journal;
	bool torn; /* only a part of the last line went out */
	int own;   /* a description of our own, or -1 */
} output = { .lock = PTHREAD_MUTEX_INITIALIZER, .own = -1 };

static bool is_journal_stream(const struct stat *st)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	(void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
	return stream && strcmp(stream, own) == 0;
}

/*
 * Pipes and terminals are opened once more: O_NONBLOCK belongs to the open file description, and
 * the inherited one is shared with the shell and others who do not expect it. Without /proc or
 * permission poll() alone has to do.
 */
static void output_find(void)
{
	if (output.own >= 0)
		close(output.own);
	output.own = -1;
	output.torn = false;
	output.known = true;
	struct stat st = { 0 };
	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	output.is_socket = S_ISSOCK(st.st_mode);
	output.is_journal = is_journal_stream(&st);
	if (S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO))
		output.own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static ssize_t write_now(const char *data, size_t len)
{
	if (output.is_socket)
		return send(STDERR_FILENO, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* A line is at most PIPE_BUF long, so it fits as a whole when poll() says so. */
	struct pollfd p = { .fd = output.own >= 0 ? output.own : STDERR_FILENO, .events = POLLOUT };
	if (poll(&p, 1, 0) < 0)
		return -1;
	/* Full; or without a reader, when write() would raise SIGPIPE. */
	if (p.revents != POLLOUT) {
		errno = EAGAIN;
		return -1;
	}
	return write(p.fd, data, len);
}

/* line starts with a newline that is needed only behind a torn line. */
static int output_write(const struct buf *line)
{
	const char *data = line->data + (output.torn ? 0 : 1);
	size_t len = line->len - (output.torn ? 0 : 1);
	ssize_t n = write_now(data, len);
	if (n < 0)
		return -errno;
	output.torn = (size_t)n < len;
	return output.torn ? -EAGAIN : 0;
}

static void put_char(struct buf *b, const char *s, size_t len, bool quoted)
{
	if (*s == '\n')
		(void)buf_puts(b, "\\n");
	else if (*s == '\t')
		(void)buf_puts(b, "\\t");
	else if (!len)
		(void)buf_printf(b, "\\x%02x", (unsigned char)*s);
	else if (utf8_is_control(s, len))
		(void)buf_printf(b, "\\x%02x", (unsigned char)s[len - 1]);
	else if (quoted && (*s == '"' || *s == '\\'))
		(void)buf_printf(b, "\\%c", *s);
	else
		(void)buf_append(b, s, len);
}

static void put_text(struct buf *b, const char *s, bool quoted)
{
	while (*s && !b->overflowed) {
		size_t len = utf8_char_len(s);
		put_char(b, s, len, quoted);
		s += len ? len : 1;
	}
}

static bool needs_quotes(const char *s)
{
	if (!*s)
		return true;
	for (; *s; s++) {
		if ((unsigned char)*s <= ' ' || strchr("\"\\=\x7f", *s))
			return true;
	}
	return false;
}

static void put_field(struct buf *b, const struct log_field *field)
{
	(void)buf_printf(b, " %s=", field->name);
	if (!field->text) {
		(void)buf_printf(b, "%lld", field->number);
	} else if (!needs_quotes(field->text)) {
		put_text(b, field->text, false);
	} else {
		(void)buf_putc(b, '"');
		put_text(b, field->text, true);
		(void)buf_putc(b, '"');
	}
}

static void format_text(const struct log_entry *entry, struct buf *line)
{
	static const char cut[] = "...\n";
	line->max = BUF_MAX_LOG_LINE - strlen(cut);
	(void)buf_putc(line, '\n');
	if (output.is_journal)
		(void)buf_printf(line, "<%d>", entry->priority & LOG_PRIMASK);
	put_text(line, entry->message, false);
	for (size_t i = 0; i < entry->n_fields; i++)
		put_field(line, &entry->fields[i]);
	const char *end = line->overflowed ? cut : "\n";
	line->overflowed = false;
	line->max = BUF_MAX_LOG_LINE;
	(void)buf_puts(line, end);
}

static void put_time(struct json_writer *w)
{
	struct timespec ts = { 0 };
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	char second[HUMAN_MAX], text[2 * HUMAN_MAX];
	(void)human_wall((int64_t)ts.tv_sec * USEC_PER_SEC, second);
	second[strcspn(second, "Z")] = '\0';
	(void)snprintf(text, sizeof(text), "%s.%06ldZ", second, ts.tv_nsec / 1000);
	json_string(w, "time", text);
}

static void format_json(const struct log_entry *entry, struct buf *line)
{
	struct json_writer w = { .out = line };
	const char *level = log_level_to_string(entry->priority & LOG_PRIMASK);
	(void)buf_putc(line, '\n');
	json_object_begin(&w, NULL);
	put_time(&w);
	json_string(&w, "level", level ? level : "error");
	json_string(&w, "message", entry->message);
	if (entry->message_id)
		json_string(&w, "messageId", entry->message_id);
	for (size_t i = 0; i < entry->n_fields; i++) {
		const struct log_field *field = &entry->fields[i];
		if (field->text)
			json_string(&w, field->name, field->text);
		else
			json_i64(&w, field->name, field->number);
	}
	json_object_end(&w);
	(void)buf_putc(line, '\n');
}

/* JSON cannot be cut anywhere: what is too long keeps the start of its message and no fields. */
static void format_json_short(const struct log_entry *entry, struct buf *line)
{
	char message[MESSAGE_SHORT];
	(void)snprintf(message, sizeof(message), "%s", entry->message);
	struct log_field truncated = LOG_TEXT("truncated", "yes");
	struct log_entry brief = *entry;
	brief.message = message;
	brief.fields = &truncated;
	brief.n_fields = 1;
	buf_clear(line);
	format_json(&brief, line);
}

int log_sink_text(const struct log_entry *entry)
{
	cleanup_buf struct buf line = BUF_INIT(BUF_MAX_LOG_LINE);
	pthread_mutex_lock(&output.lock);
	if (!output.known)
		output_find();
	format_text(entry, &line);
	int r = output_write(&line);
	pthread_mutex_unlock(&output.lock);
	return r;
}

int log_sink_json(const struct log_entry *entry)
{
	cleanup_buf struct buf line = BUF_INIT(BUF_MAX_LOG_LINE);
	format_json(entry, &line);
	if (line.overflowed)
		format_json_short(entry, &line);
	pthread_mutex_lock(&output.lock);
	if (!output.known)
		output_find();
	int r = output_write(&line);
	pthread_mutex_unlock(&output.lock);
	return r;
}

void log_setup(log_sink *sink, int max)
{
	pthread_mutex_lock(&output.lock);
	output_find();
	pthread_mutex_unlock(&output.lock);
	atomic_store(&current_sink, sink);
	atomic_store(&max_priority, max);
}

static const char *const level_names[] = {
	[LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

const char *log_level_to_string(int priority)
{
	if (priority < 0 || (size_t)priority >= ELEMENTS(level_names))
		return NULL;
	return level_names[priority];
}

int log_level_from_string(const char *s)
{
	for (size_t i = 0; i < ELEMENTS(level_names); i++) {
		if (level_names[i] && strcmp(level_names[i], s) == 0)
			return (int)i;
	}
	return -EINVAL;
}

unsigned long long log_dropped(void)
{
	return atomic_load(&dropped);
}

void log_entry(const struct log_entry *entry)
{
	if ((entry->priority & LOG_PRIMASK) > atomic_load(&max_priority))
		return;
	int saved_errno = errno;
	log_sink *sink = atomic_load(&current_sink);
	if (sink(entry) < 0)
		atomic_fetch_add(&dropped, 1);
	errno = saved_errno;
}

void log_message(int priority, const char *fmt, ...)
{
	if ((priority & LOG_PRIMASK) > atomic_load(&max_priority))
		return;
	int saved_errno = errno;
	char message[MESSAGE_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	log_entry(&(struct log_entry){ .priority = priority, .message = message });
	errno = saved_errno;
}
