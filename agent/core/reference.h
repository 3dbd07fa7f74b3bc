/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The ways an image may be written. Long enough for the longest name that registries allow
 * (255 characters of repository, 128 of tag) and a digest. */
#define REFERENCE_MAX 512

/*
 * The full form of a name that Docker's short forms allow: "nginx" becomes
 * "docker.io/library/nginx:latest", "me/app:1" becomes "docker.io/me/app:1", a name with a digest keeps
 * it and drops a tag beside it. Returns false when ref is not a name (empty, a whole ID, "sha256:...",
 * a digest alone, too long); *ret is not a string of use then.
 * Source of the rules: distribution/reference, ParseNormalizedNamed and TagNameOnly.
 */
bool reference_normalise(const char *ref, char ret[REFERENCE_MAX]);

/* The digest part of "repo@sha256:..." or of "sha256:..."; NULL when there is none. Points into ref. */
const char *reference_digest(const char *ref);

/* The number of hex digits when ref is nothing else ("4a81b686..."), with or without "sha256:" in
 * front; 0, and *ret_hex left alone, when it is not. *ret_hex points to the first digit. */
size_t reference_hex(const char *ref, const char **ret_hex);
