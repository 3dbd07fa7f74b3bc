/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/access-review.h"
#include "util/json-read.h"
#include "util/limits.h"

#define TOKEN_REVIEW(status)                                                     \
	"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\"," \
	"\"metadata\":{\"creationTimestamp\":null},\"spec\":{\"token\":\"x\"}," status "}"
#define ACCESS_REVIEW(status)                                                           \
	"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\"," \
	"\"spec\":{\"user\":\"a\"}," status "}"

static void test_token_review(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	(void)state;
	token_review_json("a.b\"c and more", 5, &out);
	assert_string_equal(buf_string(&out),
			    "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\","
			    "\"spec\":{\"token\":\"a.b\\\"c\"}}");
}

static void test_who(void **state)
{
	static const struct {
		const char *answer;
		int result;
		const char *name; /* or what the message has */
	} rows[] = {
		{ TOKEN_REVIEW(
			  "\"status\":{\"authenticated\":true,\"user\":{\"username\":\"system:"
			  "serviceaccount:monitoring:prometheus\",\"uid\":\"1\",\"groups\":[\"g\"]},"
			  "\"audiences\":[\"https://kubernetes.default.svc\"]}"),
		  1, "system:serviceaccount:monitoring:prometheus" },
		{ TOKEN_REVIEW("\"status\":{\"user\":{},\"error\":\"invalid bearer token\"}"), 0,
		  NULL },
		{ TOKEN_REVIEW(
			  "\"status\":{\"authenticated\":false,\"user\":{\"username\":\"a\"}}"),
		  0, NULL },
		{ TOKEN_REVIEW("\"status\":{}"), 0, NULL },
		/* whoever answers so is not believed anything */
		{ TOKEN_REVIEW(
			  "\"status\":{\"authenticated\":\"true\",\"user\":{\"username\":\"a\"}}"),
		  -EBADMSG, "authenticated" },
		{ TOKEN_REVIEW("\"status\":{\"authenticated\":1,\"user\":{\"username\":\"a\"}}"),
		  -EBADMSG, "authenticated" },
		{ TOKEN_REVIEW("\"status\":{\"authenticated\":true}"), -EBADMSG, "user" },
		{ TOKEN_REVIEW("\"status\":{\"authenticated\":true,\"user\":\"a\"}"), -EBADMSG,
		  "user" },
		{ TOKEN_REVIEW("\"status\":{\"authenticated\":true,\"user\":{}}"), -EBADMSG,
		  "username" },
		{ TOKEN_REVIEW("\"status\":{\"authenticated\":true,\"user\":{\"username\":\"\"}}"),
		  -EBADMSG, "no name" },
		{ TOKEN_REVIEW("\"status\":[]"), -EBADMSG, "status" },
		{ TOKEN_REVIEW("\"Status\":{}"), -EBADMSG, "status" },
		{ ACCESS_REVIEW(
			  "\"status\":{\"authenticated\":true,\"user\":{\"username\":\"a\"}}"),
		  -EBADMSG, "SubjectAccessReview" },
		{ "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"a\"}}}", -EBADMSG,
		  "kind" },
		{ "{}", -EBADMSG, "kind" },
		{ "[]", -EBADMSG, "answer" },
		{ "\"TokenReview\"", -EBADMSG, "answer" },
		{ "", -EBADMSG, "answer" },
		{ "{\"kind\":\"TokenReview\"", -EBADMSG, "answer" },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_json cJSON *user = NULL;
		struct err e = { 0 };
		print_message("# row %zu\n", i);
		assert_int_equal(
			token_review_read(rows[i].answer, strlen(rows[i].answer), &user, &e),
			rows[i].result);
		assert_int_equal(user != NULL, rows[i].result > 0);
		if (rows[i].result > 0)
			assert_string_equal(access_user_name(user), rows[i].name);
		if (rows[i].result < 0)
			assert_non_null(strstr(e.msg, rows[i].name));
	}
}

