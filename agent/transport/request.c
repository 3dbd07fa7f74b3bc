/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/request.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "transport/request-failure.h"
#include "transport/request-url.h"
#include "util/limits.h"

#define URL_MAX		2048
#define LONGEST_WAIT_MS 1000
/* The same of an exchange without a deadline, which mostly waits: it is to cost nothing meanwhile. */
#define LONGEST_REST_MS 60000

struct request_client {
	CURLM *multi; /* keeps the connection; easy stays in it between requests */
	CURL *easy;
	char *base; /* of the URLs */
	char *peer; /* in messages: the socket's path, or the URL */
	bool tls;
	char *host_header; /* TLS to a host that its certificate has another name of; or NULL */
	struct curl_slist *connect_to;
	enum request_protocol protocol;
	CURLcode setup; /* what is wrong with this libcurl, found at the first request */
	bool kept;	/* the last request left a usable connection */

	/* of the request in flight */
	const struct request *request;
	struct buf line;
	size_t header_bytes, body_bytes;
	bool too_large, stopped;
	char detail[CURL_ERROR_SIZE]; /* of TLS: what libcurl says beyond its code */
};

struct option_number {
	CURLoption option;
	long value;
};

/*
 * How to ask for HTTP/2 on a kept connection. With prior knowledge libcurl 7.88 starts HTTP/2 on it
 * a second time, and the request fails (curl#10634, fixed in 8.0.0). Asking for plain HTTP/2 takes
 * the connection as it is; only on a new one would it begin with an upgrade from HTTP/1.1.
 */
static long kept_http2_version(void)
{
	bool fixed = curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000;
	return fixed ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_2_0;
}

static long http_version(const struct request_client *c, bool kept)
{
	if (c->protocol == REQUEST_HTTP1)
		return CURL_HTTP_VERSION_1_1;
	return kept ? kept_http2_version() : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

static size_t on_body(const char *data, size_t size, size_t n, void *userdata)
{
	struct request_client *c = userdata;
	const struct request *request = c->request;
	c->body_bytes += size * n;
	if (request->on_body)
		return request->on_body(request->ctx, data, size * n) < 0 ? 0 : size * n;
	if (buf_append(request->response, data, size * n) < 0) {
		c->too_large = true;
		return 0;
	}
	return size * n;
}

/* Splits "name: value" in place; false for status lines and the empty line at the end. */
static bool split_header(char *line, const char **ret_name, const char **ret_value)
{
	char *colon = strchr(line, ':');
	if (!colon || colon == line || strncmp(line, "HTTP/", 5) == 0)
		return false;
	*colon = '\0';
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t len = strlen(value);
	while (len > 0 && strchr(" \t\r\n", value[len - 1]))
		len--;
	value[len] = '\0';
	*ret_name = line;
	*ret_value = value;
	return true;
}

static size_t on_header_line(const char *data, size_t size, size_t n, void *userdata)
{
	struct request_client *c = userdata;
	size_t len = size * n;
	c->header_bytes += len;
	buf_clear(&c->line);
	if (c->header_bytes > BUF_MAX_RESPONSE_HEADERS || buf_append(&c->line, data, len) < 0) {
		c->too_large = true;
		return 0;
	}
	const char *name, *value;
	if (len > 0 && c->request->on_header && split_header(c->line.data, &name, &value))
		c->request->on_header(c->request->ctx, name, value);
	return len;
}

static CURLcode set_numbers(struct request_client *c, const struct option_number *numbers, size_t n)
{
	CURLcode r = CURLE_OK;
	for (size_t i = 0; r == CURLE_OK && i < n; i++)
		r = curl_easy_setopt(c->easy, numbers[i].option, numbers[i].value);
	return r;
}

/* What never changes, whoever the peer is. */
static CURLcode set_up(struct request_client *c)
{
	const struct option_number numbers[] = {
		{ CURLOPT_HTTP_VERSION, http_version(c, false) },
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		/* Whether the peer is still there is looked at, not guessed from the age. */
		{ CURLOPT_MAXAGE_CONN, 24 * 3600 },
	};
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header_line);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	return set_numbers(c, numbers, ELEMENTS(numbers));
}

