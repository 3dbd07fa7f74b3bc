/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/document.h"

#include <errno.h>
#include <stdio.h>

#include "cli/ask.h"
#include "core/pressure.h"
#include "expose/pass-json.h"
#include "expose/status-json.h"
#include "kubelet.h"
#include "node-status.h"
#include "node/filesystem.h"
#include "pass.h"
#include "util/clock.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/rooted.h"

void document_done(struct document *d)
{
	buf_done(&d->text);
	cJSON_Delete(d->json);
	d->json = NULL;
}

static int load(const struct cli_options *o, struct config **ret)
{
	struct err e = { 0 };
	if (config_load(&o->source, ret, &e) == 0)
		return CLI_DONE;
	log_error("%s", e.msg);
	return e.code == EINVAL ? CLI_BAD_ANSWER : CLI_IMPOSSIBLE;
}

static int parse(struct document *d, const char *from)
{
	struct err e = { 0 };
	if (d->text.overflowed)
		(void)err_set(&e, E2BIG, "larger than %zu bytes", d->text.max);
	else if (json_parse(buf_string(&d->text), d->text.len, &d->json, &e) == 0)
		return CLI_DONE;
	log_error("the answer of %s: %s", from, e.msg);
	return CLI_IMPOSSIBLE;
}

/* True when the running agent was asked, with the exit code in *ret; false when none runs. */
static bool ask(const struct config *config, const char *path, const char *body, struct document *d,
		int *ret)
{
	struct err e = { 0 };
	int status = ask_agent(config, path, body, &d->text, &e);
	if (status == -ENOENT || status == -ECONNREFUSED)
		return false;
	d->from_agent = true;
	if (status == 200) {
		*ret = parse(d, "the running agent");
		return true;
	}
	if (status > 0)
		log_error("the running agent answers %d: %s", status, buf_string(&d->text));
	else
		log_error("asking the running agent: %s", e.msg);
	*ret = CLI_IMPOSSIBLE;
	return true;
}

/* --- status ------------------------------------------------------------------------------------ */

static void look_at(const char *root, struct status_filesystem *f, const char *path,
		    enum fs_role role)
{
	char real[PATH_MAX];
	struct space space;
	struct mount mount;
	struct err e = { 0 };
	f->configured = true;
	f->gc = role == ROLE_IMAGEFS;
	f->time_to_full = f->time_to_full_after_reclaim = USEC_INFINITY;
	if (rooted_path(root, path, real, &e) < 0 ||
	    filesystem_sample(real, &space, &f->dev, &e) < 0) {
		node_status_text(f->error, e.msg);
		return;
	}
	bool known = filesystem_identify(root, real, &mount, NULL) == 0;
	node_status_sampled(f, &space, known ? &mount : NULL, now_wall());
}

/* One look: a grace period has not passed by that, and policy's goals are those of hard thresholds. */
static void judge(struct status *s, const struct config *config,
		  const struct kubelet_limits *kubelet, struct image_gc_policy *policy)
{
	struct status_filesystem *f = &s->filesystems[ROLE_IMAGEFS];
	struct pressure pressure = { 0 };
	struct pressure_sample sample = { 0 };
	node_status_with_images(s->filesystems, sample.with_images);
	if (f->sampled)
		node_status_thresholds(f, policy);
	for (int role = 0; role < _ROLE_MAX; role++)
		if (s->filesystems[role].sampled)
			sample.spaces[role] = &s->filesystems[role].space;
	(void)pressure_step(&pressure, policy, &config->eviction, now_monotonic(), &sample);
	for (int role = 0; role < _ROLE_MAX; role++) {
		if (!s->filesystems[role].sampled)
			continue;
		node_status_kubelet(&s->filesystems[role], role, kubelet);
		node_status_pressure(&s->filesystems[role], role, &pressure);
	}
	node_status_findings(s, config, policy, kubelet);
	pressure_goals(&pressure, sample.with_images, policy);
}

