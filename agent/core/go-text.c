/* SPDX-License-Identifier: Apache-2.0 */
#include "core/go-text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/alloc.h"

char *go_escape(const char *s, size_t len, char ret[GO_QUOTED_MAX])
{
	static const char hex[] = "0123456789abcdef";
	char *out = ret;
	/* the longest form of one byte and the NUL have to fit */
	for (size_t i = 0; i < len && out - ret < GO_QUOTED_MAX - 4; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c < ' ' || c > '~') {
			*out++ = '\\';
			*out++ = 'x';
			*out++ = hex[c >> 4];
			*out++ = hex[c & 15];
			continue;
		}
		if (c == '"' || c == '\\')
			*out++ = '\\';
		*out++ = (char)c;
	}
	*out = '\0';
	return ret;
}

static bool is_unit(const char *s, size_t len)
{
	static const char *const units[] = {
		"ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h",
	};
	for (size_t i = 0; i < ELEMENTS(units); i++)
		if (strlen(units[i]) == len && memcmp(s, units[i], len) == 0)
			return true;
	return false;
}

int go_duration_error(const char *text, struct err *e)
{
	char all[GO_QUOTED_MAX], part[GO_QUOTED_MAX];
	(void)go_escape(text, strlen(text), all);
	const char *s = text + (*text == '-' || *text == '+');
	while (*s) {
		size_t digits = strspn(s, "0123456789");
		s += digits;
		size_t fraction = *s == '.' ? strspn(s + 1, "0123456789") : 0;
		s += *s == '.' ? fraction + 1 : 0;
		if (digits + fraction == 0)
			break;
		size_t unit = strcspn(s, ".0123456789");
		if (unit == 0)
			return err_set(e, EINVAL, "time: missing unit in duration \"%s\"", all);
		if (!is_unit(s, unit))
			return err_set(e, EINVAL, "time: unknown unit \"%s\" in duration \"%s\"",
				       go_escape(s, unit, part), all);
		s += unit;
	}
	return err_set(e, EINVAL, "time: invalid duration \"%s\"", all);
}
