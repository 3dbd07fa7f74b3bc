/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include <errno.h>
#include <string.h>

#include "transport/request.h"

/* A status is there at once; a pass takes as long as the runtime needs for all its removals. */
#define STATUS_TIMEOUT (10 * USEC_PER_SEC)
#define PASS_TIMEOUT   (2 * USEC_PER_HOUR)

#define UNIX_PREFIX "unix:"

static const char *socket_of(const struct config *config)
{
	for (size_t i = 0; i < config->listen.n_words; i++)
		if (strncmp(config->listen.words[i], UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
			return config->listen.words[i] + strlen(UNIX_PREFIX);
	return NULL;
}

int ask_agent(const struct config *config, const char *path, const char *body, struct buf *response,
	      struct err *e)
{
	const char *socket_path = socket_of(config);
	if (!socket_path)
		return err_set(e, ENOENT, "http.listen has no unix socket");
	cleanup_request_client struct request_client *client =
		request_client_new(socket_path, REQUEST_HTTP1);
	const char *const headers[] = { body ? "Content-Type: application/json" : NULL, NULL };
	struct request request = {
		.path = path,
		.headers = headers,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout = body ? PASS_TIMEOUT : STATUS_TIMEOUT,
		.response = response,
	};
	long status;
	int r = request_perform(client, &request, &status, e);
	return r < 0 ? r : (int)status;
}
