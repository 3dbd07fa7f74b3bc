/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/kube-config.h"
#include "util/limits.h"

#define PATH "/etc/agent/kubeconfig"

/* A kubeconfig with these two parts, indented as they stand in it. */
#define CONFIG(cluster, user)                                                                      \
	"apiVersion: v1\nkind: Config\ncurrent-context: c\npreferences: {}\n"                      \
	"contexts:\n- name: other\n  context: {cluster: x, user: x}\n"                             \
	"- context:\n    cluster: k\n    user: u\n    namespace: default\n  name: c\n"             \
	"clusters:\n- name: k\n  cluster:\n    " cluster "\nusers:\n- name: u\n  user:\n    " user \
	"\n"
#define SERVER "server: https://10.0.0.1:6443"

static int parse(const char *text, struct kube_config *ret, struct err *e)
{
	*ret = (struct kube_config){ 0 };
	return kube_config_parse(PATH, text, strlen(text), ret, e);
}

static void whole(void **state)
{
	(void)state;
	struct kube_config c;
	struct err e = { 0 };
	assert_int_equal(
		parse(CONFIG(SERVER "\n    certificate-authority: pki/ca.crt\n    tls-server-name: "
				    "api\n    proxy-url: http://p:3128",
			     "tokenFile: /run/token\n    token: t\n    client-certificate: "
			     "c.crt\n    client-key-data: a2V5"),
		      &c, &e),
		0);
	assert_string_equal(c.source, PATH);
	assert_string_equal(c.server, "https://10.0.0.1:6443");
	assert_string_equal(c.server_name, "api");
	assert_string_equal(c.proxy, "http://p:3128");
	assert_string_equal(c.ca.file, "/etc/agent/pki/ca.crt");
	assert_null(c.ca.text);
	assert_string_equal(c.token.file, "/run/token");
	assert_string_equal(c.token.text, "t");
	assert_string_equal(c.certificate.file, "/etc/agent/c.crt");
	assert_string_equal(c.key.text, "key");
	assert_null(c.key.file);
	assert_false(c.insecure);
	kube_config_done(&c);
	kube_config_done(&c);
}

static void data_counts_more_than_a_file(void **state)
{
	(void)state;
	struct kube_config c;
	struct err e = { 0 };
	assert_int_equal(parse(CONFIG(SERVER "\n    certificate-authority: ca.crt\n    "
					     "certificate-authority-data: Y2E=",
				      "{}"),
			       &c, &e),
			 0);
	assert_string_equal(c.ca.text, "ca");
	assert_null(c.ca.file);
	kube_config_done(&c);
}

static void relative_paths(void **state)
{
	(void)state;
	static const struct {
		const char *path, *file;
	} rows[] = {
		{ "/kubeconfig", "/token" },
		{ "/etc/kubeconfig", "/etc/token" },
		{ "kubeconfig", "token" },
		{ "etc/kubeconfig", "etc/token" },
	};
	const char *text = CONFIG(SERVER, "tokenFile: token");
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct kube_config c;
		assert_int_equal(kube_config_parse(rows[i].path, text, strlen(text), &c, NULL), 0);
		const char *file = c.token.file;
		assert_string_equal(file[0] == '/' && file[1] == '/' ? file + 1 : file,
				    rows[i].file);
		kube_config_done(&c);
	}
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "expected a kubeconfig" },
		{ "[]", "expected a kubeconfig" },
		{ "a: [", PATH ":" },
		{ "kind: Config\n", "current-context" },
		{ "current-context: ''\n", "current-context is empty" },
		{ "current-context: 5\n", "current-context" },
		{ "current-context: c\n", "there is no context \"c\"" },
		{ "current-context: c\ncontexts: 5\n", "contexts" },
		{ "current-context: c\ncontexts: [5, {name: 7}, {name: d}]\n",
		  "there is no context \"c\"" },
		{ "current-context: c\ncontexts: [{name: c, context: 5}]\n", "context \"c\"" },
		{ "current-context: c\ncontexts: [{name: c, context: {}}]\n", "cluster" },
		{ "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n",
		  "there is no cluster \"k\"" },
		{ CONFIG("{}", "{}"), "cluster \"k\": server is missing" },
		{ CONFIG("server: ''", "{}"), "server is missing" },
		{ CONFIG("server: 5", "{}"), "cluster \"k\": " },
		{ CONFIG("server: http://10.0.0.1", "{}"),
		  "cluster \"k\": server: expected https://HOST[:PORT], not "
		  "\"http://10.0.0.1\": it does not begin with https://" },
		{ CONFIG("server: https:///x", "{}"), "server: expected" },
		{ CONFIG("server: https://h:0x5", "{}"), "server: expected" },
		{ CONFIG("server: https://h:70000", "{}"), "server: expected" },
		{ CONFIG("server: 'https://h/#x'", "{}"), "more than host, port and path" },
		{ CONFIG("server: https://user@h", "{}"), "server: expected" },
		{ CONFIG("server: 'https://[fe80::1%25eth0]'", "{}"), "server: expected" },
		{ CONFIG(SERVER "\n    certificate-authority-data: '?'", "{}"),
		  "certificate-authority-data: expected PEM in base64" },
		{ CONFIG(SERVER "\n    certificate-authority-data: AAAA", "{}"),
		  "certificate-authority-data: expected PEM in base64" },
		{ CONFIG(SERVER "\n    certificate-authority-data: 7", "{}"),
		  "certificate-authority-data" },
		{ CONFIG(SERVER "\n    insecure-skip-tls-verify: 'true'", "{}"),
		  "insecure-skip-tls-verify" },
		{ CONFIG(SERVER
			 "\n    insecure-skip-tls-verify: true\n    certificate-authority: x",
			 "{}"),
		  "exclude each other" },
		{ CONFIG(SERVER, "exec: {command: aws}"),
		  "user \"u\": credentials from a program (exec) are not supported: the agent "
		  "starts none; a token, a token file or a client certificate is" },
		{ CONFIG(SERVER, "auth-provider: {name: gcp}"), "auth-provider is not supported" },
		{ CONFIG(SERVER, "username: a"), "user name and password are not supported" },
		{ CONFIG(SERVER, "password: a"), "user name and password are not supported" },
		{ CONFIG(SERVER, "as: admin"), "impersonation (as) is not supported" },
		{ CONFIG(SERVER, "as-groups: [a]"), "impersonation (as-groups)" },
		{ CONFIG(SERVER, "client-key: k"), "client-key without client-certificate" },
		{ CONFIG(SERVER, "client-certificate: k"),
		  "client-certificate without client-key" },
		{ CONFIG(SERVER, "token: [a]"), "token" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct kube_config c;
		struct err e = { 0 };
		int r = parse(rows[i].text, &c, &e);
		if (r != -EINVAL || !strstr(e.msg, rows[i].why) || strncmp(e.msg, PATH, 5) != 0)
			fail_msg("%s\n%d %s", rows[i].text, r, e.msg);
		assert_null(c.server);
		assert_null(c.source);
	}
}

