/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/printable.h"
#include "cli/table.h"
#include "util/log.h"

const char *show_string(const cJSON *object, const char *name)
{
	const char *s;
	return json_get_string(object, name, &s, NULL) == 0 ? s : "";
}

uint64_t show_u64(const cJSON *object, const char *name)
{
	uint64_t n;
	return json_get_u64(object, name, &n, NULL) == 0 ? n : 0;
}

bool show_bool(const cJSON *object, const char *name)
{
	bool b;
	return json_get_bool(object, name, &b, NULL) == 0 && b;
}

const cJSON *show_member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *show_image_name(const cJSON *image)
{
	const cJSON *first = cJSON_GetArrayItem(show_member(image, "names"), 0);
	return cJSON_IsString(first) ? first->valuestring : show_string(image, "id");
}

void show_make_printable(cJSON *json)
{
	for (; json; json = json->next) {
		if (cJSON_IsString(json))
			printable_in_place(json->valuestring);
		show_make_printable(json->child);
	}
}

int show_json(const struct document *d)
{
	if (fwrite(buf_string(&d->text), 1, d->text.len, stdout) == d->text.len &&
	    fflush(stdout) == 0)
		return CLI_DONE;
	log_error("writing to standard output: %s", strerror(errno));
	return CLI_IMPOSSIBLE;
}

static void show_removed(const cJSON *pass)
{
	static const char *const headings[] = { ">#",	      "IMAGE",	   "REASON",
						">PREDICTED", ">MEASURED", ">CUMULATIVE" };
	cleanup_table struct table *t = table_new(headings, ELEMENTS(headings));
	bool dry_run = show_bool(pass, "dryRun");
	uint64_t sum = 0;
	unsigned n = 0;
	const cJSON *image;
	cJSON_ArrayForEach(image, show_member(pass, "removed"))
	{
		char number[16], predicted[HUMAN_MAX], measured[HUMAN_MAX], cumulative[HUMAN_MAX];
		sum += show_u64(image, dry_run ? "predictedBytes" : "measuredBytes");
		(void)snprintf(number, sizeof(number), "%u", ++n);
		(void)human_bytes(show_u64(image, "predictedBytes"), predicted);
		(void)human_bytes(show_u64(image, "measuredBytes"), measured);
		table_row(t, (const char *[]){ number, show_image_name(image),
					       show_string(image, "reason"), predicted,
					       dry_run ? "-" : measured,
					       human_bytes(sum, cumulative) });
	}
	if (n > 0)
		table_print(t, stdout);
}

static void show_kept(const cJSON *pass)
{
	static const char *const headings[] = { "KEPT", "REASON", "DETAIL" };
	cleanup_table struct table *t = table_new(headings, ELEMENTS(headings));
	const cJSON *image;
	cJSON_ArrayForEach(image, show_member(pass, "kept"))
		table_row(t, (const char *[]){ show_image_name(image), show_string(image, "reason"),
					       show_string(image, "detail") });
	if (cJSON_GetArraySize(show_member(pass, "kept")) > 0)
		table_print(t, stdout);
}

static void show_result(const cJSON *pass)
{
	const char *result = show_string(pass, "result");
	bool good = strcmp(result, "reached") == 0 || strcmp(result, "nothing-to-do") == 0;
	bool dry_run = show_bool(pass, "dryRun");
	char target[HUMAN_MAX], before[HUMAN_MAX], after[HUMAN_MAX], reclaimable[HUMAN_MAX];
	if (strcmp(result, "error") == 0) {
		log_error("%s", show_string(pass, "error"));
		return;
	}
	(void)printf("%s%s%s", style(good ? STYLE_GOOD : STYLE_BAD), result, style(STYLE_PLAIN));
	(void)printf("%s on %s (%s): %s available before, %s %s", dry_run ? " (dry run)" : "",
		     show_string(pass, "filesystem"), show_string(pass, "runtime"),
		     human_bytes(show_u64(pass, "availableBytesBefore"), before),
		     human_bytes(show_u64(pass, "availableBytesAfter"), after),
		     dry_run ? "predicted after" : "after");
	if (show_u64(pass, "targetBytes") > 0)
		(void)printf(", target %s", human_bytes(show_u64(pass, "targetBytes"), target));
	if (strcmp(result, "futile") == 0)
		(void)printf(
			"; removing everything reclaimable would free %s, which does not clear "
			"the threshold: images are not what fills this filesystem",
			human_bytes(show_u64(pass, "reclaimableBytes"), reclaimable));
	(void)putchar('\n');
	if (*show_string(pass, "error"))
		(void)printf("last failure: %s\n", show_string(pass, "error"));
}

void show_pass(const cJSON *pass, bool full)
{
	show_removed(pass);
	if (full)
		show_kept(pass);
	show_result(pass);
}

int show_pass_exit(const struct document *d)
{
	int code = CLI_DONE;
	const cJSON *pass;
	cJSON_ArrayForEach(pass, show_member(d->json, "passes"))
	{
		const char *result = show_string(pass, "result");
		if (strcmp(result, "error") == 0)
			code = CLI_IMPOSSIBLE;
		else if (code == CLI_DONE &&
			 (strcmp(result, "partial") == 0 || strcmp(result, "futile") == 0))
			code = CLI_BAD_ANSWER;
	}
	return code;
}
