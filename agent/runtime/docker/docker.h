/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/runtime.h"

/* Docker Engine 20.10 (API 1.41) and newer, with any of its image stores. */
extern const struct runtime_ops runtime_docker_ops;
