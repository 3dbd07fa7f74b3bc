/* SPDX-License-Identifier: Apache-2.0 */
#include "config/eviction-texts.h"

int eviction_texts_parse(const struct config *c, enum eviction_dialect dialect,
			 struct eviction_thresholds *ret, struct err *e)
{
	struct eviction_texts texts = {
		.hard = c->eviction_texts.hard,
		.soft = c->eviction_texts.soft,
		.soft_grace_period = c->eviction_texts.soft_grace_period,
		.minimum_reclaim = c->eviction_texts.minimum_reclaim,
	};
	return eviction_parse_texts(&texts, dialect, ret, e);
}
