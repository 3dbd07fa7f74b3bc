/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* What the command line decides about the daemon. */
struct agent_options {
	struct config_source source; /* read again at every reload */
	const char *root;	     /* prefix of host paths, "" for none */
	enum tristate dry_run;	     /* --dry-run, --enforce; TRISTATE_AUTO: as configured */
};

/*
 * Runs the daemon in the foreground until SIGTERM or SIGINT. Returns the exit code: 0 after an orderly
 * stop, 1 for an invalid configuration, 2 when it could not start. Call it before any thread exists.
 */
int agent_run(const struct agent_options *options);
