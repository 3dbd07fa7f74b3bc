/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim-policy.h"

#include "config/eviction-texts.h"
#include "config/loader.h"
#include "core/eviction-parse.h"
#include "util/limits.h"

const char *sim_actor_to_string(enum sim_actor actor)
{
	static const char *const names[_ACTOR_MAX] = { "agent", "kubelet" };
	return names[actor];
}

/* --- eviction ------------------------------------------------------------------------------ */

void sim_policy_keep_disks(struct eviction_thresholds *thresholds)
{
	size_t n = 0;
	for (size_t i = 0; i < thresholds->n; i++)
		if (eviction_signal_is_disk(thresholds->items[i].signal))
			thresholds->items[n++] = thresholds->items[i];
	thresholds->n = n;
}

/* The kubelet by its own grammar, which takes more than ours. */
static int load_eviction(const struct config *config, enum sim_actor actor,
			 struct eviction_policy *ret, struct err *e)
{
	*ret = config->eviction;
	if (actor == ACTOR_AGENT)
		return 0;
	int r = eviction_texts_parse(config, EVICTION_KUBELET, &ret->thresholds, e);
	if (r == 0)
		sim_policy_keep_disks(&ret->thresholds);
	return r;
}

/* --- the whole ----------------------------------------------------------------------------- */

int sim_policy_from_config(const struct config *config, enum sim_actor actor,
			   struct sim_policy *ret, struct err *e)
{
	*ret = (struct sim_policy){
		.gc = config_image_gc_policy(config),
		.cadence = { config->sample_interval_min, config->sample_interval_max },
	};
	return load_eviction(config, actor, &ret->eviction, e);
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
		 enum sim_actor actor, struct loader *l, struct err *e)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->n_settings; i++) {
		cleanup_buf struct buf where = BUF_INIT(BUF_MAX_CONFIG_FILE);
		(void)buf_printf(&where, "%s: policy.%.80s", file, s->settings[i].key);
		r = loader_set(l, s->settings[i].key, s->settings[i].value, buf_string(&where), e);
	}
	for (size_t i = 0; r == 0 && i < o->source.n_overrides; i++)
		r = loader_override(l, o->source.overrides[i], e);
	if (r == 0)
		r = loader_validate(l, e);
	return r < 0 || actor == ACTOR_KUBELET ? r : loader_validate_eviction(l, e);
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
	r = apply(o, s, file, actor, &l, e);
	if (r < 0)
		return r;
	r = sim_policy_from_config(config, actor, ret, e);
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
