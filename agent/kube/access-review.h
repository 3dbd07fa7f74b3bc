/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include <cjson/cJSON.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * What an API server is asked about those who ask us for something: who they are, by a token, and whether
 * they may. Pure: the requests are made by somebody else.
 */

#define TOKEN_REVIEW_PATH  "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCESS_REVIEW_PATH "/apis/authorization.k8s.io/v1/subjectaccessreviews"

/* The body of a TokenReview; token needs no NUL. */
void token_review_json(const char *token, size_t len, struct buf *out);
/*
 * The answer. 1: *ret is the user as the server has him (a UserInfo, which the caller releases with
 * cJSON_Delete()), 0: the token is nobody's; -EBADMSG: that is no answer.
 */
must_check int token_review_read(const char *text, size_t len, cJSON **ret, struct err *e);

/* A user whom a certificate names, as token_review_read() has him; and he is authenticated. NULL: more
 * than fits. */
cJSON *access_user_new(const char *name, const char *const *groups, size_t n_groups);
/* For people. Owned by user. */
const char *access_user_name(const cJSON *user);

/* The body of a SubjectAccessReview: may that user get path? */
void access_review_json(const cJSON *user, const char *path, struct buf *out);
/* The answer. 1: yes, 0: no; -EBADMSG: that is no answer. */
must_check int access_review_read(const char *text, size_t len, struct err *e);
