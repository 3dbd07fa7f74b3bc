/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Drives the client of the API server for the tests: kube-client CONFIG TIMEOUT-MS COMMAND... CONFIG
 * is a kubeconfig's path, or in-cluster:DIRECTORY with $KUBERNETES_SERVICE_HOST and _PORT. Each
 * command prints one JSON document on a line: METHOD PATH [TYPE BODY] as one argument, sleep:MS, rest,
 * wait (for a line on standard input).
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kube/kube-client.h"
#include "util/clock.h"
#include "util/json-write.h"
#include "util/parse.h"

#define WORDS_MAX 4

static void print(const struct kube_answer *answer, int code, const struct err *e, usec_t took)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)8 << 20);
	struct json_writer w = { .out = &out };
	json_object_begin(&w, NULL);
	json_i64(&w, "status", answer->status);
	json_seconds(&w, "retryAfter", answer->retry_after);
	json_seconds(&w, "took", took);
	if (code < 0) {
		json_string(&w, "errno", strerrorname_np(-code));
		json_string(&w, "error", e->msg);
	}
	json_string(&w, "body", buf_string(&answer->body));
	json_object_end(&w);
	puts(buf_string(&out));
	fflush(stdout);
}

static void request(struct kube_client *c, usec_t timeout, char *command)
{
	char *words[WORDS_MAX] = { NULL };
	for (size_t i = 0; i + 1 < WORDS_MAX && (words[i] = strsep(&command, " ")); i++)
		;
	words[WORDS_MAX - 1] = command;
	cleanup_kube_answer struct kube_answer answer = KUBE_ANSWER_INIT;
	struct err e = { 0 };
	const struct kube_call call = {
		.method = words[0],
		.path = words[1],
		.content_type = words[2],
		.body = words[3],
		.body_len = words[3] ? strlen(words[3]) : 0,
		.right = "do this",
		.missing = "is it there?",
		.timeout = timeout,
	};
	usec_t begun = now_monotonic();
	int r = kube_request(c, &call, &answer, &e);
	print(&answer, r, &e, now_monotonic() - begun);
}

static void run(struct kube_client *c, usec_t timeout, char *command)
{
	int64_t ms;
	if (strncmp(command, "sleep:", 6) == 0 && parse_i64(command + 6, &ms) == 0)
		(void)nanosleep(
			&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
			NULL);
	else if (strcmp(command, "rest") == 0)
		kube_client_rest(c);
	else if (strcmp(command, "wait") == 0)
		(void)getchar();
	else
		request(c, timeout, command);
}

static int configure(const char *text, struct kube_config *ret, struct err *e)
{
	static const char in_cluster[] = "in-cluster:";
	size_t n = sizeof(in_cluster) - 1;
	if (strncmp(text, in_cluster, n) != 0)
		return kube_config_load(text, ret, e);
	return kube_config_in_cluster(getenv("KUBERNETES_SERVICE_HOST"),
				      getenv("KUBERNETES_SERVICE_PORT"), text + n, ret, e);
}

int main(int argc, char **argv)
{
	struct kube_config config = { 0 };
	struct err e = { 0 };
	int64_t ms;
	if (argc < 3 || parse_i64(argv[2], &ms) < 0)
		return 2;
	int r = configure(argv[1], &config, &e);
	if (r < 0) {
		const struct kube_answer none = KUBE_ANSWER_INIT;
		print(&none, r, &e, 0);
		return 1;
	}
	struct kube_client *c = kube_client_new(&config);
	for (int i = 3; i < argc; i++)
		run(c, ms * USEC_PER_MSEC, argv[i]);
	kube_client_free(c);
	return 0;
}
