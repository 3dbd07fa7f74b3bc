/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A message that travels with an errno to where a human reads it. Lives on the caller's stack,
 * allocates nothing, needs no release. Zero-initialise it; code 0 means no error.
 */
struct err {
	int code;      /* positive errno */
	char msg[480]; /* complete sentence part without trailing newline */
};

/*
 * Stores a formatted message and returns -code, so that "return err_set(e, EINVAL, ...)" is one
 * statement. e may be NULL: then only the code is returned. A message that does not fit is cut.
 */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Puts context in front of the message that e already holds ("loading x: " + msg) and returns
 * -e->code. e may be NULL: returns -EIO then, as the code is not known.
 */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
