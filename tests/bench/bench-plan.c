/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/plan.h"
#include "core/usage.h"
#include "core/use.h"
#include "util/alloc.h"

/*
 * What a pass thinks between the runtime's answer and the first removal, by the size of the node:
 * whose images are in use, the history, the order. Prints one JSON line a size. Half of the images
 * are in use, by containers that name them in every way there is; the history knows all of them.
 * Processor time: it is pure computation, and what else runs here says nothing about it.
 */

#define N_ROUNDS 21

static const char *text(struct arena *a, const char *fmt, size_t number)
{
	char buffer[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(buffer, sizeof(buffer), fmt, number);
#pragma GCC diagnostic pop
	return arena_strdup(a, buffer);
}

/* Digits that spread like a real digest's, so that sorting by ID is no run of equal beginnings. */
static size_t scramble(size_t number)
{
	return (number + 1) * (size_t)0x9e3779b97f4a7c15;
}

static void make_image(struct inventory *inv, size_t i)
{
	struct arena *a = &inv->arena;
	const char **names = arena_calloc(a, 1, sizeof(*names));
	const char **digests = arena_calloc(a, 1, sizeof(*digests));
	names[0] = text(a, "registry.example:5000/team/project/app-%zu:v1.2.3", i);
	digests[0] = text(a,
			  "registry.example:5000/team/project/app@sha256:%016zx"
			  "5bd1f3cc8be6c5b05a41a3ae0d3f9f4eb5a6bbdb4d3e8a21",
			  scramble(i));
	inv->images[i] = (struct image){
		.id = text(a, "sha256:%016zx0a41a3ae0d3f9f4eb5a6bbdb4d3e8a215bd1f3cc8be6c5b0",
			   scramble(i)),
		.names = names,
		.digests = digests,
		.n_names = 1,
		.n_digests = 1,
		.size_bytes = 100000000,
		.predicted_bytes = 300000000,
		.predicted_inodes = 4000,
	};
}

/* Inventories come sorted by ID. */
static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct image *)a)->id, ((const struct image *)b)->id);
}

static void make_container(struct inventory *inv, size_t i)
{
	const struct image *image = &inv->images[i / 2];
	const char *const ways[] = { image->id, image->names[0], image->digests[0] };
	inv->containers.containers[i] = (struct container){
		.id = text(&inv->arena, "c0ffee%058zx", i),
		.references = { ways[i % 3], image->id, "", "" },
		.state = CONTAINER_RUNNING,
	};
}

static struct inventory *make_inventory(size_t n)
{
	struct inventory *inv = inventory_new();
	const char **sandbox = arena_calloc(&inv->arena, 1, sizeof(*sandbox));
	sandbox[0] = "registry.k8s.io/pause:3.9";
	inv->sandbox_images = sandbox;
	inv->n_sandbox_images = 1;
	inv->images = arena_calloc(&inv->arena, n, sizeof(*inv->images));
	inv->containers.containers = arena_calloc(&inv->arena, n, sizeof(struct container));
	inv->n_images = inv->containers.n_containers = n;
	for (size_t i = 0; i < n; i++)
		make_image(inv, i);
	qsort(inv->images, n, sizeof(*inv->images), compare_ids);
	for (size_t i = 0; i < n; i++)
		make_container(inv, i);
	return inv;
}

static int64_t nanoseconds(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t one_plan(struct inventory *inv, struct usage_history *history,
			const struct image_gc_policy *policy, usec_t now)
{
	cleanup_free struct image_use *use = xcalloc(inv->n_images, sizeof(*use));
	struct plan plan;
	int64_t begun = nanoseconds(), took;
	use_resolve(inv->images, inv->n_images, &inv->containers, inv->sandbox_images,
		    inv->n_sandbox_images, use);
	usage_observe(history, inv, use, NULL, now);
	plan_build(inv, use, history, policy, now, &plan);
	took = nanoseconds() - begun;
	if (plan.n_candidates != inv->n_images - inv->n_images / 2) {
		(void)fprintf(stderr, "%zu candidates of %zu images\n", plan.n_candidates,
			      inv->n_images);
		exit(1);
	}
	plan_done(&plan);
	return took;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static double median_ms(size_t n)
{
	const char *const keep[] = { "docker.io/library/*", "*/infra/*", "*@sha256:0000000000*",
				     "quay.io/cilium/cilium:*" };
	struct image_gc_policy policy = { .high_percent = { 80, 90 },
					  .low_percent = { 75, 85 },
					  .minimum_age = 2 * USEC_PER_MINUTE,
					  .maximum_age = 365 * 24 * USEC_PER_HOUR,
					  .keep = keep,
					  .n_keep = 4 };
	cleanup_inventory struct inventory *inv = make_inventory(n);
	struct usage_history history = { 0 };
	int64_t took[N_ROUNDS];
	cleanup_free struct image_use *use = xcalloc(n, sizeof(*use));
	usage_observe(&history, inv, use, NULL, 0);
	for (size_t i = 0; i < N_ROUNDS; i++)
		took[i] =
			one_plan(inv, &history, &policy, USEC_PER_HOUR + (usec_t)i * USEC_PER_SEC);
	usage_clear(&history);
	qsort(took, N_ROUNDS, sizeof(took[0]), compare);
	return (double)took[N_ROUNDS / 2] / 1e6;
}

int main(void)
{
	static const size_t sizes[] = { 100, 1000, 10000 };
	double first = 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];
		double ms = median_ms(n), per_n_log_n = ms / ((double)n * log2((double)n));
		if (i == 0)
			first = per_n_log_n;
		(void)printf("{\"images\":%zu,\"containers\":%zu,\"planMilliseconds\":%.3f,"
			     "\"growthOverNLogN\":%.2f}\n",
			     n, n, ms, per_n_log_n / first);
	}
	return 0;
}
