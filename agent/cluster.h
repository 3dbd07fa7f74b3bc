/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "kube/kube-config.h"

/* Where the API server is: what [kubernetes] says, else what a pod is given. Blocks; any thread. As
 * kube_config_load() and kube_config_in_cluster(). */
must_check int cluster_config(const struct config *c, struct kube_config *ret, struct err *e);
