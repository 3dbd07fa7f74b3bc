/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Drives the runtime layer for the tests: cri-client ENDPOINT TIMEOUT-MS COMMAND..., each command
 * prints one JSON document on a line. On failure it is {"error":MESSAGE,"errno":NAME} and the exit
 * status 1. Commands: probe, inventory, containers, remove:ID, rm:CONTAINER, cache[:KEEP], sleep:MS,
 * watch:MS, which prints a document an event for so long and one more at the end, and
 * times:N:COMMAND, which prints the mean duration instead. find as the only command prints all that
 * is found. What is spoken is CRI or what CRI_CLIENT_TYPE says.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "util/buf.h"
#include "util/json-write.h"
#include "util/parse.h"

static void write_texts(struct json_writer *w, const char *key, const char *const *texts, size_t n)
{
	json_array_begin(w, key);
	for (size_t i = 0; i < n; i++)
		json_string(w, NULL, texts[i]);
	json_array_end(w);
}

static void write_images(struct json_writer *w, const struct inventory *inv)
{
	json_array_begin(w, "images");
	for (size_t i = 0; i < inv->n_images; i++) {
		const struct image *image = &inv->images[i];
		json_object_begin(w, NULL);
		json_string(w, "id", image->id);
		write_texts(w, "names", image->names, image->n_names);
		write_texts(w, "digests", image->digests, image->n_digests);
		json_u64(w, "sizeBytes", image->size_bytes);
		json_u64(w, "predictedBytes", image->predicted_bytes);
		json_u64(w, "predictedInodes", image->predicted_inodes);
		json_bool(w, "pinned", image->pinned);
		if (image->dependent)
			json_string(w, "dependent", image->dependent);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_containers(struct json_writer *w, const struct inventory *inv)
{
	json_array_begin(w, "containers");
	for (size_t i = 0; i < inv->containers.n_containers; i++) {
		const struct container *c = &inv->containers.containers[i];
		json_object_begin(w, NULL);
		json_string(w, "id", c->id);
		write_texts(w, "references", c->references, CONTAINER_N_REFERENCES);
		write_texts(w, "volumeImages", c->volume_images, c->n_volume_images);
		json_string(w, "state", container_state_to_string(c->state));
		json_object_end(w);
	}
	json_array_end(w);
}

static void print(struct buf *out)
{
	puts(buf_string(out));
	fflush(stdout);
}

static void print_inventory(const struct inventory *inv)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)64 << 20);
	struct json_writer w = { .out = &out };
	json_object_begin(&w, NULL);
	json_string(&w, "runtime", inv->runtime);
	json_string(&w, "imageStorePath", inv->image_store_path);
	if (inv->local_is_ordinary)
		json_bool(&w, "localIsOrdinary", true);
	write_images(&w, inv);
	write_containers(&w, inv);
	write_texts(&w, "sandboxImages", inv->sandbox_images, inv->n_sandbox_images);
	json_object_end(&w);
	print(&out);
}

static void print_done(const struct runtime *r)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct json_writer w = { .out = &out };
	json_object_begin(&w, NULL);
	json_string(&w, "name", r->name);
	json_string(&w, "version", r->version);
	json_string(&w, "endpoint", r->endpoint);
	json_object_end(&w);
	print(&out);
}

static int fail(int code, const char *message)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct json_writer w = { .out = &out };
	json_object_begin(&w, NULL);
	json_string(&w, "error", message);
	json_string(&w, "errno", strerrorname_np(code));
	json_object_end(&w);
	print(&out);
	return 1;
}

static int inventory(struct runtime *r, bool quiet, struct err *e)
{
	cleanup_inventory struct inventory *inv = NULL;
	int rc = runtime_inventory(r, &inv, e);
	if (rc == 0 && !quiet)
		print_inventory(inv);
	return rc;
}

static int containers(struct runtime *r, bool quiet, struct err *e)
{
	cleanup_inventory struct inventory *inv = inventory_new();
	int rc = runtime_containers(r, inv, e);
	if (rc == 0 && !quiet)
		print_inventory(inv);
	return rc;
}

/*
 * Removes by that reference, as the image that has it as its name is listed now, if one is. CRI takes
 * names for IDs as well.
 */
static int remove_image(struct runtime *r, const char *reference, struct err *e)
{
	cleanup_inventory struct inventory *inv = NULL;
	struct image image = { 0 };
	struct err ignored = { 0 };
	if (runtime_inventory(r, &inv, &ignored) == 0)
		for (size_t i = 0; i < inv->n_images; i++)
			for (size_t n = 0; n < inv->images[i].n_names; n++)
				if (strcmp(inv->images[i].names[n], reference) == 0)
					image = inv->images[i];
	if (!image.id || strcmp(r->ops->type, "cri") == 0)
		image.id = reference;
	return runtime_remove_image(r, &image, e);
}

