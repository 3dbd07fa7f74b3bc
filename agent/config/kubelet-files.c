/* SPDX-License-Identifier: Apache-2.0 */
#include "config/kubelet-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/ini.h"
#include "util/limits.h"
#include "util/rooted.h"
#include "util/yaml-read.h"

#define API_VERSION "kubelet.config.k8s.io/v1beta1"
#define KIND	    "KubeletConfiguration"

#define MAX_DROPIN_DEPTH 8

/* --- below the prefix ---------------------------------------------------------------------- */

/* A descriptor or a negative errno. path need not begin with a slash. */
static int open_below(const char *root, const char *path, int flags)
{
	/* Without O_NONBLOCK the open of a FIFO waits for a writer. */
	flags |= O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	return rooted_open(root, path, flags);
}

bool kubelet_file_exists(const char *root, const char *path)
{
	cleanup_close int fd = open_below(root, path, 0);
	return fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR);
}

bool kubelet_file_is_directory(const char *root, const char *path)
{
	cleanup_close int fd = open_below(root, path, O_DIRECTORY);
	return fd >= 0;
}

int kubelet_file_read(const char *root, const char *path, struct buf *text, struct err *e)
{
	cleanup_close int fd = open_below(root, path, 0);
	if (fd < 0)
		return err_set(e, -fd, "%s: %s", path, strerror(-fd));
	return ini_fd_read(fd, path, text, e);
}

/* --- what is in them ----------------------------------------------------------------------- */

/* "" when the object has no such text. */
static const char *text_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsString(item) ? item->valuestring : "";
}

static int parse_object(const char *name, const char *text, size_t len, cJSON **ret, struct err *e)
{
	cleanup_json cJSON *json = NULL;
	int r = yaml_parse(name, text, len, &json, e);
	if (r < 0) {
		if (e)
			e->code = EINVAL;
		return -EINVAL;
	}
	if (!cJSON_IsObject(json))
		return err_set(e, EINVAL, "%s: expected a %s, which has keys", name, KIND);
	*ret = take_ptr(json);
	return 0;
}

static int check_kind(const char *name, const cJSON *object, struct err *e)
{
	const char *kind = text_of(object, "kind"), *version = text_of(object, "apiVersion");
	if (strcmp(kind, KIND) != 0)
		return err_set(e, EINVAL, "%s: kind: expected %s, got \"%.80s\"", name, KIND, kind);
	if (strcmp(version, API_VERSION) != 0)
		return err_set(e, EINVAL, "%s: apiVersion: expected %s, got \"%.80s\"", name,
			       API_VERSION, version);
	return 0;
}

/* kubeadm keeps the configuration of all nodes in a ConfigMap, as text in a member of its data. */
static int unwrap(const char *path, cJSON **object, struct err *e)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(*object, "data");
	const char *text = text_of(data, "kubelet");
	if (!*text)
		return err_set(e, EINVAL, "%s: expected a %s in data.kubelet of the ConfigMap",
			       path, KIND);
	cleanup_buf struct buf name = BUF_INIT(BUF_MAX_CONFIG_FILE);
	(void)buf_printf(&name, "%s (data.kubelet)", path);
	cJSON *inner = NULL;
	int r = parse_object(buf_string(&name), text, strlen(text), &inner, e);
	if (r < 0)
		return r;
	cJSON_Delete(*object);
	*object = inner;
	return 0;
}

int kubelet_file_parse(const char *root, const char *path, cJSON **ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_CONFIG_FILE);
	cleanup_json cJSON *object = NULL;
	int r = kubelet_file_read(root, path, &text, e);
	if (r == 0)
		r = parse_object(path, buf_string(&text), text.len, &object, e);
	if (r == 0 && strcmp(text_of(object, "kind"), "ConfigMap") == 0)
		r = unwrap(path, &object, e);
	if (r == 0)
		r = check_kind(path, object, e);
	if (r == 0)
		*ret = take_ptr(object);
	return r;
}

