/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube-client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kube/kube-status.h"
#include "transport/request.h"
#include "util/parse.h"

#define RETRY_AFTER_MAX (10 * USEC_PER_MINUTE)

struct kube_client {
	struct kube_config config;
	struct request_client *http; /* NULL while it rests */
};

struct kube_client *kube_client_new(struct kube_config *config)
{
	struct kube_client *c = xnew(struct kube_client);
	c->config = *config;
	*config = (struct kube_config){ 0 };
	return c;
}

void kube_client_rest(struct kube_client *c)
{
	c->http = request_client_free(c->http);
}

struct kube_client *kube_client_free(struct kube_client *c)
{
	if (!c)
		return NULL;
	kube_client_rest(c);
	kube_config_done(&c->config);
	free(c);
	return NULL;
}

const char *kube_client_server(const struct kube_client *c)
{
	return c->config.server;
}

/* NULL where there is none. */
static const char *text_or_null(const struct buf *text)
{
	return text->len > 0 ? text->data : NULL;
}

static int prepare(struct kube_client *c, struct err *e)
{
	const struct kube_config *config = &c->config;
	cleanup_buf struct buf ca = BUF_INIT(BUF_MAX_KUBE_SECRET);
	cleanup_buf struct buf certificate = BUF_INIT(BUF_MAX_KUBE_SECRET);
	cleanup_buf struct buf key = BUF_INIT(BUF_MAX_KUBE_SECRET);
	if (c->http)
		return 0;
	int r = kube_secret_read(&config->ca, "certificate authority", &ca, e);
	if (r == 0)
		r = kube_secret_read(&config->certificate, "client certificate", &certificate, e);
	if (r == 0)
		r = kube_secret_read(&config->key, "client key", &key, e);
	if (r < 0)
		return r;
	const struct request_server server = {
		.url = config->server,
		.name = config->server_name,
		/* An empty file is not the wish to trust whom the system trusts. */
		.ca = config->ca.file || config->ca.text ? buf_string(&ca) : NULL,
		.certificate = text_or_null(&certificate),
		.key = text_or_null(&key),
		.proxy = config->proxy,
		.insecure = config->insecure,
	};
	c->http = request_client_new_tls(&server);
	return 0;
}

static void on_header(void *ctx, const char *name, const char *value)
{
	struct kube_answer *answer = ctx;
	int64_t seconds;
	/* The other form, a date, is not what API servers send. */
	if (strcasecmp(name, "retry-after") != 0 || parse_i64(value, &seconds) < 0 || seconds <= 0)
		return;
	answer->retry_after =
		seconds > RETRY_AFTER_MAX / USEC_PER_SEC ? RETRY_AFTER_MAX : seconds * USEC_PER_SEC;
}

/* One exchange; token as it is now. */
static int perform(struct kube_client *c, const struct kube_call *call, const struct buf *token,
		   struct kube_answer *answer, struct err *e)
{
	char type[96];
	cleanup_buf struct buf authorization = BUF_INIT(BUF_MAX_KUBE_TOKEN + 64);
	const char *headers[5] = { "Accept: application/json",
				   "User-Agent: disk-pressure-agent/" PACKAGE_VERSION };
	size_t n = 2;
	if (call->body) {
		(void)snprintf(type, sizeof(type), "Content-Type: %s",
			       call->content_type ? call->content_type : "application/json");
		headers[n++] = type;
	}
	if (token->len > 0) {
		(void)buf_printf(&authorization, "Authorization: Bearer %s", buf_string(token));
		headers[n++] = buf_string(&authorization);
	}
	const struct request request = {
		.method = call->method,
		.path = call->path,
		.headers = headers,
		.body = call->body,
		.body_len = call->body_len,
		.timeout = call->timeout,
		.stop_fd = call->stop_fd,
		.response = &answer->body,
		.on_header = on_header,
		.ctx = answer,
	};
	answer->status = 0;
	answer->retry_after = 0;
	int r = prepare(c, e);
	if (r == 0)
		r = request_perform(c->http, &request, &answer->status, e);
	/* The certificates may have been replaced: they are read for the next connection. */
	if (r < 0)
		kube_client_rest(c);
	return r;
}

/* Whether there is a newer token than the one that was refused; it is put in its place. */
static bool renew_token(struct kube_client *c, struct buf *token)
{
	cleanup_buf struct buf now = BUF_INIT(BUF_MAX_KUBE_TOKEN);
	struct err ignored = { 0 };
	if (!c->config.token.file || kube_token_read(&c->config.token, &now, &ignored) < 0 ||
	    strcmp(buf_string(&now), buf_string(token)) == 0)
		return false;
	buf_clear(token);
	return buf_append(token, now.data, now.len) == 0;
}

int kube_request(struct kube_client *c, const struct kube_call *call, struct kube_answer *ret,
		 struct err *e)
{
	cleanup_buf struct buf token = BUF_INIT(BUF_MAX_KUBE_TOKEN);
	ret->status = 0;
	ret->retry_after = 0;
	int r = kube_token_read(&c->config.token, &token, e);
	if (r < 0)
		return r;
	r = perform(c, call, &token, ret, e);
	if (r == 0 && ret->status == 401 && renew_token(c, &token))
		r = perform(c, call, &token, ret, e);
	/* A client certificate that expired is not presented a second time. */
	if (r == 0 && ret->status == 401)
		kube_client_rest(c);
	return r < 0 ? r : kube_status_check(call, ret, e);
}
