/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim-policy.h"

#include "config/keys.h"
#include <string.h>

#include "config/keys.h"
#include "config/loader.h"
#include "core/eviction-parse.h"
#include "util/limits.h"

const char *sim_actor_to_string(enum sim_actor actor)
{
	static const char *const names[_ACTOR_MAX] = { "agent", "kubelet" };
	return names[actor];
}

/* --- eviction ------------------------------------------------------------------------------ */

enum eviction_text {
	TEXT_HARD,
	TEXT_SOFT,
	TEXT_SOFT_GRACE_PERIOD,
	TEXT_MINIMUM_RECLAIM,
	TEXT_TRANSITION_PERIOD, /* of a condition, which a replay does not have */
	_TEXT_MAX,
};

static const char *const eviction_keys[_TEXT_MAX] = {
	[TEXT_HARD] = "evictionHard",
	[TEXT_SOFT] = "evictionSoft",
	[TEXT_SOFT_GRACE_PERIOD] = "evictionSoftGracePeriod",
	[TEXT_MINIMUM_RECLAIM] = "evictionMinimumReclaim",
	[TEXT_TRANSITION_PERIOD] = "evictionPressureTransitionPeriod",
};

static bool is_eviction_key(const char *name)
{
	for (int i = 0; i < _TEXT_MAX; i++)
		if (strcmp(eviction_keys[i], name) == 0)
			return true;
	return false;
}

/* What a key is set to: in the configuration where that has it, else in the scenario. */
static void print_eviction_text(const struct config *config, const struct scenario *s,
				const char *name, const char *otherwise, struct buf *out)
{
	const struct config_key *key = config_key_find("eviction", name);
	if (key) {
		config_key_print(key, config, out);
		return;
	}
	for (size_t i = 0; s && i < s->n_settings; i++)
		if (strcmp(s->settings[i].key, name) == 0)
			otherwise = s->settings[i].value;
	(void)buf_puts(out, otherwise);
}

static void keep_disks(struct eviction_thresholds *thresholds)
{
	size_t n = 0;
	for (size_t i = 0; i < thresholds->n; i++)
		if (eviction_signal_is_disk(thresholds->items[i].signal))
			thresholds->items[n++] = thresholds->items[i];
	thresholds->n = n;
}

static int load_eviction(const struct config *config, const struct scenario *s,
			 enum sim_actor actor, struct eviction_thresholds *ret, struct err *e)
{
	struct buf texts[TEXT_TRANSITION_PERIOD];
	for (int i = 0; i < TEXT_TRANSITION_PERIOD; i++) {
		texts[i] = BUF_INIT(BUF_MAX_CONFIG_FILE);
		print_eviction_text(config, s, eviction_keys[i],
				    i == TEXT_HARD ? EVICTION_DEFAULT_HARD : "", &texts[i]);
	}
	struct eviction_texts all = {
		.hard = buf_string(&texts[TEXT_HARD]),
		.soft = buf_string(&texts[TEXT_SOFT]),
		.soft_grace_period = buf_string(&texts[TEXT_SOFT_GRACE_PERIOD]),
		.minimum_reclaim = buf_string(&texts[TEXT_MINIMUM_RECLAIM]),
	};
	int r = eviction_parse_texts(
		&all, actor == ACTOR_KUBELET ? EVICTION_KUBELET : EVICTION_OURS, ret, e);
	for (int i = 0; i < TEXT_TRANSITION_PERIOD; i++)
		buf_done(&texts[i]);
	if (r == 0)
		keep_disks(ret);
	return r;
}

/* --- the whole ----------------------------------------------------------------------------- */

int sim_policy_from_config(const struct config *config, const struct scenario *s,
			   enum sim_actor actor, struct sim_policy *ret, struct err *e)
{
	*ret = (struct sim_policy){
		.gc = config_image_gc_policy(config),
		.cadence = { config->sample_interval_min, config->sample_interval_max },
	};
	return load_eviction(config, s, actor, &ret->eviction, e);
}

static int base_config(const struct cli_options *o, enum sim_actor actor, struct config **ret,
		       struct err *e)
{
	if (o->source.file) {
		struct config_source source = { .file = o->source.file };
		return config_load(&source, ret, e);
	}
	*ret = config_defaults();
	if (actor == ACTOR_KUBELET) {
		(*ret)->image_gc_high_percent[RESOURCE_BYTES] = SIM_KUBELET_HIGH_PERCENT;
		(*ret)->image_gc_low_percent[RESOURCE_BYTES] = SIM_KUBELET_LOW_PERCENT;
	}
	return 0;
}

static int apply(const struct cli_options *o, const struct scenario *s, const char *file,
		 struct loader *l, struct err *e)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->n_settings; i++) {
		if (is_eviction_key(s->settings[i].key) &&
		    !config_key_find("eviction", s->settings[i].key))
			continue;
		cleanup_buf struct buf where = BUF_INIT(BUF_MAX_CONFIG_FILE);
		(void)buf_printf(&where, "%s: policy.%.80s", file, s->settings[i].key);
		r = loader_set(l, s->settings[i].key, s->settings[i].value, buf_string(&where), e);
	}
	for (size_t i = 0; r == 0 && i < o->source.n_overrides; i++)
		r = loader_override(l, o->source.overrides[i], e);
	return r < 0 ? r : loader_validate(l, e);
}

int sim_policy_load(const struct cli_options *o, const struct scenario *s, const char *file,
		    enum sim_actor actor, struct config **ret_config, struct sim_policy *ret,
		    struct err *e)
{
	cleanup_config struct config *config = NULL;
	int r = base_config(o, actor, &config, e);
	if (r < 0)
		return r;
	cleanup_loader struct loader l = loader_for(config);
	r = apply(o, s, file, &l, e);
	if (r < 0)
		return r;
	r = sim_policy_from_config(config, s, actor, ret, e);
	if (r < 0)
		return err_prefix(e, "%s: policy: ", file);
	/* No runtime is told of: what has no digest may have been written by hand. */
	if (config->keep_unrecoverable == TRISTATE_AUTO)
		ret->gc.keep_unrecoverable = false;
	*ret_config = take_ptr(config);
	return 0;
}

int sim_replay(struct replay *r, enum sim_actor actor, struct err *e)
{
	if (actor == ACTOR_KUBELET)
		return replay_kubelet(r, e);
	replay_agent(r);
	return 0;
}
