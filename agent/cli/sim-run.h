/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "cli/sim-policy.h"
#include "sim/replay.h"
#include "sim/scenario.h"

/* One replay and what it stands on. Zero-initialised is none; done with sim_run_done(). */
struct sim_run {
	struct config *config;
	struct sim_policy policy;
	struct replay replay;
	bool begun;
};

/* Reads a scenario's document; "-" is standard input. Messages begin with the path. */
must_check int sim_read(const char *path, struct scenario **ret, struct err *e);
/* Replays a scenario by an actor's rules; file names it in messages. s must outlive the run. */
must_check int sim_run(const struct cli_options *o, const struct scenario *s, const char *file,
		       enum sim_actor actor, struct sim_run *ret, struct err *e);
void sim_run_done(struct sim_run *run);

/* simulate --compare: a table with a line for each of the scenarios that are the arguments. */
int sim_compare(const struct cli_options *o);
