/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CRC-32 as in ISO 3309 and zlib (polynomial 0xedb88320, reflected). Begin with crc 0; the result of one
 * call continues in the next. */
uint32_t crc32_update(uint32_t crc, const void *data, size_t len);
