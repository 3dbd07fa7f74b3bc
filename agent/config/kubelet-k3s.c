/* SPDX-License-Identifier: Apache-2.0 */
#include "config/kubelet-k3s.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/limits.h"
#include "util/yaml-read.h"

/* What k3s gives the kubelet on its command line where it does not write drop-ins yet. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "eviction-hard", "imagefs.available<5%,nodefs.available<5%" },
	{ "eviction-minimum-reclaim", "imagefs.available=10%,nodefs.available=10%" },
};

static const char *const process_names[] = { "k3s-server", "k3s-agent", NULL };

/* Of the command line and the configuration files, what is of interest here. */
struct options {
	struct kubelet_args kubelet; /* values of kubelet-arg */
	char *data_dir, *config;     /* NULL: not given */
};

static void options_done(struct options *o)
{
	kubelet_args_done(&o->kubelet);
	free(o->data_dir);
	free(o->config);
}
#define cleanup_options __attribute__((__cleanup__(options_done)))

static void set(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

void kubelet_k3s_done(struct kubelet_k3s *k)
{
	free(k->dropins);
	kubelet_args_done(&k->args);
	kubelet_paths_done(&k->files);
	*k = (struct kubelet_k3s){ 0 };
}

/* --- the command line ---------------------------------------------------------------------- */

static bool is_named(const char *name, size_t len, const char *wanted)
{
	return len == strlen(wanted) && strncmp(name, wanted, len) == 0;
}

/* There are no more arguments in o than on the command line, which has a limit. */
static void take_option(struct options *o, const char *name, size_t len, const char *value)
{
	if (is_named(name, len, "kubelet-arg"))
		(void)!kubelet_args_add(&o->kubelet, value);
	else if (is_named(name, len, "data-dir") || is_named(name, len, "d"))
		set(&o->data_dir, value);
	else if (is_named(name, len, "config") || is_named(name, len, "c"))
		set(&o->config, value);
}

/* Options have one dash or two; what none of ours takes is stepped over as if it had no value. */
static void take_options(struct options *o, const struct kubelet_args *a)
{
	for (size_t i = 0; i < a->n_args; i++) {
		const char *name = a->args[i] + strspn(a->args[i], "-");
		size_t len = strcspn(name, "=");
		if (name == a->args[i] || len == 0)
			continue;
		if (name[len])
			take_option(o, name, len, name + len + 1);
		else if (i + 1 < a->n_args && a->args[i + 1][0] != '-')
			take_option(o, name, len, a->args[i + 1]);
	}
}

static bool has_options(const struct kubelet_args *a)
{
	for (size_t i = 0; i < a->n_args; i++)
		if (a->args[i][0] == '-')
			return true;
	return false;
}

/* --- the systemd unit ---------------------------------------------------------------------- */

/* The last ExecStart= of a unit, its lines joined and "%%" made "%"; "" when there is none. */
static void exec_start(const char *unit, struct buf *ret)
{
	static const char key[] = "ExecStart=";
	const char *found = NULL;
	for (const char *line = unit; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, strlen(key)) == 0)
			found = line + strlen(key);
	}
	for (const char *s = found; s && *s && *s != '\n'; s++) {
		if (*s == '\\' && s[1] == '\n') {
			(void)buf_putc(ret, ' ');
			s++;
			continue;
		}
		s += *s == '%' && s[1] == '%';
		(void)buf_putc(ret, *s);
	}
}

static int args_of_unit(const char *root, const char *path, struct kubelet_args *ret, struct err *e)
{
	cleanup_buf struct buf unit = BUF_INIT(BUF_MAX_CONFIG_FILE);
	cleanup_buf struct buf line = BUF_INIT(BUF_MAX_CONFIG_FILE);
	int r = kubelet_file_read(root, path, &unit, e);
	if (r < 0)
		return r;
	exec_start(buf_string(&unit), &line);
	return kubelet_args_of_text(path, buf_string(&line), ret, e);
}

/* The command line, from the process or, where that hides it, from the unit. */
static int read_command_line(const char *root, const char *product, struct kubelet_k3s *k,
			     struct kubelet_args *ret, struct err *e)
{
	static const char *const units[] = { "/etc/systemd/system/k3s.service",
					     "/etc/systemd/system/k3s-agent.service" };
	if (strcmp(product, "k3s") != 0)
		return 0;
	k->pid = kubelet_args_of_process(root, process_names, ret);
	if (has_options(ret))
		return 0;
	for (size_t i = 0; i < ELEMENTS(units); i++) {
		if (!kubelet_file_exists(root, units[i]))
			continue;
		kubelet_paths_add(&k->files, units[i]);
		return args_of_unit(root, units[i], ret, e);
	}
	return 0;
}