static void null_is_absent(void **state)
{
	(void)state;
	struct kube_config c;
	struct err e = { 0 };
	assert_int_equal(parse(CONFIG(SERVER "\n    certificate-authority: ''",
				      "exec: null\n    username: ~\n    token: ''"),
			       &c, &e),
			 0);
	assert_null(c.token.text);
	assert_null(c.ca.file);
	kube_config_done(&c);
}

static void json_does_as_well(void **state)
{
	(void)state;
	struct kube_config c;
	struct err e = { 0 };
	assert_int_equal(
		parse("{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":"
		      "{\"cluster\":\"k\",\"user\":\"u\"}}],\"clusters\":[{\"name\":\"k\","
		      "\"cluster\":{\"server\":\"https://h\",\"insecure-skip-tls-verify\":true}}],"
		      "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"t\"}}]}",
		      &c, &e),
		0);
	assert_true(c.insecure);
	kube_config_done(&c);
}

static void in_cluster(void **state)
{
	(void)state;
	static const struct {
		const char *host, *port, *server;
		int result;
	} rows[] = {
		{ "10.96.0.1", "443", "https://10.96.0.1:443", 0 },
		{ "10.96.0.1", NULL, "https://10.96.0.1:443", 0 },
		{ "10.96.0.1", "", "https://10.96.0.1:443", 0 },
		{ "fd00::1", "6443", "https://[fd00::1]:6443", 0 },
		{ "kubernetes.default.svc", "443", "https://kubernetes.default.svc:443", 0 },
		{ NULL, "443", NULL, -ENOENT },
		{ "", "443", NULL, -ENOENT },
		{ "a b", "443", NULL, -EINVAL },
		{ "h/x?y", "443", NULL, -EINVAL },
		{ "h", "https", NULL, -EINVAL },
		{ "h", "99999", NULL, -EINVAL },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct kube_config c = { 0 };
		struct err e = { 0 };
		int r = kube_config_in_cluster(rows[i].host, rows[i].port, "/sa", &c, &e);
		if (r != rows[i].result)
			fail_msg("%s %s: %d %s", rows[i].host, rows[i].port, r, e.msg);
		if (r < 0)
			continue;
		assert_string_equal(c.server, rows[i].server);
		assert_string_equal(c.token.file, "/sa/token");
		assert_string_equal(c.ca.file, "/sa/ca.crt");
		kube_config_done(&c);
	}
	assert_false(kube_config_is_in_cluster("10.96.0.1", "/nowhere"));
	assert_false(kube_config_is_in_cluster(NULL, "/dev"));
	assert_false(kube_config_is_in_cluster("", "/dev"));
}

static void tokens(void **state)
{
	(void)state;
	static const struct {
		const char *text, *token;
		int result;
	} rows[] = {
		{ "abc", "abc", 0 },
		{ " \tabc\r\n\n", "abc", 0 },
		{ "a.b-c_d~", "a.b-c_d~", 0 },
		{ "", NULL, -EINVAL },
		{ "  ", NULL, -EINVAL },
		{ "a b", NULL, -EINVAL },
		{ "a\r\nX: y", NULL, -EINVAL },
		{ "a\x7f", NULL, -EINVAL },
		{ "a\xc3\xa4", NULL, -EINVAL },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_buf struct buf text = BUF_INIT(BUF_MAX_KUBE_TOKEN);
		cleanup_free char *own = xstrdup(rows[i].text);
		struct kube_secret secret = { .text = own };
		struct err e = { 0 };
		assert_int_equal(kube_token_read(&secret, &text, &e), rows[i].result);
		if (rows[i].result == 0)
			assert_string_equal(buf_string(&text), rows[i].token);
	}
	/* None is not an empty one. */
	struct kube_secret none = { 0 };
	struct buf text = BUF_INIT(BUF_MAX_KUBE_TOKEN);
	assert_int_equal(kube_token_read(&none, &text, NULL), 0);
	assert_int_equal(text.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),	  cmocka_unit_test(data_counts_more_than_a_file),
		cmocka_unit_test(relative_paths), cmocka_unit_test(refused),
		cmocka_unit_test(null_is_absent), cmocka_unit_test(json_does_as_well),
		cmocka_unit_test(in_cluster),	  cmocka_unit_test(tokens),
	};
	return cmocka_run_group_tests_name("kube-config", tests, NULL, NULL);
}
