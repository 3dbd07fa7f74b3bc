/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/reference.h"
#include "random.h"

#define HEX64 "4a81b6860123456789abcdef0123456789abcdef0123456789abcdef01234567"

static void full_names(void **state)
{
	(void)state;
	static const struct {
		const char *ref, *full; /* NULL: not a name */
	} rows[] = {
		{ "nginx", "docker.io/library/nginx:latest" },
		{ "nginx:1", "docker.io/library/nginx:1" },
		{ "me/app", "docker.io/me/app:latest" },
		{ "me/app:1", "docker.io/me/app:1" },
		{ "me/deep/app:1", "docker.io/me/deep/app:1" },
		{ "docker.io/nginx", "docker.io/library/nginx:latest" },
		{ "docker.io/library/nginx", "docker.io/library/nginx:latest" },
		{ "docker.io/me/app:1", "docker.io/me/app:1" },
		{ "index.docker.io/nginx:1", "docker.io/library/nginx:1" },
		{ "index.docker.io/me/app:1", "docker.io/me/app:1" },
		{ "docker.iox/nginx", "docker.iox/nginx:latest" },
		{ "localhost/app", "localhost/app:latest" },
		{ "localhosts/app", "docker.io/localhosts/app:latest" },
		{ "localhose/app", "docker.io/localhose/app:latest" },
		{ "localhost", "docker.io/library/localhost:latest" },
		{ "localhost:5000/app", "localhost:5000/app:latest" },
		{ "localhost:5000/app:2", "localhost:5000/app:2" },
		{ "registry:5000/app", "registry:5000/app:latest" },
		{ "reg.io/app", "reg.io/app:latest" },
		{ "reg.io/a/b/c:x", "reg.io/a/b/c:x" },
		{ "Registry/app:1", "Registry/app:1" }, /* no repository has capitals: a host */
		{ "A/app:1", "A/app:1" },
		{ "repoZ/app:1", "repoZ/app:1" },
		{ "@/app", NULL },
		{ "[/app", "docker.io/[/app:latest" },
		{ "docker.io/", "docker.io/library/:latest" },
		{ "nginx@sha256:" HEX64, "docker.io/library/nginx@sha256:" HEX64 },
		{ "nginx:1@sha256:" HEX64, "docker.io/library/nginx@sha256:" HEX64 },
		{ "localhost:5000/app:1@sha256:" HEX64, "localhost:5000/app@sha256:" HEX64 },
		{ "localhost:5000/app@sha256:" HEX64, "localhost:5000/app@sha256:" HEX64 },
		{ "docker.io/nginx:1@sha256:" HEX64, "docker.io/library/nginx@sha256:" HEX64 },
		{ "a@b/c", "docker.io/library/a@b/c" },
		{ "4a81b6860123", "docker.io/library/4a81b6860123:latest" },
		{ "deadbeef", "docker.io/library/deadbeef:latest" },
		/* not names */
		{ "", NULL },
		{ HEX64, NULL },
		{ "sha256:" HEX64, NULL },
		{ "sha256:4a81", NULL },
		{ "sha256:", NULL },
		{ "@", NULL },
		{ "@sha256:" HEX64, NULL },
	};
	char full[REFERENCE_MAX];
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		bool is_name = reference_normalise(rows[i].ref, full);
		if (is_name != !!rows[i].full || (is_name && strcmp(full, rows[i].full) != 0))
			fail_msg("%s: %s", rows[i].ref, is_name ? full : "not a name");
		/* the full form of a full form is itself */
		char again[REFERENCE_MAX];
		if (is_name && (!reference_normalise(full, again) || strcmp(full, again) != 0))
			fail_msg("%s: again %s", rows[i].ref, again);
	}
}

static void hostile_names_do_no_harm(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"/",	      ":",	    "//",	 "::",	       ":/",	     "/:",
		"@@",	      "@/",	    "/@",	 ":@",	       "a@",	     "a:@",
		"a/",	      "/a",	    "a//b",	 "a:b:c",      "a:b/c:d",    "\n",
		"\x01\x7f",   "a\tb/c\n:d", "\xff\xfe",	 "sha256",     "sha256@",    "a@b@c",
		".",	      "./a",	    "../../etc", "localhost/", "localhost:", "docker.io",
		"docker.io/", "%s%n",
	};
	char full[REFERENCE_MAX];
	const char *hex;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (reference_normalise(rows[i], full))
			assert_in_range(strlen(full), 1, REFERENCE_MAX - 1);
		assert_int_equal(reference_hex(rows[i], &hex), 0);
		const char *digest = reference_digest(rows[i]);
		if (digest)
			assert_in_range(digest - rows[i], 1, strlen(rows[i]) - 1);
	}
}

