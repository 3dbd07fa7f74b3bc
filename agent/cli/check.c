/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/pressure.h"
#include "cli/printable.h"
#include "cli/show.h"
#include "util/limits.h"

/* node-problem-detector shows so many characters of a plugin's output. */
#define LINE_MAX_CHARACTERS 80

static void print_line(const char *text)
{
	cleanup_free char *line = printable(text);
	while (printable_width(line) > LINE_MAX_CHARACTERS)
		line[strlen(line) - 1] = '\0';
	(void)puts(line);
}

/* Why it cannot be told, or NULL when it can. */
static const char *unknown(const cJSON *status)
{
	const cJSON *f, *runtime;
	cJSON_ArrayForEach(
		f,
		show_member(status,
			    "filesystems")) if (*show_string(f,
							     "error")) return show_string(f,
											  "error");
	cJSON_ArrayForEach(
		runtime,
		show_member(status, "runtimes")) if (!show_bool(runtime,
								"up")) return show_string(runtime,
											  "error");
	return NULL;
}

static void describe(const cJSON *status, struct buf *out)
{
	const cJSON *f;
	cJSON_ArrayForEach(f, show_member(status, "filesystems"))
	{
		(void)buf_printf(out, "%s%s %llu%%", out->len ? ", " : "",
				 show_string(f, "filesystem"),
				 (unsigned long long)show_u64(f, "usedPercent"));
		if (cJSON_IsNumber(show_member(f, "inodesUsedPercent")))
			(void)buf_printf(out, " (inodes %llu%%)",
					 (unsigned long long)show_u64(f, "inodesUsedPercent"));
		if (pressure_active(f, "bytes") || pressure_active(f, "inodes"))
			(void)buf_puts(out, " PRESSURE");
	}
}

int cli_check(const struct cli_options *o)
{
	cleanup_document struct document d = DOCUMENT_INIT;
	cleanup_buf struct buf line = BUF_INIT(4096);
	if (document_status(o, &d) != CLI_DONE) {
		print_line("unknown: the status could not be had");
		return CLI_IMPOSSIBLE;
	}
	describe(d.json, &line);
	if (pressure_any(d.json)) {
		print_line(buf_string(&line));
		return CLI_BAD_ANSWER;
	}
	const char *why = unknown(d.json);
	if (why) {
		buf_clear(&line);
		(void)buf_printf(&line, "unknown: %s", why);
		print_line(buf_string(&line));
		return CLI_IMPOSSIBLE;
	}
	print_line(buf_string(&line));
	return CLI_DONE;
}
