/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/request-url.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "transport/request.h"

static bool has(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool there = curl_url_get(u, part, &text, 0) == CURLUE_OK;
	curl_free(text);
	return there;
}

static bool take(CURLU *u, CURLUPart part, char *ret, size_t size)
{
	char *text = NULL;
	if (curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	int n = snprintf(ret, size, "%s", text);
	curl_free(text);
	return n > 0 && (size_t)n < size;
}

static const char *split(CURLU *u, const char *url, struct request_url *ret)
{
	/* https:host, //host and spaces around are for browsers. */
	if (strncmp(url, "https://", 8) != 0)
		return "it does not begin with https://";
	/* A third slash is passed over by libcurl: what follows would be the host. */
	if (url[8] == '/' ||
	    curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK ||
	    !take(u, CURLUPART_HOST, ret->host, sizeof(ret->host)) ||
	    !take(u, CURLUPART_PORT, ret->port, sizeof(ret->port)) ||
	    !take(u, CURLUPART_PATH, ret->path, sizeof(ret->path)))
		return "it is no URL of a host";
	if (has(u, CURLUPART_QUERY) || has(u, CURLUPART_FRAGMENT) || has(u, CURLUPART_ZONEID))
		return "it has more than host, port and path";
	size_t len = strlen(ret->path);
	while (len > 0 && ret->path[len - 1] == '/')
		ret->path[--len] = '\0';
	return NULL;
}

int request_url_split(const char *url, struct request_url *ret, struct err *e)
{
	CURLU *u = curl_url();
	if (!u)
		abort();
	struct request_url parts;
	const char *why = split(u, url, &parts);
	curl_url_cleanup(u);
	if (why)
		return err_set(e, EINVAL, "expected https://HOST[:PORT], not \"%.200s\": %s", url,
			       why);
	*ret = parts;
	return 0;
}

int request_url_check(const char *url, struct err *e)
{
	struct request_url ignored;
	return request_url_split(url, &ignored, e);
}
