/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "util/alloc.h"

/*
 * Opens a directory and returns its descriptor, or a negative errno. With make it is made where it
 * is missing, for its owner alone, and so are the directories above it, for all to pass.
 */
must_check int directory_open(const char *path, bool make);