/* A libcurl that cannot take the socket must not go to the network instead. */
static CURLcode set_up_unix(struct request_client *c, const char *socket_path)
{
	CURLcode r = set_up(c);
	if (r == CURLE_OK)
		r = curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	if (r == CURLE_OK)
		r = curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http");
	if (r == CURLE_OK)
		r = curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	return r;
}

static CURLcode set_pem(struct request_client *c, CURLoption option, const char *pem)
{
	struct curl_blob blob = { .data = (void *)(uintptr_t)pem,
				  .len = pem ? strlen(pem) : 0,
				  .flags = CURL_BLOB_COPY };
	return pem ? curl_easy_setopt(c->easy, option, &blob) : CURLE_OK;
}

static CURLcode set_up_trust(struct request_client *c, const struct request_server *server)
{
	const struct option_number numbers[] = {
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_SSL_VERIFYPEER, !server->insecure },
		{ CURLOPT_SSL_VERIFYHOST, server->insecure ? 0 : 2 },
	};
	CURLcode r = set_numbers(c, numbers, ELEMENTS(numbers));
	if (r == CURLE_OK)
		r = set_pem(c, CURLOPT_CAINFO_BLOB, server->ca);
	/* The system's folder would count beside what is given. */
	if (r == CURLE_OK && server->ca)
		r = curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
	if (r == CURLE_OK)
		r = set_pem(c, CURLOPT_SSLCERT_BLOB, server->certificate);
	if (r == CURLE_OK)
		r = set_pem(c, CURLOPT_SSLKEY_BLOB, server->key);
	/* An encrypted key is an error, not a question on the terminal. */
	return r == CURLE_OK ? curl_easy_setopt(c->easy, CURLOPT_KEYPASSWD, "") : r;
}

static CURLcode set_up_tls(struct request_client *c, const struct request_server *server)
{
	CURLcode r = set_up(c);
	if (r == CURLE_OK)
		r = curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "https");
	if (r == CURLE_OK)
		r = curl_easy_setopt(c->easy, CURLOPT_PROXY, server->proxy ? server->proxy : "");
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->detail);
	if (c->connect_to)
		curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to);
	return r == CURLE_OK ? set_up_trust(c, server) : r;
}

