/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/reasons.h"
#include "util/usec.h"

/*
 * When the next pass may start of its own accord. A pass that met its target may be followed at
 * once; one that could not help is not repeated every sample, but when something may have changed: a
 * too-young image comes of age, images appeared or went, or a growing pause is over. The pause grows to
 * five minutes after a futile pass, to ten seconds after one that helped in part (max_removals!) or
 * failed. Zero-initialised is open.
 */
struct pass_gate {
	usec_t closed_until; /* 0: open */
	usec_t pause;	     /* the last pause, doubled each time */
};

/* Whether a pass may start now. */
bool pass_gate_open(const struct pass_gate *g, usec_t now);
/*
 * Takes the end of a pass into account. next_eligible: when a too-young image comes of age,
 * USEC_INFINITY for never.
 */
void pass_gate_close(struct pass_gate *g, enum pass_result result, usec_t now,
		     usec_t next_eligible);
/*
 * What can be reclaimed has changed, or another resource came under pressure, for which a pass need
 * not be futile: it may be tried again.
 */
void pass_gate_reset(struct pass_gate *g);
