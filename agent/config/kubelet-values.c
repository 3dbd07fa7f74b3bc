/* SPDX-License-Identifier: Apache-2.0 */
#include "config/kubelet-values.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "config/text.h"
#include "util/human.h"
#include "util/parse.h"

/* How much of a refused value a message repeats. */
#define SHOWN_MAX 80

struct number_rule {
	const char *name;   /* in files */
	const char *origin; /* of its flag; NULL: there is none */
	bool duration;
	bool zero_is_default; /* in files; a flag means what it says */
	int64_t default_value;
};

static const struct number_rule number_rules[_KUBELET_NUMBER_MAX] = {
	[KUBELET_GC_HIGH_PERCENT] = {
		.name = "imageGCHighThresholdPercent",
		.origin = "kubelet --image-gc-high-threshold",
		.default_value = 85,
	},
	[KUBELET_GC_LOW_PERCENT] = {
		.name = "imageGCLowThresholdPercent",
		.origin = "kubelet --image-gc-low-threshold",
		.default_value = 80,
	},
	[KUBELET_GC_MINIMUM_AGE] = {
		.name = "imageMinimumGCAge",
		.origin = "kubelet --minimum-image-ttl-duration",
		.duration = true,
		.zero_is_default = true,
		.default_value = 2 * USEC_PER_MINUTE,
	},
	[KUBELET_GC_MAXIMUM_AGE] = {
		.name = "imageMaximumGCAge",
		.duration = true,
	},
	[KUBELET_TRANSITION_PERIOD] = {
		.name = "evictionPressureTransitionPeriod",
		.origin = "kubelet --eviction-pressure-transition-period",
		.duration = true,
		.zero_is_default = true,
		.default_value = 5 * USEC_PER_MINUTE,
	},
};

struct map_rule {
	const char *name;
	const char *origin;
	char separator; /* in the flag's value */
	size_t offset;
};

static const struct map_rule map_rules[] = {
	{ "evictionHard", "kubelet --eviction-hard", '<',
	  offsetof(struct kubelet_config, eviction_hard) },
	{ "evictionSoft", "kubelet --eviction-soft", '<',
	  offsetof(struct kubelet_config, eviction_soft) },
	{ "evictionSoftGracePeriod", "kubelet --eviction-soft-grace-period", '=',
	  offsetof(struct kubelet_config, eviction_soft_grace_period) },
	{ "evictionMinimumReclaim", "kubelet --eviction-minimum-reclaim", '=',
	  offsetof(struct kubelet_config, eviction_minimum_reclaim) },
};

static const struct kubelet_pair default_hard[] = {
	{ "memory.available", "100Mi" }, { "nodefs.available", "10%" },
	{ "nodefs.inodesFree", "5%" },	 { "imagefs.available", "15%" },
	{ "imagefs.inodesFree", "5%" },
};

static const struct kubelet_flag flags[] = {
	{ "eviction-hard", true, 0 },
	{ "eviction-soft", true, 1 },
	{ "eviction-soft-grace-period", true, 2 },
	{ "eviction-minimum-reclaim", true, 3 },
	{ "image-gc-high-threshold", false, KUBELET_GC_HIGH_PERCENT },
	{ "image-gc-low-threshold", false, KUBELET_GC_LOW_PERCENT },
	{ "minimum-image-ttl-duration", false, KUBELET_GC_MINIMUM_AGE },
	{ "eviction-pressure-transition-period", false, KUBELET_TRANSITION_PERIOD },
};

/* --- maps ---------------------------------------------------------------------------------- */

static struct kubelet_map *map_of(struct kubelet_config *c, const struct map_rule *rule)
{
	return (struct kubelet_map *)((char *)c + rule->offset);
}

static struct kubelet_pair *find_pair(const struct kubelet_map *map, const char *signal)
{
	for (size_t i = 0; i < map->n_pairs; i++) {
		if (strcmp(map->pairs[i].signal, signal) == 0)
			return &map->pairs[i];
	}
	return NULL;
}

