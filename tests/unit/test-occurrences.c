/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdbool.h>
#include <string.h>
#include <syslog.h>

#include "core/occurrences.h"

/* The reasons are an interface; so are the IDs, which people filter their journals by. */
static void test_table(void **state)
{
	static const struct {
		const char *reason, *type, *message_id;
	} rows[] = {
		{ "DiskReclaimStarted", "Normal", "ffd01b9ec4e64589a692a1b920fa8e94" },
		{ "DiskReclaimed", "Normal", "5afc2d1b8d6c492c852aedbb6e624330" },
		{ "DiskReclaimPartial", "Warning", "4b6047144bec49779e60c974825e5a42" },
		{ "DiskReclaimFutile", "Warning", "ef0c4219ae124a2cbc0a04c0a3e727e1" },
		{ "DiskReclaimFailed", "Warning", "833cab01348a4b50954015f06970eb44" },
		{ "FilesystemStuck", "Warning", "6fbe95a91da2428d88257285a1d3c212" },
		{ "DiskPressureSoft", "Warning", "45710ebd81a84c45be74565ce8ecda50" },
		{ "DiskPressureHard", "Warning", "52495e3dc3074848ad4024e14365c82d" },
		{ "DiskPressureCleared", "Normal", "d9a08b5513634857835da403806dd5ba" },
		{ "KubeletDiskEvictionUnset", "Warning", "8cb8866d119b449a8404656dc806df36" },
		{ "KubeletDiskActsFirst", "Warning", "737ab472eb7943d39bf4a6e32ed8cd77" },
		{ "KubeletDiskThresholdAlwaysMet", "Warning", "0b948ddfa2fa42eda9e87715a7ecb9df" },
		{ "KubeletDiskTargetUnreachable", "Warning", "322d73aaefdd48558452b771b274d032" },
		{ "DiskThresholdNeverMet", "Warning", "303c6651f0924f43a08dbbfbe986e20d" },
		{ "DiskThresholdAlwaysMet", "Warning", "2b5dfebaaf944060bf05e67e3463ad66" },
		{ "DiskTargetUnreachable", "Warning", "1686aef793094d99baa2a4690ab38893" },
		{ "DiskFillingFast", "Warning", "32db108d2654e2f212ab705bd9952f26" },
	};
	(void)state;
	assert_int_equal(ELEMENTS(rows), _OCCURRENCE_MAX);
	for (int o = 0; o < _OCCURRENCE_MAX; o++) {
		const struct occurrence_info *info = occurrence_info(o);
		bool normal = strcmp(info->type, "Normal") == 0;
		assert_string_equal(info->reason, rows[o].reason);
		assert_string_equal(occurrence_to_string(o), rows[o].reason);
		assert_string_equal(info->type, rows[o].type);
		assert_string_equal(info->message_id, rows[o].message_id);
		assert_string_equal(info->action, strncmp(info->reason, "DiskReclaim", 11) == 0
							  ? "RemoveImages"
							  : "Observe");
		assert_true(normal ? info->priority == LOG_NOTICE : info->priority <= LOG_WARNING);
		assert_int_equal(strspn(info->message_id, "0123456789abcdef"), 32);
		for (int other = 0; other < o; other++)
			assert_string_not_equal(info->message_id, rows[other].message_id);
	}
}

static void test_findings(void **state)
{
	(void)state;
	for (int k = 0; k < _FINDING_MAX; k++)
		assert_string_equal(occurrence_to_string(occurrence_of_finding(k)),
				    finding_to_string(k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_findings),
	};
	return cmocka_run_group_tests_name("occurrences", tests, NULL, NULL);
}
