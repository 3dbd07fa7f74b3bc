/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "unit.h"

#include "core/reclaim.h"

/*
 * The closed loop against a scripted node: images a, b, c ... in the order of removal, on a filesystem of
 * 1000 bytes and 100 inodes. Bytes trigger at 209 available, cease to at 210, and the target is 400;
 * inodes trigger at 10, cease to at 11, and the target is 15.
 */

#define N_MAX 12
#define NEVER (-1)

struct script {
	const char *what; /* of the row, in messages */

	/* the node */
	struct space space;
	size_t n_images;
	uint64_t predicted[N_MAX], gain[N_MAX]; /* bytes; a gain is what removal really frees */
	uint64_t predicted_inodes[N_MAX], gain_inodes[N_MAX];
	size_t n_over_age;
	size_t n_sources; /* runtimes; image i is of the one i % n_sources; 0: one */

	/* what is asked for */
	enum pass_trigger trigger;
	int to_percent; /* 0 here means the default, -1 */
	uint32_t max_removals;
	bool proceed;
	struct reclaim_goal soft, hard, hard_nodefs,
		hard_inodes; /* of eviction thresholds in force */

	/* what happens; calls count from 1, 0 is never */
	int failing_source; /* every list of that one fails, from 1 */
	int measure_fails_at, list_fails_at, measure_after_fails_at;
	int remove_errors[N_MAX]; /* errno of the removal of image i */
	int user_appears_at; /* a container that uses user_of is in this list and all later ones */
	const char *user_of;
	bool user_mounts;		/* as an image volume */
	int64_t written_at_measure[20]; /* by others before measurement i; negative: freed */
	int stops_after;		/* removals; NEVER: at once */

	/* what has to come out */
	const char *removed;
	enum pass_result result;
};

struct node {
	const struct script *script;
	struct space space;
	struct container container;
	struct container_list list;
	char *container_id; /* released with the next list, as the runtime's is */
	int measures, measures_after, lists, removals;
	usec_t clock;
	char log[1024];
	unsigned told;
};

#define NODE(bytes, inodes) .space = { 1000, bytes, 100, inodes }
#define ALIKE(n, amount)                                             \
	.n_images = (n), .predicted = { [0 ...(n) - 1] = (amount) }, \
	.gain = { [0 ...(n) - 1] = (amount) }

#define ROW(text, ids, outcome, ...)                                                  \
	{                                                                             \
		.what = text, .removed = ids, .result = RESULT_##outcome, __VA_ARGS__ \
	}

extern const struct reclaim_ops script_ops;
extern const struct image_gc_policy script_thresholds;

/* The plan and the inventory of the script's images. */
void plan_script(const struct script *s, struct pass_report *report);
/* Runs the script. The caller releases the report. */
void play(const struct script *s, struct node *n, struct pass_report *report);
/* What holds whatever the script. */
void check_report(const struct pass_report *report, const struct node *n);
/* Plays scripts one by one and compares removed and result. */
void play_rows(const struct script *rows, size_t n_rows);
