/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/*
 * A configuration with the number of those who read it: a reload swaps the agent's own, while a job in
 * a lane goes on with the one that it was given. Counted by the main thread only.
 */
struct shared_config {
	struct config *config;
	unsigned users;
};

/* Takes config over, with one user. */
struct shared_config *shared_config_new(struct config *config);
/* One user more; returns c. */
struct shared_config *shared_config_ref(struct shared_config *c);
/* One user less; the last one frees it. Takes NULL, returns NULL. */
struct shared_config *shared_config_unref(struct shared_config *c);