static struct request_client *client_new(enum request_protocol protocol)
{
	struct request_client *c = xnew(struct request_client);
	/* Counted by libcurl, and safe from several threads since 7.84. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->easy = curl_easy_init()) ||
	    !(c->multi = curl_multi_init()))
		abort();
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L);
	c->protocol = protocol;
	c->line = BUF_INIT(BUF_MAX_RESPONSE_HEADERS);
	return c;
}

struct request_client *request_client_new(const char *socket_path, enum request_protocol protocol)
{
	struct request_client *c = client_new(protocol);
	c->base = xstrdup("http://localhost");
	c->peer = xstrdup(socket_path);
	c->setup = set_up_unix(c, socket_path);
	return c;
}

/* Asks for what the certificate is for, and connects to where url says. */
static void rename_host(struct request_client *c, const struct request_url *u, const char *name)
{
	char text[URL_MAX];
	bool ipv6 = strchr(name, ':') != NULL;
	(void)snprintf(text, sizeof(text), "https://%s%s%s:%s%s", ipv6 ? "[" : "", name,
		       ipv6 ? "]" : "", u->port, u->path);
	free(c->base);
	c->base = xstrdup(text);
	(void)snprintf(text, sizeof(text), "::%s:%s", u->host, u->port);
	c->connect_to = curl_slist_append(NULL, text);
	(void)snprintf(text, sizeof(text), "Host: %s:%s", u->host, u->port);
	c->host_header = xstrdup(text);
}

struct request_client *request_client_new_tls(const struct request_server *server)
{
	struct request_client *c = client_new(REQUEST_HTTP1);
	struct request_url u;
	c->tls = true;
	c->peer = xstrdup(server->url);
	if (request_url_split(server->url, &u, NULL) < 0) {
		c->base = xstrdup("https://invalid");
		c->setup = CURLE_URL_MALFORMAT;
		return c;
	}
	char base[URL_MAX];
	(void)snprintf(base, sizeof(base), "https://%s:%s%s", u.host, u.port, u.path);
	c->base = xstrdup(base);
	if (server->name)
		rename_host(c, &u, server->name);
	c->setup = set_up_tls(c, server);
	return c;
}

struct request_client *request_client_free(struct request_client *c)
{
	if (!c)
		return NULL;
	curl_multi_remove_handle(c->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	curl_global_cleanup();
	curl_slist_free_all(c->connect_to);
	buf_done(&c->line);
	free(c->host_header);
	free(c->base);
	free(c->peer);
	free(c);
	return NULL;
}

/*
 * Whether the connection of the last request is of further use, without spending a request on it. A peer
 * that says something between requests mostly says that it goes away; libcurl 7.88 would send the
 * next request nevertheless and wait for its answer in vain.
 */
static bool connection_usable(struct request_client *c)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	if (!c->kept || curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
	    fd == CURL_SOCKET_BAD)
		return false;
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLRDHUP };
	return poll(&pollfd, 1, 0) == 0;
}

static long timeout_ms(usec_t timeout)
{
	if (timeout == USEC_INFINITY)
		return 0; /* none */
	if (timeout < USEC_PER_MSEC)
		return 1;
	usec_t ms = timeout / USEC_PER_MSEC;
	return ms > INT_MAX ? INT_MAX : (long)ms;
}

static size_t progress(const struct request_client *c)
{
	return c->header_bytes + c->body_bytes;
}

/* How the transfer ended that was in the multi handle. */
static CURLcode transfer_result(struct request_client *c)
{
	int left;
	const CURLMsg *message = curl_multi_info_read(c->multi, &left);
	return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
}

/* Waits for something to come, at most that long. */
static CURLMcode wait_for_data(struct request_client *c, int wait_ms)
{
	const int *fd = c->request->stop_fd;
	struct curl_waitfd stop = { .fd = fd ? *fd : -1, .events = CURL_WAIT_POLLIN };
	CURLMcode r = curl_multi_poll(c->multi, fd ? &stop : NULL, fd ? 1 : 0, wait_ms, NULL);
	c->stopped = fd && stop.revents;
	return r;
}

static int next_wait(const struct request_client *c, int wait_ms)
{
	int longest = c->request->timeout == USEC_INFINITY ? LONGEST_REST_MS : LONGEST_WAIT_MS;
	int next = wait_ms ? 2 * wait_ms : 1;
	return next < longest ? next : longest;
}

/*
 * As curl_easy_perform(), but it does not sleep on what has been read already: libcurl 7.88 keeps
 * the end of an answer of some 100 KiB in its own buffer while it waits on the socket for a second
 * (measured with Content/List of 200 images). Looking again after 1, 2, 4 ms gets it at once.
 */
static CURLcode transfer(struct request_client *c)
{
	curl_multi_remove_handle(c->multi, c->easy);
	CURLMcode r = curl_multi_add_handle(c->multi, c->easy);
	int running = 1, wait_ms = 0;
	while (r == CURLM_OK && !c->stopped) {
		size_t before = progress(c);
		r = curl_multi_perform(c->multi, &running);
		if (r != CURLM_OK || !running)
			break;
		if (progress(c) > before)
			wait_ms = 0;
		r = wait_for_data(c, wait_ms);
		wait_ms = next_wait(c, wait_ms);
	}
	if (c->stopped)
		return CURLE_ABORTED_BY_CALLBACK;
	return r == CURLM_OK ? transfer_result(c) : CURLE_FAILED_INIT;
}

