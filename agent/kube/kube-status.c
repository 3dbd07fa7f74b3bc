/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube-status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/json-read.h"
#include "util/utf8.h"

#define STATUS_MAX  (64 * 1024) /* a longer answer is not looked into for a message */
#define MESSAGE_MAX 320

/* What the server says, as one printable line; it may quote anything. */
static void make_line(const char *text, char ret[MESSAGE_MAX])
{
	size_t n = 0;
	while (*text && n + 4 < MESSAGE_MAX) {
		size_t len = utf8_char_len(text);
		if (len == 0 || utf8_is_control(text, len)) {
			ret[n++] = len == 0 ? '?' : ' ';
			text += len ? len : 1;
		} else {
			memcpy(ret + n, text, len);
			n += len;
			text += len;
		}
	}
	ret[n] = '\0';
}

/* The message of a Status; "" when the answer is none. */
static void read_message(const struct buf *body, char ret[MESSAGE_MAX])
{
	cleanup_json cJSON *json = NULL;
	const char *kind, *message;
	ret[0] = '\0';
	if (body->len == 0 || body->len > STATUS_MAX ||
	    json_parse(body->data, body->len, &json, NULL) < 0)
		return;
	if (json_get_string(json, "kind", &kind, NULL) == 0 && strcmp(kind, "Status") == 0 &&
	    json_get_string(json, "message", &message, NULL) == 0)
		make_line(message, ret);
}

static int status_errno(long status)
{
	switch (status) {
	case 401:
		return EACCES;
	case 403:
		return EPERM;
	case 404:
		return ENOENT;
	case 409:
		return EEXIST;
	case 410:
		return ESTALE;
	case 408:
	case 429:
	case 503:
		return EAGAIN;
	}
	if (status >= 400 && status < 500)
		return EINVAL;
	return status >= 500 && status < 600 ? EREMOTEIO : EBADMSG;
}

/* What people can do about it. */
static void explain(const struct kube_call *call, long status, char *ret, size_t size)
{
	ret[0] = '\0';
	if (status == 401)
		(void)snprintf(ret, size, "; the token or client certificate is not accepted");
	else if (status == 403 && call->right)
		(void)snprintf(ret, size, "; a role that allows to %s is missing", call->right);
	else if (status == 404 && call->missing)
		(void)snprintf(ret, size, "; %s", call->missing);
	else if (status >= 300 && status < 400)
		(void)snprintf(ret, size, "; redirections are not followed");
}

int kube_status_check(const struct kube_call *call, const struct kube_answer *answer, struct err *e)
{
	char message[MESSAGE_MAX], hint[400];
	if (answer->status >= 200 && answer->status < 300)
		return 0;
	read_message(&answer->body, message);
	explain(call, answer->status, hint, sizeof(hint));
	return err_set(e, status_errno(answer->status), "%s (%ld)%s",
		       message[0] ? message : "the API server gives no reason", answer->status,
		       hint);
}
