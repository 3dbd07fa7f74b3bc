/* SPDX-License-Identifier: Apache-2.0 */
#include "util/keyed-hash.h"

#include <errno.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

int keyed_hash_key_make(struct keyed_hash_key *ret)
{
	return gnutls_rnd(GNUTLS_RND_KEY, ret->bytes, sizeof(ret->bytes)) < 0 ? -EIO : 0;
}

int keyed_hash(const struct keyed_hash_key *key, const void *data, size_t len,
	       struct keyed_hash *ret)
{
	int r = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key->bytes, sizeof(key->bytes), data, len,
				 ret->bytes);
	return r < 0 ? -EIO : 0;
}

bool keyed_hash_equal(const struct keyed_hash *a, const struct keyed_hash *b)
{
	return gnutls_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
