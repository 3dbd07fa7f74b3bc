/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/runtime.h"
#include "transport/request.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * containerd's own events, on the socket where it speaks CRI, as runtime_ops.watch: containers of
 * the kubelet's namespace as they are created, pods' sandboxes among them. All versions have it, and
 * tell every listener everything; 1.6 has no other.
 */
must_check int containerd_events(struct request_client *client, const struct runtime_watch *watch,
				 struct err *e);