/* What is known of the user goes on as it is. */
static void test_question(void **state)
{
	static const char answer[] = TOKEN_REVIEW(
		"\"status\":{\"authenticated\":true,\"user\":{\"username\":\"jane\",\"uid\":\"42\","
		"\"groups\":[\"dev\\\"elopers\",7,\"system:authenticated\"],\"extra\":{"
		"\"authentication.kubernetes.io/pod-name\":[\"p-1\",\"p-2\"],\"odd\":5,\"none\":[]},"
		"\"unheardOf\":1}}");
	cleanup_json cJSON *user = NULL;
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	struct err e = { 0 };
	(void)state;
	assert_int_equal(token_review_read(answer, strlen(answer), &user, &e), 1);
	access_review_json(user, "/metrics", &out);
	assert_string_equal(
		buf_string(&out),
		"{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\",\"spec\":{"
		"\"user\":\"jane\",\"uid\":\"42\",\"groups\":[\"dev\\\"elopers\",\"system:authenticated\"],"
		"\"extra\":{\"authentication.kubernetes.io/pod-name\":[\"p-1\",\"p-2\"],\"none\":[]},"
		"\"nonResourceAttributes\":{\"path\":\"/metrics\",\"verb\":\"get\"}}}");
}

static void test_certificate(void **state)
{
	static const char *const groups[] = { "scrapers", "system:masters" };
	cleanup_json cJSON *user = access_user_new("prom\"etheus", groups, 2);
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	(void)state;
	access_review_json(user, "/status", &out);
	assert_string_equal(
		buf_string(&out),
		"{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\",\"spec\":{"
		"\"user\":\"prom\\\"etheus\",\"groups\":[\"scrapers\",\"system:masters\","
		"\"system:authenticated\"],"
		"\"nonResourceAttributes\":{\"path\":\"/status\",\"verb\":\"get\"}}}");
}

static void test_whether(void **state)
{
	static const struct {
		const char *answer;
		int result;
	} rows[] = {
		{ ACCESS_REVIEW("\"status\":{\"allowed\":true,\"reason\":\"RBAC: allowed by\"}"),
		  1 },
		{ ACCESS_REVIEW("\"status\":{\"allowed\":false}"), 0 },
		{ ACCESS_REVIEW("\"status\":{}"), 0 },
		{ ACCESS_REVIEW("\"status\":{\"allowed\":true,\"denied\":true}"), 0 },
		{ ACCESS_REVIEW("\"status\":{\"allowed\":null}"), 0 },
		{ ACCESS_REVIEW("\"status\":{\"allowed\":\"true\"}"), -EBADMSG },
		{ ACCESS_REVIEW("\"status\":{\"allowed\":true,\"denied\":\"no\"}"), -EBADMSG },
		{ ACCESS_REVIEW("\"status\":true"), -EBADMSG },
		{ ACCESS_REVIEW("\"allowed\":true"), -EBADMSG },
		{ TOKEN_REVIEW("\"status\":{\"allowed\":true}"), -EBADMSG },
		{ "{\"status\":{\"allowed\":true}}", -EBADMSG },
		{ "true", -EBADMSG },
		{ "", -EBADMSG },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct err e = { 0 };
		print_message("# row %zu\n", i);
		assert_int_equal(access_review_read(rows[i].answer, strlen(rows[i].answer), &e),
				 rows[i].result);
		assert_int_equal(e.msg[0] != '\0', rows[i].result < 0);
	}
}

/* As many groups as a directory may give: what does not fit is marked, and never sent. */
static void test_too_much(void **state)
{
	cleanup_buf struct buf answer = BUF_INIT(BUF_MAX_KUBE_ANSWER);
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	cleanup_json cJSON *user = NULL;
	struct err e = { 0 };
	(void)state;
	(void)buf_puts(&answer,
		       "{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":true,\"user\":{"
		       "\"username\":\"a\",\"groups\":[\"0\"");
	for (int i = 1; i < 10000; i++)
		(void)buf_printf(&answer, ",\"group number %d\"", i);
	(void)buf_puts(&answer, "]}}}");
	assert_int_equal(token_review_read(buf_string(&answer), answer.len, &user, &e), 1);
	access_review_json(user, "/metrics", &out);
	assert_true(out.overflowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_review), cmocka_unit_test(test_who),
		cmocka_unit_test(test_question),     cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_whether),	     cmocka_unit_test(test_too_much),
	};
	return cmocka_run_group_tests_name("access-review", tests, NULL, NULL);
}
