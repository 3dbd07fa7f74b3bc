/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"

int cli_version(const struct cli_options *o)
{
	(void)o;
	(void)puts(PACKAGE_STRING);
	return CLI_DONE;
}
