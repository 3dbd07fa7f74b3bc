/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube-config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transport/request.h"
#include "util/base64.h"
#include "util/limits.h"
#include "util/parse.h"
#include "util/read-file.h"
#include "util/yaml-read.h"

/* --- in a pod ---------------------------------------------------------------------------------- */

static char *join(const char *directory, const char *name)
{
	cleanup_buf struct buf path = BUF_INIT(BUF_MAX_KUBE_TEXT);
	(void)buf_printf(&path, "%s%s%s", directory, *directory ? "/" : "", name);
	return xstrdup(buf_string(&path));
}

bool kube_config_is_in_cluster(const char *host, const char *directory)
{
	cleanup_free char *token = join(directory, "token");
	return host && *host && access(token, F_OK) == 0;
}

int kube_config_in_cluster(const char *host, const char *port, const char *directory,
			   struct kube_config *ret, struct err *e)
{
	struct in6_addr address;
	bool ipv6 = host && inet_pton(AF_INET6, host, &address) == 1;
	char server[320];
	if (!host || !*host)
		return err_set(e, ENOENT, "not in a cluster: $KUBERNETES_SERVICE_HOST is not set");
	(void)snprintf(server, sizeof(server), "https://%s%.255s%s:%.10s", ipv6 ? "[" : "", host,
		       ipv6 ? "]" : "", port && *port ? port : "443");
	int r = request_url_check(server, e);
	if (r < 0) {
		(void)err_prefix(e, "$KUBERNETES_SERVICE_HOST and _PORT: ");
		return r;
	}
	*ret = (struct kube_config){
		.source = xstrdup("service account"),
		.server = xstrdup(server),
		.ca.file = join(directory, "ca.crt"),
		.token.file = join(directory, "token"),
	};
	return 0;
}

/* --- kubeconfig -------------------------------------------------------------------------------- */

struct reading {
	const char *path;
	char *directory; /* of path, "" without one */
	struct kube_config *config;
};

static bool has(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return item && !cJSON_IsNull(item);
}

/* A text that need not be there; an empty one is not. */
static int get_text(const cJSON *object, const char *name, char **ret, struct err *e)
{
	const char *text;
	int r = json_get_string(object, name, &text, e);
	if (r == -ENOENT || (r == 0 && !*text))
		return 0;
	if (r < 0)
		return r;
	if (strlen(text) > BUF_MAX_KUBE_SECRET)
		return err_set(e, E2BIG, "%s: longer than %d bytes", name, BUF_MAX_KUBE_SECRET);
	free(*ret);
	*ret = xstrdup(text);
	return 0;
}

/* A file's path, from the kubeconfig's directory. */
static int get_file(const struct reading *r, const cJSON *object, const char *name, char **ret,
		    struct err *e)
{
	cleanup_free char *path = NULL;
	int code = get_text(object, name, &path, e);
	if (code < 0 || !path)
		return code;
	*ret = path[0] == '/' ? take_ptr(path) : join(r->directory, path);
	return 0;
}

/* NAME-data in base64 counts more than the file NAME. */
static int get_pem(const struct reading *r, const cJSON *object, const char *name,
		   struct kube_secret *ret, struct err *e)
{
	char data[64];
	cleanup_free char *encoded = NULL;
	(void)snprintf(data, sizeof(data), "%s-data", name);
	int code = get_text(object, data, &encoded, e);
	if (code < 0)
		return code;
	if (!encoded)
		return get_file(r, object, name, &ret->file, e);
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_KUBE_SECRET);
	if (base64_decode(encoded, &text) < 0 || strlen(buf_string(&text)) != text.len)
		code = err_set(e, EINVAL, "%s: expected PEM in base64", data);
	else
		ret->text = xstrdup(buf_string(&text));
	return code;
}

/* The entry called name in a list of {name: ..., KIND: {...}}. */
static int find(const cJSON *root, const char *list, const char *kind, const char *name,
		const cJSON **ret, struct err *e)
{
	const cJSON *entries, *entry;
	int r = json_get_array(root, list, &entries, e);
	if (r < 0 && r != -ENOENT)
		return r;
	for (entry = r == 0 ? entries->child : NULL; entry; entry = entry->next) {
		const char *its;
		if (json_get_string(entry, "name", &its, NULL) < 0 || strcmp(its, name) != 0)
			continue;
		r = json_get_object(entry, kind, ret, e);
		return r < 0 ? err_prefix(e, "%s \"%.100s\": ", kind, name) : 0;
	}
	return err_set(e, EINVAL, "there is no %s \"%.100s\"", kind, name);
}

static int read_cluster(const struct reading *r, const cJSON *cluster, struct err *e)
{
	struct kube_config *c = r->config;
	int code = get_text(cluster, "server", &c->server, e);
	if (code == 0 && !c->server)
		code = err_set(e, EINVAL, "server is missing");
	if (code == 0 && (code = request_url_check(c->server, e)) < 0)
		return err_prefix(e, "server: ");
	if (code == 0)
		code = get_pem(r, cluster, "certificate-authority", &c->ca, e);
	if (code == 0)
		code = get_text(cluster, "tls-server-name", &c->server_name, e);
	if (code == 0)
		code = get_text(cluster, "proxy-url", &c->proxy, e);
	if (code == 0 && has(cluster, "insecure-skip-tls-verify"))
		code = json_get_bool(cluster, "insecure-skip-tls-verify", &c->insecure, e);
	if (code == 0 && c->insecure && (c->ca.text || c->ca.file))
		code = err_set(e, EINVAL,
			       "insecure-skip-tls-verify and a certificate authority exclude each "
			       "other");
	return code;
}

