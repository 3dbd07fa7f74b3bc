#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a unit test and puts its TAP right: cmocka 1.1.5 says "not ok N # SKIP", which counts as failed. The
# reason, which the test says on a line of its own ("# SKIP reason"), goes with the result.
{
	{
		{
			{
				"$@"
				echo $? >&3
			} | ${AM_TAP_AWK:-awk} '
			/^# SKIP / { reason = substr($0, 8); next }
			/^(not )?ok [0-9]+ # SKIP / {
				sub(/^not /, "")
				print "ok " $2 " - " $5 " # SKIP " reason
				reason = ""
				next
			}
			{ print }' >&4
		} 3>&1
	} | {
		read -r code
		exit "$code"
	}
} 4>&1
