/* SPDX-License-Identifier: Apache-2.0 */
#include "config/kubelet-config.h"

#include <errno.h>
#include <string.h>

#include "config/kubelet-args.h"
#include "config/kubelet-files.h"
#include "config/kubelet-k3s.h"
#include "config/kubelet-values.h"
#include "config/text.h"
#include "util/json-read.h"
#include "util/limits.h"

/* Where a kubelet's configuration is. */
struct found {
	const char *file;    /* NULL: none, as opposed to an empty one */
	const char *dropins; /* directory; NULL: none */
	struct kubelet_args args;
	pid_t pid;
};

struct kubelet_config *kubelet_config_free(struct kubelet_config *c)
{
	if (c)
		arena_done(&c->arena);
	free(c);
	return NULL;
}

/* --- putting it together ------------------------------------------------------------------- */

/* Returns the name that origins refer to. */
static const char *add_file(struct kubelet_config *c, const char *path)
{
	/* Room for the configuration, its arguments and all drop-ins, those of k3s too. */
	if (!c->files)
		c->files = arena_calloc(&c->arena, 2 * N_MAX_DROPINS + 4, sizeof(*c->files));
	c->files[c->n_files] = arena_strdup(&c->arena, path);
	return c->files[c->n_files++];
}

/* A file that is named and is not there is not "no kubelet". */
static int not_enoent(int r, struct err *e)
{
	if (r != -ENOENT)
		return r;
	if (e)
		e->code = EINVAL;
	return -EINVAL;
}

static int load_file(struct kubelet_config *c, const char *root, const char *path, struct err *e)
{
	cleanup_json cJSON *object = NULL;
	int r = kubelet_file_parse(root, path, &object, e);
	if (r < 0)
		return not_enoent(r, e);
	return kubelet_values_file(c, object, add_file(c, path), e);
}

static int load_dropins(struct kubelet_config *c, const char *root, const char *directory,
			struct err *e)
{
	cleanup_kubelet_paths struct kubelet_paths list = { 0 };
	int r = kubelet_dropins_list(root, directory, &list, e);
	for (size_t i = 0; r == 0 && i < list.n_paths; i++) {
		cleanup_json cJSON *object = NULL;
		r = kubelet_file_parse(root, list.paths[i], &object, e);
		if (r == 0)
			r = kubelet_values_dropin(c, object, add_file(c, list.paths[i]), e);
	}
	return not_enoent(r, e);
}

static int load_found(const struct found *found, const char *root, struct kubelet_config *c,
		      struct err *e)
{
	int r = found->file ? load_file(c, root, found->file, e) : 0;
	if (r == 0 && found->dropins)
		r = load_dropins(c, root, found->dropins, e);
	if (r == 0)
		r = kubelet_args_apply(&found->args, c, e);
	const char *directory = kubelet_args_get(&found->args, "root-dir");
	if (directory && text_valid(directory, strlen(directory)))
		c->root_directory = arena_strdup(&c->arena, directory);
	c->pid = found->pid;
	return r < 0 ? r : kubelet_values_check(c, e);
}

/* --- finding it ---------------------------------------------------------------------------- */

enum place_type {
	PLACE_FILE,
	PLACE_OTHERS_TOO, /* a file, but other programs have theirs there */
	PLACE_K3S,	  /* path is its name */
	PLACE_ARGS,
};

static const struct place {
	enum place_type type;
	const char *path;
	const char *dropins; /* that go with a file, if they are there */
} places[] = {
	{ PLACE_FILE, "/var/lib/kubelet/config.yaml", NULL }, /* kubeadm */
	{ PLACE_FILE, "/etc/kubernetes/kubelet/config.json",  /* EKS */
	  "/etc/kubernetes/kubelet/config.json.d" },
	{ PLACE_FILE, "/etc/kubernetes/kubelet/kubelet-config.json", NULL }, /* EKS, older */
	/* OpenShift; with kubeadm this is a kubeconfig. */
	{ PLACE_OTHERS_TOO, "/etc/kubernetes/kubelet.conf", NULL },
	{ PLACE_FILE, "/home/kubernetes/kubelet-config.yaml", NULL }, /* GKE */
	{ PLACE_K3S, "k3s", NULL },
	{ PLACE_K3S, "rke2", NULL },
	{ PLACE_ARGS, "/var/snap/microk8s/current/args/kubelet", NULL },
};