bool kubelet_file_is_configuration(const char *root, const char *path)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_CONFIG_FILE);
	cleanup_json cJSON *object = NULL;
	return kubelet_file_read(root, path, &text, NULL) == 0 &&
	       parse_object(path, buf_string(&text), text.len, &object, NULL) == 0 &&
	       strcmp(text_of(object, "kind"), KIND) == 0;
}

/* --- drop-ins ------------------------------------------------------------------------------ */

void kubelet_paths_done(struct kubelet_paths *p)
{
	for (size_t i = 0; i < p->n_paths; i++)
		free(p->paths[i]);
	free(p->paths);
	*p = (struct kubelet_paths){ 0 };
}

void kubelet_paths_add(struct kubelet_paths *p, const char *path)
{
	p->paths = xreallocarray(p->paths, p->n_paths + 1, sizeof(*p->paths));
	p->paths[p->n_paths++] = xstrdup(path);
}

static void add_entry(struct kubelet_paths *p, const char *directory, const char *name)
{
	cleanup_buf struct buf path = BUF_INIT(BUF_MAX_CONFIG_FILE);
	(void)buf_printf(&path, "%s/%s", directory, name);
	kubelet_paths_add(p, buf_string(&path));
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every entry of a directory, "." and ".." left out, as paths in order. */
static int list_entries(const char *root, const char *directory, struct kubelet_paths *ret)
{
	int fd = open_below(root, directory, O_DIRECTORY);
	if (fd < 0)
		return fd;
	DIR *d = fdopendir(fd);
	if (!d) {
		int r = -errno;
		close(fd);
		return r;
	}
	for (const struct dirent *entry; (entry = readdir(d));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (ret->n_paths == N_MAX_DROPINS) {
			closedir(d);
			return -E2BIG;
		}
		add_entry(ret, directory, entry->d_name);
	}
	closedir(d);
	if (ret->n_paths)
		qsort(ret->paths, ret->n_paths, sizeof(*ret->paths), by_bytes);
	return 0;
}

static bool is_true_directory(const char *root, const char *path)
{
	cleanup_close int fd = open_below(root, path, O_DIRECTORY | O_NOFOLLOW);
	return fd >= 0;
}

static bool is_dropin(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot && strcmp(dot, ".conf") == 0;
}

static int walk(const char *root, const char *directory, unsigned depth, struct kubelet_paths *ret,
		struct err *e)
{
	cleanup_kubelet_paths struct kubelet_paths entries = { 0 };
	int r = depth > MAX_DROPIN_DEPTH ? -E2BIG : list_entries(root, directory, &entries);
	if (r == -E2BIG)
		return err_set(e, EINVAL, "%s: expected at most %d entries on %d levels", directory,
			       N_MAX_DROPINS, MAX_DROPIN_DEPTH);
	if (r < 0)
		return err_set(e, -r, "%s: %s", directory, strerror(-r));
	for (size_t i = 0; i < entries.n_paths; i++) {
		const char *path = entries.paths[i];
		if (is_true_directory(root, path)) {
			r = walk(root, path, depth + 1, ret, e);
			if (r < 0)
				return r;
		} else if (is_dropin(path)) {
			if (ret->n_paths == N_MAX_DROPINS)
				return err_set(e, EINVAL, "%s: expected at most %d drop-ins",
					       directory, N_MAX_DROPINS);
			kubelet_paths_add(ret, path);
		}
	}
	return 0;
}

int kubelet_directory_list(const char *root, const char *directory, struct kubelet_paths *ret,
			   struct err *e)
{
	int r = list_entries(root, directory, ret);
	if (r == -E2BIG)
		return err_set(e, EINVAL, "%s: expected at most %d entries", directory,
			       N_MAX_DROPINS);
	return r < 0 ? err_set(e, -r, "%s: %s", directory, strerror(-r)) : 0;
}

int kubelet_dropins_list(const char *root, const char *directory, struct kubelet_paths *ret,
			 struct err *e)
{
	return walk(root, directory, 1, ret, e);
}