static void put_pair(struct kubelet_config *c, struct kubelet_map *map, const char *signal,
		     const char *value)
{
	struct kubelet_pair *pair = find_pair(map, signal);
	if (pair) {
		pair->value = arena_strdup(&c->arena, value);
		return;
	}
	if (map->n_pairs == map->n_allocated) {
		size_t n = map->n_allocated ? 2 * map->n_allocated : 8;
		struct kubelet_pair *pairs = arena_calloc(&c->arena, n, sizeof(*pairs));
		if (map->n_pairs)
			memcpy(pairs, map->pairs, map->n_pairs * sizeof(*pairs));
		map->pairs = pairs;
		map->n_allocated = n;
	}
	map->pairs[map->n_pairs++] = (struct kubelet_pair){
		.signal = arena_strdup(&c->arena, signal),
		.value = arena_strdup(&c->arena, value),
	};
}

static void remove_pair(struct kubelet_map *map, const char *signal)
{
	struct kubelet_pair *pair = find_pair(map, signal);
	if (!pair)
		return;
	size_t behind = (size_t)(map->pairs + map->n_pairs - (pair + 1));
	memmove(pair, pair + 1, behind * sizeof(*pair));
	map->n_pairs--;
}

static void fill_in_defaults(struct kubelet_config *c)
{
	for (size_t i = 0; i < ELEMENTS(default_hard); i++) {
		if (!find_pair(&c->eviction_hard, default_hard[i].signal))
			put_pair(c, &c->eviction_hard, default_hard[i].signal,
				 default_hard[i].value);
	}
}

/* Signals and values end in logs and on pages. */
static bool is_clean(const char *text)
{
	return text_valid(text, strlen(text));
}

/* One member of a map in a file. In a drop-in null takes the signal away. */
static int take_member(struct kubelet_config *c, struct kubelet_map *map, const cJSON *item,
		       bool dropin, struct err *e)
{
	if (!is_clean(item->string))
		return err_set(e, EINVAL, "a signal has control characters in its name");
	if (dropin && cJSON_IsNull(item)) {
		remove_pair(map, item->string);
		return 0;
	}
	if (!cJSON_IsString(item))
		return err_set(e, EINVAL, "%.*s: expected a string, such as \"10%%\" or \"5Gi\"",
			       (int)text_cut(item->string, SHOWN_MAX), item->string);
	if (!is_clean(item->valuestring))
		return err_set(e, EINVAL, "%.*s: control characters in the value",
			       (int)text_cut(item->string, SHOWN_MAX), item->string);
	put_pair(c, map, item->string, item->valuestring);
	return 0;
}

