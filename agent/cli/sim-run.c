/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim-run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/limits.h"

static int read_all(int fd, struct buf *text)
{
	char block[65536];
	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (buf_append(text, block, (size_t)n) < 0)
			return -E2BIG;
	}
}

int sim_read(const char *path, struct scenario **ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_SCENARIO);
	cleanup_close int fd = -1;
	if (strcmp(path, "-") != 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, errno, "%s: %s", path, strerror(errno));
	}
	int r = read_all(fd < 0 ? STDIN_FILENO : fd, &text);
	if (r == -E2BIG)
		return err_set(e, E2BIG, "%s: larger than %d bytes", path, BUF_MAX_SCENARIO);
	if (r < 0)
		return err_set(e, -r, "%s: %s", path, strerror(-r));
	r = scenario_parse(buf_string(&text), text.len, ret, e);
	return r < 0 ? err_prefix(e, "%s: ", path) : 0;
}

int sim_run(const struct cli_options *o, const struct scenario *s, const char *file,
	    enum sim_actor actor, struct sim_run *ret, struct err *e)
{
	int r = sim_policy_load(o, s, file, actor, &ret->config, &ret->policy, e);
	if (r < 0)
		return r;
	replay_init(&ret->replay, s, &ret->policy);
	ret->begun = true;
	return sim_replay(&ret->replay, actor, e);
}

void sim_run_done(struct sim_run *run)
{
	if (run->begun)
		replay_done(&run->replay);
	run->config = config_free(run->config);
	run->begun = false;
}
