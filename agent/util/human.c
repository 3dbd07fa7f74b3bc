/* SPDX-License-Identifier: Apache-2.0 */
#include "util/human.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/alloc.h"

/* n divided by the unit's 1024^unit, half up. */
static uint64_t rounded(unsigned __int128 n, size_t unit)
{
	uint64_t half = unit ? (uint64_t)1 << (10 * unit - 1) : 0;
	return (uint64_t)((n + half) >> (10 * unit));
}

/* Formats "12.3 GiB" with something before and behind. */
static char *format_bytes(const char *before, uint64_t bytes, const char *behind,
			  char buf[HUMAN_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	if (bytes < 1000) {
		(void)snprintf(buf, HUMAN_MAX, "%s%" PRIu64 " B%s", before, bytes, behind);
		return buf;
	}
	size_t unit = 0;
	while (unit + 1 < ELEMENTS(units) && rounded(bytes, unit) >= 1000)
		unit++;
	uint64_t tenths = rounded((unsigned __int128)bytes * 10, unit);
	if (tenths < 1000)
		(void)snprintf(buf, HUMAN_MAX, "%s%" PRIu64 ".%" PRIu64 " %s%s", before,
			       tenths / 10, tenths % 10, units[unit], behind);
	else
		(void)snprintf(buf, HUMAN_MAX, "%s%" PRIu64 " %s%s", before, rounded(bytes, unit),
			       units[unit], behind);
	return buf;
}

char *human_bytes(uint64_t bytes, char buf[HUMAN_MAX])
{
	return format_bytes("", bytes, "", buf);
}

char *human_rate(int64_t bytes_per_second, char buf[HUMAN_MAX])
{
	if (bytes_per_second == 0)
		return format_bytes("", 0, "/s", buf);
	bool negative = bytes_per_second < 0;
	uint64_t magnitude = negative ? 0 - (uint64_t)bytes_per_second : (uint64_t)bytes_per_second;
	return format_bytes(negative ? "-" : "+", magnitude, "/s", buf);
}

char *human_count(uint64_t n, char buf[HUMAN_MAX])
{
	/* Backwards from the end: 20 digits and 6 commas at most. */
	char *p = buf + HUMAN_MAX - 1;
	*p = '\0';
	for (unsigned digits = 0; n || !digits; digits++, n /= 10) {
		if (digits && digits % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + n % 10);
	}
	memmove(buf, p, (size_t)(buf + HUMAN_MAX - p));
	return buf;
}

static char *two_units(int64_t large, char large_unit, int64_t small, char small_unit,
		       char buf[HUMAN_MAX])
{
	if (small)
		(void)snprintf(buf, HUMAN_MAX, "%" PRId64 "%c %" PRId64 "%c", large, large_unit,
			       small, small_unit);
	else
		(void)snprintf(buf, HUMAN_MAX, "%" PRId64 "%c", large, large_unit);
	return buf;
}

static const char *special(int64_t usec)
{
	return usec == USEC_NEVER ? "never" : usec == USEC_INFINITY ? "-" : NULL;
}

static char *below_a_minute(usec_t d, char buf[HUMAN_MAX])
{
	int64_t tenths = d / (USEC_PER_SEC / 10);
	if (d == 0)
		(void)snprintf(buf, HUMAN_MAX, "0s");
	else if (d < USEC_PER_MSEC)
		(void)snprintf(buf, HUMAN_MAX, "%" PRId64 "us", d);
	else if (d < USEC_PER_SEC)
		(void)snprintf(buf, HUMAN_MAX, "%" PRId64 "ms", d / USEC_PER_MSEC);
	else if (tenths < 100 && tenths % 10)
		(void)snprintf(buf, HUMAN_MAX, "%" PRId64 ".%" PRId64 "s", tenths / 10,
			       tenths % 10);
	else
		(void)snprintf(buf, HUMAN_MAX, "%" PRId64 "s", d / USEC_PER_SEC);
	return buf;
}

char *human_duration(usec_t d, char buf[HUMAN_MAX])
{
	if (special(d)) {
		(void)snprintf(buf, HUMAN_MAX, "%s", special(d));
		return buf;
	}
	int64_t minutes = d / USEC_PER_MINUTE, hours = d / USEC_PER_HOUR;
	if (d < USEC_PER_MINUTE)
		return below_a_minute(d > 0 ? d : 0, buf);
	if (hours < 1)
		return two_units(minutes, 'm', d % USEC_PER_MINUTE / USEC_PER_SEC, 's', buf);
	if (hours < 24)
		return two_units(hours, 'h', minutes % 60, 'm', buf);
	return two_units(hours / 24, 'd', hours % 24, 'h', buf);
}

/* A number of units with its fraction, trailing zeros left out; returns what snprintf() would. */
static int format_fraction(char *buf, size_t size, uint64_t usec, uint64_t unit, const char *name)
{
	char digits[8] = "";
	uint64_t whole = usec / unit, rest = usec % unit;
	if (rest)
		digits[0] = '.';
	for (size_t i = 1; rest && i < sizeof(digits) - 1; i++) {
		unit /= 10;
		digits[i] = (char)('0' + rest / unit);
		rest %= unit;
	}
	return snprintf(buf, size, "%" PRIu64 "%s%s", whole, digits, name);
}

char *human_go_duration(usec_t d, char buf[HUMAN_MAX])
{
	uint64_t usec = d < 0 ? 0 - (uint64_t)d : (uint64_t)d;
	char *p = buf;
	const char *end = buf + HUMAN_MAX;
	if (d < 0)
		*p++ = '-';
	if (usec > 0 && usec < USEC_PER_MSEC) {
		(void)format_fraction(p, (size_t)(end - p), usec, 1, "us");
		return buf;
	}
	if (usec > 0 && usec < USEC_PER_SEC) {
		(void)format_fraction(p, (size_t)(end - p), usec, USEC_PER_MSEC, "ms");
		return buf;
	}
	uint64_t minutes = usec / USEC_PER_MINUTE;
	if (minutes >= 60)
		p += snprintf(p, (size_t)(end - p), "%" PRIu64 "h", minutes / 60);
	if (minutes)
		p += snprintf(p, (size_t)(end - p), "%" PRIu64 "m", minutes % 60);
	(void)format_fraction(p, (size_t)(end - p), usec % USEC_PER_MINUTE, USEC_PER_SEC, "s");
	return buf;
}

char *human_wall(int64_t wall_usec, char buf[HUMAN_MAX])
{
	if (special(wall_usec)) {
		(void)snprintf(buf, HUMAN_MAX, "%s", special(wall_usec));
		return buf;
	}
	int64_t sec = wall_usec / USEC_PER_SEC;
	if (wall_usec % USEC_PER_SEC < 0)
		sec--;
	struct tm tm = { 0 };
	time_t t = (time_t)sec;
	(void)gmtime_r(&t, &tm);
	(void)strftime(buf, HUMAN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}
