/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eviction-text.h"

#include <errno.h>
#include <string.h>

#define SPACE " \t\n\v\f\r"

static char *trim(char *s)
{
	s += strspn(s, SPACE);
	size_t len = strlen(s);
	while (len > 0 && strchr(SPACE, s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

static int split_all(char separator, struct eviction_entries *entries, struct err *e)
{
	char *rest = entries->text, *item;
	while ((item = strsep(&rest, ","))) {
		if (!*item)
			continue;
		char *value = strchr(item, separator);
		if (!value)
			return err_set(e, EINVAL, "malformed pair, expect string%cstring",
				       separator);
		if (entries->n == EVICTION_MAX_ENTRIES)
			return err_set(e, E2BIG, "more than %d entries", EVICTION_MAX_ENTRIES);
		*value++ = '\0';
		entries->list[entries->n++] = (struct eviction_entry){ trim(item), trim(value) };
	}
	return 0;
}

int eviction_split(const char *text, char separator, struct eviction_entries *ret, struct err *e)
{
	*ret = (struct eviction_entries){ 0 };
	if (!text)
		return 0;
	if (strlen(text) > EVICTION_MAX_TEXT)
		return err_set(e, E2BIG, "longer than %d bytes", EVICTION_MAX_TEXT);
	ret->text = xstrdup(text);
	int r = split_all(separator, ret, e);
	if (r < 0)
		eviction_entries_done(ret);
	return r;
}

void eviction_entries_done(struct eviction_entries *entries)
{
	free(entries->text);
	*entries = (struct eviction_entries){ 0 };
}
