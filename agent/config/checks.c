/* SPDX-License-Identifier: Apache-2.0 */
#include "config/checks.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "util/alloc.h"
#include "util/parse.h"

/* Longer than any reference that runtimes accept (255 for the name, 128 for the tag, a digest). */
#define PATTERN_MAX 1024

/* What references consist of, and what fnmatch(3) gives a meaning. */
static const char pattern_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "._-/:@+*?[]!^";

/* fnmatch takes '[' without its ']' for itself, and no reference has one: such a pattern would keep
 * nothing without anybody noticing. */
static bool has_open_bracket(const char *pattern)
{
	const char *p = pattern;
	while ((p = strchr(p, '['))) {
		p++;
		p += *p == '!' || *p == '^';
		/* The first character belongs to the set even if it is ']'. */
		p = *p ? strchr(p + 1, ']') : NULL;
		if (!p)
			return true;
	}
	return false;
}

const char *check_keep(const char *pattern)
{
	if (pattern[strspn(pattern, pattern_chars)])
		return "only letters, digits and ._-/:@+*?[]!^ can be in a pattern";
	if (strlen(pattern) > PATTERN_MAX)
		return "too long";
	return has_open_bracket(pattern) ? "'[' without ']'" : NULL;
}

static const char *check_socket_path(const char *path)
{
	if (path[0] != '/' || !path[1])
		return "the path is not absolute";
	/* One byte of sun_path is for the terminating NUL. */
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "the path is longer than the 107 bytes of a socket address";
	return NULL;
}

/* What follows prefix in s, or NULL when s begins otherwise. */
static const char *after(const char *s, const char *prefix)
{
	size_t len = strlen(prefix);
	return strncmp(s, prefix, len) == 0 ? s + len : NULL;
}

const char *check_endpoint(const char *endpoint)
{
	if (strcmp(endpoint, "auto") == 0)
		return NULL;
	const char *path = after(endpoint, "unix://");
	return path ? check_socket_path(path) : "";
}

const char *check_kubelet_config(const char *path)
{
	if (strcmp(path, "auto") == 0 || strcmp(path, "no") == 0)
		return NULL;
	if (path[0] != '/')
		return "";
	return strlen(path) < PATH_MAX ? NULL : "too long";
}

const char *check_runtime_type(const char *type)
{
	static const char *const types[] = { "auto", "cri", "docker", "podman" };
	for (size_t i = 0; i < ELEMENTS(types); i++)
		if (strcmp(type, types[i]) == 0)
			return NULL;
	return "";
}

static const char *check_port(const char *port)
{
	int64_t n;
	if (strspn(port, "0123456789") != strlen(port))
		return "the port is not a number";
	return parse_i64(port, &n) == 0 && n <= 65535 ? NULL : "the port is not within 0 to 65535";
}

const char *check_listen(const char *address)
{
	const char *path = after(address, "unix:");
	if (path)
		return check_socket_path(path);
	const char *colon = strrchr(address, ':');
	if (!colon)
		return "";
	if (colon == address)
		return "the address is missing; 0.0.0.0 and [::] stand for all addresses";
	char host[INET6_ADDRSTRLEN + 2];
	size_t len = (size_t)(colon - address);
	if (len >= sizeof(host))
		return "not an IP address in front of the port";
	memcpy(host, address, len);
	host[len] = '\0';
	struct in6_addr any;
	bool v6 = host[0] == '[' && host[len - 1] == ']';
	if (v6)
		host[len - 1] = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, v6 ? host + 1 : host, &any) != 1)
		return "not an IP address in front of the port";
	return check_port(colon + 1);
}

const char *check_path_or_nothing(const char *path)
{
	if (!*path)
		return NULL;
	if (path[0] != '/')
		return "";
	return strlen(path) < PATH_MAX ? NULL : "too long";
}

#define SMALL	     "abcdefghijklmnopqrstuvwxyz"
#define LARGE	     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	     "0123456789"
#define ALPHANUMERIC SMALL LARGE DIGITS

/* What Kubernetes calls a DNS subdomain, of which labels may be as long as all of it. */
static bool is_subdomain(const char *name, size_t len)
{
	bool within = false; /* a label that could end here */
	if (len == 0 || len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool alphanumeric = strchr(SMALL DIGITS, name[i]) != NULL;
		if (!alphanumeric && !(name[i] == '-' && i > 0 && name[i - 1] != '.') &&
		    !(name[i] == '.' && within))
			return false;
		within = alphanumeric;
	}
	return within;
}

const char *check_node_name(const char *name)
{
	return !*name || is_subdomain(name, strlen(name)) ? NULL : "";
}

/* Those that the kubelet and the cloud write; what we wrote there would be overwritten, or acted on. */
static const char *const foreign_conditions[] = { "Ready", "MemoryPressure", "DiskPressure",
						  "PIDPressure", "NetworkUnavailable" };

const char *check_condition(const char *type)
{
	const char *slash = strrchr(type, '/'), *name = slash ? slash + 1 : type;
	size_t len = strlen(name);
	if (strcmp(type, "no") == 0)
		return NULL;
	for (size_t i = 0; i < ELEMENTS(foreign_conditions); i++)
		if (strcmp(type, foreign_conditions[i]) == 0)
			return "the kubelet writes that condition itself";
	if (slash && !is_subdomain(type, (size_t)(slash - type)))
		return "";
	/* CamelCase: "yes" is not meant to be a type */
	if (len == 0 || len > 63 || strspn(name, ALPHANUMERIC "-_.") != len ||
	    !strchr(LARGE, name[0]) || !strchr(ALPHANUMERIC, name[len - 1]))
		return "";
	return NULL;
}
