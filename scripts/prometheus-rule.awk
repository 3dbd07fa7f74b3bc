# SPDX-License-Identifier: Apache-2.0
#
# Makes the Prometheus operator's object of the rules, so that there is one text of them; `make prometheus-rule` runs it:
#
#	awk -f prometheus-rule.awk disk-pressure-agent.rules.yml

/^groups:/ {
	print "# SPDX-License-Identifier: Apache-2.0"
	print "# Made of packaging/prometheus/disk-pressure-agent.rules.yml by `make prometheus-rule`: change the rules there."
	print "apiVersion: monitoring.coreos.com/v1"
	print "kind: PrometheusRule"
	print "metadata:"
	print "  name: disk-pressure-agent"
	print "  namespace: disk-pressure-agent"
	print "  labels:"
	print "    app.kubernetes.io/name: disk-pressure-agent"
	print "spec:"
	body = 1
}

body {
	print $0 == "" ? "" : "  " $0
}

END {
	if (!body) {
		print FILENAME ": has no line that begins with groups:" >"/dev/stderr"
		exit 1
	}
}
