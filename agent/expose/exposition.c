/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

#define NUMBER_MAX 32

static const char *const type_table[] = {
	[EXPOSITION_GAUGE] = "gauge",
	[EXPOSITION_COUNTER] = "counter",
	[EXPOSITION_HISTOGRAM] = "histogram",
};

void exposition_family(struct exposition *x, const char *name, enum exposition_type type,
		       const char *help)
{
	x->family = name;
	x->type = type;
	x->help = help;
	x->announced = false;
}

/* The text format names a counter's family with _total, OpenMetrics without. */
static void announce(struct exposition *x)
{
	bool total = x->type == EXPOSITION_COUNTER && !x->openmetrics;
	const char *suffix = total ? "_total" : "";
	if (x->announced)
		return;
	buf_printf(x->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", x->family, suffix, x->help,
		   x->family, suffix, type_table[x->type]);
	x->announced = true;
}

static void write_escaped(struct buf *out, const char *s)
{
	while (*s) {
		size_t len = utf8_char_len(s);
		if (len == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else if (*s == '\n')
			buf_puts(out, "\\n");
		else if (*s == '"' || *s == '\\')
			buf_append(out, (const char[]){ '\\', *s }, 2);
		else
			buf_append(out, s, len);
		s += len ? len : 1;
	}
}

static void write_label(struct buf *out, const char *name, const char *value, bool first)
{
	buf_puts(out, first ? "{" : ",");
	buf_puts(out, name);
	buf_puts(out, "=\"");
	write_escaped(out, value);
	buf_putc(out, '"');
}

/* One line; le is the bound of a bucket or NULL. */
static void write_sample(struct exposition *x, const char *suffix,
			 const struct exposition_label *labels, const char *le, const char *value)
{
	bool first = true;
	announce(x);
	buf_puts(x->out, x->family);
	buf_puts(x->out, suffix);
	for (; labels && labels->name; labels++, first = false)
		write_label(x->out, labels->name, labels->value, first);
	if (le) {
		write_label(x->out, "le", le, first);
		first = false;
	}
	if (!first)
		buf_putc(x->out, '}');
	buf_putc(x->out, ' ');
	buf_puts(x->out, value);
	buf_putc(x->out, '\n');
}

static const char *own_suffix(const struct exposition *x)
{
	return x->type == EXPOSITION_COUNTER ? "_total" : "";
}

void exposition_u64(struct exposition *x, const struct exposition_label *labels, uint64_t value)
{
	char text[NUMBER_MAX];
	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	write_sample(x, own_suffix(x), labels, NULL, text);
}

void exposition_i64(struct exposition *x, const struct exposition_label *labels, int64_t value)
{
	char text[NUMBER_MAX];
	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	write_sample(x, own_suffix(x), labels, NULL, text);
}

/* At least one decimal ("1.0"): OpenMetrics asks for that in le, and one spelling in both formats
 * keeps a series the same whichever was negotiated. */
static void format_seconds(char text[NUMBER_MAX], usec_t value)
{
	if (value == USEC_INFINITY) {
		(void)snprintf(text, NUMBER_MAX, "+Inf");
		return;
	}
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	int n = snprintf(text, NUMBER_MAX, "%s%" PRIu64 ".%06" PRIu64, value < 0 ? "-" : "",
			 magnitude / (uint64_t)USEC_PER_SEC, magnitude % (uint64_t)USEC_PER_SEC);
	while (n > 2 && text[n - 1] == '0' && text[n - 2] != '.')
		text[--n] = '\0';
}

void exposition_seconds(struct exposition *x, const struct exposition_label *labels, usec_t value)
{
	char text[NUMBER_MAX];
	format_seconds(text, value);
	write_sample(x, own_suffix(x), labels, NULL, text);
}

void exposition_histogram(struct exposition *x, const struct exposition_label *labels,
			  const struct histogram *h)
{
	char le[NUMBER_MAX], text[NUMBER_MAX];
	uint64_t cumulative = 0;
	for (int i = 0; i <= HISTOGRAM_N_BUCKETS; i++) {
		cumulative += h->buckets[i];
		format_seconds(le, i < HISTOGRAM_N_BUCKETS ? histogram_bounds[i] : USEC_INFINITY);
		(void)snprintf(text, sizeof(text), "%" PRIu64, cumulative);
		write_sample(x, "_bucket", labels, le, text);
	}
	format_seconds(text, h->sum);
	write_sample(x, "_sum", labels, NULL, text);
	(void)snprintf(text, sizeof(text), "%" PRIu64, h->count);
	write_sample(x, "_count", labels, NULL, text);
}

void exposition_end(struct exposition *x)
{
	if (x->openmetrics)
		buf_puts(x->out, "# EOF\n");
}
