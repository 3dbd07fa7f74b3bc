/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sim/json-fields.h"
#include "sim/scenario.h"

/* Parts of scenario_parse(), which share the scenario they fill. */

/* Reads "layers"; at->value may be NULL. room: how many more there may be, those of images that have none
 * in the document. */
must_check int scenario_parse_layers(struct scenario *s, const struct json_place *at, size_t room);
/* Reads an element of "images", or what a pull event has, into a new element of s->images, for which
 * the caller made room as well as for one layer. */
must_check int scenario_parse_image(struct scenario *s, const struct json_place *at, bool pulled);
/* Reads an element of "containers". */
must_check int scenario_parse_container(const struct json_place *at, struct container *ret);
/* Reads "events", in the document's order. */
must_check int scenario_parse_events(struct scenario *s, const struct json_place *at);
/* Reads "policy". */
must_check int scenario_parse_policy(struct scenario *s, const struct json_place *at);
/* Reads "filesystems". */
must_check int scenario_parse_filesystems(struct scenario *s, const struct json_place *at);

/* The place of a member, for what is read out of turn. */
static inline struct json_place json_member_place(const struct json_place *at, const char *name,
						  const cJSON *value)
{
	return (struct json_place){
		.outer = at, .name = name, .value = value, .arena = at->arena, .e = at->e
	};
}