/* What client-go would do and the agent does not, with the reason. */
static const struct {
	const char *key, *why;
} unsupported[] = {
	{ "exec", "credentials from a program (exec) are not supported: the agent starts none" },
	{ "auth-provider", "auth-provider is not supported, nor by Kubernetes since 1.26" },
	{ "username", "user name and password are not supported, nor by Kubernetes since 1.19" },
	{ "password", "user name and password are not supported, nor by Kubernetes since 1.19" },
	{ "as", "impersonation (as) is not supported" },
	{ "as-uid", "impersonation (as-uid) is not supported" },
	{ "as-groups", "impersonation (as-groups) is not supported" },
	{ "as-user-extra", "impersonation (as-user-extra) is not supported" },
};

static int read_user(const struct reading *r, const cJSON *user, struct err *e)
{
	struct kube_config *c = r->config;
	for (size_t i = 0; i < ELEMENTS(unsupported); i++)
		if (has(user, unsupported[i].key))
			return err_set(e, EINVAL,
				       "%s; a token, a token file or a client certificate is",
				       unsupported[i].why);
	int code = get_text(user, "token", &c->token.text, e);
	if (code == 0)
		code = get_file(r, user, "tokenFile", &c->token.file, e);
	if (code == 0)
		code = get_pem(r, user, "client-certificate", &c->certificate, e);
	if (code == 0)
		code = get_pem(r, user, "client-key", &c->key, e);
	bool certificate = c->certificate.text || c->certificate.file;
	bool key = c->key.text || c->key.file;
	if (code == 0 && certificate != key)
		code = err_set(e, EINVAL, "%s without %s",
			       certificate ? "client-certificate" : "client-key",
			       certificate ? "client-key" : "client-certificate");
	return code;
}

static int read_context(const struct reading *r, const cJSON *root, struct err *e)
{
	const char *current, *name;
	const cJSON *context, *part;
	int code = json_get_string(root, "current-context", &current, e);
	if (code == 0 && !*current)
		code = err_set(e, EINVAL, "current-context is empty");
	if (code == 0)
		code = find(root, "contexts", "context", current, &context, e);
	if (code == 0)
		code = json_get_string(context, "cluster", &name, e);
	if (code == 0)
		code = find(root, "clusters", "cluster", name, &part, e);
	if (code == 0 && (code = read_cluster(r, part, e)) < 0)
		return err_prefix(e, "cluster \"%.100s\": ", name);
	if (code == 0)
		code = json_get_string(context, "user", &name, e);
	if (code == 0)
		code = find(root, "users", "user", name, &part, e);
	if (code == 0 && (code = read_user(r, part, e)) < 0)
		return err_prefix(e, "user \"%.100s\": ", name);
	return code;
}

int kube_config_parse(const char *path, const char *text, size_t len, struct kube_config *ret,
		      struct err *e)
{
	cleanup_json cJSON *root = NULL;
	cleanup_kube_config struct kube_config config = { .source = xstrdup(path) };
	const char *slash = strrchr(path, '/');
	cleanup_free char *directory = xstrdup(path);
	directory[!slash ? 0 : slash == path ? 1 : slash - path] = '\0';
	struct reading r = { .path = path, .directory = directory, .config = &config };
	if (yaml_parse(path, text, len, &root, e) < 0)
		return -EINVAL;
	if (!cJSON_IsObject(root))
		return err_set(e, EINVAL, "%s: expected a kubeconfig", path);
	if (read_context(&r, root, e) < 0) {
		(void)err_prefix(e, "%s: ", path);
		return -EINVAL;
	}
	*ret = config;
	config = (struct kube_config){ 0 };
	return 0;
}

int kube_config_load(const char *path, struct kube_config *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(YAML_MAX_BYTES);
	int r = read_file(path, &text, e);
	return r < 0 ? r : kube_config_parse(path, buf_string(&text), text.len, ret, e);
}

static void secret_done(struct kube_secret *s)
{
	free(s->text);
	free(s->file);
}

void kube_config_done(struct kube_config *c)
{
	secret_done(&c->ca);
	secret_done(&c->certificate);
	secret_done(&c->key);
	secret_done(&c->token);
	free(c->source);
	free(c->server);
	free(c->server_name);
	free(c->proxy);
	*c = (struct kube_config){ 0 };
}

/* --- what changes under way -------------------------------------------------------------------- */

int kube_secret_read(const struct kube_secret *s, const char *what, struct buf *text, struct err *e)
{
	if (s->file) {
		int r = read_file(s->file, text, e);
		if (r < 0)
			(void)err_prefix(e, "%s: ", what);
		return r;
	}
	if (s->text && buf_puts(text, s->text) < 0)
		return err_set(e, E2BIG, "%s: longer than %zu bytes", what, text->max);
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int kube_token_read(const struct kube_secret *s, struct buf *text, struct err *e)
{
	cleanup_buf struct buf raw = BUF_INIT(BUF_MAX_KUBE_TOKEN);
	int r = kube_secret_read(s, "token", &raw, e);
	if (r < 0 || (!s->file && !s->text))
		return r;
	const char *begin = buf_string(&raw);
	while (is_blank(*begin))
		begin++;
	size_t len = strlen(begin);
	while (len > 0 && is_blank(begin[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		if (begin[i] <= ' ' || begin[i] > '~')
			return err_set(e, EINVAL, "token: %s: expected one line of ASCII",
				       s->file ? s->file : "it");
	if (len == 0)
		return err_set(e, EINVAL, "token: %s: it is empty", s->file ? s->file : "it");
	return buf_append(text, begin, len);
}
