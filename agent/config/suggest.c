/* SPDX-License-Identifier: Apache-2.0 */
#include "config/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define NAME_MAX_COMPARED 48

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned low = a < b ? a : b;
	return low < c ? low : c;
}

/* Levenshtein's distance, letters compared without case. Both are at most NAME_MAX_COMPARED long. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[NAME_MAX_COMPARED + 1];
	size_t len = strlen(b);
	for (unsigned i = 0; i <= len; i++)
		row[i] = i;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			bool same = tolower((unsigned char)*a) == tolower((unsigned char)b[j - 1]);
			unsigned above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + !same);
			diagonal = above;
		}
	}
	return row[len];
}

/* More than this many mistakes and it is another word. */
static unsigned tolerance(const char *name)
{
	return 1 + (unsigned)strlen(name) / 5;
}

const struct config_key *suggest_key(const char *section, const char *name)
{
	const struct config_key *best = NULL;
	/* In quarters of a mistake, so that the same section wins among equals. */
	unsigned best_score = 0;
	if (strlen(name) > NAME_MAX_COMPARED)
		return NULL;
	for (size_t i = 0; i < n_config_keys; i++) {
		const struct config_key *key = &config_keys[i];
		unsigned d = distance(name, key->name);
		unsigned score = 4 * d + (strcmp(section, key->section) != 0);
		if (d > tolerance(key->name) || (best && score >= best_score))
			continue;
		best = key;
		best_score = score;
	}
	return best;
}

const char *suggest_section(const char *section)
{
	const char *best = NULL;
	unsigned best_distance = 0;
	if (strlen(section) > NAME_MAX_COMPARED)
		return NULL;
	for (size_t i = 0; i < n_config_keys; i++) {
		const char *known = config_keys[i].section;
		unsigned d = distance(section, known);
		if (d > tolerance(known) || (best && d >= best_distance))
			continue;
		best = known;
		best_distance = d;
	}
	return best;
}
