/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/runtime.h"

/*
 * Runtimes that speak the Kubernetes Container Runtime Interface, v1, on a unix socket: containerd, CRI-O.
 * What never changes in the life of a container or a sandbox is asked for once and kept, so a
 * list of containers is one call as long as no new one has come.
 */
extern const struct runtime_ops runtime_cri_ops;
