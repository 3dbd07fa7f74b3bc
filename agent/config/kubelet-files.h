/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "config/kubelet-config.h"
#include "util/buf.h"

/*
 * The kubelet's files below the prefix of host paths. With a prefix, links are followed as the host
 * would, so that none leads out of it. Paths in arguments and messages are the host's own.
 */

/* Whether there is something of that path. */
bool kubelet_file_exists(const char *root, const char *path);

/* Appends the content of a file to text; errors as ini_file_read(). */
must_check int kubelet_file_read(const char *root, const char *path, struct buf *text,
				 struct err *e);

/*
 * Reads a file that holds a KubeletConfiguration, or a ConfigMap as kubeadm makes it, which has one
 * in its data. *ret is an object that the caller releases. -EINVAL: that is not what it is.
 */
must_check int kubelet_file_parse(const char *root, const char *path, cJSON **ret, struct err *e);

/* Whether the file can be parsed and is of kind KubeletConfiguration. */
bool kubelet_file_is_configuration(const char *root, const char *path);

/* Paths in the order in which the kubelet goes through them. */
struct kubelet_paths {
	char **paths;
	size_t n_paths;
};

/* Adds a copy. */
void kubelet_paths_add(struct kubelet_paths *p, const char *path);

/* All entries of a directory, in the order of their bytes. */
must_check int kubelet_directory_list(const char *root, const char *directory,
				      struct kubelet_paths *ret, struct err *e);

/*
 * The files below a directory whose names end in ".conf". As the kubelet does, this goes into
 * directories (not into links to them), each directory's entries in the order of their bytes.
 */
must_check int kubelet_dropins_list(const char *root, const char *directory,
				    struct kubelet_paths *ret, struct err *e);
void kubelet_paths_done(struct kubelet_paths *p);
#define cleanup_kubelet_paths __attribute__((__cleanup__(kubelet_paths_done)))

/* Whether path is a directory. */
bool kubelet_file_is_directory(const char *root, const char *path);
