/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Every ceiling on what an outsider can make us hold, in one place. */

#define BUF_MAX_CONFIG_FILE (256 * 1024)
#define CONFIG_MAX_LINE	    199 /* inih cuts longer lines without a word */
#define CONFIG_MAX_SECTION  40	/* inih cuts section names at 49 characters */
#define N_MAX_DROPINS	    256
#define N_MAX_KEEP_PATTERNS 256
#define N_MAX_RUNTIMES	    8
#define N_MAX_LISTENERS	    8

#define JSON_MAX_DEPTH 64

#define YAML_MAX_BYTES (256 * 1024)
#define YAML_MAX_DEPTH 32
#define YAML_MAX_NODES 20000 /* values and keys */

#define BUF_MAX_GRPC_MESSAGE	 (16 * 1024 * 1024)  /* the kubelet's own limit on a CRI answer */
#define BUF_MAX_GRPC_STREAM	 (256 * 1024 * 1024) /* all messages of one answer, which pass by */
#define BUF_MAX_GRPC_EVENT	 (1024 * 1024)	     /* one message of a stream without end */
#define BUF_MAX_GRPC_UNPACKED	 (64 * 1024 * 1024)  /* memory one decoded answer may take */
#define BUF_MAX_RESPONSE_HEADERS (64 * 1024)	     /* headers and trailers of one answer */
#define BUF_MAX_CRI_TEXT	 4096		     /* an ID, a name, a reference, a path */
#define BUF_MAX_CRI_INFO	 (1024 * 1024) /* verbose JSON; as a tree some twenty times that */
#define BUF_MAX_ENGINE_LIST	 (256 * 1024 * 1024) /* an answer of Docker or Podman that passes by */
#define BUF_MAX_ENGINE_OBJECT	 (1024 * 1024)	     /* one element of it, or one event */
#define BUF_MAX_ENGINE_ANSWER	 (4 * 1024 * 1024) /* one that is taken as a whole */
#define BUF_MAX_ENGINE_TEXT	 4096		   /* an ID, a name, a reference, a path */
#define BUF_MAX_ENGINE_FAILURE	 (64 * 1024)
#define N_MAX_LAYER_NODES	 (1024 * 1024)	    /* blobs and snapshots in a store */
#define N_MAX_LAYER_REFERENCES	 (4 * 1024 * 1024)  /* between them; also names of images */
#define N_MAX_LAYER_STEPS	 (16 * 1024 * 1024) /* of working out who holds what */
#define N_MAX_CONTAINER_MOUNTS	 16384		    /* of one container */
#define N_MAX_IMAGE_HISTORY	 4096
#define N_MAX_IMAGES		 65536
#define N_MAX_CONTAINERS	 65536
#define N_MAX_CONTAINER_NEWS	 4096	       /* containers heard of between two inventories */
#define BUF_MAX_CONTAINER_NEWS	 (1024 * 1024) /* what was heard of them */
#define N_MAX_GONE_IMAGES	 512	       /* removed ones that the history remembers */
#define N_MAX_IMAGE_NAMES	 1024	       /* names and digests of one image, each */

#define BUF_MAX_KUBE_ANSWER (1024 * 1024) /* a Node has tens of KiB */
#define BUF_MAX_KUBE_TOKEN  (16 * 1024)
#define BUF_MAX_KUBE_SECRET (128 * 1024) /* a bundle of certificates */
#define BUF_MAX_KUBE_TEXT   4096	 /* a path */
#define BUF_MAX_KUBE_BODY   (8 * 1024)	 /* what the agent itself sends */
#define BUF_MAX_KUBE_REVIEW (64 * 1024)	 /* what it asks about others, with their token */

#define BUF_MAX_MOUNTINFO      (8 * 1024 * 1024)
#define BUF_MAX_STATUS	       (64 * 1024 * 1024) /* a pass document over N_MAX_IMAGES images */
#define BUF_MAX_METRICS	       (1024 * 1024)
#define BUF_MAX_HTTP_BODY      4096
#define BUF_MAX_HTTP_PEM       (128 * 1024) /* a bundle of certificates */
#define BUF_MAX_HTTP_TOKEN     (16 * 1024)
#define N_MAX_CLIENT_GROUPS    32 /* organizations in a client's certificate */
#define HTTP_MAX_CONNECTIONS   32
#define HTTP_CONNECTION_MEMORY (32 * 1024)
#define HTTP_TIMEOUT_SECONDS   10   /* without progress */
#define HTTP_REQUEST_SECONDS   30   /* from connecting to the end of the answer */
#define BUF_MAX_LOG_LINE       4096 /* PIPE_BUF: what a pipe takes in one piece */

#define BUF_MAX_SCENARIO	(32 * 1024 * 1024) /* 10,000 images with their layers are some 10 MB */
#define N_MAX_SCENARIO_LAYERS	262144
#define N_MAX_SCENARIO_EVENTS	262144
#define N_MAX_SCENARIO_SETTINGS 256
