/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/usec.h"

/*
 * What the service manager is told, over sd_notify(3). Without a service manager these do nothing
 * and return 0; else positive, or a negative errno that callers may ignore. Texts may
 * hold anything: control characters become spaces, as a newline would start a variable of its own.
 * status NULL leaves the text as it was.
 */
int notify_ready(const char *status);
int notify_status(const char *status);
int notify_stopping(const char *status);
/* now is CLOCK_MONOTONIC and at or after the moment the reload was asked for. Follow up with
 * notify_ready() whether the reload succeeded or not. */
int notify_reloading(usec_t now);