/* Fills s with what can be seen from here, and returns the policy that holds on this node. */
static struct image_gc_policy survey(const struct cli_options *o, const struct config *config,
				     struct pass_node *node, struct status *s)
{
	struct image_gc_policy policy = config_image_gc_policy(config);
	struct observation observation = { 0 };
	struct kubelet_limits kubelet = { 0 };
	struct err e = { 0 };
	node_status_init(s, config);
	int r = pass_observe(node, config, &policy, &observation, &e);
	node_status_runtimes(&s->runtimes, node, config, r, &e);
	for (int role = 0; role < _ROLE_MAX; role++) {
		struct status_filesystem *f = &s->filesystems[role];
		char path[4096];
		node_status_path(config, o->root, role, observation.image_store_path, path,
				 sizeof(path));
		node_status_text(f->path, path);
		if (path[0])
			look_at(o->root, f, path, role);
	}
	if (r == 0)
		node_status_observation(s, &observation);
	if (kubelet_limits_read(config, o->root, &kubelet, &e) < 0)
		log_warning("the kubelet's configuration: %s; not kept ahead of", e.msg);
	policy = effective_policy(config, &kubelet, s->filesystems);
	judge(s, config, &kubelet, &policy);
	return policy;
}

int document_status(const struct cli_options *o, struct document *ret)
{
	cleanup_config struct config *config = NULL;
	int code = load(o, &config);
	if (code != CLI_DONE)
		return code;
	if (ask(config, "/status", NULL, ret, &code))
		return code;
	cleanup_free struct status *s = xnew(struct status);
	struct pass_node node;
	pass_node_init(&node, o->root);
	(void)survey(o, config, &node, s);
	pass_node_done(&node);
	status_json_render(s, &ret->text);
	return parse(ret, "this program");
}

/* --- passes ------------------------------------------------------------------------------------ */

static void progress(void *userdata, const struct pass_report *report,
		     const struct removal *removal)
{
	(void)userdata;
	(void)removal;
	/* a carriage return, so that the line is there while it lasts and gone afterwards */
	(void)fprintf(stderr, "\r%zu images removed\033[K", report->n_removals);
}

static int run_pass(const struct cli_options *o, const struct config *config, bool dry_run,
		    struct document *ret)
{
	struct pass_node node;
	bool terminal = isatty(STDERR_FILENO) && !dry_run;
	struct pass_callbacks callbacks = { .removed = terminal ? progress : NULL };
	struct pass_report report = { .request = {
					      .trigger = TRIGGER_MANUAL,
					      .dry_run = dry_run,
					      .to_percent = o->to_percent,
				      } };
	cleanup_free struct status *s = xnew(struct status);
	pass_node_init(&node, o->root);
	struct image_gc_policy policy = survey(o, config, &node, s);
	pass_run(&node, config, &policy, &callbacks, &report);
	if (!dry_run)
		(void)pass_node_save(&node, config, true);
	if (terminal)
		(void)fputs("\r\033[K", stderr);
	struct pass_json_context context = {
		.filesystem = ROLE_IMAGEFS,
		.runtime = "",
		.now = now_monotonic(),
		.wall_offset_usec = now_wall() - now_monotonic(),
		.minimum_age = config->image_minimum_age,
	};
	const struct pass_report *reports = &report;
	pass_json_render(&reports, 1, &context, &ret->text);
	pass_report_done(&report);
	pass_node_done(&node);
	return parse(ret, "this program");
}

int document_pass(const struct cli_options *o, bool dry_run, struct document *ret)
{
	cleanup_config struct config *config = NULL;
	char body[64];
	int code = load(o, &config);
	if (code != CLI_DONE)
		return code;
	dry_run = dry_run || config->dry_run;
	int n = snprintf(body, sizeof(body), "{\"dryRun\":%s", dry_run ? "true" : "false");
	if (o->to_percent >= 0)
		n += snprintf(body + n, sizeof(body) - (size_t)n, ",\"toPercent\":%d",
			      o->to_percent);
	(void)snprintf(body + n, sizeof(body) - (size_t)n, "}");
	if (o->source.n_overrides == 0 && ask(config, "/gc", body, ret, &code))
		return code;
	return run_pass(o, config, dry_run, ret);
}
