/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reference.h"

#include <string.h>

#include "util/alloc.h"

#define ID_ALGORITHM "sha256:"

/* Hex digits of a whole ID; Docker takes such a name for nothing else. */
#define ID_DIGITS 64

static bool has_algorithm(const char *ref)
{
	return strncmp(ref, ID_ALGORITHM, strlen(ID_ALGORITHM)) == 0;
}

const char *reference_digest(const char *ref)
{
	const char *at = strchr(ref, '@');
	if (at)
		return at[1] ? at + 1 : NULL;
	return has_algorithm(ref) && ref[strlen(ID_ALGORITHM)] ? ref : NULL;
}

size_t reference_hex(const char *ref, const char **ret_hex)
{
	if (has_algorithm(ref))
		ref += strlen(ID_ALGORITHM);
	size_t n = strspn(ref, "0123456789abcdef");
	if (n == 0 || ref[n])
		return 0;
	*ret_hex = ref;
	return n;
}

/* Whether the part before the first slash is a registry host, as Docker tells it apart: no
 * repository has a dot, a port or capitals there. */
static bool is_registry(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (name[i] == '.' || name[i] == ':' || (name[i] >= 'A' && name[i] <= 'Z'))
			return true;
	return len == strlen("localhost") && memcmp(name, "localhost", len) == 0;
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

/* How much of name is Docker's own registry, which may be written out, in either of its names. */
static size_t docker_registry(const char *name, size_t len)
{
	static const char *const names[] = { "docker.io/", "index.docker.io/" };
	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (len >= strlen(names[i]) && memcmp(name, names[i], strlen(names[i])) == 0)
			return strlen(names[i]);
	return 0;
}

static bool append_name(char ret[REFERENCE_MAX], const char *name, size_t len)
{
	size_t skip = docker_registry(name, len);
	const char *slash = memchr(name + skip, '/', len - skip);
	if (skip == 0 && slash && is_registry(name, (size_t)(slash - name)))
		return append(ret, name, len);
	const char *prefix = slash ? "docker.io/" : "docker.io/library/";
	(void)append(ret, prefix, strlen(prefix)); /* always fits */
	return append(ret, name + skip, len - skip);
}

bool reference_normalise(const char *ref, char ret[REFERENCE_MAX])
{
	const char *hex;
	ret[0] = '\0';
	if (has_algorithm(ref) || reference_hex(ref, &hex) == ID_DIGITS)
		return false;
	const char *at = strchr(ref, '@');
	size_t name_len = at ? (size_t)(at - ref) : strlen(ref);
	const char *last_slash = memrchr(ref, '/', name_len);
	const char *last_part = last_slash ? last_slash + 1 : ref;
	const char *colon = memchr(last_part, ':', name_len - (size_t)(last_part - ref));
	if (at && colon)
		name_len = (size_t)(colon - ref);
	if (name_len == 0 || !append_name(ret, ref, name_len))
		return false;
	if (at)
		return append(ret, at, strlen(at));
	return colon ? true : append(ret, ":latest", strlen(":latest"));
}
