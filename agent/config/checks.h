/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The checks of struct config_key: NULL when the value is right, "" when it is something else
 * altogether, or what is wrong with it.
 */

/* A pattern for core/keep.h that could match an image's name, digest or ID. */
const char *check_keep(const char *pattern);
/* "auto" or "unix:///PATH" with a path that fits into a socket address. */
const char *check_endpoint(const char *endpoint);
/* "auto", "no" or an absolute path. */
const char *check_kubelet_config(const char *path);
/* "auto" or "cri". */
const char *check_runtime_type(const char *type);
/* "IPV4:PORT", "[IPV6]:PORT" (port 0: the system chooses) or "unix:/PATH". */
const char *check_listen(const char *address);
/* "" or an absolute path. */
const char *check_path_or_nothing(const char *path);
/* "" or a DNS subdomain, as names of Nodes are. */
const char *check_node_name(const char *name);
/* "no", or a type of a condition that is nobody else's: CamelCase, maybe with a domain in front. */
const char *check_condition(const char *type);
