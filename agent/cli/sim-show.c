/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/sim-policy.h"
#include "cli/table.h"
#include "util/human.h"

#define CELL_MAX 64

/* In the first minute to the hundredth of a second: that is where we act. */
static void print_time(usec_t at, char buf[HUMAN_MAX])
{
	if (at < USEC_PER_MINUTE)
		(void)snprintf(buf, HUMAN_MAX, "%d.%02ds", (int)(at / USEC_PER_SEC),
			       (int)(at % USEC_PER_SEC / (USEC_PER_SEC / 100)));
	else
		(void)human_duration(at, buf);
}

static void describe_level(const struct replay_entry *entry, char action[CELL_MAX])
{
	(void)snprintf(action, CELL_MAX, "%s %s %s", fs_role_to_string(entry->role),
		       resource_to_string(entry->resource), pressure_level_to_string(entry->level));
}

/* What it is, and about what, in two cells; the third is the amount. */
static void describe(const struct replay_entry *entry, char action[CELL_MAX],
		     char subject[CELL_MAX], char gain[CELL_MAX])
{
	char amount[HUMAN_MAX];
	action[0] = subject[0] = gain[0] = '\0';
	(void)snprintf(subject, CELL_MAX, "%.60s", entry->name);
	switch (entry->kind) {
	case REPLAY_REMOVAL:
		(void)snprintf(action, CELL_MAX, "remove (%s)", entry->reason);
		(void)snprintf(gain, CELL_MAX, "%s",
			       human_bytes(entry->amount[RESOURCE_BYTES], amount));
		break;
	case REPLAY_PULL:
		(void)snprintf(action, CELL_MAX, "%s%s", entry->again ? "pull again" : "pull",
			       entry->failed ? ": no space" : "");
		if (entry->failed)
			break;
		(void)human_bytes(entry->amount[RESOURCE_BYTES], amount);
		(void)snprintf(gain, CELL_MAX, "-%s", amount);
		break;
	case REPLAY_LEVEL:
		(void)snprintf(action, CELL_MAX, "pressure %s", entry->active ? "begins" : "ends");
		describe_level(entry, subject);
		break;
	case REPLAY_PASS:
		(void)snprintf(action, CELL_MAX, "pass: %s", entry->reason);
		break;
	case REPLAY_FULL:
		(void)snprintf(action, CELL_MAX, "write: no space");
		(void)snprintf(subject, CELL_MAX, "%s", fs_role_to_string(entry->role));
		break;
	case REPLAY_EVICTION:
		(void)snprintf(action, CELL_MAX, "evict pods");
		(void)snprintf(subject, CELL_MAX, "%s", entry->reason);
		break;
	default:
		(void)snprintf(action, CELL_MAX, "restart");
		break;
	}
}

static void add_row(struct table *t, const struct replay_entry *entry, enum sim_actor actor,
		    bool named)
{
	char at[HUMAN_MAX], used[16], action[CELL_MAX], subject[CELL_MAX], gain[CELL_MAX];
	print_time(entry->at, at);
	(void)snprintf(used, sizeof(used), "%d%%", entry->used_percent);
	describe(entry, action, subject, gain);
	const char *cells[] = { at, used, action, subject, gain, sim_actor_to_string(actor) };
	if (named) {
		const char *with[] = { at, cells[5], used, action, subject, gain };
		table_row(t, with);
	} else {
		table_row(t, cells);
	}
}

/* All entries of all replays by time; those of one instant by replay. */
static void show_timeline(const struct replay *const *replays, const enum sim_actor *actors,
			  size_t n)
{
	static const char *const one[] = { ">TIME", ">USED", "ACTION", "WHAT", ">FREES" };
	static const char *const more[] = { ">TIME", "BY", ">USED", "ACTION", "WHAT", ">FREES" };
	cleanup_table struct table *t =
		n > 1 ? table_new(more, ELEMENTS(more)) : table_new(one, ELEMENTS(one));
	size_t next[_ACTOR_MAX] = { 0 };
	for (;;) {
		size_t first = n;
		for (size_t i = 0; i < n; i++)
			if (next[i] < replays[i]->n_entries &&
			    (first == n || replays[i]->entries[next[i]].at <
						   replays[first]->entries[next[first]].at))
				first = i;
		if (first == n)
			break;
		add_row(t, &replays[first]->entries[next[first]++], actors[first], n > 1);
	}
	table_print(t, stdout);
}

/* The delay from the first pressure to the first removal after it. */
static void print_delay(const struct replay *r, char buf[HUMAN_MAX])
{
	usec_t begun = USEC_NEVER;
	(void)snprintf(buf, HUMAN_MAX, "-");
	for (size_t i = 0; i < r->n_entries; i++) {
		const struct replay_entry *entry = &r->entries[i];
		if (entry->kind == REPLAY_LEVEL && entry->active && begun == USEC_NEVER)
			begun = entry->at;
		if (entry->kind != REPLAY_REMOVAL || begun == USEC_NEVER)
			continue;
		(void)human_duration(entry->at - begun, buf);
		return;
	}
}

enum summary_row {
	ROW_REMOVED,
	ROW_FREED,
	ROW_REPULLED,
	ROW_DELAY,
	ROW_ABOVE_HIGH,
	ROW_ABOVE_HARD,
	_ROW_MAX,
};

static void summary_cell(const struct replay *r, enum summary_row row, char buf[HUMAN_MAX])
{
	switch (row) {
	case ROW_REMOVED:
		(void)snprintf(buf, HUMAN_MAX, "%zu", r->n_removed);
		break;
	case ROW_FREED:
		(void)human_bytes(r->freed_bytes, buf);
		break;
	case ROW_REPULLED:
		(void)human_bytes(r->repulled_bytes, buf);
		break;
	case ROW_DELAY:
		print_delay(r, buf);
		break;
	case ROW_ABOVE_HIGH:
		(void)human_duration(replay_above(r, PRESSURE_GC), buf);
		break;
	default:
		(void)human_duration(replay_above(r, PRESSURE_HARD), buf);
		break;
	}
}

static void show_summary(const struct replay *const *replays, const enum sim_actor *actors,
			 size_t n)
{
	static const char *const names[_ROW_MAX] = {
		[ROW_REMOVED] = "images removed",
		[ROW_FREED] = "freed",
		[ROW_REPULLED] = "pulled again",
		[ROW_DELAY] = "from pressure to the first removal",
		[ROW_ABOVE_HIGH] = "above the high threshold",
		[ROW_ABOVE_HARD] = "above a hard threshold",
	};
	const char *headings[1 + _ACTOR_MAX] = { "SUMMARY" };
	char titles[_ACTOR_MAX][16], cells[_ACTOR_MAX][HUMAN_MAX];
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(titles[i], sizeof(titles[i]), ">%s", sim_actor_to_string(actors[i]));
		headings[1 + i] = titles[i];
	}
	cleanup_table struct table *t = table_new(headings, 1 + n);
	for (int row = 0; row < _ROW_MAX; row++) {
		const char *line[1 + _ACTOR_MAX] = { names[row] };
		for (size_t i = 0; i < n; i++) {
			summary_cell(replays[i], row, cells[i]);
			line[1 + i] = cells[i];
		}
		table_row(t, line);
	}
	table_print(t, stdout);
}

void sim_show(const struct replay *const *replays, const enum sim_actor *actors, size_t n)
{
	show_timeline(replays, actors, n);
	(void)putchar('\n');
	show_summary(replays, actors, n);
}
