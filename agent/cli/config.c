/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "config/config.h"
#include "config/template.h"
#include "util/buf.h"
#include "util/limits.h"
#include "util/log.h"

static int print(const struct buf *out)
{
	const char *text = buf_string(out);
	if (fwrite(text, 1, out->len, stdout) == out->len && fflush(stdout) == 0)
		return CLI_DONE;
	log_error("writing to standard output: %s", strerror(errno));
	return CLI_IMPOSSIBLE;
}

static int load(const struct cli_options *o, struct config **ret)
{
	struct err e = { 0 };
	int r = config_load(&o->source, ret, &e);
	if (r == 0)
		return CLI_DONE;
	log_error("%s", e.msg);
	return r == -EINVAL ? CLI_BAD_ANSWER : CLI_IMPOSSIBLE;
}

static int check(const struct cli_options *o)
{
	cleanup_config struct config *c = NULL;
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_CONFIG_FILE);
	int r = load(o, &c);
	if (r != CLI_DONE)
		return r;
	for (size_t i = 0; i < c->files.n_words; i++)
		(void)buf_printf(&out, "%s: OK\n", c->files.words[i]);
	if (c->files.n_words == 0)
		(void)buf_printf(&out, "%s: not there, the defaults hold: OK\n",
				 CONFIG_DEFAULT_FILE);
	return print(&out);
}

static int show(const struct cli_options *o)
{
	cleanup_config struct config *c = NULL;
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_STATUS);
	if (o->defaults && !o->json) {
		config_template_print(&out);
		return print(&out);
	}
	int r = CLI_DONE;
	if (o->defaults)
		c = config_defaults();
	else
		r = load(o, &c);
	if (r != CLI_DONE)
		return r;
	if (o->json) {
		config_print_json(c, &out);
		(void)buf_putc(&out, '\n');
	} else {
		config_print_ini(c, &out);
	}
	return print(&out);
}

int cli_config(const struct cli_options *o)
{
	const char *verb = o->n_args == 1 ? o->args[0] : "";
	if (strcmp(verb, "show") == 0)
		return show(o);
	if (strcmp(verb, "check") != 0) {
		log_error("config: expected \"config check\" or \"config show\"");
		return CLI_IMPOSSIBLE;
	}
	if (o->json || o->defaults) {
		log_error("config check: --json and --defaults belong to config show");
		return CLI_IMPOSSIBLE;
	}
	return check(o);
}
