/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/eviction.h"
#include "core/policy.h"
#include "core/space.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/limits.h"
#include "util/usec.h"

/* The effective configuration: plain values, owned strings, immutable once loaded. */

enum log_format {
	LOG_FORMAT_AUTO,
	LOG_FORMAT_JOURNAL,
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON,
};

enum tristate {
	TRISTATE_NO,
	TRISTATE_YES,
	TRISTATE_AUTO,
};

enum when_futile {
	WHEN_FUTILE_STOP,
	WHEN_FUTILE_PROCEED,
};

/* A list of words, as keep and listen hold. */
struct word_list {
	char **words;
	size_t n_words;
};

/* A section [runtime], or one of several [runtime NAME]. */
struct runtime_config {
	char *name;	/* "" without one */
	char *endpoint; /* "auto" or "unix:///path" */
	char *type;	/* "auto", "cri", "docker" or "podman" */
	usec_t timeout;
};

struct config {
	bool dry_run;
	char *state_directory;
	int log_level; /* syslog priority */
	enum log_format log_format;

	char *filesystem_paths[_ROLE_MAX]; /* "auto" or an absolute path */
	usec_t sample_interval_min, sample_interval_max;
	usec_t statfs_timeout;

	int64_t image_gc_high_percent[_RESOURCE_MAX];
	int64_t image_gc_low_percent[_RESOURCE_MAX];
	usec_t image_minimum_age, image_maximum_age;
	struct word_list keep;
	enum tristate keep_unrecoverable;
	enum removal_order order;
	int64_t keep_newest_per_repository;
	enum when_futile when_futile;
	int64_t max_removals_per_pass;

	struct {
		char *hard, *soft, *soft_grace_period, *minimum_reclaim; /* "" for none */
	} eviction_texts;
	struct eviction_policy eviction; /* what the texts say */

	char *kubelet_config; /* "auto", "no" or an absolute path */
	int64_t kubelet_lead_percent;

	struct runtime_config runtimes[N_MAX_RUNTIMES];
	size_t n_runtimes; /* 1 at least */

	enum tristate kubernetes_events;
	char *kubernetes_kubeconfig; /* "" or an absolute path */
	char *kubernetes_node_name;  /* "" or the name of a Node */
	char *kubernetes_condition;  /* "no" or a type */

	struct word_list listen; /* "127.0.0.1:9779", "[::1]:9779", "unix:/path" */
	char *tls_certificate, *tls_key, *tls_client_ca; /* "" or an absolute path */
	char *bearer_token_file;			 /* the same */
	bool authorize_by_cluster;

	struct word_list files; /* that were read, in their order */
};

#ifdef SYSCONFDIR
#define CONFIG_DEFAULT_FILE SYSCONFDIR "/disk-pressure-agent/agent.conf"
#else
#define CONFIG_DEFAULT_FILE "/etc/disk-pressure-agent/agent.conf"
#endif

/* Where configuration comes from, in the order of growing precedence. */
struct config_source {
	const char *file;	      /* NULL: CONFIG_DEFAULT_FILE, which may be absent */
	const char *const *overrides; /* texts of --set: SECTION.KEY=VALUE */
	size_t n_overrides;
};

/*
 * Defaults, then the file, then FILE's drop-in directory (its path without ".conf" + ".conf.d",
 * *.conf in the order of strcmp), then overrides; validated as a whole. A later file may set a key
 * again, one file may not. An explicitly named file must exist; a drop-in directory need not.
 * -EINVAL with "FILE:LINE: [SECTION] KEY: what is wrong and what is allowed" (or
 * "--set SECTION.KEY: ...") for bad content, other negative errnos (-ENOENT, -EACCES, -EISDIR,
 * -ENODEV) for files that cannot be read. *ret is written on success only. Any thread.
 */
must_check int config_load(const struct config_source *source, struct config **ret, struct err *e);
/* The shipped defaults alone. */
struct config *config_defaults(void);
/* Takes NULL, returns NULL. */
struct config *config_free(struct config *c);

/*
 * The configuration as an INI text that config_load() reads back to the same values (except a value
 * from an override that is longer than a line of a file may be). What is not the default is marked
 * with a comment that shows the default.
 */
void config_print_ini(const struct config *c, struct buf *out);
/* The same as a JSON object of sections of keys; values are JSON strings, numbers, booleans or, for
 * lists of words, arrays of strings. */
void config_print_json(const struct config *c, struct buf *out);

/*
 * The policy for image garbage collection. Points into c, which must outlive it. keep-unrecoverable
 * auto is taken as yes, which is what it means on CRI. imageGCHighThresholdPercent = 100 becomes
 * "never" where the kubelet does not run its collection either: unless there is a maximum age.
 */
struct image_gc_policy config_image_gc_policy(const struct config *c);

static inline void cleanup_configp(struct config **c)
{
	*c = config_free(*c);
}
#define cleanup_config __attribute__((__cleanup__(cleanup_configp)))
