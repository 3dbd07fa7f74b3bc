/* SPDX-License-Identifier: Apache-2.0 */
#include "shared-config.h"

struct shared_config *shared_config_new(struct config *config)
{
	struct shared_config *c = xnew(struct shared_config);
	c->config = config;
	c->users = 1;
	return c;
}

struct shared_config *shared_config_ref(struct shared_config *c)
{
	c->users++;
	return c;
}

struct shared_config *shared_config_unref(struct shared_config *c)
{
	if (c && --c->users == 0) {
		config_free(c->config);
		free(c);
	}
	return NULL;
}
