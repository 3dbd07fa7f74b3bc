/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"
#include "cli/cli.h"

int cli_run(const struct cli_options *o)
{
	struct agent_options options = {
		.source = o->source,
		.root = o->root,
		.dry_run = o->dry_run,
	};
	return agent_run(&options);
}
