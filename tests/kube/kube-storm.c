/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many nodes that have a bad time at once: kube-storm KUBECONFIG NODES MINUTES SEED. Each has a
 * reporter and a client of its own; what happens on them is random, on a virtual clock, and each
 * request is a real one. Nodes of a thread take turns by their clocks. Prints a JSON object on a
 * line for each node when all of it is told:
 * {"node","facts","told","dropped","requests","inOneSecond","last","lastAt","took"}, and to begin
 * with {"burst","interval","reasons"}, the constants of the limit on requests.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/reporter.h"
#include "util/clock.h"
#include "util/json-write.h"
#include "util/parse.h"

#define N_THREADS	16
#define REQUEST_TIMEOUT (10 * USEC_PER_SEC)
#define START		USEC_PER_HOUR
/* What is told late comes at the end. */
#define PATIENCE	USEC_PER_HOUR
#define WALL		((int64_t)1767323045000000)

struct node {
	char name[32];
	struct reporter reporter;
	struct kube_client *client;
	uint64_t random;
	usec_t now, next_fact, end;
	bool pressed; /* between a begin and an end */
	enum occurrence last;
	int64_t last_wall;
	unsigned facts, requests, in_second, most_in_second;
	usec_t second;
};

struct share {
	pthread_t thread;
	struct node *nodes;
	size_t n_nodes;
};

static uint64_t any(struct node *n)
{
	n->random ^= n->random >> 12;
	n->random ^= n->random << 25;
	n->random ^= n->random >> 27;
	return n->random * 0x2545f4914f6cdd1du;
}

static usec_t any_time(struct node *n, usec_t most)
{
	return (usec_t)(any(n) % (uint64_t)most);
}

static int64_t wall_of(usec_t now)
{
	return WALL + now - START;
}

/* Over the threshold, and after a while how that ended; again and again. */
static void happens(struct node *n)
{
	static const enum occurrence ends[] = { OCCURRENCE_RECLAIMED, OCCURRENCE_RECLAIMED,
						OCCURRENCE_RECLAIM_PARTIAL,
						OCCURRENCE_RECLAIM_FUTILE };
	enum occurrence o = n->pressed ? ends[any(n) % ELEMENTS(ends)] : OCCURRENCE_RECLAIM_STARTED;
	const struct event_fact fact = {
		.reason = o,
		.filesystem = ROLE_IMAGEFS,
		.note = "a note",
		.wall_usec = wall_of(n->now),
	};
	n->pressed = !n->pressed;
	n->facts++;
	n->last = o;
	n->last_wall = fact.wall_usec;
	event_queue_add(&n->reporter.events, &fact, n->now, any(n));
	n->next_fact = n->now + (n->pressed ? any_time(n, 5 * USEC_PER_SEC)
					    : any_time(n, 15 * USEC_PER_SEC));
	/* The last word is an end. */
	if (n->next_fact >= n->end && !n->pressed)
		n->next_fact = USEC_INFINITY;
}

static void count(struct node *n)
{
	usec_t second = n->now / USEC_PER_SEC;
	n->in_second = second == n->second ? n->in_second + 1 : 1;
	n->second = second;
	n->requests++;
	if (n->in_second > n->most_in_second)
		n->most_in_second = n->in_second;
}

static void ask(struct node *n)
{
	struct reporter_request *request = reporter_begin(&n->reporter, n->now, wall_of(n->now));
	cleanup_kube_answer struct kube_answer answer = KUBE_ANSWER_INIT;
	struct err e = { 0 };
	if (!request)
		abort();
	request->call.timeout = REQUEST_TIMEOUT;
	count(n);
	int r = kube_request(n->client, &request->call, &answer, &e);
	reporter_end(&n->reporter, request, r, &answer, n->now, any(n));
	reporter_request_free(request);
}

static usec_t next_of(struct node *n)
{
	usec_t at = reporter_next(&n->reporter, n->now);
	return n->next_fact < at ? n->next_fact : at;
}

