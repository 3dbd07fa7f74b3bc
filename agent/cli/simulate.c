/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/sim-policy.h"
#include "cli/table.h"
#include "util/human.h"
#include "util/json-write.h"
#include "util/limits.h"
#include "util/log.h"

/* One replay and what it stands on. */
struct run {
	struct config *config;
	struct sim_policy policy;
	struct replay replay;
	bool begun;
};

static int read_all(int fd, struct buf *text)
{
	char block[65536];
	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (buf_append(text, block, (size_t)n) < 0)
			return -E2BIG;
	}
}

/* "-" is standard input. */
static int read_scenario(const char *path, struct scenario **ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_SCENARIO);
	cleanup_close int fd = -1;
	if (strcmp(path, "-") != 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, errno, "%s: %s", path, strerror(errno));
	}
	int r = read_all(fd < 0 ? STDIN_FILENO : fd, &text);
	if (r == -E2BIG)
		return err_set(e, E2BIG, "%s: larger than %d bytes", path, BUF_MAX_SCENARIO);
	if (r < 0)
		return err_set(e, -r, "%s: %s", path, strerror(-r));
	r = scenario_parse(buf_string(&text), text.len, ret, e);
	return r < 0 ? err_prefix(e, "%s: ", path) : 0;
}

static int run_one(const struct cli_options *o, const struct scenario *s, const char *file,
		   enum sim_actor actor, struct run *run, struct err *e)
{
	int r = sim_policy_load(o, s, file, actor, &run->config, &run->policy, e);
	if (r < 0)
		return r;
	replay_init(&run->replay, s, &run->policy);
	run->begun = true;
	return sim_replay(&run->replay, actor, e);
}

static void run_done(struct run *run)
{
	if (run->begun)
		replay_done(&run->replay);
	run->config = config_free(run->config);
}

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
	struct run runs[_ACTOR_MAX] = { 0 };
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
		if (run_one(o, s, file, actor, &runs[actor], &e) == 0)
			continue;
		log_error("%s", e.msg);
		code = CLI_IMPOSSIBLE;
	}
	if (code == CLI_DONE && o->json)
		code = print_json(replays, actors, n);
	else if (code == CLI_DONE)
		sim_show(replays, actors, n);
	for (int actor = 0; actor < _ACTOR_MAX; actor++)
		run_done(&runs[actor]);
	return code;
}

int cli_simulate(const struct cli_options *o)
{
	cleanup_scenario struct scenario *s = NULL;
	struct err e = { 0 };
	if (o->n_args != 1) {
		log_error("simulate: expected \"simulate FILE\", with - for standard input");
		return CLI_IMPOSSIBLE;
	}
	if (read_scenario(o->args[0], &s, &e) < 0) {
		log_error("%s", e.msg);
		return CLI_IMPOSSIBLE;
	}
	return simulate(o, s, o->args[0]);
}
