/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reference.h"

#include <string.h>

#define ID_ALGORITHM "sha256:"

const char *reference_digest(const char *ref)
{
	const char *at = strchr(ref, '@');
	if (at)
		return at[1] ? at + 1 : NULL;
	return strncmp(ref, ID_ALGORITHM, strlen(ID_ALGORITHM)) == 0 ? ref : NULL;
}

size_t reference_hex(const char *ref, const char **ret_hex)
{
	if (strncmp(ref, ID_ALGORITHM, strlen(ID_ALGORITHM)) == 0)
		ref += strlen(ID_ALGORITHM);
	size_t n = strspn(ref, "0123456789abcdef");
	if (ref[n])
		return 0;
	*ret_hex = ref;
	return n;
}

/* Whether the part before the first slash is a registry host, as Docker tells it apart. */
static bool is_registry(const char *name, size_t len)
{
	return memchr(name, '.', len) || memchr(name, ':', len) ||
	       (len == strlen("localhost") && memcmp(name, "localhost", len) == 0);
}

static bool append(char ret[REFERENCE_MAX], const char *s, size_t len)
{
	size_t used = strlen(ret);
	if (used + len >= REFERENCE_MAX)
		return false;
	memcpy(ret + used, s, len);
	ret[used + len] = '\0';
	return true;
}

static bool append_domain(char ret[REFERENCE_MAX], const char *name)
{
	const char *slash = strchr(name, '/');
	if (!slash)
		return append(ret, "docker.io/library/", strlen("docker.io/library/"));
	size_t first = (size_t)(slash - name);
	return is_registry(name, first) || append(ret, "docker.io/", strlen("docker.io/"));
}

bool reference_normalise(const char *ref, char ret[REFERENCE_MAX])
{
	ret[0] = '\0';
	if (!*ref || strncmp(ref, ID_ALGORITHM, strlen(ID_ALGORITHM)) == 0)
		return false;
	const char *at = strchr(ref, '@');
	size_t name_len = at ? (size_t)(at - ref) : strlen(ref);
	const char *last_slash = memrchr(ref, '/', name_len);
	const char *last_part = last_slash ? last_slash + 1 : ref;
	const char *colon = memchr(last_part, ':', name_len - (size_t)(last_part - ref));
	if (at && colon)
		name_len = (size_t)(colon - ref);
	if (!append_domain(ret, ref) || !append(ret, ref, name_len))
		return false;
	if (at)
		return append(ret, at, strlen(at));
	return colon ? true : append(ret, ":latest", strlen(":latest"));
}
