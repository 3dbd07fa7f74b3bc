/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include <cjson/cJSON.h>

#include "util/alloc.h"
#include "util/err.h"
#include "util/json-read.h"

/*
 * YAML as Kubernetes' components read it, into the tree that util/json-read.h looks into. Go's
 * YAML 1.1 decides what a plain scalar is: yes, on and true are booleans, 0x10 is 16, ~ is null;
 * what is quoted is a string. A text whose first character is '{' is JSON and nothing else, which
 * is how the kubelet tells them apart.
 *
 * Anchors, aliases, merge keys and tags, with which a small text becomes a huge tree, are refused;
 * so are keys that come twice, a second document, and what is beyond YAML_MAX_... of limits.h.
 */

/*
 * Parses one document. name is what messages begin with ("NAME:LINE: what is wrong", of JSON
 * "NAME: not valid JSON: ..."); text[len] must be NUL. Returns 0 and a tree that the caller
 * releases (cleanup_json, cJSON_Delete); -EBADMSG for what is no such text, -E2BIG for what is
 * beyond a limit. Any thread.
 */
must_check int yaml_parse(const char *name, const char *text, size_t len, cJSON **ret,
			  struct err *e);