static int one(struct runtime *r, const char *command, bool quiet, struct err *e)
{
	int rc;
	if (strcmp(command, "inventory") == 0)
		return inventory(r, quiet, e);
	if (strcmp(command, "containers") == 0)
		return containers(r, quiet, e);
	if (strncmp(command, "remove:", 7) == 0)
		rc = remove_image(r, command + 7, e);
	else if (strncmp(command, "rm:", 3) == 0)
		rc = runtime_remove_container(r, command + 3, e);
	else
		rc = runtime_probe(r, e);
	if (rc == 0 && !quiet)
		print_done(r);
	return rc;
}

static int64_t now_nsec(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* N:COMMAND */
static int times(struct runtime *r, char *what, struct err *e)
{
	char *count = strsep(&what, ":");
	int64_t n;
	if (!what || parse_i64(count, &n) < 0 || n <= 0)
		return err_set(e, EINVAL, "times:N:COMMAND");
	int64_t started = now_nsec();
	for (int64_t i = 0; i < n; i++) {
		int rc = one(r, what, true, e);
		if (rc < 0)
			return rc;
	}
	printf("{\"command\":\"%s\",\"times\":%lld,\"meanMicroseconds\":%.1f}\n", what,
	       (long long)n, (double)(now_nsec() - started) / 1000 / (double)n);
	fflush(stdout);
	return 0;
}

static int pause_for(const char *text, struct err *e)
{
	int64_t ms;
	if (parse_i64(text, &ms) < 0 || ms < 0)
		return err_set(e, EINVAL, "sleep:MS");
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	(void)nanosleep(&ts, NULL);
	return 0;
}

static void print_event(void *ctx, const struct container_event *event)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)1 << 20);
	struct json_writer w = { .out = &out };
	json_object_begin(&w, NULL);
	json_string(&w, "id", event->id);
	json_bool(&w, "created", event->kind == CONTAINER_EVENT_CREATED);
	write_texts(&w, "references", event->references, CONTAINER_N_REFERENCES);
	json_object_end(&w);
	print(&out);
	++*(unsigned *)ctx;
}

static int watch(struct runtime *r, const char *text, struct err *e)
{
	int64_t ms;
	unsigned n = 0;
	if (parse_i64(text, &ms) < 0 || ms <= 0)
		return err_set(e, EINVAL, "watch:MS");
	cleanup_close int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	const struct itimerspec until = {
		.it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
	};
	(void)timerfd_settime(fd, 0, &until, NULL);
	const struct runtime_watch w = { .stop_fd = fd, .on_event = print_event, .ctx = &n };
	int rc = runtime_watch(r, &w, e);
	if (rc == 0)
		printf("{\"events\":%u}\n", n);
	fflush(stdout);
	return rc;
}

/* "" asks for the build cache, ":N" leaves N bytes of it. */
static int build_cache(struct runtime *r, const char *keep, struct err *e)
{
	int64_t bytes = 0;
	uint64_t answer;
	if (*keep && (parse_i64(keep + 1, &bytes) < 0 || bytes < 0))
		return err_set(e, EINVAL, "cache:BYTES");
	int rc = *keep ? runtime_prune_build_cache(r, (uint64_t)bytes, &answer, e)
		       : runtime_build_cache(r, &answer, e);
	if (rc == 0)
		printf("{\"bytes\":%llu}\n", (unsigned long long)answer);
	fflush(stdout);
	return rc;
}

static int run(struct runtime *r, char *command, struct err *e)
{
	if (strncmp(command, "watch:", 6) == 0)
		return watch(r, command + 6, e);
	if (strncmp(command, "cache", 5) == 0)
		return build_cache(r, command + 5, e);
	if (strncmp(command, "times:", 6) == 0)
		return times(r, command + 6, e);
	if (strncmp(command, "sleep:", 6) == 0)
		return pause_for(command + 6, e);
	return one(r, command, false, e);
}

/* All that are found, instead of the one that is opened. */
static int find(const struct runtime_options *options)
{
	struct runtime *found[8];
	struct err e = { 0 };
	int n = runtime_find(options, NULL, 0, found, ELEMENTS(found), &e);
	if (n < 0)
		return fail(e.code, e.msg);
	for (int i = 0; i < n; i++) {
		print_done(found[i]);
		runtime_free(found[i]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int64_t ms;
	if (argc < 4 || parse_i64(argv[2], &ms) < 0)
		return 2;
	const char *root = getenv("CRI_CLIENT_ROOT");
	const char *type = getenv("CRI_CLIENT_TYPE");
	const struct runtime_options options = {
		.endpoint = argv[1],
		.type = type ? type : "cri",
		.root = root ? root : "",
		.timeout = ms * USEC_PER_MSEC,
	};
	if (strcmp(argv[3], "find") == 0)
		return find(&options);
	struct runtime *r;
	struct err e = { 0 };
	int status = 0;
	if (runtime_open(&options, &r, &e) < 0)
		return fail(e.code, e.msg);
	for (int i = 3; i < argc; i++) {
		if (run(r, argv[i], &e) < 0)
			status = fail(e.code, e.msg);
	}
	runtime_free(r);
	return status;
}
