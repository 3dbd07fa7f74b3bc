/* SPDX-License-Identifier: Apache-2.0 */
#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		abort();
	return p;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	void *grown = reallocarray(p, n ? n : 1, size ? size : 1);
	if (!grown)
		abort();
	return grown;
}

char *xstrdup(const char *s)
{
	char *copy = strdup(s);
	if (!copy)
		abort();
	return copy;
}
