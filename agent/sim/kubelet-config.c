/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "sim/kubelet.h"
#include "util/human.h"

/* Of the order of checks, and of the words: pkg/kubelet/images/image_gc_manager.go. */
int kubelet_policy_check(const struct kubelet_policy *p, struct err *e)
{
	if (p->high_percent < 0 || p->high_percent > 100)
		return err_set(e, EINVAL,
			       "invalid HighThresholdPercent %" PRId64 ", must be in range [0-100]",
			       p->high_percent);
	if (p->low_percent < 0 || p->low_percent > 100)
		return err_set(e, EINVAL,
			       "invalid LowThresholdPercent %" PRId64 ", must be in range [0-100]",
			       p->low_percent);
	if (p->low_percent > p->high_percent)
		return err_set(e, EINVAL,
			       "LowThresholdPercent %" PRId64
			       " can not be higher than HighThresholdPercent %" PRId64,
			       p->low_percent, p->high_percent);
	return 0;
}

static char *go_duration(int64_t nsec, char buf[HUMAN_MAX])
{
	if (nsec > -1000 && nsec < 1000 && nsec != 0)
		(void)snprintf(buf, HUMAN_MAX, "%" PRId64 "ns", nsec);
	else
		(void)human_go_duration(nsec / 1000, buf);
	return buf;
}

static int check_percent(const char *what, int64_t percent, struct err *e)
{
	if (percent >= 0 && percent <= 100)
		return 0;
	return err_set(e, EINVAL,
		       "invalid configuration: %s %" PRId64 " must be between 0 and 100, inclusive",
		       what, percent);
}

static int check_ages(const struct kubelet_policy *p, struct err *e)
{
	char minimum[HUMAN_MAX], maximum[HUMAN_MAX];
	(void)go_duration(p->minimum_age, minimum);
	(void)go_duration(p->maximum_age, maximum);
	if (p->minimum_age < 0)
		return err_set(e, EINVAL,
			       "invalid configuration: imageMinimumGCAge %s must not be negative",
			       minimum);
	if (p->maximum_age < 0)
		return err_set(e, EINVAL,
			       "invalid configuration: imageMaximumGCAge %s must not be negative",
			       maximum);
	if (p->maximum_age > 0 && p->maximum_age <= p->minimum_age)
		return err_set(e, EINVAL,
			       "invalid configuration: imageMaximumGCAge %s must be greater than "
			       "imageMinimumGCAge %s",
			       maximum, minimum);
	return 0;
}

/* pkg/kubelet/apis/config/validation; the kubelet collects all errors, this is the first. */
int kubelet_config_check(const struct kubelet_policy *p, struct err *e)
{
	static const char high[] = "imageGCHighThresholdPercent (--image-gc-high-threshold)";
	static const char low[] = "imageGCLowThresholdPercent (--image-gc-low-threshold)";
	int r = check_percent(high, p->high_percent, e);
	if (r == 0)
		r = check_percent(low, p->low_percent, e);
	if (r == 0 && p->low_percent >= p->high_percent)
		r = err_set(e, EINVAL,
			    "invalid configuration: %s %" PRId64 " must be less than %s %" PRId64,
			    low, p->low_percent, high, p->high_percent);
	return r < 0 ? r : check_ages(p, e);
}
