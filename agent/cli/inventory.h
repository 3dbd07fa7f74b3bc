/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "sim/scenario.h"

#define RUNTIME_TEXT_MAX 128

/*
 * Everything about this node that decisions are made from, with the configuration's policy. *ret_config
 * and *ret are the caller's; runtime is the runtime's version. Returns CLI_DONE, or another exit code
 * after telling why on standard error.
 */
int inventory_take(const struct cli_options *o, struct config **ret_config, struct scenario **ret,
		   char runtime[RUNTIME_TEXT_MAX]);