static int take_map(struct kubelet_config *c, const struct map_rule *rule, const cJSON *item,
		    bool dropin, struct err *e)
{
	struct kubelet_map *map = map_of(c, rule);
	if (cJSON_IsNull(item)) {
		map->n_pairs = 0;
		return 0;
	}
	if (!cJSON_IsObject(item))
		return err_set(e, EINVAL, "expected signals with their values");
	for (const cJSON *child = item->child; child; child = child->next) {
		int r = take_member(c, map, child, dropin, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- numbers ------------------------------------------------------------------------------- */

static int parse_number(const struct number_rule *rule, const char *text, int64_t *ret,
			struct err *e)
{
	int r = rule->duration ? parse_duration(text, ret) : parse_i64(text, ret);
	if (r == 0 && (rule->duration || (*ret >= INT32_MIN && *ret <= INT32_MAX)))
		return 0;
	return err_set(e, EINVAL, "expected %s, got \"%.*s\"",
		       rule->duration ? "a duration such as 2m or 1h30m" : "a whole number",
		       (int)text_cut(text, SHOWN_MAX), text);
}

static int take_number(struct kubelet_config *c, int index, const cJSON *item, struct err *e)
{
	const struct number_rule *rule = &number_rules[index];
	int64_t value = 0;
	int r = 0;
	if (cJSON_IsNull(item)) {
		value = rule->default_value;
	} else if (rule->duration) {
		if (!cJSON_IsString(item))
			return err_set(e, EINVAL, "expected a duration such as 2m or 1h30m");
		r = parse_number(rule, item->valuestring, &value, e);
	} else {
		double d = cJSON_IsNumber(item) ? item->valuedouble : 0.5;
		if (!(d >= INT32_MIN && d <= INT32_MAX) || d != (double)(int64_t)d)
			return err_set(e, EINVAL, "expected a whole number");
		value = (int64_t)d;
	}
	if (r < 0)
		return r;
	c->numbers[index] = value == 0 && rule->zero_is_default ? rule->default_value : value;
	return 0;
}

/* --- files --------------------------------------------------------------------------------- */

static int take_all(struct kubelet_config *c, const cJSON *object, const char *origin, bool dropin,
		    struct err *e)
{
	for (int i = 0; i < _KUBELET_NUMBER_MAX; i++) {
		const char *name = number_rules[i].name;
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
		int r = item ? take_number(c, i, item, e) : 0;
		if (r < 0)
			return err_prefix(e, "%s: %s: ", origin, name);
		if (item)
			c->origins[i] = origin;
	}
	for (size_t i = 0; i < ELEMENTS(map_rules); i++) {
		const char *name = map_rules[i].name;
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
		int r = item ? take_map(c, &map_rules[i], item, dropin, e) : 0;
		if (r < 0)
			return err_prefix(e, "%s: %s: ", origin, name);
		if (item)
			map_of(c, &map_rules[i])->origin = origin;
	}
	return 0;
}

int kubelet_values_file(struct kubelet_config *c, const cJSON *object, const char *origin,
			struct err *e)
{
	int r = take_all(c, object, origin, false, e);
	if (r < 0)
		return r;
	const cJSON *hard = cJSON_GetObjectItemCaseSensitive(object, "evictionHard");
	const cJSON *merge =
		cJSON_GetObjectItemCaseSensitive(object, "mergeDefaultEvictionSettings");
	if (merge && !cJSON_IsNull(merge) && !cJSON_IsBool(merge))
		return err_set(e, EINVAL,
			       "%s: mergeDefaultEvictionSettings: expected true or false", origin);
	if (!hard || cJSON_IsNull(hard) || cJSON_IsTrue(merge))
		fill_in_defaults(c);
	return 0;
}

int kubelet_values_dropin(struct kubelet_config *c, const cJSON *object, const char *origin,
			  struct err *e)
{
	return take_all(c, object, origin, true, e);
}

/* --- flags --------------------------------------------------------------------------------- */

const struct kubelet_flag *kubelet_values_find_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < ELEMENTS(flags); i++) {
		const char *flag = flags[i].name;
		size_t same = 0;
		while (same < len && flag[same] &&
		       (name[same] == flag[same] || (name[same] == '_' && flag[same] == '-')))
			same++;
		if (same == len && !flag[same])
			return &flags[i];
	}
	return NULL;
}

static void trim(char **s)
{
	*s += strspn(*s, " \t\r\n");
	size_t len = strlen(*s);
	while (len > 0 && strchr(" \t\r\n", (*s)[len - 1]))
		len--;
	(*s)[len] = '\0';
}

static int take_map_flag(struct kubelet_config *c, const struct map_rule *rule, const char *value,
			 struct err *e)
{
	cleanup_free char *copy = xstrdup(value);
	char *rest = copy;
	for (char *item; (item = strsep(&rest, ","));) {
		if (!*item)
			continue;
		char *text = strchr(item, rule->separator);
		if (!text)
			return err_set(e, EINVAL, "expected SIGNAL%cVALUE, got \"%.*s\"",
				       rule->separator, (int)text_cut(item, SHOWN_MAX), item);
		*text++ = '\0';
		trim(&item);
		trim(&text);
		put_pair(c, map_of(c, rule), item, text);
	}
	return 0;
}

int kubelet_values_flag(struct kubelet_config *c, const struct kubelet_flag *flag,
			const char *value, bool first, struct err *e)
{
	int r;
	const char *origin =
		flag->is_map ? map_rules[flag->index].origin : number_rules[flag->index].origin;
	if (!is_clean(value)) {
		r = err_set(e, EINVAL, "expected UTF-8 text without control characters");
	} else if (flag->is_map) {
		const struct map_rule *rule = &map_rules[flag->index];
		struct kubelet_map *map = map_of(c, rule);
		if (first)
			map->n_pairs = 0;
		map->origin = origin;
		r = take_map_flag(c, rule, value, e);
	} else {
		c->origins[flag->index] = origin;
		r = parse_number(&number_rules[flag->index], value, &c->numbers[flag->index], e);
	}
	if (r < 0)
		(void)err_prefix(e, "%s: ", origin);
	return r;
}

/* --- as a whole ---------------------------------------------------------------------------- */

struct kubelet_config *kubelet_values_new(void)
{
	struct kubelet_config *c = xnew(struct kubelet_config);
	for (int i = 0; i < _KUBELET_NUMBER_MAX; i++)
		c->numbers[i] = number_rules[i].default_value;
	return c;
}

static const char *origin_of(const struct kubelet_config *c, enum kubelet_number a,
			     enum kubelet_number b)
{
	if (c->origins[a])
		return c->origins[a];
	return c->origins[b] ? c->origins[b] : "the kubelet's defaults";
}

static int check_percent(const struct kubelet_config *c, enum kubelet_number index, struct err *e)
{
	int64_t percent = c->numbers[index];
	if (percent >= 0 && percent <= 100)
		return 0;
	return err_set(e, EINVAL, "%s: %s %" PRId64 " must be between 0 and 100, inclusive",
		       origin_of(c, index, index), number_rules[index].name, percent);
}

static int check_duration(const struct kubelet_config *c, enum kubelet_number index, struct err *e)
{
	char text[HUMAN_MAX];
	if (c->numbers[index] >= 0)
		return 0;
	return err_set(e, EINVAL, "%s: %s %s must not be negative", origin_of(c, index, index),
		       number_rules[index].name, human_go_duration(c->numbers[index], text));
}

int kubelet_values_check(const struct kubelet_config *c, struct err *e)
{
	int64_t high = c->numbers[KUBELET_GC_HIGH_PERCENT];
	int64_t low = c->numbers[KUBELET_GC_LOW_PERCENT];
	usec_t minimum = c->numbers[KUBELET_GC_MINIMUM_AGE];
	usec_t maximum = c->numbers[KUBELET_GC_MAXIMUM_AGE];
	int r = check_percent(c, KUBELET_GC_HIGH_PERCENT, e);
	if (r == 0)
		r = check_percent(c, KUBELET_GC_LOW_PERCENT, e);
	if (r == 0 && low >= high)
		return err_set(e, EINVAL,
			       "%s: imageGCLowThresholdPercent %" PRId64
			       " must be less than imageGCHighThresholdPercent %" PRId64,
			       origin_of(c, KUBELET_GC_LOW_PERCENT, KUBELET_GC_HIGH_PERCENT), low,
			       high);
	for (int i = KUBELET_GC_MINIMUM_AGE; r == 0 && i < _KUBELET_NUMBER_MAX; i++)
		r = check_duration(c, i, e);
	if (r == 0 && maximum > 0 && maximum <= minimum) {
		char a[HUMAN_MAX], b[HUMAN_MAX];
		return err_set(e, EINVAL,
			       "%s: imageMaximumGCAge %s must be greater than imageMinimumGCAge %s",
			       origin_of(c, KUBELET_GC_MAXIMUM_AGE, KUBELET_GC_MINIMUM_AGE),
			       human_go_duration(maximum, a), human_go_duration(minimum, b));
	}
	return r;
}
