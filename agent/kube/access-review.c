/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/access-review.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/json-read.h"
#include "util/json-write.h"
#include "util/limits.h"

#define AUTHENTICATED "system:authenticated"

/* --- who is that? ------------------------------------------------------------------------------ */

static void review_begin(struct json_writer *w, const char *version, const char *kind)
{
	json_object_begin(w, NULL);
	json_string(w, "apiVersion", version);
	json_string(w, "kind", kind);
	json_object_begin(w, "spec");
}

static void review_end(struct json_writer *w)
{
	json_object_end(w);
	json_object_end(w);
}

void token_review_json(const char *token, size_t len, struct buf *out)
{
	cleanup_free char *text = xcalloc(1, len + 1);
	struct json_writer w = { .out = out };
	memcpy(text, token, len);
	review_begin(&w, "authentication.k8s.io/v1", "TokenReview");
	json_string(&w, "token", text);
	review_end(&w);
	explicit_bzero(text, len);
}

/* e is about a part of it. */
static int bad_answer(struct err *e)
{
	(void)err_prefix(e, "the answer of the API server: ");
	return -EBADMSG;
}

/* The status of a review of that kind. */
static int review_parse(const char *text, size_t len, const char *kind, cJSON **ret_tree,
			const cJSON **ret_status, struct err *e)
{
	const char *its;
	int r = json_parse(text, len, ret_tree, e);
	if (r == 0)
		r = json_get_string(*ret_tree, "kind", &its, e);
	if (r == 0 && strcmp(its, kind) != 0)
		r = err_set(e, EBADMSG, "expected a %s, got a %.100s", kind, its);
	return r == 0 ? json_get_object(*ret_tree, "status", ret_status, e) : r;
}

/* A truth that need not be there. */
static int get_bool(const cJSON *object, const char *name, bool *ret, struct err *e)
{
	struct err why = { 0 };
	int r = json_get_bool(object, name, ret, &why);
	if (r == -ENOENT)
		*ret = false;
	return r < 0 && r != -ENOENT ? err_set(e, why.code, "%s", why.msg) : 0;
}

int token_review_read(const char *text, size_t len, cJSON **ret, struct err *e)
{
	cleanup_json cJSON *tree = NULL;
	const cJSON *status, *user;
	const char *name;
	bool authenticated;
	if (review_parse(text, len, "TokenReview", &tree, &status, e) < 0 ||
	    get_bool(status, "authenticated", &authenticated, e) < 0)
		return bad_answer(e);
	if (!authenticated)
		return 0;
	if (json_get_object(status, "user", &user, e) < 0 ||
	    json_get_string(user, "username", &name, e) < 0)
		return bad_answer(e);
	if (!*name) {
		(void)err_set(e, EBADMSG, "the user has no name");
		return bad_answer(e);
	}
	*ret = cJSON_DetachItemViaPointer((cJSON *)(uintptr_t)status, (cJSON *)(uintptr_t)user);
	return 1;
}

/* --- may he? ----------------------------------------------------------------------------------- */

cJSON *access_user_new(const char *name, const char *const *groups, size_t n_groups)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	struct json_writer w = { .out = &text };
	cJSON *user = NULL;
	json_object_begin(&w, NULL);
	json_string(&w, "username", name);
	json_array_begin(&w, "groups");
	for (size_t i = 0; i < n_groups; i++)
		json_string(&w, NULL, groups[i]);
	json_string(&w, NULL, AUTHENTICATED);
	json_array_end(&w);
	json_object_end(&w);
	return json_parse(buf_string(&text), text.len, &user, NULL) == 0 ? user : NULL;
}

const char *access_user_name(const cJSON *user)
{
	const char *name;
	return json_get_string(user, "username", &name, NULL) == 0 ? name : "";
}

static void write_strings(struct json_writer *w, const char *key, const cJSON *array)
{
	json_array_begin(w, key);
	for (const cJSON *item = array->child; item; item = item->next)
		if (cJSON_IsString(item))
			json_string(w, NULL, item->valuestring);
	json_array_end(w);
}

void access_review_json(const cJSON *user, const char *path, struct buf *out)
{
	struct json_writer w = { .out = out };
	const cJSON *groups, *extra;
	const char *uid;
	review_begin(&w, "authorization.k8s.io/v1", "SubjectAccessReview");
	json_string(&w, "user", access_user_name(user));
	if (json_get_string(user, "uid", &uid, NULL) == 0)
		json_string(&w, "uid", uid);
	if (json_get_array(user, "groups", &groups, NULL) == 0)
		write_strings(&w, "groups", groups);
	if (json_get_object(user, "extra", &extra, NULL) == 0) {
		json_object_begin(&w, "extra");
		for (const cJSON *item = extra->child; item; item = item->next)
			if (cJSON_IsArray(item))
				write_strings(&w, item->string, item);
		json_object_end(&w);
	}
	json_object_begin(&w, "nonResourceAttributes");
	json_string(&w, "path", path);
	json_string(&w, "verb", "get");
	json_object_end(&w);
	review_end(&w);
}

int access_review_read(const char *text, size_t len, struct err *e)
{
	cleanup_json cJSON *tree = NULL;
	const cJSON *status;
	bool allowed, denied;
	if (review_parse(text, len, "SubjectAccessReview", &tree, &status, e) < 0 ||
	    get_bool(status, "allowed", &allowed, e) < 0 ||
	    get_bool(status, "denied", &denied, e) < 0)
		return bad_answer(e);
	return allowed && !denied;
}
