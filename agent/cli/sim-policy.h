/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "sim/replay.h"
#include "sim/scenario.h"

/* Whose rules a scenario is replayed by. */
enum sim_actor {
	ACTOR_AGENT,
	ACTOR_KUBELET,
	_ACTOR_MAX,
};
const char *sim_actor_to_string(enum sim_actor actor); /* "agent", "kubelet" */

/* pkg/kubelet/apis/config/v1beta1/defaults.go, where they differ from ours. */
#define SIM_KUBELET_HIGH_PERCENT 85
#define SIM_KUBELET_LOW_PERCENT	 80

/*
 * The policy that a scenario is replayed with: the defaults (the kubelet's own ones for it, or the file
 * of --config for both), then the scenario's, then --set. file names the scenario in messages. The
 * policy points into *ret_config, which is the caller's.
 */
must_check int sim_policy_load(const struct cli_options *o, const struct scenario *s,
			       const char *file, enum sim_actor actor, struct config **ret_config,
			       struct sim_policy *ret, struct err *e);
/* The policy of a configuration, read as that actor reads it. */
must_check int sim_policy_from_config(const struct config *config, enum sim_actor actor,
				      struct sim_policy *ret, struct err *e);
/* Takes thresholds out that are not of filesystems. */
void sim_policy_keep_disks(struct eviction_thresholds *thresholds);
/* Replays by that actor's rules. -EINVAL: these are none that the actor accepts. */
must_check int sim_replay(struct replay *r, enum sim_actor actor, struct err *e);

/* What happened, for people: a timeline of n replays, named when there are several. */
void sim_show(const struct replay *const *replays, const enum sim_actor *actors, size_t n);
