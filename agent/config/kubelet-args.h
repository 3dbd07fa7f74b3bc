/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/kubelet-config.h"
#include "util/buf.h"

/* The kubelet's command line. */
struct kubelet_args {
	char **args; /* without the program's name */
	size_t n_args;
};

#define KUBELET_ARGS_MAX 1024

void kubelet_args_done(struct kubelet_args *a);
#define cleanup_kubelet_args __attribute__((__cleanup__(kubelet_args_done)))

/* Adds a copy; -E2BIG when there are KUBELET_ARGS_MAX of them. */
must_check int kubelet_args_add(struct kubelet_args *a, const char *arg);

/*
 * Looks for a running process of one of these names, which end with NULL, in the table of processes,
 * which is below root where there is one. Anybody can call a process kubelet: it must belong to who
 * owns the table and must not be in a container (a process namespace further down). Of several the
 * one with the lowest number counts. Returns its number and fills *ret, or 0: there is none.
 */
pid_t kubelet_args_of_process(const char *root, const char *const names[],
			      struct kubelet_args *ret);

/* Takes apart a file of arguments as MicroK8s has it: words, quotes, # comments, ${SNAP_DATA}. */
must_check int kubelet_args_of_text(const char *path, const char *text, struct kubelet_args *ret,
				    struct err *e);

/* The value of the last --NAME=VALUE or --NAME VALUE; NULL: there is none or it is empty. */
const char *kubelet_args_get(const struct kubelet_args *a, const char *name);

/* Puts all flags that kubelet_values_find_flag() knows into c. */
must_check int kubelet_args_apply(const struct kubelet_args *a, struct kubelet_config *c,
				  struct err *e);
