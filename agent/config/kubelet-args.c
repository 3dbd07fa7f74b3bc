/* SPDX-License-Identifier: Apache-2.0 */
#include "config/kubelet-args.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "config/ini.h"
#include "config/kubelet-files.h"
#include "config/kubelet-values.h"
#include "config/text.h"
#include "util/limits.h"
#include "util/parse.h"

void kubelet_args_done(struct kubelet_args *a)
{
	for (size_t i = 0; i < a->n_args; i++)
		free(a->args[i]);
	free(a->args);
	*a = (struct kubelet_args){ 0 };
}

int kubelet_args_add(struct kubelet_args *a, const char *arg)
{
	if (a->n_args == KUBELET_ARGS_MAX)
		return -E2BIG;
	a->args = xreallocarray(a->args, a->n_args + 1, sizeof(*a->args));
	a->args[a->n_args++] = xstrdup(arg);
	return 0;
}

/* --- processes ----------------------------------------------------------------------------- */

/* A small file of /proc/PID; false when the process is gone or its file too large. */
static bool read_proc(int proc_fd, const char *pid, const char *file, struct buf *text)
{
	char path[64];
	int len = snprintf(path, sizeof(path), "%s/%s", pid, file);
	if (len < 0 || (size_t)len >= sizeof(path))
		return false;
	cleanup_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 && ini_fd_read(fd, path, text, NULL) == 0;
}

/* "NSpid: 4711 12" is how a process looks from outside that is 12 in its container. */
static bool is_in_container(const char *status)
{
	const char *line = strstr(status, "\nNSpid:");
	if (!line)
		return false;
	line += strlen("\nNSpid:");
	line += strspn(line, " \t");
	line += strspn(line, "0123456789");
	line += strspn(line, " \t");
	return isdigit((unsigned char)*line);
}

static bool is_one_of(const struct buf *comm, const char *const names[])
{
	size_t len = comm->len > 0 ? comm->len - 1 : 0; /* a newline ends it */
	for (; *names; names++)
		if (strlen(*names) == len && strncmp(buf_string(comm), *names, len) == 0)
			return true;
	return false;
}

static bool is_wanted(int proc_fd, const char *pid, const char *const names[])
{
	cleanup_buf struct buf comm = BUF_INIT(64), status = BUF_INIT(BUF_MAX_CONFIG_FILE);
	struct stat table, process;
	if (!read_proc(proc_fd, pid, "comm", &comm) || !is_one_of(&comm, names))
		return false;
	if (fstat(proc_fd, &table) < 0 || fstatat(proc_fd, pid, &process, 0) < 0 ||
	    table.st_uid != process.st_uid)
		return false;
	(void)read_proc(proc_fd, pid, "status", &status);
	return !is_in_container(buf_string(&status));
}

/* The lowest number of such a process; 0: none. */
static int64_t find_process(int proc_fd, const char *const names[])
{
	int64_t found = 0;
	int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (const struct dirent *entry; (entry = readdir(d));) {
		int64_t pid = 0;
		if (parse_i64(entry->d_name, &pid) < 0 || pid <= 0 || pid > INT32_MAX)
			continue;
		if ((found == 0 || pid < found) && is_wanted(proc_fd, entry->d_name, names))
			found = pid;
	}
	closedir(d);
	return found;
}

