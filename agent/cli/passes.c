/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/sim-policy.h"
#include "util/limits.h"
#include "util/log.h"

static int show(const struct cli_options *o, bool dry_run, bool full)
{
	cleanup_document struct document d = DOCUMENT_INIT;
	int code = document_pass(o, dry_run, &d);
	if (code != CLI_DONE)
		return code;
	if (o->json) {
		code = show_json(&d);
	} else {
		const cJSON *pass;
		show_make_printable(d.json);
		cJSON_ArrayForEach(pass, show_member(d.json, "passes")) show_pass(pass, full);
	}
	return code == CLI_DONE ? show_pass_exit(&d) : code;
}

int cli_plan(const struct cli_options *o)
{
	if (o->as & ~(1U << ACTOR_AGENT)) {
		if (o->as == 1U << ACTOR_KUBELET && o->to_percent < 0)
			return cli_kubelet_plan(o);
		log_error("plan: --as takes one of agent and kubelet, and the kubelet no --to");
		return CLI_IMPOSSIBLE;
	}
	return show(o, true, true);
}

int cli_gc(const struct cli_options *o)
{
	return show(o, o->dry_run == TRISTATE_YES, false);
}