/* --- the configuration files --------------------------------------------------------------- */

static int wrong(const char *path, const char *key, const char *what, struct err *e)
{
	return err_set(e, EINVAL, "%s: %s: expected %s", path, key, what);
}

/* A text, or a list of them. */
static int take_kubelet_args(const cJSON *value, const char *path, struct options *o, struct err *e)
{
	int r = 0;
	for (const cJSON *item = cJSON_IsArray(value) ? value->child : value; item && r == 0;
	     item = cJSON_IsArray(value) ? item->next : NULL) {
		if (!cJSON_IsString(item))
			return wrong(
				path, "kubelet-arg",
				"a list of texts such as \"eviction-hard=nodefs.available<5%\"", e);
		r = kubelet_args_add(&o->kubelet, item->valuestring);
	}
	return r < 0 ? err_set(e, EINVAL, "%s: more than the allowed %d arguments", path,
			       KUBELET_ARGS_MAX)
		     : 0;
}

/* A later file's key replaces an earlier one's; with a "+" behind its name it adds to it. */
static int take_file(const cJSON *object, const char *path, struct options *o, struct err *e)
{
	const cJSON *more = cJSON_GetObjectItemCaseSensitive(object, "kubelet-arg+");
	const cJSON *args = cJSON_GetObjectItemCaseSensitive(object, "kubelet-arg");
	const cJSON *data_dir = cJSON_GetObjectItemCaseSensitive(object, "data-dir");
	int r = 0;
	if (args) {
		kubelet_args_done(&o->kubelet);
		r = take_kubelet_args(args, path, o, e);
	}
	if (r == 0 && more)
		r = take_kubelet_args(more, path, o, e);
	if (r == 0 && data_dir && !cJSON_IsString(data_dir))
		r = wrong(path, "data-dir", "a path", e);
	if (r == 0 && data_dir)
		set(&o->data_dir, data_dir->valuestring);
	return r;
}

static int read_file(const char *root, const char *path, struct options *o, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_CONFIG_FILE);
	cleanup_json cJSON *object = NULL;
	int r = kubelet_file_read(root, path, &text, e);
	if (r < 0)
		return r;
	r = yaml_parse(path, buf_string(&text), text.len, &object, e);
	if (r < 0) {
		e->code = EINVAL;
		return -EINVAL;
	}
	/* one without content is null */
	return cJSON_IsObject(object) ? take_file(object, path, o, e) : 0;
}

