/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "expose/accept.h"

#define OM "application/openmetrics-text"

static void test_accept(void **state)
{
	static const struct {
		const char *accept;
		bool openmetrics;
	} rows[] = {
		{ NULL, false },
		{ "", false },
		{ "*/*", false },
		{ "text/plain", false },
		{ "application/*", false },
		{ OM, true },
		{ OM "; version=1.0.0", true },
		{ " " OM " ;version = 1.0.0\t; q=1.000 ", true },
		{ "Application/OpenMetrics-Text;Version=1.0.0", true },
		{ OM ";version=0.0.1", false },
		{ OM ";version=", false },
		{ OM ";version", false },
		{ OM ";version=2.0.0," OM ";version=1.0.0;q=0.1", true },
		/* what Prometheus 2 and 3 send */
		{ OM ";version=1.0.0," OM ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
		     "*/*;q=0.1",
		  true },
		{ OM ";version=1.0.0;escaping=allow-utf-8;q=0.5," OM
		     ";version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		  true },
		{ "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", false },
		/* qualities */
		{ OM ";q=0", false },
		{ OM ";q=0.000", false },
		{ OM ";q=0.001", true },
		{ "text/plain," OM ";q=0.5", false },
		{ "text/plain;q=0.5," OM ";q=0.5", true },
		{ "text/plain;version=1.0.0," OM ";q=0.5", true },
		/* malformed */
		{ OM ";q=", false },
		{ OM ";q", false },
		{ OM ";q=2", false },
		{ OM ";q=1.1", false },
		{ OM ";q=-1", false },
		{ OM ";q=.5", false },
		{ OM ";q=0,5", false },
		{ OM ";q=nan", false },
		{ OM ";q=0.00000001", false },
		{ ",;,=;==,;q=,", false },
		{ ",,," OM ",,,", true },
		{ OM "x", false },
		{ "x" OM, false },
		{ ";;;;" OM, false },
		{ OM ";;;", true },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (accept_prefers_openmetrics(rows[i].accept) != rows[i].openmetrics)
			fail_msg("\"%s\"", rows[i].accept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
	};
	return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
