/* SPDX-License-Identifier: Apache-2.0 */
#include "config/keys.h"

#include <assert.h>
#include <string.h>

#include "config/checks.h"
#include "config/values.h"
#include "core/eviction-parse.h"
#include "util/limits.h"

static const char *const log_formats[] = { "auto", "journal", "text", "json", NULL };
static const char *const tristates[] = { "no", "yes", "auto", NULL };
static const char *const order_choices[] = { "lru", "fewest-removals", NULL };
static const char *const futile_choices[] = { "stop", "proceed", NULL };

#define AT(member) .offset = offsetof(struct config, member)

const struct config_key config_keys[] = {
	{
		.section = "agent",
		.name = "dry-run",
		.type = CONFIG_BOOL,
		AT(dry_run),
		.default_value = "no",
		.doc = "Go through everything up to the last call, which is left out: passes "
		       "are planned, logged and counted, but no image is removed. \"run "
		       "--dry-run\" and \"run --enforce\" override this.",
	},
	{
		.section = "agent",
		.name = "state-directory",
		.type = CONFIG_PATH,
		AT(state_directory),
		.default_value = "/var/lib/disk-pressure-agent",
		.doc = "A directory of the agent's own. It keeps there, across restarts, when each "
		       "image was first seen and last used, in a file that is allocated in advance "
		       "so that a full disk does not matter; and a pass holds a lock on it, so "
		       "that two never run at once.",
	},
	{
		.section = "agent",
		.name = "log-level",
		.type = CONFIG_LOG_LEVEL,
		AT(log_level),
		.default_value = "info",
		.doc = "Messages of this and of higher priority are logged.",
	},
	{
		.section = "agent",
		.name = "log-format",
		.type = CONFIG_CHOICE,
		AT(log_format),
		.choices = log_formats,
		.default_value = "auto",
		.doc = "journal: structured entries for the systemd journal. text: lines on "
		       "standard error. json: one JSON object a line on standard error. auto: the "
		       "journal where standard error is connected to it, else text.",
	},
	{
		.section = "filesystems",
		.name = "nodefs",
		.type = CONFIG_PATH,
		AT(filesystem_paths[ROLE_NODEFS]),
		.default_value = "auto",
		.doc = "A path on the node's main filesystem. auto: /var/lib/kubelet where "
		       "that exists, else /.",
	},
	{
		.section = "filesystems",
		.name = "imagefs",
		.type = CONFIG_PATH,
		AT(filesystem_paths[ROLE_IMAGEFS]),
		.default_value = "auto",
		.doc = "A path on the filesystem that holds the images. auto: what the "
		       "runtime says.",
	},
	{
		.section = "filesystems",
		.name = "containerfs",
		.type = CONFIG_PATH,
		AT(filesystem_paths[ROLE_CONTAINERFS]),
		.default_value = "auto",
		.doc = "A path on the filesystem that holds the containers' writable layers, "
		       "where that is another than imagefs. auto: none is looked at.",
	},
	{
		.section = "filesystems",
		.name = "sample-interval-min",
		.type = CONFIG_DURATION,
		AT(sample_interval_min),
		.min = 10 * USEC_PER_MSEC,
		.max = USEC_PER_HOUR,
		.default_value = "50ms",
		.doc = "The shortest time between two looks at a filesystem. The nearer a "
		       "threshold is at the rate at which the filesystem fills, the sooner comes "
		       "the next look.",
	},
	{
		.section = "filesystems",
		.name = "sample-interval-max",
		.type = CONFIG_DURATION,
		AT(sample_interval_max),
		.min = 10 * USEC_PER_MSEC,
		.max = USEC_PER_HOUR,
		.default_value = "10s",
		.doc = "The longest time between two looks. Not below sample-interval-min.",
	},
	{
		.section = "filesystems",
		.name = "statfs-timeout",
		.type = CONFIG_DURATION,
		AT(statfs_timeout),
		.min = 100 * USEC_PER_MSEC,
		.max = USEC_PER_MINUTE,
		.default_value = "2s",
		.doc = "A filesystem that has not told its free space within this time counts as "
		       "stuck.",
	},
	{
		.section = "image-gc",
		.name = "imageGCHighThresholdPercent",
		.type = CONFIG_PERCENT,
		AT(image_gc_high_percent[RESOURCE_BYTES]),
		.min = 0,
		.max = 100,
		.default_value = "80",
		.doc = "Usage of the image filesystem at or above which images are removed. As in "
		       "the kubelet, usage is a whole number that is rounded up, and 100 switches "
		       "this off unless imageMaximumGCAge is set. Stay below the kubelet's own "
		       "value (85 by default), so that the agent acts first.",
	},
	{
		.section = "image-gc",
		.name = "imageGCLowThresholdPercent",
		.type = CONFIG_PERCENT,
		AT(image_gc_low_percent[RESOURCE_BYTES]),
		.min = 0,
		.max = 100,
		.default_value = "75",
		.doc = "Usage that a pass aims for. Less than imageGCHighThresholdPercent.",
	},
	{
		.section = "image-gc",
		.name = "inodes-high-threshold-percent",
		.type = CONFIG_PERCENT,
		AT(image_gc_high_percent[RESOURCE_INODES]),
		.min = 0,
		.max = 100,
		.default_value = "90",
		.doc = "The same for the filesystem's inodes, which the kubelet's collection does "
		       "not look at. 100 switches it off.",
	},
	{
		.section = "image-gc",
		.name = "inodes-low-threshold-percent",
		.type = CONFIG_PERCENT,
		AT(image_gc_low_percent[RESOURCE_INODES]),
		.min = 0,
		.max = 100,
		.default_value = "85",
		.doc = "Usage of inodes that a pass aims for. Less than "
		       "inodes-high-threshold-percent.",
	},
	{
		.section = "image-gc",
		.name = "imageMinimumGCAge",
		.type = CONFIG_DURATION,
		AT(image_minimum_age),
		.min = 0,
		.max = CONFIG_DURATION_MAX,
		.default_value = "2m",
		.doc = "An image that was first seen less than this ago is not removed.",
	},
	{
		.section = "image-gc",
		.name = "imageMaximumGCAge",
		.type = CONFIG_DURATION,
		AT(image_maximum_age),
		.min = 0,
		.max = CONFIG_DURATION_MAX,
		.default_value = "0s",
		.doc = "An image that has not been in use for longer than this is removed "
		       "whatever the usage; one that was never seen in use counts from when "
		       "it was first seen. 0s switches this off; anything else is more than "
		       "imageMinimumGCAge.",
	},
	{
		.section = "image-gc",
		.name = "keep",
		.type = CONFIG_WORDS,
		AT(keep),
		.max = N_MAX_KEEP_PATTERNS,
		.default_value = "",
		.expected = "patterns on image names and digests, separated by spaces",
		.check = check_keep,
		.doc = "Images that are never removed: docker.io/library/* keeps by name, "
		       "*@sha256:0123... by digest. Names are compared in full, as the runtime "
		       "lists them; * also stands for slashes.",
	},
	{
		.section = "image-gc",
		.name = "keep-unrecoverable",
		.type = CONFIG_CHOICE,
		AT(keep_unrecoverable),
		.choices = tristates,
		.default_value = "auto",
		.doc = "Whether images without a registry digest, which were loaded or built on "
		       "this node and could not be pulled again, are kept. auto: yes on CRI "
		       "runtimes, no with Docker and Podman.",
	},
	{
		.section = "image-gc",
		.name = "order",
		.type = CONFIG_CHOICE,
		AT(order),
		.choices = order_choices,
		.default_value = "lru",
		.doc = "Which images go first. lru: those used longest ago, then those first seen "
		       "longest ago. fewest-removals: those that free the most of what is scarce, "
		       "reckoning with layers that images share.",
	},
	{
		.section = "image-gc",
		.name = "keep-newest-per-repository",
		.type = CONFIG_INTEGER,
		AT(keep_newest_per_repository),
		.min = 0,
		.max = N_MAX_IMAGES,
		.default_value = "0",
		.doc = "So many images of each repository stay, those that came to this node "
		       "last. 0: none.",
	},
	{
		.section = "image-gc",
		.name = "when-futile",
		.type = CONFIG_CHOICE,
		AT(when_futile),
		.choices = futile_choices,
		.default_value = "stop",
		.doc = "What to do when everything that could be removed together would not bring "
		       "usage below the high threshold. stop: report it and remove nothing. "
		       "proceed: remove what there is.",
	},
	{
		.section = "image-gc",
		.name = "max-removals-per-pass",
		.type = CONFIG_INTEGER,
		AT(max_removals_per_pass),
		.min = 0,
		.max = N_MAX_IMAGES,
		.default_value = "0",
		.doc = "A pass ends after this many removals. 0: no limit.",
	},
	{
		.section = "eviction",
		.name = "evictionHard",
		.type = CONFIG_STRING,
		AT(eviction_texts.hard),
		.default_value = EVICTION_DEFAULT_HARD,
		.expected = "SIGNAL<AMOUNT, several separated by commas",
		.doc = "Pressure at once when less than this is available: an amount such as 10Gi, or "
		       "a percentage such as 10%. Signals are available and inodesFree of nodefs, "
		       "imagefs and containerfs: nodefs.available. The agent reclaims what helps the "
		       "filesystem concerned; it never evicts pods.",
	},
	{
		.section = "eviction",
		.name = "evictionSoft",
		.type = CONFIG_STRING,
		AT(eviction_texts.soft),
		.default_value = "",
		.expected = "SIGNAL<AMOUNT, several separated by commas",
		.doc = "The same, where pressure begins only after a grace period. Each signal "
		       "here needs one.",
	},
	{
		.section = "eviction",
		.name = "evictionSoftGracePeriod",
		.type = CONFIG_STRING,
		AT(eviction_texts.soft_grace_period),
		.default_value = "",
		.expected = "SIGNAL=DURATION, several separated by commas",
		.doc = "For how long less must be available without a break.",
	},
	{
		.section = "eviction",
		.name = "evictionMinimumReclaim",
		.type = CONFIG_STRING,
		AT(eviction_texts.minimum_reclaim),
		.default_value = "",
		.expected = "SIGNAL=AMOUNT, several separated by commas",
		.doc = "How much more than its threshold is available before it is over.",
	},
	{
		.section = "eviction",
		.name = "evictionPressureTransitionPeriod",
		.type = CONFIG_DURATION,
		AT(eviction.transition_period),
		.min = 0,
		.max = CONFIG_DURATION_MAX,
		.default_value = "5m",
		.doc = "For how long pressure is still reported after its threshold was cleared.",
	},
	{
		.section = "kubelet",
		.name = "config",
		.type = CONFIG_STRING,
		AT(kubelet_config),
		.default_value = "auto",
		.expected = "auto, no or an absolute path",
		.check = check_kubelet_config,
		.doc = "The kubelet's own configuration: the path of a KubeletConfiguration, or of "
		       "a directory of its drop-ins. auto: what the running kubelet was started "
		       "with, else the file that kubeadm and several distributions of Kubernetes "
		       "have at a place of theirs. no: none is looked for.",
	},
	{
		.section = "kubelet",
		.name = "lead-percent",
		.type = CONFIG_PERCENT,
		AT(kubelet_lead_percent),
		.min = 0,
		.max = 50,
		.default_value = "5",
		.doc = "How far ahead of the kubelet's own thresholds the agent stays, in percent "
		       "of the filesystem.",
	},
	{
		.section = "runtime",
		.name = "endpoint",
		.type = CONFIG_STRING,
		AT(runtimes[0].endpoint),
		.default_value = "auto",
		.expected = "auto or unix:///PATH",
		.check = check_endpoint,
		.doc = "The runtime's socket, such as unix:///run/containerd/containerd.sock. auto: "
		       "every well-known socket that answers. For several that are named, there is a "
		       "section [runtime NAME] each.",
	},
	{
		.section = "runtime",
		.name = "type",
		.type = CONFIG_STRING,
		AT(runtimes[0].type),
		.default_value = "auto",
		.expected = "auto, cri, docker or podman",
		.check = check_runtime_type,
		.doc = "What is spoken on that socket. cri: containerd, CRI-O and others that "
		       "serve the kubelet. docker: Docker Engine 20.10 or newer. podman: Podman 4.0 "
		       "or newer. auto: whichever answers.",
	},
	{
		.section = "runtime",
		.name = "timeout",
		.type = CONFIG_DURATION,
		AT(runtimes[0].timeout),
		.min = 100 * USEC_PER_MSEC,
		.max = USEC_PER_HOUR,
		.default_value = "2m",
		.doc = "How long one call of the runtime may take.",
	},
	{
		.section = "kubernetes",
		.name = "events",
		.type = CONFIG_CHOICE,
		AT(kubernetes_events),
		.choices = tristates,
		.default_value = "auto",
		.doc = "Whether what happens to the node's disks becomes Kubernetes events about "
		       "the Node. auto: in a pod with a service account, and where a kubeconfig is "
		       "given.",
	},
	{
		.section = "kubernetes",
		.name = "kubeconfig",
		.type = CONFIG_STRING,
		AT(kubernetes_kubeconfig),
		.default_value = "",
		.expected = "an absolute path, or nothing",
		.check = check_path_or_nothing,
		.doc = "How to reach the API server: the current context of this file, with a token, "
		       "a token file or a client certificate. Nothing: by the pod's service account.",
	},
	{
		.section = "kubernetes",
		.name = "node-name",
		.type = CONFIG_STRING,
		AT(kubernetes_node_name),
		.default_value = "",
		.expected = "the name of a Node, or nothing",
		.check = check_node_name,
		.doc = "The Node that this is. Nothing: $NODE_NAME, else the host name in small "
		       "letters.",
	},
	{
		.section = "kubernetes",
		.name = "condition",
		.type = CONFIG_STRING,
		AT(kubernetes_condition),
		.default_value = "no",
		.expected = "no, or a type of a condition such as DiskReclaimFailing or "
			    "example.com/DiskReclaimFailing",
		.check = check_condition,
		.doc = "A condition of that type on the Node, which is True while the image "
		       "filesystem stays over a threshold after images were removed. It needs the "
		       "right to patch nodes/status. no: none.",
	},
	{
		.section = "http",
		.name = "listen",
		.type = CONFIG_WORDS,
		AT(listen),
		.max = N_MAX_LISTENERS,
		.default_value = "127.0.0.1:9779 unix:/run/disk-pressure-agent/agent.sock",
		.expected = "IPV4:PORT, [IPV6]:PORT or unix:/PATH, several separated by spaces",
		.check = check_listen,
		.doc = "Where metrics, status and health are served. Port 0: the system "
		       "chooses one. Nothing: off; the command line then looks for itself "
		       "instead of asking the running agent.",
	},
	{
		.section = "http",
		.name = "tls-certificate",
		.type = CONFIG_STRING,
		AT(tls_certificate),
		.default_value = "",
		.expected = "an absolute path, or nothing",
		.check = check_path_or_nothing,
		.doc = "The certificate that network addresses show, in PEM, with what lies "
		       "between it and its authority behind it: HTTPS, TLS 1.2 or newer. "
		       "Read again within ten seconds when it changes. Nothing: plain HTTP.",
	},
	{
		.section = "http",
		.name = "tls-key",
		.type = CONFIG_STRING,
		AT(tls_key),
		.default_value = "",
		.expected = "an absolute path, or nothing",
		.check = check_path_or_nothing,
		.doc = "Its private key, in PEM, without a password.",
	},
	{
		.section = "http",
		.name = "tls-client-ca",
		.type = CONFIG_STRING,
		AT(tls_client_ca),
		.default_value = "",
		.expected = "an absolute path, or nothing",
		.check = check_path_or_nothing,
		.doc = "Authorities, in PEM. Who shows a certificate that one of them signed "
		       "may see everything; with authorize-by-cluster, what the cluster "
		       "allows to whom it names.",
	},
	{
		.section = "http",
		.name = "bearer-token-file",
		.type = CONFIG_STRING,
		AT(bearer_token_file),
		.default_value = "",
		.expected = "an absolute path, or nothing",
		.check = check_path_or_nothing,
		.doc = "A file with a token. Who shows it may see everything. Read again "
		       "within ten seconds when it changes. With this, tls-client-ca or "
		       "authorize-by-cluster, nobody else sees anything on network addresses "
		       "but /healthz and /readyz.",
	},
	{
		.section = "http",
		.name = "authorize-by-cluster",
		.type = CONFIG_BOOL,
		AT(authorize_by_cluster),
		.default_value = "no",
		.doc = "Whether the API server is asked who shows a token, and whether that user may "
		       "get the path, such as /metrics. See [kubernetes] for how it is reached.",
	},
};

