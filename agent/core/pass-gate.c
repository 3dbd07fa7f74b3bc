/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pass-gate.h"

/* From the first retry to the kubelet's own period of image garbage collection. */
#define PAUSE_FIRST	  (1 * USEC_PER_SEC)
#define PAUSE_MAX	  (5 * USEC_PER_MINUTE)
/* The kubelet's period of eviction: where the next try may well help, it comes in time before that. */
#define PAUSE_MAX_HOPEFUL (10 * USEC_PER_SEC)

/* A pass that helped, if not enough, and a failure: runtimes that restart are back within seconds. */
static bool is_hopeful(enum pass_result result)
{
	return result == RESULT_PARTIAL || result == RESULT_ERROR;
}

bool pass_gate_open(const struct pass_gate *g, usec_t now)
{
	return now >= g->closed_until;
}

void pass_gate_close(struct pass_gate *g, enum pass_result result, usec_t now, usec_t next_eligible)
{
	if (result == RESULT_REACHED || result == RESULT_NOTHING_TO_DO) {
		pass_gate_reset(g);
		return;
	}
	usec_t max = is_hopeful(result) ? PAUSE_MAX_HOPEFUL : PAUSE_MAX;
	g->pause = g->pause ? 2 * g->pause : PAUSE_FIRST;
	if (g->pause > max)
		g->pause = max;
	g->closed_until = now + g->pause;
	if (next_eligible > now && next_eligible < g->closed_until)
		g->closed_until = next_eligible;
}

void pass_gate_reset(struct pass_gate *g)
{
	*g = (struct pass_gate){ 0 };
}
