/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/buf.h"

/* The shipped configuration file, etc/agent.conf: every key with what it means and what is allowed,
 * commented out at its default. */
void config_template_print(struct buf *out);
