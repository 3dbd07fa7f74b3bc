/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "transport/grpc.h"
#include "util/limits.h"

static void statuses(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *name;
		int code;
	} table[] = {
		{ 1, "CANCELLED", EIO },
		{ 2, "UNKNOWN", EIO },
		{ 3, "INVALID_ARGUMENT", EPROTO },
		{ 4, "DEADLINE_EXCEEDED", ETIMEDOUT },
		{ 5, "NOT_FOUND", ENODATA },
		{ 6, "ALREADY_EXISTS", EIO },
		{ 7, "PERMISSION_DENIED", EPERM },
		{ 8, "RESOURCE_EXHAUSTED", E2BIG },
		{ 9, "FAILED_PRECONDITION", EBUSY },
		{ 10, "ABORTED", EBUSY },
		{ 11, "OUT_OF_RANGE", EPROTO },
		{ 12, "UNIMPLEMENTED", EOPNOTSUPP },
		{ 13, "INTERNAL", EIO },
		{ 14, "UNAVAILABLE", ECONNREFUSED },
		{ 15, "DATA_LOSS", EIO },
		{ 16, "UNAUTHENTICATED", EPERM },
		{ 17, "status 17", EIO },
		{ -1, "status -1", EIO },
		{ 9999, "status 9999", EIO },
	};
	char buf[GRPC_STATUS_NAME_MAX];
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		assert_string_equal(grpc_status_name(table[i].status, buf), table[i].name);
		assert_int_equal(grpc_status_errno(table[i].status), -table[i].code);
	}
}

static void messages_are_decoded(void **state)
{
	(void)state;
	static const struct {
		const char *encoded, *decoded;
	} table[] = {
		{ "", "" },
		{ "plain text", "plain text" },
		{ "100%25 sure", "100% sure" },
		{ "%c3%a4%C3%A4", "ää" },
		{ "ä", "ä" },
		{ "a%0ab%0d%09c%7f", "a b  c " },
		{ "\x1b[31mred", " [31mred" },
		{ "a%00b", "a b" },
		{ "%ff%c3(", "?"
			     "?(" },
		{ "%ed%a0%80", "???" },
		{ "%c2%85", " " },
		{ "%", "%" },
		{ "%4", "%4" },
		{ "%zz%4g", "%zz%4g" },
		{ "%25%32%35", "%25" },
	};
	char text[64];
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		grpc_decode_message(table[i].encoded, text, sizeof(text));
		assert_string_equal(text, table[i].decoded);
	}
}

static void long_messages_are_cut(void **state)
{
	(void)state;
	char text[5];
	grpc_decode_message("%61%62%63%64%65", text, sizeof(text));
	assert_string_equal(text, "abcd");
	/* Cut in the middle of a character, what is left of it is no UTF-8. */
	grpc_decode_message("abcä", text, sizeof(text));
	assert_string_equal(text, "abc?");
	grpc_decode_message("x", text, 1);
	assert_string_equal(text, "");
}

static void timeouts(void **state)
{
	(void)state;
	static const struct {
		usec_t timeout;
		const char *text;
	} table[] = {
		{ 120 * USEC_PER_SEC, "120000m" },
		{ 1, "1m" },
		{ 0, "1m" },
		{ -5, "1m" },
		{ 1001, "2m" },
		{ 99999999 * USEC_PER_MSEC, "99999999m" },
		{ 99999999 * USEC_PER_MSEC + 1, "28H" },
		{ USEC_INFINITY, "99999999H" },
	};
	char buf[GRPC_TIMEOUT_MAX];
	for (size_t i = 0; i < ELEMENTS(table); i++)
		assert_string_equal(grpc_timeout(table[i].timeout, buf), table[i].text);
}

#define BYTES(text) (text), sizeof(text) - 1

static void frames(void **state)
{
	(void)state;
	struct grpc_message m = { 0 };
	struct err e = { 0 };
	assert_int_equal(grpc_unframe(BYTES("\0\0\0\0\3abc"), &m, &e), 0);
	assert_int_equal(m.len, 3);
	assert_memory_equal(m.data, "abc", 3);
	assert_int_equal(grpc_unframe(BYTES("\0\0\0\0\0"), &m, &e), 0);
	assert_int_equal(m.len, 0);
}

static void bad_frames(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		size_t len;
		int code;
		const char *says;
	} table[] = {
		{ BYTES(""), EBADMSG, "0 bytes, too few" },
		{ BYTES("\0\0\0\0"), EBADMSG, "4 bytes, too few" },
		{ BYTES("\0\0\0\0\1"), EBADMSG, "announces 1 bytes and has 0" },
		{ BYTES("\0\0\0\0\1ab"), EBADMSG, "announces 1 bytes and has 2" },
		{ BYTES("\0\0\0\0\0\0\0\0\0\0"), EBADMSG, "announces 0 bytes and has 5" },
		{ BYTES("\1\0\0\0\0"), EBADMSG, "compressed" },
		{ BYTES("\2\0\0\0\0"), EBADMSG, "not framed" },
		{ BYTES("HTTP/1.1 400"), EBADMSG, "not framed" },
		{ BYTES("\0\1\0\0\1"), E2BIG, "announces 16777217 bytes" },
		{ BYTES("\0\xff\xff\xff\xff"), E2BIG, "announces 4294967295 bytes" },
	};
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct grpc_message m = { .len = 77 };
		struct err e = { 0 };
		assert_int_equal(grpc_unframe(table[i].data, table[i].len, &m, &e), -table[i].code);
		if (!strstr(e.msg, table[i].says))
			fail_msg("\"%s\" does not say \"%s\"", e.msg, table[i].says);
		assert_int_equal(m.len, 77);
	}
}

