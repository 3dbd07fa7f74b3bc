/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/sim-run.h"
#include "cli/table.h"
#include "util/human.h"
#include "util/json-write.h"
#include "util/limits.h"
#include "util/log.h"

/*
 * Many scenarios, each replayed by several rules: what came of it, side by side. As users have it in a
 * README, the table says nothing that depends on where it is printed.
 */

/* Of a replay, what remains when it is done. */
struct outcome {
	uint64_t removed, freed_bytes, repulled_bytes;
	usec_t above_high, above_hard;
};

struct comparison {
	char name[64];
	char *description; /* owned */
	struct outcome outcomes[_ACTOR_MAX];
};

/* "ci-node" of "scenarios/ci-node.json". */
static void name_of(const char *path, char name[64])
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len = strlen(base), suffix = strlen(".json");
	if (len > suffix && strcmp(base + len - suffix, ".json") == 0)
		len -= suffix;
	(void)snprintf(name, 64, "%.*s", (int)len, base);
}

static int compare_one(const struct cli_options *o, const char *path, unsigned as,
		       struct comparison *ret, struct err *e)
{
	cleanup_scenario struct scenario *s = NULL;
	int r = sim_read(path, &s, e);
	if (r < 0)
		return r;
	name_of(path, ret->name);
	ret->description = xstrdup(s->description);
	for (int actor = 0; r == 0 && actor < _ACTOR_MAX; actor++) {
		struct sim_run run = { 0 };
		if (!(as & 1U << actor))
			continue;
		r = sim_run(o, s, path, actor, &run, e);
		if (r == 0)
			ret->outcomes[actor] = (struct outcome){
				.removed = run.replay.n_removed,
				.freed_bytes = run.replay.freed_bytes,
				.repulled_bytes = run.replay.repulled_bytes,
				.above_high = replay_above(&run.replay, PRESSURE_GC),
				.above_hard = replay_above(&run.replay, PRESSURE_HARD),
			};
		sim_run_done(&run);
	}
	return r;
}

/* --- for people ---------------------------------------------------------------------------- */

enum column {
	COLUMN_REMOVED,
	COLUMN_FREED,
	COLUMN_REPULLED,
	COLUMN_ABOVE_HIGH,
	COLUMN_ABOVE_HARD,
	_COLUMN_MAX,
};

#define N_CELLS (1 + _COLUMN_MAX * _ACTOR_MAX)

static void print_cell(const struct outcome *out, enum column column, char cell[HUMAN_MAX])
{
	switch (column) {
	case COLUMN_REMOVED:
		(void)human_count(out->removed, cell);
		break;
	case COLUMN_FREED:
		(void)human_bytes(out->freed_bytes, cell);
		break;
	case COLUMN_REPULLED:
		(void)human_bytes(out->repulled_bytes, cell);
		break;
	case COLUMN_ABOVE_HIGH:
		(void)human_duration(out->above_high, cell);
		break;
	default:
		(void)human_duration(out->above_hard, cell);
		break;
	}
}

static void show_comparison(struct table *t, const struct comparison *c, unsigned as)
{
	char text[_COLUMN_MAX][_ACTOR_MAX][HUMAN_MAX];
	const char *cells[N_CELLS] = { c->name };
	size_t n = 1;
	for (int column = 0; column < _COLUMN_MAX; column++)
		for (int actor = 0; actor < _ACTOR_MAX; actor++) {
			if (!(as & 1U << actor))
				continue;
			print_cell(&c->outcomes[actor], column, text[column][actor]);
			cells[n++] = text[column][actor];
		}
	table_row(t, cells);
}

/* Each heading is above the first of its columns; whose they are is below. */
static void show(const struct comparison *all, size_t n, unsigned as)
{
	static const char *const titles[_COLUMN_MAX] = {
		[COLUMN_REMOVED] = ">REMOVED",	     [COLUMN_FREED] = ">FREED",
		[COLUMN_REPULLED] = ">PULLED AGAIN", [COLUMN_ABOVE_HIGH] = ">ABOVE HIGH",
		[COLUMN_ABOVE_HARD] = ">ABOVE HARD",
	};
	const char *headings[N_CELLS] = { "SCENARIO" }, *whose[N_CELLS] = { "" };
	size_t n_cells = 1;
	for (int column = 0; column < _COLUMN_MAX; column++) {
		const char *title = titles[column];
		for (int actor = 0; actor < _ACTOR_MAX; actor++) {
			if (!(as & 1U << actor))
				continue;
			headings[n_cells] = title;
			whose[n_cells++] = sim_actor_to_string(actor);
			title = ">";
		}
	}
	cleanup_table struct table *t = table_new(headings, n_cells);
	table_row(t, whose);
	for (size_t i = 0; i < n; i++)
		show_comparison(t, &all[i], as);
	table_print(t, stdout);
}

/* --- as JSON ------------------------------------------------------------------------------- */

static void print_outcome(struct json_writer *w, const char *key, const struct outcome *out)
{
	json_object_begin(w, key);
	json_u64(w, "removed", out->removed);
	json_u64(w, "freedBytes", out->freed_bytes);
	json_u64(w, "repulledBytes", out->repulled_bytes);
	json_seconds(w, "secondsAboveHigh", out->above_high);
	json_seconds(w, "secondsAboveHard", out->above_hard);
	json_object_end(w);
}

static int print_json(const struct comparison *all, size_t n, unsigned as)
{
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_STATUS);
	struct json_writer w = { .out = &out };
	json_object_begin(&w, NULL);
	json_array_begin(&w, "scenarios");
	for (size_t i = 0; i < n; i++) {
		json_object_begin(&w, NULL);
		json_string(&w, "name", all[i].name);
		json_string(&w, "description", all[i].description);
		for (int actor = 0; actor < _ACTOR_MAX; actor++)
			if (as & 1U << actor)
				print_outcome(&w, sim_actor_to_string(actor),
					      &all[i].outcomes[actor]);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	(void)buf_putc(&out, '\n');
	if (out.overflowed) {
		log_error("the answer is larger than %d bytes", BUF_MAX_STATUS);
		return CLI_IMPOSSIBLE;
	}
	(void)fwrite(out.data, 1, out.len, stdout);
	return CLI_DONE;
}

int sim_compare(const struct cli_options *o)
{
	unsigned as = o->as ? o->as : (1U << _ACTOR_MAX) - 1;
	size_t n = (size_t)o->n_args;
	cleanup_free struct comparison *all = xcalloc(n, sizeof(*all));
	struct err e = { 0 };
	int code = CLI_DONE;
	for (size_t i = 0; code == CLI_DONE && i < n; i++) {
		if (compare_one(o, o->args[i], as, &all[i], &e) == 0)
			continue;
		log_error("%s", e.msg);
		code = CLI_IMPOSSIBLE;
	}
	if (code == CLI_DONE && o->json)
		code = print_json(all, n, as);
	else if (code == CLI_DONE)
		show(all, n, as);
	for (size_t i = 0; i < n; i++)
		free(all[i].description);
	return code;
}
