/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/findings.h"
#include "util/human.h"

static char *amount(const struct finding *f, uint64_t n, char buf[HUMAN_MAX])
{
	return f->resource == RESOURCE_BYTES ? human_bytes(n, buf) : human_count(n, buf);
}

static const char *signal_of(const struct finding *f)
{
	return eviction_signal_to_string(eviction_signal_of(f->role, f->resource));
}

static void unset(const struct finding *f, char ret[FINDING_TEXT_MAX])
{
	(void)snprintf(
		ret, FINDING_TEXT_MAX,
		"%s: the kubelet has no eviction threshold for it, neither hard nor soft, and "
		"lets the filesystem run full; an evictionHard that sets some signals "
		"switches its defaults for all others off",
		signal_of(f));
}

static void acts_first(const struct finding *f, char ret[FINDING_TEXT_MAX])
{
	char kubelet[HUMAN_MAX], ours[HUMAN_MAX];
	(void)amount(f, f->kubelet_below, kubelet);
	(void)amount(f, f->below, ours);
	if (!f->images)
		(void)snprintf(ret, FINDING_TEXT_MAX,
			       "%s: the kubelet evicts pods below %s, before our hard threshold "
			       "tells of it, which is %s",
			       signal_of(f), kubelet, ours);
	else if (f->below == 0)
		(void)snprintf(
			ret, FINDING_TEXT_MAX,
			"%s: the kubelet acts first, below %s; the agent never does: its image "
			"garbage collection is off, and it has no hard threshold there",
			signal_of(f), kubelet);
	else
		(void)snprintf(ret, FINDING_TEXT_MAX,
			       "%s: the kubelet acts first, below %s, the agent only below %s",
			       signal_of(f), kubelet, ours);
}

static void always(const struct finding *f, const char *whose, char ret[FINDING_TEXT_MAX])
{
	char below[HUMAN_MAX], total[HUMAN_MAX];
	(void)snprintf(ret, FINDING_TEXT_MAX,
		       "%s: %s %s threshold is always met: less than %s is available at any time, "
		       "the filesystem has %s",
		       signal_of(f), whose, f->gc ? "high" : "eviction", amount(f, f->below, below),
		       amount(f, f->total, total));
}

static void unreachable(const struct finding *f, const char *whose, char ret[FINDING_TEXT_MAX])
{
	char target[HUMAN_MAX], total[HUMAN_MAX];
	(void)snprintf(ret, FINDING_TEXT_MAX,
		       "%s: %s %s cannot be reached: %s would have to be available, the filesystem "
		       "has %s",
		       signal_of(f), whose,
		       f->gc ? "low threshold" : "eviction threshold and its minimum reclaim",
		       amount(f, f->below, target), amount(f, f->total, total));
}

static void never(const struct finding *f, char ret[FINDING_TEXT_MAX])
{
	(void)snprintf(ret, FINDING_TEXT_MAX, "%s: our eviction threshold is never met: %s",
		       signal_of(f),
		       f->gone ? "there is no such filesystem on this node" : "it is 0");
}

char *finding_text(const struct finding *f, char ret[FINDING_TEXT_MAX])
{
	static const char kubelets[] = "the kubelet's", ours[] = "our";
	ret[0] = '\0';
	switch (f->kind) {
	case FINDING_KUBELET_EVICTION_UNSET:
		unset(f, ret);
		break;
	case FINDING_KUBELET_ACTS_FIRST:
		acts_first(f, ret);
		break;
	case FINDING_KUBELET_ALWAYS_MET:
		always(f, kubelets, ret);
		break;
	case FINDING_KUBELET_TARGET_UNREACHABLE:
		unreachable(f, kubelets, ret);
		break;
	case FINDING_THRESHOLD_NEVER_MET:
		never(f, ret);
		break;
	case FINDING_THRESHOLD_ALWAYS_MET:
		always(f, ours, ret);
		break;
	default:
		unreachable(f, ours, ret);
		break;
	}
	return ret;
}
