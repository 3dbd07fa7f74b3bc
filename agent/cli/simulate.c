/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/printable.h"
#include "cli/sim-run.h"
#include "util/json-write.h"
#include "util/limits.h"
#include "util/log.h"

static int print_json(const struct replay *const *replays, const enum sim_actor *actors, size_t n)
{
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_STATUS);
	struct json_writer w = { .out = &out };
	if (n > 1)
		json_object_begin(&w, NULL);
	for (size_t i = 0; i < n; i++)
		replay_print_json(replays[i], &w, n > 1 ? sim_actor_to_string(actors[i]) : NULL);
	if (n > 1)
		json_object_end(&w);
	(void)buf_putc(&out, '\n');
	if (out.overflowed) {
		log_error("the answer is larger than %d bytes", BUF_MAX_STATUS);
		return CLI_IMPOSSIBLE;
	}
	(void)fwrite(out.data, 1, out.len, stdout);
	return CLI_DONE;
}

static int simulate(const struct cli_options *o, const struct scenario *s, const char *file)
{
	struct sim_run runs[_ACTOR_MAX] = { 0 };
	const struct replay *replays[_ACTOR_MAX];
	enum sim_actor actors[_ACTOR_MAX];
	struct err e = { 0 };
	unsigned as = o->as ? o->as : 1U << ACTOR_AGENT;
	size_t n = 0;
	int code = CLI_DONE;
	for (int actor = 0; code == CLI_DONE && actor < _ACTOR_MAX; actor++) {
		if (!(as & 1U << actor))
			continue;
		replays[n] = &runs[actor].replay;
		actors[n++] = actor;
		if (sim_run(o, s, file, actor, &runs[actor], &e) == 0)
			continue;
		log_error("%s", e.msg);
		code = CLI_IMPOSSIBLE;
	}
	if (code == CLI_DONE && o->json)
		code = print_json(replays, actors, n);
	else if (code == CLI_DONE)
		sim_show(replays, actors, n);
	for (int actor = 0; actor < _ACTOR_MAX; actor++)
		sim_run_done(&runs[actor]);
	return code;
}

static void show_description(const struct scenario *s)
{
	cleanup_free char *text = printable(s->description);
	(void)printf("%s\n\n", text);
}

int cli_simulate(const struct cli_options *o)
{
	cleanup_scenario struct scenario *s = NULL;
	struct err e = { 0 };
	if (o->compare && o->n_args > 0)
		return sim_compare(o);
	if (o->n_args != 1) {
		log_error(o->compare ? "simulate: expected \"simulate --compare FILE...\""
				     : "simulate: expected \"simulate FILE\", with - for standard "
				       "input");
		return CLI_IMPOSSIBLE;
	}
	if (sim_read(o->args[0], &s, &e) < 0) {
		log_error("%s", e.msg);
		return CLI_IMPOSSIBLE;
	}
	if (!o->json && *s->description)
		show_description(s);
	return simulate(o, s, o->args[0]);
}
