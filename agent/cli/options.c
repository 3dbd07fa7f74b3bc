/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/sim-policy.h"
#include "util/log.h"
#include "util/parse.h"

/* Options, as bits: which of them a verb takes. */
enum {
	TAKES_JSON = 1 << 0,
	TAKES_DRY_RUN = 1 << 1,
	TAKES_ENFORCE = 1 << 2,
	TAKES_TO = 1 << 3,
	TAKES_DEFAULTS = 1 << 4,
	TAKES_ARGS = 1 << 5,
	TAKES_AS = 1 << 6,
	TAKES_COMPARE = 1 << 7,
};

static const struct verb {
	const char *name;
	int (*run)(const struct cli_options *o);
	unsigned takes;
	const char *synopsis;
	const char *help;
} verbs[] = {
	{ "run", cli_run, TAKES_DRY_RUN | TAKES_ENFORCE, "run [--dry-run | --enforce]",
	  "the daemon, in the foreground (default)" },
	{ "status", cli_status, TAKES_JSON, "status [--json]",
	  "filesystems against thresholds, fill rate, last pass" },
	{ "plan", cli_plan, TAKES_JSON | TAKES_TO | TAKES_AS,
	  "plan [--to PERCENT] [--as kubelet] [--json]",
	  "what a pass would remove now, and why every other image stays" },
	{ "gc", cli_gc, TAKES_JSON | TAKES_TO | TAKES_DRY_RUN,
	  "gc [--to PERCENT] [--dry-run] [--json]", "one pass now" },
	{ "images", cli_images, TAKES_JSON, "images [--json]",
	  "all images: size, age, last use, and whether they may go" },
	{ "check", cli_check, 0, "check", "one line; exit 0 fine, 1 pressure, 2 unknown" },
	{ "inventory", cli_inventory, TAKES_JSON, "inventory [--json]",
	  "what decisions are made from, for simulate" },
	{ "simulate", cli_simulate, TAKES_JSON | TAKES_AS | TAKES_COMPARE | TAKES_ARGS,
	  "simulate [--compare] FILE... [--as WHO] [--json]",
	  "replays scenarios on a virtual clock" },
	{ "config", cli_config, TAKES_JSON | TAKES_DEFAULTS | TAKES_ARGS,
	  "config check | show [--defaults] [--json]", "validates, prints the configuration" },
	{ "version", cli_version, 0, "version", "prints the version" },
};