static void *run(void *userdata)
{
	struct share *share = userdata;
	for (;;) {
		struct node *first = NULL;
		usec_t at = USEC_INFINITY;
		for (size_t i = 0; i < share->n_nodes; i++) {
			usec_t its = next_of(&share->nodes[i]);
			if (its < at) {
				at = its;
				first = &share->nodes[i];
			}
		}
		if (!first || at > first->end + PATIENCE)
			return NULL;
		first->now = at;
		if (first->next_fact <= at)
			happens(first);
		else
			ask(first);
	}
}

static uint64_t sum(const uint64_t counts[_OCCURRENCE_MAX])
{
	uint64_t n = 0;
	for (int i = 0; i < _OCCURRENCE_MAX; i++)
		n += counts[i];
	return n;
}

static void print(const struct node *n)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct json_writer w = { .out = &out };
	char time[HUMAN_MAX];
	json_object_begin(&w, NULL);
	json_string(&w, "node", n->name);
	json_u64(&w, "facts", n->facts);
	json_u64(&w, "told", sum(n->reporter.events.told));
	json_u64(&w, "dropped", sum(n->reporter.events.dropped));
	json_u64(&w, "requests", n->requests);
	json_u64(&w, "inOneSecond", n->most_in_second);
	json_string(&w, "last", occurrence_to_string(n->last));
	json_string(&w, "lastAt", event_time(n->last_wall, time));
	json_seconds(&w, "took", n->now - START);
	json_object_end(&w);
	puts(buf_string(&out));
}

static void node_init(struct node *n, size_t number, const char *kubeconfig, usec_t period,
		      uint64_t seed)
{
	struct kube_config config = { 0 };
	struct err e = { 0 };
	if (kube_config_load(kubeconfig, &config, &e) < 0) {
		(void)fprintf(stderr, "%s\n", e.msg);
		exit(2);
	}
	(void)snprintf(n->name, sizeof(n->name), "node-%zu", number);
	n->client = kube_client_new(&config);
	n->random = (seed + number) * 0x9e3779b97f4a7c15u | 1;
	n->now = START;
	n->end = START + period;
	/* One cause: all of them are over the threshold at the same moment. */
	n->next_fact = START;
	reporter_init(&n->reporter, n->name, "no", START, 0);
}

int main(int argc, char **argv)
{
	int64_t n_nodes, minutes, seed;
	if (argc != 5 || parse_i64(argv[2], &n_nodes) < 0 || parse_i64(argv[3], &minutes) < 0 ||
	    parse_i64(argv[4], &seed) < 0 || n_nodes < 1)
		return 2;
	struct node *nodes = xcalloc((size_t)n_nodes, sizeof(*nodes));
	struct share shares[N_THREADS];
	for (size_t i = 0; i < (size_t)n_nodes; i++)
		node_init(&nodes[i], i, argv[1], minutes * USEC_PER_MINUTE, (uint64_t)seed);
	for (size_t i = 0; i < N_THREADS; i++) {
		size_t from = (size_t)n_nodes * i / N_THREADS;
		size_t to = (size_t)n_nodes * (i + 1) / N_THREADS;
		shares[i] = (struct share){ .nodes = nodes + from, .n_nodes = to - from };
		if (pthread_create(&shares[i].thread, NULL, run, &shares[i]) != 0)
			return 2;
	}
	printf("{\"burst\":%d,\"interval\":%d,\"reasons\":%d}\n", RATE_BURST,
	       (int)(RATE_INTERVAL / USEC_PER_SEC), _OCCURRENCE_MAX);
	for (size_t i = 0; i < N_THREADS; i++)
		(void)pthread_join(shares[i].thread, NULL);
	for (size_t i = 0; i < (size_t)n_nodes; i++) {
		print(&nodes[i]);
		kube_client_free(nodes[i].client);
	}
	free(nodes);
	return 0;
}
