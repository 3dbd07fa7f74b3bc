/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/inventory.h"

/*
 * Sorts an inventory's images by ID. Entries of one ID become one, with all their names, the larger size,
 * pinned when any is: a runtime may list an image once for each of its snapshotters or names.
 */
void runtime_merge_images(struct inventory *inv);