static bool is_yaml(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* config.yaml, if it is there, and what is in config.yaml.d. */
static int read_config(const char *root, const char *path, struct kubelet_k3s *k, struct options *o,
		       struct err *e)
{
	cleanup_buf struct buf directory = BUF_INIT(BUF_MAX_CONFIG_FILE);
	cleanup_kubelet_paths struct kubelet_paths list = { 0 };
	(void)buf_printf(&directory, "%s.d", path);
	int r = 0;
	if (kubelet_file_exists(root, path)) {
		kubelet_paths_add(&k->files, path);
		r = read_file(root, path, o, e);
	}
	if (r == 0 && kubelet_file_is_directory(root, buf_string(&directory)))
		r = kubelet_directory_list(root, buf_string(&directory), &list, e);
	for (size_t i = 0; r == 0 && i < list.n_paths; i++) {
		if (!is_yaml(list.paths[i]) || kubelet_file_is_directory(root, list.paths[i]))
			continue;
		kubelet_paths_add(&k->files, list.paths[i]);
		r = read_file(root, list.paths[i], o, e);
	}
	return r;
}

static int add_all(struct options *o, const struct options *given, struct err *e)
{
	if (given->data_dir)
		set(&o->data_dir, given->data_dir);
	for (size_t i = 0; i < given->kubelet.n_args; i++)
		if (kubelet_args_add(&o->kubelet, given->kubelet.args[i]) < 0)
			return err_set(e, EINVAL, "k3s: more than the allowed %d arguments",
				       KUBELET_ARGS_MAX);
	return 0;
}

/* The files, then the command line. data_dir is there also when something is wrong. */
static int read_options(const char *root, const char *product, struct kubelet_k3s *k,
			struct options *ret, struct err *e)
{
	cleanup_kubelet_args struct kubelet_args line = { 0 };
	cleanup_options struct options given = { 0 };
	char path[64];
	(void)snprintf(path, sizeof(path), "/var/lib/rancher/%s", product);
	set(&ret->data_dir, path);
	int r = read_command_line(root, product, k, &line, e);
	if (r < 0)
		return r;
	take_options(&given, &line);
	(void)snprintf(path, sizeof(path), "/etc/rancher/%s/config.yaml", product);
	r = read_config(root, given.config ? given.config : path, k, ret, e);
	return r < 0 ? r : add_all(ret, &given, e);
}

/* --- the kubelet's arguments --------------------------------------------------------------- */

/* Of a default that is still there, the index; else -1. The defaults come first in the arguments. */
static int default_of(const struct kubelet_k3s *k, const char *name, size_t len)
{
	for (size_t i = 0; !k->dropins && i < ELEMENTS(defaults); i++)
		if (is_named(name, len, defaults[i].name))
			return (int)i;
	return -1;
}

/* "NAME=VALUE", with or without dashes. It takes the place of a default; "NAME+=VALUE" comes behind it,
 * "NAME-=VALUE" in front of it. */
static int add_kubelet_arg(struct kubelet_k3s *k, const char *given, bool taken[], struct err *e)
{
	const char *name = given + strspn(given, "-");
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : "true";
	char how = len > 0 && strchr("+-", name[len - 1]) ? name[--len] : '\0';
	cleanup_buf struct buf arg = BUF_INIT(BUF_MAX_CONFIG_FILE);
	(void)buf_printf(&arg, "--%.*s=%s", (int)len, name, value);
	if (kubelet_args_add(&k->args, buf_string(&arg)) < 0)
		return err_set(e, EINVAL, "k3s: more than the allowed %d arguments",
			       KUBELET_ARGS_MAX);
	int i = default_of(k, name, len);
	if (i < 0 || taken[i])
		return 0;
	taken[i] = true;
	char **initial = &k->args.args[i], **last = &k->args.args[k->args.n_args - 1],
	     *t = *initial;
	if (how == '\0')
		(*initial)[0] = '\0';
	if (how == '-') {
		*initial = *last;
		*last = t;
	}
	return 0;
}

static int build_args(struct kubelet_k3s *k, const struct kubelet_args *given, struct err *e)
{
	bool taken[ELEMENTS(defaults)] = { false };
	int r = 0;
	for (size_t i = 0; !k->dropins && i < ELEMENTS(defaults); i++) {
		char arg[128];
		(void)snprintf(arg, sizeof(arg), "--%s=%s", defaults[i].name, defaults[i].value);
		(void)!kubelet_args_add(&k->args, arg);
	}
	for (size_t i = 0; r == 0 && i < given->n_args; i++)
		r = add_kubelet_arg(k, given->args[i], taken, e);
	return r;
}

/* --- all of it ----------------------------------------------------------------------------- */

static bool has_dropins(const char *root, const char *directory)
{
	cleanup_kubelet_paths struct kubelet_paths list = { 0 };
	return kubelet_file_is_directory(root, directory) &&
	       (kubelet_dropins_list(root, directory, &list, NULL) < 0 || list.n_paths > 0);
}

static const char *below(const char *data_dir, const char *path, struct buf *ret)
{
	buf_clear(ret);
	(void)buf_printf(ret, "%s%s", data_dir, path);
	return buf_string(ret);
}

#define DROPINS	   "/agent/etc/kubelet.conf.d"
#define KUBECONFIG "/agent/kubelet.kubeconfig" /* written before a kubelet starts */

bool kubelet_k3s_is_running(const char *root)
{
	cleanup_kubelet_args struct kubelet_args args = { 0 };
	return kubelet_args_of_process(root, process_names, &args) > 0 &&
	       kubelet_k3s_is_there(root, "k3s");
}

bool kubelet_k3s_is_there(const char *root, const char *product)
{
	cleanup_kubelet_k3s struct kubelet_k3s k = { 0 };
	cleanup_options struct options o = { 0 };
	cleanup_buf struct buf path = BUF_INIT(BUF_MAX_CONFIG_FILE);
	struct err ignored = { 0 };
	/* a file that is wrong is an error of what is there */
	(void)read_options(root, product, &k, &o, &ignored);
	return has_dropins(root, below(o.data_dir, DROPINS, &path)) ||
	       kubelet_file_exists(root, below(o.data_dir, KUBECONFIG, &path));
}

int kubelet_k3s_read(const char *root, const char *product, struct kubelet_k3s *ret, struct err *e)
{
	cleanup_options struct options o = { 0 };
	cleanup_buf struct buf path = BUF_INIT(BUF_MAX_CONFIG_FILE);
	int r = read_options(root, product, ret, &o, e);
	if (r < 0)
		return r;
	if (has_dropins(root, below(o.data_dir, DROPINS, &path)))
		ret->dropins = xstrdup(buf_string(&path));
	return build_args(ret, &o.kubelet, e);
}
