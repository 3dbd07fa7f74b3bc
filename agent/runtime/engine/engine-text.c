/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/engine/engine-text.h"

#include <errno.h>
#include <string.h>

#include "util/limits.h"
#include "util/utf8.h"

#define ID_ALGORITHM "sha256:"
#define ID_DIGITS    64
#define NONE	     "<none>"

/* A member that is not there is as good as an empty one. */
static int absent_is_empty(int r, const struct err *why, struct err *e)
{
	if (r == 0 || r == -ENOENT)
		return 0;
	return err_set(e, EBADMSG, "%s", why->msg);
}

static int copy(struct arena *arena, const char *text, const char *name, const char **ret,
		struct err *e)
{
	size_t n = strlen(text);
	if (n > BUF_MAX_ENGINE_TEXT)
		return err_set(e, E2BIG, "'%s' has %zu bytes, more than %d are not taken", name, n,
			       BUF_MAX_ENGINE_TEXT);
	for (size_t i = 0, len; i < n; i += len) {
		len = utf8_char_len(text + i);
		if (len == 0)
			return err_set(e, EBADMSG, "'%s' is not UTF-8", name);
		if (utf8_is_control(text + i, len))
			return err_set(e, EBADMSG, "'%s' contains a control character", name);
	}
	*ret = arena_strdup(arena, text);
	return 0;
}

int engine_text(struct arena *arena, const cJSON *object, const char *name, const char **ret,
		struct err *e)
{
	const char *text = "";
	struct err why = { 0 };
	int r = absent_is_empty(json_get_string(object, name, &text, &why), &why, e);
	return r < 0 ? r : copy(arena, text, name, ret, e);
}

int engine_id(struct arena *arena, const cJSON *object, const char *name, const char **ret,
	      struct err *e)
{
	const char *id = "";
	int r = engine_text(arena, object, name, &id, e);
	if (r < 0)
		return r;
	bool prefixed = strncmp(id, ID_ALGORITHM, strlen(ID_ALGORITHM)) == 0;
	const char *digits = prefixed ? id + strlen(ID_ALGORITHM) : id;
	if (strlen(digits) != ID_DIGITS || strspn(digits, "0123456789abcdef") != ID_DIGITS)
		return err_set(e, EBADMSG, "'%s' is no ID of 64 hex digits: \"%.80s\"", name, id);
	*ret = id;
	return 0;
}

int engine_texts(struct arena *arena, const cJSON *object, const char *name,
		 const char *const **ret, size_t *ret_n, struct err *e)
{
	const cJSON *list = NULL, *item;
	struct err why = { 0 };
	int r = absent_is_empty(json_get_array(object, name, &list, &why), &why, e);
	if (r < 0)
		return r;
	size_t n = list ? (size_t)cJSON_GetArraySize(list) : 0, count = 0;
	if (n > N_MAX_IMAGE_NAMES)
		return err_set(e, E2BIG, "'%s' has %zu elements, more than %d are not taken", name,
			       n, N_MAX_IMAGE_NAMES);
	const char **texts = arena_calloc(arena, n + 1, sizeof(*texts));
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item))
			return err_set(e, EBADMSG, "'%s' must hold strings", name);
		if (!*item->valuestring || strstr(item->valuestring, NONE))
			continue;
		r = copy(arena, item->valuestring, name, &texts[count++], e);
		if (r < 0)
			return r;
	}
	*ret = texts;
	*ret_n = count;
	return 0;
}
