/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/pressure.h"
#include "cli/show.h"
#include "cli/table.h"
#include "util/limits.h"

static const cJSON *threshold_find(const cJSON *filesystem, const char *resource, const char *level)
{
	const cJSON *t;
	cJSON_ArrayForEach(
		t, show_member(filesystem, "thresholds")) if (strcmp(show_string(t, "resource"),
								     resource) == 0 &&
							      strcmp(show_string(t, "level"),
								     level) == 0) return t;
	return NULL;
}

/* "80% -> 75%": from where on images are reclaimed, and down to where. */
static void goals_text(const cJSON *filesystem, const char *resource, char ret[64])
{
	const cJSON *high = threshold_find(filesystem, resource, "high");
	const cJSON *low = threshold_find(filesystem, resource, "low");
	if (!high || !low) {
		(void)snprintf(ret, 64, "-");
		return;
	}
	(void)snprintf(ret, 64, "%llu%% -> %llu%%", (unsigned long long)show_u64(high, "percent"),
		       (unsigned long long)show_u64(low, "percent"));
}

static char *human_amount(bool bytes, uint64_t amount, char buf[HUMAN_MAX])
{
	return bytes ? human_bytes(amount, buf) : human_count(amount, buf);
}

/* "<15.0 GiB": a threshold that is an amount, or "-". */
static void below_text(const cJSON *filesystem, const char *resource, bool bytes, const char *level,
		       char ret[40])
{
	const cJSON *t = threshold_find(filesystem, resource, level);
	char amount[HUMAN_MAX];
	(void)snprintf(ret, 40, "%s%s", t ? "<" : "-",
		       t ? human_amount(bytes, show_u64(t, "available"), amount) : "");
}

/* Where the kubelet would collect images, and below what it would evict pods: "gc 85%, <15.0 GiB". */
static void kubelet_text(const cJSON *filesystem, const char *resource, bool bytes, char ret[64])
{
	const cJSON *gc = threshold_find(filesystem, resource, "kubelet_gc_high");
	const cJSON *hard = threshold_find(filesystem, resource, "kubelet_hard");
	char below[40] = "", percent[24] = "";
	if (gc)
		(void)snprintf(percent, sizeof(percent), "gc %llu%%%s",
			       (unsigned long long)show_u64(gc, "percent"), hard ? ", " : "");
	if (hard || !gc)
		below_text(filesystem, resource, bytes, "kubelet_hard", below);
	(void)snprintf(ret, 64, "%s%s", percent, below);
}

static const char *state_text(const cJSON *filesystem, const char *resource)
{
	const char *level = pressure_level(filesystem, resource);
	if (!level)
		return "ok";
	if (strcmp(level, "gc") == 0)
		return "PRESSURE";
	return strcmp(level, "hard") == 0 ? "PRESSURE hard" : "PRESSURE soft";
}

/* Who acts before the other one. */
static const char *first_text(const cJSON *filesystem, const char *resource)
{
	const char *first = show_string(show_member(filesystem, "actsFirst"), resource);
	return *first ? first : "-";
}

static void add_row(struct table *t, const cJSON *f, const char *resource)
{
	bool bytes = strcmp(resource, "bytes") == 0;
	const char *total_name = bytes ? "sizeBytes" : "inodes";
	const char *available_name = bytes ? "availableBytes" : "inodesFree";
	char total[HUMAN_MAX], available[HUMAN_MAX], percent[8], goals[64], kubelet[64];
	char soft[40], hard[40];
	if (!cJSON_IsNumber(show_member(f, total_name)))
		return;
	(void)snprintf(percent, sizeof(percent), "%u%%",
		       (unsigned)show_u64(f, bytes ? "usedPercent" : "inodesUsedPercent"));
	goals_text(f, resource, goals);
	below_text(f, resource, bytes, "soft", soft);
	below_text(f, resource, bytes, "hard", hard);
	kubelet_text(f, resource, bytes, kubelet);
	table_row(t, (const char *[]){ show_string(f, "filesystem"), resource,
				       human_amount(bytes, show_u64(f, total_name), total),
				       human_amount(bytes, show_u64(f, available_name), available),
				       percent, goals, soft, hard, kubelet, first_text(f, resource),
				       state_text(f, resource) });
}

/* Whether two roles are shown as one place. */
static bool same_place(const cJSON *a, const cJSON *b)
{
	static const char *const names[] = { "device", "mountpoint", "fstype" };
	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (strcmp(show_string(a, names[i]), show_string(b, names[i])) != 0)
			return false;
	return true;
}

/* "nodefs, imagefs: /dev/sda1 (ext4) on /", where the first role of the place is f. */
static void print_place(const cJSON *filesystems, const cJSON *f)
{
	const cJSON *other;
	cJSON_ArrayForEach(other, filesystems) if (same_place(other, f)) break;
	if (other != f || !*show_string(f, "mountpoint"))
		return;
	(void)printf("%s", show_string(f, "filesystem"));
	for (other = f->next; other; other = other->next)
		if (same_place(other, f))
			(void)printf(", %s", show_string(other, "filesystem"));
	(void)printf(": %s (%s) on %s\n", show_string(f, "device"), show_string(f, "fstype"),
		     show_string(f, "mountpoint"));
}