const size_t n_config_keys = ELEMENTS(config_keys);

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < n_config_keys; i++) {
		if (strcmp(config_keys[i].section, section) == 0 &&
		    strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

bool config_key_is_repeatable(const struct config_key *key)
{
	return strcmp(key->section, CONFIG_REPEATABLE_SECTION) == 0;
}

size_t config_key_instances(const struct config_key *key, const struct config *c)
{
	return config_key_is_repeatable(key) ? c->n_runtimes : 1;
}

static size_t offset_of(const struct config_key *key, size_t instance)
{
	assert(instance == 0 || config_key_is_repeatable(key));
	return key->offset + instance * sizeof(struct runtime_config);
}

int config_key_set(const struct config_key *key, struct config *c, size_t instance,
		   const char *value, struct err *e)
{
	return value_parse(key, (char *)c + offset_of(key, instance), value, e);
}

void config_key_print(const struct config_key *key, const struct config *c, size_t instance,
		      struct buf *out)
{
	value_print(key, (const char *)c + offset_of(key, instance), out);
}

void config_key_done(const struct config_key *key, struct config *c, size_t instance)
{
	value_done(key, (char *)c + offset_of(key, instance));
}

const void *config_key_member(const struct config_key *key, const struct config *c, size_t instance)
{
	return (const char *)c + offset_of(key, instance);
}