static bool is_there(const struct place *place, const char *root)
{
	if (place->type == PLACE_K3S)
		return kubelet_k3s_is_there(root, place->path);
	if (!kubelet_file_exists(root, place->path))
		return false;
	return place->type != PLACE_OTHERS_TOO || kubelet_file_is_configuration(root, place->path);
}

static void take_paths(struct found *found)
{
	found->file = kubelet_args_get(&found->args, "config");
	found->dropins = kubelet_args_get(&found->args, "config-dir");
}

static int load_k3s(const char *product, const char *root, struct kubelet_config *c, struct err *e)
{
	cleanup_kubelet_k3s struct kubelet_k3s k = { 0 };
	int r = kubelet_k3s_read(root, product, &k, e);
	if (r < 0)
		return not_enoent(r, e);
	struct found found = { .args = k.args, .pid = k.pid };
	for (size_t i = 0; i < k.files.n_paths; i++)
		(void)add_file(c, k.files.paths[i]);
	/* what the arguments name, it has copied to its drop-ins */
	if (k.dropins)
		found.dropins = k.dropins;
	else
		take_paths(&found);
	return load_found(&found, root, c, e);
}

static int load_place(const struct place *place, const char *root, struct kubelet_config *c,
		      struct err *e)
{
	struct found found = { 0 };
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_CONFIG_FILE);
	int r = 0;
	if (place->type == PLACE_K3S)
		return load_k3s(place->path, root, c, e);
	if (place->type == PLACE_ARGS) {
		r = kubelet_file_read(root, place->path, &text, e);
		if (r == 0)
			r = kubelet_args_of_text(place->path, buf_string(&text), &found.args, e);
		(void)add_file(c, place->path);
		take_paths(&found);
	} else {
		found.file = place->path;
		if (place->dropins && kubelet_file_exists(root, place->dropins))
			found.dropins = place->dropins;
	}
	if (r == 0)
		r = load_found(&found, root, c, e);
	kubelet_args_done(&found.args);
	return not_enoent(r, e);
}

static int load_auto(const char *root, struct kubelet_config *c, struct err *e)
{
	static const char *const names[] = { "kubelet", NULL };
	struct found running = { 0 };
	running.pid = kubelet_args_of_process(root, names, &running.args);
	if (running.pid) {
		take_paths(&running);
		int r = load_found(&running, root, c, e);
		kubelet_args_done(&running.args);
		return r;
	}
	if (kubelet_k3s_is_running(root))
		return load_k3s("k3s", root, c, e);
	for (size_t i = 0; i < ELEMENTS(places); i++) {
		if (is_there(&places[i], root))
			return load_place(&places[i], root, c, e);
	}
	return err_set(e, ENOENT, "no kubelet on this node");
}

static int load_named(const char *path, const char *root, struct kubelet_config *c, struct err *e)
{
	bool directory = kubelet_file_is_directory(root, path);
	struct found found = {
		.file = directory ? NULL : path,
		.dropins = directory ? path : NULL,
	};
	return load_found(&found, root, c, e);
}

int kubelet_config_load(const struct kubelet_source *source, struct kubelet_config **ret,
			struct err *e)
{
	struct err ignored = { 0 };
	int r;
	if (!e)
		e = &ignored;
	cleanup_kubelet_config struct kubelet_config *c = kubelet_values_new();
	if (strcmp(source->setting, "no") == 0)
		r = err_set(e, ENOENT, "the kubelet's configuration is not looked for");
	else if (strcmp(source->setting, "auto") == 0)
		r = load_auto(source->root, c, e);
	else
		r = load_named(source->setting, source->root, c, e);
	if (r == 0)
		*ret = take_ptr(c);
	return r;
}
