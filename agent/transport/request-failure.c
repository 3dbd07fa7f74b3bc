/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/request-failure.h"

#include <errno.h>
#include <string.h>

#include "util/alloc.h"
#include "util/human.h"

static int connect_error(const struct request_failure *f, struct err *e)
{
	static const long told[] = { ENOENT, EACCES, EHOSTUNREACH, ENETUNREACH };
	long result = ECONNREFUSED;
	/* EAGAIN: a full backlog, that is a peer which no longer accepts */
	for (size_t i = 0; i < ELEMENTS(told); i++)
		if (f->os_errno == told[i])
			result = told[i];
	return err_set(e, (int)result, "cannot connect to %s: %s", f->peer, strerror((int)result));
}

/* What can go wrong between the connection and HTTP. */
static int tls_error(const struct request_failure *f, struct err *e)
{
	static const struct {
		CURLcode curl;
		int code;
		const char *before, *behind; /* the peer's name */
	} table[] = {
		{ CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH, "cannot connect to ", "" },
		{ CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH, "cannot connect to ", "" },
		{ CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED, "the certificate of ",
		  " is not trusted" },
		{ CURLE_SSL_CACERT_BADFILE, EKEYREJECTED, "the certificate authority for ",
		  " cannot be used" },
		{ CURLE_SSL_CERTPROBLEM, EKEYREJECTED, "the client certificate for ",
		  " cannot be used" },
		{ CURLE_SSL_CONNECT_ERROR, EPROTO, "no TLS connection to ", "" },
		{ CURL_LAST, EBADMSG, "", " does not speak HTTP as expected" },
	};
	size_t i = 0;
	while (table[i].curl != f->code && table[i].curl != CURL_LAST)
		i++;
	return err_set(e, table[i].code, "%s%s%s: %s", table[i].before, f->peer, table[i].behind,
		       f->detail[0] ? f->detail : curl_easy_strerror(f->code));
}

int request_failure_tell(const struct request_failure *f, struct err *e)
{
	char human[HUMAN_MAX];
	switch (f->code) {
	case CURLE_COULDNT_CONNECT:
		return connect_error(f, e);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(e, ETIMEDOUT, "no answer from %s within %s", f->peer,
			       human_go_duration(f->timeout, human));
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return err_set(e, ECONNRESET,
			       "the connection to %s broke before the answer was complete",
			       f->peer);
	default:
		if (f->tls)
			return tls_error(f, e);
		return err_set(e, EBADMSG, "%s does not speak HTTP%s as expected: %s", f->peer,
			       f->http2 ? "/2" : "", curl_easy_strerror(f->code));
	}
}
