/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/runtime.h"
#include "transport/request.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * GetContainerEvents, as runtime_ops.watch. Events of containers whose status comes with them: CRI-O
 * tells those of the whole pod. -EOPNOTSUPP also when the runtime ends the answer at once without an
 * event, as CRI-O does unless enable_pod_events is set.
 *
 * Not for containerd: until 2.0 it hands each event to one of its listeners only, so that listening
 * takes it away from the kubelet (containerd#7318). See containerd-events.h.
 */
must_check int cri_events(struct request_client *client, const struct runtime_watch *watch,
			  struct err *e);
