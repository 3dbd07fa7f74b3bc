/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show.h"
#include "cli/table.h"
#include "util/json-write.h"
#include "util/limits.h"

/* What a dry pass says of an image, as a state: one that it would remove may go, and so may one
 * that it would not need. */
static const char *state_of(const cJSON *image, bool removable)
{
	const char *reason = show_string(image, "reason");
	return removable || strcmp(reason, "not-needed") == 0 ? "reclaimable" : reason;
}

static void add_row(struct table *t, const cJSON *image, bool removable)
{
	char size[HUMAN_MAX], gain[HUMAN_MAX], uses[24];
	const char *last = show_string(image, "lastUsed");
	const char *state = state_of(image, removable);
	bool reclaimable = strcmp(state, "reclaimable") == 0;
	(void)snprintf(uses, sizeof(uses), "%ju", (uintmax_t)show_u64(image, "uses"));
	table_row(t, (const char *[]){ show_image_name(image),
				       human_bytes(show_u64(image, "sizeBytes"), size),
				       human_bytes(show_u64(image, "predictedBytes"), gain), uses,
				       show_string(image, "firstSeen"), *last ? last : "never",
				       state, reclaimable ? "" : show_string(image, "detail") });
}

static void print_table(const cJSON *pass)
{
	static const char *const headings[] = { "IMAGE",      ">SIZE",	   ">FREES", ">USES",
						"FIRST SEEN", "LAST USED", "STATE",  "DETAIL" };
	cleanup_table struct table *t = table_new(headings, ELEMENTS(headings));
	const cJSON *image;
	cJSON_ArrayForEach(image, show_member(pass, "removed")) add_row(t, image, true);
	cJSON_ArrayForEach(image, show_member(pass, "kept")) add_row(t, image, false);
	table_print(t, stdout);
}

/* A number, or null where there is none. */
static void add_measured(struct json_writer *w, const char *key, const cJSON *image)
{
	if (cJSON_IsNumber(show_member(image, key)))
		json_u64(w, key, show_u64(image, key));
	else
		json_null(w, key);
}

static void add_object(struct json_writer *w, const cJSON *image, const char *runtime,
		       bool removable)
{
	const char *last = show_string(image, "lastUsed");
	const char *state = state_of(image, removable);
	const cJSON *name;
	json_object_begin(w, NULL);
	json_string(w, "runtime", runtime);
	json_string(w, "id", show_string(image, "id"));
	json_array_begin(w, "names");
	cJSON_ArrayForEach(name, show_member(image, "names"))
		json_string(w, NULL, cJSON_GetStringValue(name));
	json_array_end(w);
	json_u64(w, "sizeBytes", show_u64(image, "sizeBytes"));
	json_u64(w, "predictedBytes", show_u64(image, "predictedBytes"));
	json_u64(w, "predictedInodes", show_u64(image, "predictedInodes"));
	json_string(w, "firstSeen", show_string(image, "firstSeen"));
	json_string(w, "lastUsed", *last ? last : NULL);
	json_u64(w, "uses", show_u64(image, "uses"));
	add_measured(w, "lastMeasuredBytes", image);
	add_measured(w, "lastMeasuredInodes", image);
	json_string(w, "state", state);
	json_string(w, "detail",
		    strcmp(state, "reclaimable") == 0 ? "" : show_string(image, "detail"));
	json_object_end(w);
}

static int print_json(const cJSON *passes)
{
	cleanup_document struct document d = DOCUMENT_INIT;
	struct json_writer w = { .out = &d.text };
	const cJSON *pass, *image;
	json_object_begin(&w, NULL);
	json_array_begin(&w, "images");
	cJSON_ArrayForEach(pass, passes)
	{
		cJSON_ArrayForEach(image, show_member(pass, "removed"))
			add_object(&w, image, show_string(pass, "runtime"), true);
		cJSON_ArrayForEach(image, show_member(pass, "kept"))
			add_object(&w, image, show_string(pass, "runtime"), false);
	}
	json_array_end(&w);
	json_object_end(&w);
	(void)buf_putc(&d.text, '\n');
	return show_json(&d);
}

int cli_images(const struct cli_options *o)
{
	cleanup_document struct document d = DOCUMENT_INIT;
	int code = document_pass(o, true, &d);
	if (code != CLI_DONE)
		return code;
	const cJSON *passes = show_member(d.json, "passes"), *pass;
	if (show_pass_exit(&d) == CLI_IMPOSSIBLE) {
		show_make_printable(d.json);
		cJSON_ArrayForEach(pass, passes)(void)
			fprintf(stderr, "%s\n", show_string(pass, "error"));
		return CLI_IMPOSSIBLE;
	}
	if (o->json)
		return print_json(passes);
	show_make_printable(d.json);
	cJSON_ArrayForEach(pass, passes) print_table(pass);
	return CLI_DONE;
}