/* The longest that fits and one byte more, at each of the places where a part is appended. */
static void too_long(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
		size_t added; /* how much longer the full form is than the reference */
	} rows[] = {
		{ "", "", strlen("docker.io/library/:latest") },
		{ "", ":1", strlen("docker.io/library/") },
		{ "a/", ":1", strlen("docker.io/") },
		{ "reg.io/", "", strlen(":latest") },
		{ "reg.io/", ":1", 0 },
		{ "reg.io/a@", "", 0 },
		{ "docker.io/", ":1", strlen("library/") },
	};
	char filler[REFERENCE_MAX * 4], ref[sizeof(filler) + 64], full[REFERENCE_MAX];
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		for (size_t n = 1; n < sizeof(filler); n++) {
			memset(filler, 'x', n);
			filler[n] = '\0';
			(void)snprintf(ref, sizeof(ref), "%s%s%s", rows[i].before, filler,
				       rows[i].after);
			size_t want = strlen(ref) + rows[i].added;
			assert_int_equal(reference_normalise(ref, full), want < REFERENCE_MAX);
			if (want < REFERENCE_MAX)
				assert_int_equal(strlen(full), want);
		}
}

static void digests(void **state)
{
	(void)state;
	static const struct {
		const char *ref, *digest;
	} rows[] = {
		{ "nginx@sha256:ab", "sha256:ab" },
		{ "nginx:1@sha512:ab", "sha512:ab" },
		{ "@sha256:ab", "sha256:ab" },
		{ "sha256:ab", "sha256:ab" },
		{ "sha256:", NULL },
		{ "nginx@", NULL },
		{ "@", NULL },
		{ "nginx:sha256", NULL },
		{ "nginx:1", NULL },
		{ "ab", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const char *digest = reference_digest(rows[i].ref);
		if (!!digest != !!rows[i].digest || (digest && strcmp(digest, rows[i].digest) != 0))
			fail_msg("%s: %s", rows[i].ref, digest ? digest : "none");
	}
}

static void hex_digits(void **state)
{
	(void)state;
	static const struct {
		const char *ref;
		size_t digits, offset;
	} rows[] = {
		{ HEX64, 64, 0 },
		{ "sha256:" HEX64, 64, 7 },
		{ "0", 1, 0 },
		{ "sha256:9f", 2, 7 },
		{ "abcdef0123456789", 16, 0 },
		{ "", 0, 0 },
		{ "sha256:", 0, 0 },
		{ "ABCDEF", 0, 0 },
		{ "abcg", 0, 0 },
		{ "sha256:abc/", 0, 0 },
		{ "sha512:ab", 0, 0 },
		{ "a b", 0, 0 },
		{ "sha256:sha256:ab", 0, 0 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const char *hex = NULL;
		assert_int_equal(reference_hex(rows[i].ref, &hex), rows[i].digits);
		if (rows[i].digits)
			assert_ptr_equal(hex, rows[i].ref + rows[i].offset);
		else
			assert_null(hex);
	}
}

/* Strings of the characters that mean something: never out of bounds, and stable once full. */
static void random_references(void **state)
{
	(void)state;
	static const char alphabet[] = "a0./:@-sha256:L\n";
	struct random r = random_start("references");
	for (int round = 0; round < 50000; round++) {
		char ref[40], full[REFERENCE_MAX], again[REFERENCE_MAX];
		size_t len = random_below(&r, sizeof(ref));
		for (size_t i = 0; i < len; i++)
			ref[i] = alphabet[random_below(&r, sizeof(alphabet) - 1)];
		ref[len] = '\0';
		const char *hex = NULL;
		size_t digits = reference_hex(ref, &hex);
		if (digits)
			assert_int_equal(strspn(hex, "0123456789abcdef"), digits);
		if (!reference_normalise(ref, full))
			continue;
		if (reference_normalise(full, again) && strcmp(full, again) != 0)
			fail_msg("%s: %s: %s", ref, full, again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_names), cmocka_unit_test(hostile_names_do_no_harm),
		cmocka_unit_test(too_long),   cmocka_unit_test(digests),
		cmocka_unit_test(hex_digits), cmocka_unit_test(random_references),
	};
	return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
