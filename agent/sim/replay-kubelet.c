/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/eviction-kubelet.h"
#include "core/use.h"
#include "sim/kubelet.h"
#include "sim/replay.h"

/*
 * The kubelet on a scenario's node: its image garbage collection and, of eviction, what concerns
 * disks. Pods are not modelled: that one would be evicted is noted.
 */

#define IMAGE_GC_PERIOD	 (5 * USEC_PER_MINUTE)
#define DETECTION_PERIOD (5 * USEC_PER_MINUTE)
#define EVICTION_PERIOD	 (10 * USEC_PER_SEC)

#define NSEC_PER_USEC 1000

struct kubelet_model {
	struct replay *replay;
	struct kubelet_policy policy;
	struct kubelet kubelet;
	usec_t began;
	usec_t next_gc, next_detection, next_eviction;
	struct eviction_state eviction;
	bool evicting;
	/* of the last list */
	uint64_t image_changes;
	struct inventory *inventory;
	struct kubelet_image *images;
	struct image_use *use;
	struct kubelet_container *containers;
};

static int64_t nsec(usec_t t)
{
	int64_t ns;
	if (t == USEC_NEVER)
		return KUBELET_NEVER;
	if (__builtin_mul_overflow(t, NSEC_PER_USEC, &ns))
		return t < 0 ? INT64_MIN + 1 : INT64_MAX;
	return ns;
}

static int64_t now_nsec(const struct kubelet_model *m)
{
	return nsec(m->replay->node.now);
}

/* --- what the runtime and the disk say ------------------------------------------------------ */

static void forget_list(struct kubelet_model *m)
{
	m->inventory = inventory_free(m->inventory);
	free(m->images);
	free(m->use);
	free(m->containers);
	m->images = NULL;
	m->use = NULL;
	m->containers = NULL;
}

static void list_images(struct kubelet_model *m)
{
	forget_list(m);
	struct inventory *inv = m->inventory = node_inventory(&m->replay->node);
	m->image_changes = m->replay->node.image_changes;
	m->images = xcalloc(inv->n_images, sizeof(*m->images));
	m->use = xcalloc(inv->n_images, sizeof(*m->use));
	m->containers = xcalloc(inv->n_images, sizeof(*m->containers));
	for (size_t i = 0; i < inv->n_images; i++) {
		const struct image *image = &inv->images[i];
		m->images[i] = (struct kubelet_image){
			.id = image->id,
			.handler = "",
			.size = image->size_bytes,
			.pinned = image->pinned,
		};
	}
}

/* CRI tells the ID of a container's image: references are resolved as we do it. Sandboxes do not
 * count in the kubelet. */
static int model_list(void *ctx, struct kubelet_facts *ret)
{
	struct kubelet_model *m = ctx;
	if (!m->inventory || m->image_changes != m->replay->node.image_changes)
		list_images(m);
	node_use(&m->replay->node, m->use);
	*ret = (struct kubelet_facts){ .images = m->images,
				       .n_images = m->inventory->n_images,
				       .containers = m->containers };
	for (size_t i = 0; i < ret->n_images; i++)
		if (m->use[i].reason == KEEP_IN_USE || m->use[i].reason == KEEP_IMAGE_VOLUME)
			m->containers[ret->n_containers++] =
				(struct kubelet_container){ .image_id = m->images[i].id,
							    .handler = "" };
	return 0;
}

static int model_remove(void *ctx, const char *id, const char *reason)
{
	const struct kubelet_model *m = ctx;
	for (size_t i = 0; i < m->inventory->n_images; i++) {
		const struct image *image = &m->inventory->images[i];
		if (strcmp(image->id, id) != 0)
			continue;
		replay_remove(m->replay, image, reason);
		break;
	}
	return 0;
}