static int open_table(const char *root)
{
	cleanup_buf struct buf path = BUF_INIT(BUF_MAX_CONFIG_FILE);
	(void)buf_printf(&path, "%s/proc", root ? root : "");
	int fd = open(buf_string(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

pid_t kubelet_args_of_process(const char *root, const char *const names[], struct kubelet_args *ret)
{
	cleanup_close int proc_fd = open_table(root);
	if (proc_fd < 0)
		return 0;
	int64_t pid = find_process(proc_fd, names);
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_CONFIG_FILE);
	char name[32];
	(void)snprintf(name, sizeof(name), "%" PRId64, pid);
	if (pid == 0 || !read_proc(proc_fd, name, "cmdline", &text) || text.len == 0)
		return 0;
	const char *end = text.data + text.len;
	const char *arg = text.data + strlen(text.data) + 1;
	for (; arg < end && kubelet_args_add(ret, arg) == 0; arg += strlen(arg) + 1)
		continue;
	return (pid_t)pid;
}

/* --- a file of arguments ------------------------------------------------------------------- */

static const struct {
	const char *name, *value;
} variables[] = {
	{ "${SNAP_DATA}", "/var/snap/microk8s/current" },
	{ "$SNAP_DATA", "/var/snap/microk8s/current" },
	{ "${SNAP_COMMON}", "/var/snap/microk8s/common" },
	{ "$SNAP_COMMON", "/var/snap/microk8s/common" },
	{ "${SNAP}", "/snap/microk8s/current" },
	{ "$SNAP", "/snap/microk8s/current" },
};

/* Appends what the variable at s stands for and returns its length; 0: there is none. */
static size_t expand(const char *s, struct buf *word)
{
	for (size_t i = 0; i < ELEMENTS(variables); i++) {
		size_t len = strlen(variables[i].name);
		if (strncmp(s, variables[i].name, len) != 0)
			continue;
		(void)buf_puts(word, variables[i].value);
		return len;
	}
	return 0;
}

/* Takes one word from *s, which is at its first character. -EINVAL: a quote does not end. */
static int take_word(const char **s, struct buf *word)
{
	char quote = '\0';
	for (; **s && (quote || !strchr(" \t\r\n", **s)); (*s)++) {
		size_t expanded = **s == '$' && quote != '\'' ? expand(*s, word) : 0;
		if (expanded)
			*s += expanded - 1;
		else if (quote ? **s == quote : **s == '"' || **s == '\'')
			quote = quote ? '\0' : **s;
		else
			(void)buf_putc(word, **s);
	}
	return quote ? -EINVAL : 0;
}

int kubelet_args_of_text(const char *path, const char *text, struct kubelet_args *ret,
			 struct err *e)
{
	for (const char *s = text; *(s += strspn(s, " \t\r\n"));) {
		if (*s == '#') {
			s += strcspn(s, "\n");
			continue;
		}
		cleanup_buf struct buf word = BUF_INIT(BUF_MAX_CONFIG_FILE);
		if (take_word(&s, &word) < 0)
			return err_set(e, EINVAL, "%s: a quote does not end", path);
		if (kubelet_args_add(ret, buf_string(&word)) < 0)
			return err_set(e, EINVAL, "%s: more than the allowed %d arguments", path,
				       KUBELET_ARGS_MAX);
	}
	return 0;
}

/* --- flags --------------------------------------------------------------------------------- */

/* The value of a flag at args[*i], whose name has len bytes; steps over it. NULL: none follows. */
static const char *flag_value(const struct kubelet_args *a, size_t *i, size_t len)
{
	const char *behind = a->args[*i] + strlen("--") + len;
	if (*behind == '=')
		return behind + 1;
	return ++*i < a->n_args ? a->args[*i] : NULL;
}

static bool is_flag(const char *arg)
{
	return strncmp(arg, "--", 2) == 0 && arg[2];
}

static bool is_named(const char *name, size_t len, const char *wanted)
{
	if (len != strlen(wanted))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] != wanted[i] && !(name[i] == '_' && wanted[i] == '-'))
			return false;
	}
	return true;
}

/* Whether the value of a flag may stand in the next argument. Of others only "=" is looked for. */
static bool takes_value(const char *name, size_t len)
{
	return kubelet_values_find_flag(name, len) || is_named(name, len, "config") ||
	       is_named(name, len, "config-dir") || is_named(name, len, "root-dir");
}

const char *kubelet_args_get(const struct kubelet_args *a, const char *name)
{
	const char *found = NULL;
	for (size_t i = 0; i < a->n_args && strcmp(a->args[i], "--") != 0; i++) {
		if (!is_flag(a->args[i]))
			continue;
		const char *flag = a->args[i] + 2;
		size_t len = strcspn(flag, "=");
		bool wanted = is_named(flag, len, name);
		if (!takes_value(flag, len))
			continue;
		const char *value = flag_value(a, &i, len);
		if (wanted)
			found = value;
	}
	return found && *found ? found : NULL;
}

int kubelet_args_apply(const struct kubelet_args *a, struct kubelet_config *c, struct err *e)
{
	const struct kubelet_flag *seen[KUBELET_ARGS_MAX] = { NULL };
	size_t n_seen = 0;
	for (size_t i = 0; i < a->n_args && strcmp(a->args[i], "--") != 0; i++) {
		if (!is_flag(a->args[i]))
			continue;
		const char *name = a->args[i] + 2;
		size_t len = strcspn(name, "=");
		if (!takes_value(name, len))
			continue;
		const char *value = flag_value(a, &i, len);
		if (!value)
			return err_set(e, EINVAL, "kubelet --%.*s: expected a value", (int)len,
				       name);
		const struct kubelet_flag *flag = kubelet_values_find_flag(name, len);
		bool first = true;
		for (size_t k = 0; k < n_seen; k++)
			first = first && seen[k] != flag;
		int r = flag ? kubelet_values_flag(c, flag, value, first, e) : 0;
		if (r < 0)
			return r;
		seen[n_seen++] = flag;
	}
	return 0;
}
