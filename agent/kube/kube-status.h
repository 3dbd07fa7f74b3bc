/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/kube-client.h"

/* What an answer means. Pure. */

/* As kube_request() for an answer that came. */
must_check int kube_status_check(const struct kube_call *call, const struct kube_answer *answer,
				 struct err *e);