static CURLcode perform_once(struct request_client *c, usec_t timeout, bool kept)
{
	c->header_bytes = c->body_bytes = 0;
	c->too_large = c->kept = c->stopped = false;
	c->detail[0] = '\0';
	if (c->request->response)
		buf_clear(c->request->response);
	curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, kept ? 0L : 1L);
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, http_version(c, kept));
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, timeout_ms(timeout));
	CURLcode r = transfer(c);
	c->kept = r == CURLE_OK;
	return r;
}

/*
 * Whether a request on a kept connection failed only because that connection was of no use. One
 * without a deadline may have waited for hours by then, and who waits is to know.
 */
static bool worth_repeating(const struct request_client *c, CURLcode r)
{
	if (c->request->timeout == USEC_INFINITY)
		return false;
	return r != CURLE_OK && r != CURLE_OPERATION_TIMEDOUT && !c->too_large && !c->stopped &&
	       c->header_bytes == 0 && c->body_bytes == 0;
}

static CURLcode perform(struct request_client *c, usec_t timeout)
{
	if (!connection_usable(c))
		return perform_once(c, timeout, false);
	CURLcode r = perform_once(c, timeout, true);
	if (!worth_repeating(c, r))
		return r;
	curl_off_t took = 0;
	curl_easy_getinfo(c->easy, CURLINFO_TOTAL_TIME_T, &took);
	return took < timeout ? perform_once(c, timeout - took, false) : CURLE_OPERATION_TIMEDOUT;
}

static int perform_error(struct request_client *c, CURLcode code, struct err *e)
{
	struct request_failure failure = {
		.code = code,
		.peer = c->peer,
		.detail = c->detail,
		.timeout = c->request->timeout,
		.tls = c->tls,
		.http2 = c->protocol == REQUEST_HTTP2,
	};
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &failure.os_errno);
	return request_failure_tell(&failure, e);
}

/* Hands the request to libcurl. The list is the caller's to free after the transfer. */
static struct curl_slist *prepare(struct request_client *c, const struct request *request,
				  const char *url)
{
	/* curl adds these two by itself, unless told so. */
	struct curl_slist *list = curl_slist_append(NULL, "Accept:");
	list = curl_slist_append(list, "Expect:");
	if (c->host_header)
		list = curl_slist_append(list, c->host_header);
	for (const char *const *header = request->headers; *header; header++)
		list = curl_slist_append(list, *header);
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, list);
	if (request->body) {
		curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, request->body);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)request->body_len);
	} else {
		curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, request->method);
	c->request = request;
	return list;
}

static int setup_error(const struct request_client *c, struct err *e)
{
	return err_set(e, EPROTONOSUPPORT, "libcurl %s cannot do what is needed for %s: %s",
		       curl_version_info(CURLVERSION_NOW)->version, c->peer,
		       curl_easy_strerror(c->setup));
}

int request_perform(struct request_client *c, const struct request *request, long *ret_status,
		    struct err *e)
{
	char url[URL_MAX];
	if (c->setup != CURLE_OK)
		return setup_error(c, e);
	int n = snprintf(url, sizeof(url), "%s%s", c->base, request->path);
	if (n < 0 || (size_t)n >= sizeof(url))
		return err_set(e, ENAMETOOLONG, "the path is longer than %d bytes", URL_MAX);
	struct curl_slist *list = prepare(c, request, url);
	CURLcode r = perform(c, request->timeout);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(list);
	if (c->stopped)
		return err_set(e, ECANCELED, "stopped");
	if (c->too_large)
		return err_set(e, E2BIG,
			       "the answer is larger than %zu bytes, or its headers than %d",
			       request->response ? request->response->max : SIZE_MAX,
			       BUF_MAX_RESPONSE_HEADERS);
	if (r != CURLE_OK)
		return perform_error(c, r, e);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, ret_status);
	return 0;
}
