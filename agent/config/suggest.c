/* SPDX-License-Identifier: Apache-2.0 */
#include "config/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* No name in the table is longer. */
#define KNOWN_MAX 48

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned low = a < b ? a : b;
	return low < c ? low : c;
}

/* Levenshtein's distance, letters compared without case. */
static unsigned distance(const char *name, const char *known)
{
	unsigned row[KNOWN_MAX + 1];
	size_t len = strlen(known);
	for (unsigned i = 0; i <= len; i++)
		row[i] = i;
	for (unsigned i = 1; *name; name++, i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			bool same = tolower((unsigned char)*name) ==
				    tolower((unsigned char)known[j - 1]);
			unsigned above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + !same);
			diagonal = above;
		}
	}
	return row[len];
}

/* More than this many mistakes and it is another word. */
static unsigned tolerance(const char *known)
{
	return 1 + (unsigned)strlen(known) / 5;
}

const struct config_key *suggest_key(const char *name)
{
	const struct config_key *best = NULL;
	unsigned best_distance = 0;
	for (size_t i = 0; i < n_config_keys; i++) {
		const struct config_key *key = &config_keys[i];
		unsigned d = distance(name, key->name);
		if (d > tolerance(key->name) || (best && d >= best_distance))
			continue;
		best = key;
		best_distance = d;
	}
	return best;
}

const char *suggest_section(const char *name)
{
	const char *best = NULL;
	unsigned best_distance = 0;
	for (size_t i = 0; i < n_config_keys; i++) {
		const char *known = config_keys[i].section;
		unsigned d = distance(name, known);
		if (d > tolerance(known) || (best && d >= best_distance))
			continue;
		best = known;
		best_distance = d;
	}
	return best;
}
