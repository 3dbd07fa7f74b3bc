/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "util/json-read.h"

/*
 * The documents that verbs show: from the running agent where one answers, else made here from the
 * same facts by the same code. Verbs print the text for --json and tables of the tree for people.
 */
struct document {
	struct buf text;
	cJSON *json;	 /* the same, parsed */
	bool from_agent; /* the running agent made it */
};
#define DOCUMENT_INIT                            \
	{                                        \
		.text = BUF_INIT(BUF_MAX_STATUS) \
	}

void document_done(struct document *d);
#define cleanup_document __attribute__((cleanup(document_done)))

/*
 * The status of the node. Returns CLI_DONE, or another exit code after telling why on standard error.
 */
int document_status(const struct cli_options *o, struct document *ret);

/*
 * A pass over the node: dry for plan and images, real for gc. With --set the running agent is not
 * asked, as it has another configuration; the host-wide lock keeps real passes apart.
 */
int document_pass(const struct cli_options *o, bool dry_run, struct document *ret);
