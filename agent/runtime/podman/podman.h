/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/runtime.h"

/* Podman 4.0 and newer through its own API (libpod), which tells more than the one like Docker's. */
extern const struct runtime_ops runtime_podman_ops;
