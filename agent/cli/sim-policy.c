/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim-policy.h"

#include "config/keys.h"
#include "config/loader.h"
#include "util/limits.h"

const char *sim_actor_to_string(enum sim_actor actor)
{
	static const char *const names[_ACTOR_MAX] = { "agent", "kubelet" };
	return names[actor];
}

void sim_policy_from_config(const struct config *config, struct sim_policy *ret)
{
	*ret = (struct sim_policy){
		.gc = config_image_gc_policy(config),
		.cadence = { config->sample_interval_min, config->sample_interval_max },
	};
	sim_default_thresholds(ret);
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
	sim_policy_from_config(config, ret);
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
