/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <cjson/cJSON.h>

#include "cli/document.h"
#include "util/human.h"

/* How verbs read documents and show them. Members that are missing read as "", 0 or false. */

const char *show_string(const cJSON *object, const char *name);
uint64_t show_u64(const cJSON *object, const char *name);
bool show_bool(const cJSON *object, const char *name);
/* An array or object member; NULL, which reads as empty, when there is none. */
const cJSON *show_member(const cJSON *object, const char *name);
/* The first of an image's names, else its ID. */
const char *show_image_name(const cJSON *image);
/* Makes every text in the tree printable, for verbs that show it to people: runtimes and other agents
 * say what they like. */
void show_make_printable(cJSON *json);
/* Writes the document's text. Returns CLI_DONE, or CLI_IMPOSSIBLE when it could not be written. */
int show_json(const struct document *d);

/* One pass as people read it; full lists why every other image stays, too. */
void show_pass(const cJSON *pass, bool full);
/* The exit code that the results in a document of passes mean. */
int show_pass_exit(const struct document *d);
