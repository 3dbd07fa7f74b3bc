/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/runtime.h"
#include "util/alloc.h"

/*
 * Removes every image of a runtime whose name begins with PREFIX, one bare RemoveImage after the
 * other, and prints how long those calls took: what a pass over the same images is compared with.
 */

static double seconds(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int remove_all(struct runtime *r, const struct inventory *inv, const char *prefix,
		      struct err *e)
{
	size_t n = 0;
	double begun = seconds();
	for (size_t i = 0; i < inv->n_images; i++) {
		if (strncmp(image_display_name(&inv->images[i]), prefix, strlen(prefix)) != 0)
			continue;
		int code = runtime_remove_image(r, &inv->images[i], e);
		if (code < 0)
			return code;
		n++;
	}
	(void)printf("{\"removals\":%zu,\"seconds\":%.6f}\n", n, seconds() - begun);
	return 0;
}

int main(int argc, char **argv)
{
	struct runtime_options options = { .type = "auto",
					   .root = "",
					   .timeout = 30 * USEC_PER_SEC };
	cleanup_inventory struct inventory *inv = NULL;
	struct runtime *r = NULL;
	struct err e = { 0 };
	if (argc != 3) {
		(void)fprintf(stderr, "usage: bench-remove unix:///SOCKET PREFIX\n");
		return 2;
	}
	options.endpoint = argv[1];
	int code = runtime_open(&options, &r, &e);
	if (code == 0)
		code = runtime_inventory(r, &inv, &e);
	if (code == 0)
		code = remove_all(r, inv, argv[2], &e);
	if (code < 0)
		(void)fprintf(stderr, "%s\n", e.msg);
	runtime_free(r);
	return code < 0;
}
