/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "config/config.h"
#include "core/reclaim.h"
#include "core/status.h"
#include "util/buf.h"
#include "util/err.h"

/* The command line: one file a verb. Diagnostics go to standard error, answers to standard output. */

/* Exit codes that users rely on. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_BAD_ANSWER = 1, /* pressure; a pass that missed its target; invalid configuration */
	CLI_IMPOSSIBLE = 2, /* no runtime, no permission, usage */
};

struct cli_options {
	struct config_source source; /* --config, --set */
	const char *root;	     /* --root, "" for none */
	bool json;		     /* --json */
	bool defaults;		     /* config show --defaults */
	enum tristate dry_run;	     /* --dry-run, --enforce; TRISTATE_AUTO: neither */
	int to_percent;		     /* --to; -1: not given */
	unsigned as;		     /* --as: bits by enum sim_actor; 0: not given */
	bool compare;		     /* simulate --compare */
	char **args;		     /* what follows the verb */
	int n_args;
};

/* Parses argv and runs the verb. Returns the exit code. */
int cli_main(int argc, char **argv);

/* The verbs. Each returns an exit code. */
int cli_run(const struct cli_options *o);
int cli_status(const struct cli_options *o);
int cli_plan(const struct cli_options *o);
int cli_gc(const struct cli_options *o);
int cli_images(const struct cli_options *o);
int cli_check(const struct cli_options *o);
int cli_config(const struct cli_options *o);
int cli_simulate(const struct cli_options *o);
int cli_inventory(const struct cli_options *o);
/* plan --as kubelet */
int cli_kubelet_plan(const struct cli_options *o);
int cli_version(const struct cli_options *o);
