/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri/cri-text.h"

#include <errno.h>
#include <string.h>

#include "util/limits.h"
#include "util/utf8.h"

int cri_text(struct arena *arena, const ProtobufCBinaryData *data, const char *what,
	     const char **ret, struct err *e)
{
	if (data->len > BUF_MAX_CRI_TEXT)
		return err_set(e, E2BIG, "%s has %zu bytes, more than %d are not taken", what,
			       data->len, BUF_MAX_CRI_TEXT);
	char *text = arena_calloc(arena, data->len + 1, 1);
	if (data->len)
		memcpy(text, data->data, data->len);
	const char *end = text + data->len;
	for (const char *p = text; p < end;) {
		size_t len = utf8_char_len(p);
		if (len == 0)
			return err_set(e, EBADMSG, "%s is not UTF-8", what);
		if (utf8_is_control(p, len))
			return err_set(e, EBADMSG, "%s contains a control character", what);
		p += len;
	}
	*ret = text;
	return 0;
}

int cri_id(struct arena *arena, const ProtobufCBinaryData *data, const char *what, const char **ret,
	   struct err *e)
{
	if (data->len == 0)
		return err_set(e, EBADMSG, "%s is empty", what);
	return cri_text(arena, data, what, ret, e);
}