/* Takes the messages of a stream down, one letter each; refuses "!". */
struct letters {
	char text[16];
	size_t n;
};

static int take_letter(void *ctx, const struct grpc_message *m, struct err *e)
{
	struct letters *l = ctx;
	char letter = m->len ? (char)m->data[0] : '-';
	if (letter == '!')
		return err_set(e, EPROTO, "not that one");
	l->text[l->n++] = letter;
	return 0;
}

/* Feeds data in pieces of that size; the result of the first that fails, or of the end. */
static int feed(const char *data, size_t len, size_t piece, struct letters *l, struct err *e)
{
	cleanup_grpc_frames struct grpc_frames frames;
	grpc_frames_init(&frames, take_letter, l);
	int r = 0;
	for (size_t at = 0; r == 0 && at < len; at += piece)
		r = grpc_frames_take(&frames, data + at, len - at < piece ? len - at : piece);
	if (r == 0)
		return grpc_frames_end(&frames, e);
	assert_int_equal(grpc_frames_take(&frames, "x", 1), r);
	*e = frames.err;
	return r;
}

static void streams(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		size_t len;
		const char *letters;
		int result;
	} table[] = {
		{ BYTES(""), "", 0 },
		{ BYTES("\0\0\0\0\1a"), "a", 0 },
		{ BYTES("\0\0\0\0\1a\0\0\0\0\0\0\0\0\0\3bcd"), "a-b", 0 },
		{ BYTES("\0\0\0\0\1a\0\0\0\0\3bc"), "a", -EBADMSG },
		{ BYTES("\0\0\0\0\1a\0\0"), "a", -EBADMSG },
		{ BYTES("\0\0\0\0\1a\1\0\0\0\1b"), "a", -EBADMSG },
		{ BYTES("\0\0\0\0\1a\0\x7f\0\0\1b"), "a", -E2BIG },
		{ BYTES("\0\0\0\0\1a\0\0\0\0\1!\0\0\0\0\1b"), "a", -EPROTO },
	};
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		for (size_t piece = 1; piece < 20; piece++) {
			struct letters l = { 0 };
			struct err e = { 0 };
			assert_int_equal(feed(table[i].data, table[i].len, piece, &l, &e),
					 table[i].result);
			assert_string_equal(l.text, table[i].letters);
			assert_int_equal(e.code, -table[i].result);
		}
	}
}

/* Messages pass by; only all of them together are too much. */
static void streams_without_end(void **state)
{
	(void)state;
	const size_t size = 1 << 20;
	cleanup_free char *message = xcalloc(1, size);
	message[1] = 0;
	message[2] = (char)((size - GRPC_FRAME_HEADER) >> 16);
	message[3] = (char)((size - GRPC_FRAME_HEADER) >> 8);
	message[4] = (char)(size - GRPC_FRAME_HEADER);
	cleanup_grpc_frames struct grpc_frames frames;
	struct letters l = { 0 };
	grpc_frames_init(&frames, take_letter, &l);
	for (size_t i = 0; i < BUF_MAX_GRPC_STREAM / size; i++) {
		l.n = 0;
		assert_int_equal(grpc_frames_take(&frames, message, size), 0);
		assert_int_equal(l.n, 1);
	}
	assert_true(frames.pending.allocated <= 4 * size);
	assert_int_equal(grpc_frames_take(&frames, message, 1), -E2BIG);
}

static void calls_that_reach_nobody(void **state)
{
	(void)state;
	cleanup_request_client struct request_client *c =
		request_client_new("/nonexistent/socket", REQUEST_HTTP2);
	cleanup_buf struct buf answer = BUF_INIT(GRPC_FRAME_HEADER + BUF_MAX_GRPC_MESSAGE);
	const struct grpc_call call = {
		.name = "Version", .path = "/x/Version", .message = "", .timeout = USEC_PER_SEC
	};
	struct grpc_message m;
	struct err e = { 0 };
	for (int i = 0; i < 2; i++) {
		assert_int_equal(grpc_unary(c, &call, &answer, &m, &e), -ENOENT);
		assert_string_equal(e.msg, "Version: cannot connect to /nonexistent/socket: "
					   "No such file or directory");
		assert_int_equal(e.code, ENOENT);
	}
	assert_int_equal(grpc_unary(c, &call, &answer, &m, NULL), -ENOENT);
	assert_null(request_client_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(messages_are_decoded),
		cmocka_unit_test(long_messages_are_cut),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(frames),
		cmocka_unit_test(bad_frames),
		cmocka_unit_test(streams),
		cmocka_unit_test(streams_without_end),
		cmocka_unit_test(calls_that_reach_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