static int64_t clamped(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static int model_stats(void *ctx, int64_t *ret_capacity, int64_t *ret_available)
{
	const struct kubelet_model *m = ctx;
	struct space space;
	node_space(&m->replay->node, node_image_device(&m->replay->node), &space);
	*ret_capacity = clamped(space.size_bytes);
	*ret_available = clamped(space.avail_bytes);
	return 0;
}

static const struct kubelet_ops model_ops = {
	.list = model_list,
	.remove = model_remove,
	.stats = model_stats,
};

/* --- eviction ------------------------------------------------------------------------------- */

static bool has_role(const struct kubelet_model *m, enum fs_role role)
{
	return m->replay->scenario->device_of[role] >= 0;
}

static bool same_device(const struct kubelet_model *m, enum fs_role a, enum fs_role b)
{
	const int *device_of = m->replay->scenario->device_of;
	return !has_role(m, a) || !has_role(m, b) || device_of[a] == device_of[b];
}

/* Whether anything is below a threshold with its minimum reclaim. */
static bool any_is_met(const struct kubelet_model *m)
{
	const struct space *by_role[_ROLE_MAX];
	struct space spaces[_ROLE_MAX];
	replay_spaces(m->replay, spaces, by_role);
	return !eviction_satisfied(&m->replay->policy->eviction.thresholds, by_role);
}

/* The first threshold in force, or NULL. */
static const struct eviction_threshold *threshold_in_force(struct kubelet_model *m)
{
	const struct eviction_policy *policy = &m->replay->policy->eviction;
	const struct space *by_role[_ROLE_MAX];
	struct space spaces[_ROLE_MAX];
	struct eviction_verdict verdict;
	replay_spaces(m->replay, spaces, by_role);
	eviction_step(&m->eviction, policy, m->replay->node.now, by_role, &verdict);
	replay_report(m->replay, &verdict);
	for (size_t i = 0; i < policy->thresholds.n; i++) {
		const struct eviction_threshold *t = &policy->thresholds.items[i];
		if (m->eviction.tracks[t->signal][t->set_by].in_force)
			return t;
	}
	return NULL;
}

/* Exited containers; the pods of all are taken as ended. */
static void delete_containers(struct kubelet_model *m)
{
	const struct container_list *list = &m->replay->node.containers;
	for (size_t i = list->n_containers; i-- > 0;)
		if (list->containers[i].state == CONTAINER_EXITED)
			node_remove_container(&m->replay->node, list->containers[i].id);
}

/* Returns whether anything could be done about that filesystem at all. */
static bool node_level_reclaim(struct kubelet_model *m, enum fs_role role)
{
	bool dedicated = !same_device(m, ROLE_IMAGEFS, ROLE_NODEFS);
	struct eviction_layout layout = {
		.dedicated_imagefs = dedicated,
		.split = dedicated && !same_device(m, ROLE_IMAGEFS, ROLE_CONTAINERFS),
	};
	struct eviction_reclaim reclaim = eviction_reclaims(role, layout);
	if (reclaim.containers)
		delete_containers(m);
	if (reclaim.images)
		(void)kubelet_delete_unused(&m->kubelet, now_nsec(m));
	return reclaim.containers || reclaim.images;
}

static void eviction_pass(struct kubelet_model *m)
{
	const struct eviction_threshold *t = threshold_in_force(m);
	bool evicts =
		t && (!node_level_reclaim(m, eviction_signal_role(t->signal)) || any_is_met(m));
	/* It goes on, a pod every ten seconds. */
	if (evicts && !m->evicting)
		replay_note(m->replay, REPLAY_EVICTION, eviction_signal_to_string(t->signal));
	m->evicting = evicts;
}

/* --- periods -------------------------------------------------------------------------------- */

static void image_gc(struct kubelet_model *m)
{
	(void)kubelet_garbage_collect(&m->kubelet, now_nsec(m), nsec(m->began));
	if (*m->kubelet.event)
		replay_note(m->replay, REPLAY_PASS, "FreeDiskSpaceFailed");
}

static void start(struct kubelet_model *m, usec_t began)
{
	usec_t now = m->replay->node.now;
	/* image_gc_manager: at 100 the loop is not started, unless there is a maximum age */
	bool collects = m->policy.high_percent < 100 || m->policy.maximum_age > 0;
	kubelet_forget(&m->kubelet);
	m->began = began;
	m->next_gc = collects ? now : USEC_INFINITY;
	m->next_detection = m->next_eviction = now;
	m->evicting = false;
	m->eviction = (struct eviction_state){ 0 };
}

/* A kubelet that has been there as long as what the scenario knows. */
static void start_with_history(struct kubelet_model *m)
{
	const struct scenario *s = m->replay->scenario;
	usec_t began = 0;
	for (size_t i = 0; i < s->n_present; i++)
		if (s->images[i].first_seen < began)
			began = s->images[i].first_seen;
	start(m, began);
	(void)kubelet_detect(&m->kubelet, now_nsec(m), now_nsec(m));
	for (size_t i = 0; i < s->n_present; i++)
		kubelet_remember(&m->kubelet, s->images[i].image.id, nsec(s->images[i].first_seen),
				 nsec(s->images[i].last_used));
}

static void events(struct kubelet_model *m)
{
	const struct scenario_event *event;
	while ((event = replay_next_event(m->replay))) {
		if (event->kind == EVENT_GC)
			image_gc(m);
		else if (event->kind == EVENT_RESTART_AGENT)
			start(m, m->replay->node.now);
	}
}

static void turn(struct kubelet_model *m)
{
	usec_t now = m->replay->node.now;
	if (m->next_detection <= now) {
		/* a collection of the same moment begins with it */
		if (m->next_gc > now)
			(void)kubelet_detect(&m->kubelet, now_nsec(m), now_nsec(m));
		m->next_detection = now + DETECTION_PERIOD;
	}
	if (m->next_gc <= now) {
		image_gc(m);
		m->next_gc = now + IMAGE_GC_PERIOD;
	}
	if (m->next_eviction <= now) {
		eviction_pass(m);
		m->next_eviction = now + EVICTION_PERIOD;
	}
}

static usec_t earliest(const struct kubelet_model *m)
{
	usec_t at = replay_next_at(m->replay);
	if (m->next_detection < at)
		at = m->next_detection;
	if (m->next_gc < at)
		at = m->next_gc;
	return m->next_eviction < at ? m->next_eviction : at;
}

int replay_kubelet(struct replay *r, struct err *e)
{
	const struct image_gc_policy *gc = &r->policy->gc;
	struct kubelet_model m = {
		.replay = r,
		.policy = {
			.high_percent = gc->high_percent[RESOURCE_BYTES] > 100
						? 100
						: gc->high_percent[RESOURCE_BYTES],
			.low_percent = gc->low_percent[RESOURCE_BYTES],
			.minimum_age = nsec(gc->minimum_age),
			.maximum_age = nsec(gc->maximum_age),
		},
	};
	int rc = kubelet_config_check(&m.policy, e);
	if (rc < 0)
		return rc;
	m.kubelet = (struct kubelet){ .policy = &m.policy, .ops = &model_ops, .ctx = &m };
	start_with_history(&m);
	for (;;) {
		replay_advance(r, earliest(&m));
		events(&m);
		if (r->node.now >= r->end)
			break;
		turn(&m);
	}
	kubelet_forget(&m.kubelet);
	forget_list(&m);
	return 0;
}
