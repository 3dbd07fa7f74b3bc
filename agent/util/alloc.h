/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Allocation of small things whose size no outsider decides: aborts when memory is exhausted
 * (under a cgroup limit Linux kills rather than returns NULL, and the agent's state is rebuilt in
 * one sample). What outsiders size is capped first, see util/limits.h.
 */
void *xcalloc(size_t n, size_t size) __attribute__((malloc, warn_unused_result));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((warn_unused_result));
char *xstrdup(const char *s) __attribute__((malloc, warn_unused_result));

/* xnew(struct foo): one zeroed object. */
#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

/* Hands a pointer or descriptor out and leaves the variable empty for its cleanup attribute. */
#define take_ptr(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})
#define take_fd(fd)                \
	({                         \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/*
 * Variables with these attributes are always initialised where they are declared. Other types have
 * their own, declared beside them: #define cleanup_foo __attribute__((__cleanup__(foo_freep))).
 */
#define cleanup_free  __attribute__((__cleanup__(cleanup_freep)))
#define cleanup_close __attribute__((__cleanup__(cleanup_closep)))
#define must_check    __attribute__((warn_unused_result))

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
