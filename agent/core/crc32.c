/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crc32.h"

/* Bit by bit: the history of a node is some 100 KB, written every few minutes. */
uint32_t crc32_update(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
	}
	return ~crc;
}