static void print_filesystems(const cJSON *status)
{
	static const char *const headings[] = { "FILESYSTEM", "RESOURCE", ">SIZE", ">AVAILABLE",
						">USED",      "RECLAIM",  "SOFT",  "HARD",
						"KUBELET",    "FIRST",	  "STATE" };
	cleanup_table struct table *t = table_new(headings, ELEMENTS(headings));
	const cJSON *filesystems = show_member(status, "filesystems"), *f;
	cJSON_ArrayForEach(f, filesystems)
	{
		add_row(t, f, "bytes");
		add_row(t, f, "inodes");
	}
	table_print(t, stdout);
	cJSON_ArrayForEach(f, filesystems) print_place(filesystems, f);
	cJSON_ArrayForEach(f, filesystems) if (*show_string(f, "error"))(void)
		printf("%s%s: %s%s\n", style(STYLE_BAD), show_string(f, "filesystem"),
		       show_string(f, "error"), style(STYLE_PLAIN));
}

static void print_findings(const cJSON *status)
{
	const cJSON *f;
	cJSON_ArrayForEach(f, show_member(status, "findings"))(void)
		printf("%s%s%s: %s\n", style(STYLE_BAD), show_string(f, "finding"),
		       style(STYLE_PLAIN), show_string(f, "text"));
}

static void print_seconds(const char *label, const cJSON *f, const char *name)
{
	char text[HUMAN_MAX];
	const cJSON *seconds = show_member(f, name);
	if (cJSON_IsNumber(seconds))
		(void)printf("%s%s", label,
			     human_duration((usec_t)(seconds->valuedouble * USEC_PER_SEC), text));
}

static void print_filling(const cJSON *status)
{
	const cJSON *f;
	cJSON_ArrayForEach(f, show_member(status, "filesystems"))
	{
		int64_t rate;
		char text[HUMAN_MAX];
		bool fast = show_bool(f, "fillingFast");
		if (json_get_i64(f, "fillRateBytesPerSecond", &rate, NULL) < 0 ||
		    (rate <= 0 && !fast))
			continue;
		(void)printf("%s%s", style(fast ? STYLE_BAD : STYLE_PLAIN),
			     show_string(f, "filesystem"));
		if (rate > 0)
			(void)printf(" fills %sat %s", fast ? "fast, " : "",
				     human_rate(rate, text));
		else
			(void)printf(" filled fast until a moment ago");
		print_seconds(", full in ", f, "timeToFullSeconds");
		print_seconds(", after reclaiming in ", f, "timeToFullAfterReclaimSeconds");
		(void)printf("%s\n", style(STYLE_PLAIN));
	}
}

static void print_runtimes(const cJSON *status)
{
	const cJSON *runtimes = show_member(status, "runtimes"), *r;
	if (cJSON_GetArraySize(runtimes) == 0)
		(void)puts("runtime: none found on this host");
	cJSON_ArrayForEach(r, runtimes)
	{
		if (show_bool(r, "up"))
			(void)printf("runtime: %s at %s%s\n", show_string(r, "version"),
				     show_string(r, "endpoint"),
				     show_bool(r, "elsewhere")
					     ? ", its images are not on imagefs: left alone"
					     : "");
		else
			(void)printf("%sruntime: %s%s\n", style(STYLE_BAD), show_string(r, "error"),
				     style(STYLE_PLAIN));
	}
}

static void print_images(const cJSON *status)
{
	const cJSON *images = show_member(status, "images"), *state;
	const char *separator = "images: ";
	cJSON_ArrayForEach(state, images)
	{
		if (state->valuedouble <= 0)
			continue;
		(void)printf("%s%.0f %s", separator, state->valuedouble, state->string);
		separator = ", ";
	}
	if (cJSON_IsObject(images))
		(void)puts(*separator == ',' ? "" : "images: none");
}

static void print_last_pass(const cJSON *status)
{
	const cJSON *p = show_member(status, "lastPass");
	char measured[HUMAN_MAX];
	if (!cJSON_IsObject(p))
		return;
	(void)printf("last pass: %s at %s (%s%s), %llu images, %s freed%s%s\n",
		     show_string(p, "result"), show_string(p, "endedAt"), show_string(p, "trigger"),
		     show_bool(p, "dryRun") ? ", dry run" : "",
		     (unsigned long long)show_u64(p, "removed"),
		     human_bytes(show_u64(p, "measuredBytes"), measured),
		     *show_string(p, "error") ? ": " : "", show_string(p, "error"));
}

int cli_status(const struct cli_options *o)
{
	cleanup_document struct document d = DOCUMENT_INIT;
	int code = document_status(o, &d);
	if (code != CLI_DONE)
		return code;
	if (o->json) {
		code = show_json(&d);
	} else {
		show_make_printable(d.json);
		print_filesystems(d.json);
		print_findings(d.json);
		print_filling(d.json);
		print_runtimes(d.json);
		print_images(d.json);
		print_last_pass(d.json);
		(void)printf("agent: %s%s\n", d.from_agent ? "running" : "not running on this host",
			     d.from_agent && show_bool(d.json, "dryRun") ? ", dry run" : "");
	}
	return code == CLI_DONE && pressure_any(d.json) ? CLI_BAD_ANSWER : code;
}