enum {
	OPT_CONFIG = 256,
	OPT_ROOT,
	OPT_SET,
	OPT_JSON,
	OPT_DRY_RUN,
	OPT_ENFORCE,
	OPT_TO,
	OPT_DEFAULTS,
	OPT_AS,
	OPT_COMPARE,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "set", required_argument, NULL, OPT_SET },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "enforce", no_argument, NULL, OPT_ENFORCE },
	{ "to", required_argument, NULL, OPT_TO },
	{ "defaults", no_argument, NULL, OPT_DEFAULTS },
	{ "as", required_argument, NULL, OPT_AS },
	{ "compare", no_argument, NULL, OPT_COMPARE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* What was given, beside the values in struct cli_options. */
struct given {
	unsigned options; /* TAKES_... bits */
	bool help, version;
	const char **sets;
	size_t n_sets;
};

static int usage_error(const char *what, const char *text)
{
	(void)fprintf(stderr, "disk-pressure-agent: %s%s; see disk-pressure-agent --help\n", what,
		      text);
	return CLI_IMPOSSIBLE;
}

static void print_help(void)
{
	(void)puts(
		"disk-pressure-agent [--config FILE] [--root DIR] [--set SECTION.KEY=VALUE]... VERB\n"
		"\n"
		"Watches a node's filesystems and removes unused container images before they fill.\n");
	for (size_t i = 0; i < ELEMENTS(verbs); i++)
		(void)printf("  %-50s %s\n", verbs[i].synopsis, verbs[i].help);
	(void)puts(
		"\n"
		"  --config FILE              instead of " CONFIG_DEFAULT_FILE "\n"
		"  --set SECTION.KEY=VALUE    overrides the configuration; may be given again\n"
		"  --root DIR                 prefix of host paths, where a container mounts the host\n"
		"  --json                     one JSON document on standard output\n"
		"  --help                     this\n"
		"\n"
		"Exit status: 0 done, 1 the answer is bad (pressure, a target missed, an invalid\n"
		"configuration), 2 it could not be done. See disk-pressure-agent(8).");
}

static int parse_to(const char *value, struct cli_options *o)
{
	int64_t percent;
	if (parse_i64(value, &percent) < 0 || percent < 0 || percent > 99)
		return usage_error("--to takes a percentage of 0 to 99, not ", value);
	o->to_percent = (int)percent;
	return CLI_DONE;
}

/* One of them, or several with commas; given again it adds. */
static int parse_as(const char *value, struct cli_options *o)
{
	for (const char *word = value;; word++) {
		size_t len = strcspn(word, ","), actor = 0;
		while (actor < _ACTOR_MAX && (strlen(sim_actor_to_string(actor)) != len ||
					      strncmp(word, sim_actor_to_string(actor), len) != 0))
			actor++;
		if (actor == _ACTOR_MAX)
			return usage_error("--as takes agent, kubelet or both with a comma, not ",
					   value);
		o->as |= 1U << actor;
		word += len;
		if (!*word)
			return CLI_DONE;
	}
}

static int take_option(int option, struct cli_options *o, struct given *given)
{
	switch (option) {
	case OPT_CONFIG:
		o->source.file = optarg;
		break;
	case OPT_ROOT:
		if (optarg[0] != '/')
			return usage_error("--root takes an absolute path, not ", optarg);
		o->root = strcmp(optarg, "/") == 0 ? "" : optarg;
		break;
	case OPT_SET:
		given->sets[given->n_sets++] = optarg;
		break;
	case OPT_JSON:
		o->json = true;
		given->options |= TAKES_JSON;
		break;
	case OPT_DRY_RUN:
		o->dry_run = TRISTATE_YES;
		given->options |= TAKES_DRY_RUN;
		break;
	case OPT_ENFORCE:
		o->dry_run = TRISTATE_NO;
		given->options |= TAKES_ENFORCE;
		break;
	case OPT_TO:
		given->options |= TAKES_TO;
		return parse_to(optarg, o);
	case OPT_DEFAULTS:
		o->defaults = true;
		given->options |= TAKES_DEFAULTS;
		break;
	case OPT_AS:
		given->options |= TAKES_AS;
		return parse_as(optarg, o);
	case OPT_COMPARE:
		o->compare = true;
		given->options |= TAKES_COMPARE;
		break;
	case OPT_HELP:
		given->help = true;
		break;
	case OPT_VERSION:
		given->version = true;
		break;
	default: /* getopt has told what is wrong */
		return CLI_IMPOSSIBLE;
	}
	return CLI_DONE;
}

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* An answer that could not be written, to a full disk perhaps, is none. */
static int finish(int code)
{
	if (code == CLI_IMPOSSIBLE || (fflush(stdout) == 0 && !ferror(stdout)))
		return code;
	log_error("the answer could not be written to standard output");
	return CLI_IMPOSSIBLE;
}

static int run_verb(const struct verb *verb, struct cli_options *o, const struct given *given)
{
	if (given->options & ~verb->takes)
		return usage_error("an option does not belong to this verb: ", verb->synopsis);
	if (given->options & TAKES_DRY_RUN && given->options & TAKES_ENFORCE)
		return usage_error("--dry-run and --enforce exclude each other", "");
	if (o->n_args > 0 && !(verb->takes & TAKES_ARGS))
		return usage_error("unexpected argument ", o->args[0]);
	o->source.overrides = given->sets;
	o->source.n_overrides = given->n_sets;
	return finish(verb->run(o));
}

/*
 * What is opened first would take the place of a standard stream that was closed, and get what is
 * written to it. Opened for the other direction it fails as a closed one does.
 */
static void hold_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int cli_main(int argc, char **argv)
{
	hold_standard_streams();
	struct cli_options o = { .root = "", .dry_run = TRISTATE_AUTO, .to_percent = -1 };
	cleanup_free const char **sets = xcalloc((size_t)argc, sizeof(*sets));
	struct given given = { .sets = sets };
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (take_option(option, &o, &given) != CLI_DONE)
			return CLI_IMPOSSIBLE;
	if (given.help) {
		print_help();
		return finish(CLI_DONE);
	}
	const char *name = given.version ? "version" : optind < argc ? argv[optind] : "run";
	const struct verb *verb = verb_find(name);
	if (!verb)
		return usage_error("no such verb: ", name);
	o.args = argv + (optind < argc ? optind + 1 : argc);
	o.n_args = optind < argc ? argc - optind - 1 : 0;
	return run_verb(verb, &o, &given);
}
