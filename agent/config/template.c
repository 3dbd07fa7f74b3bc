/* SPDX-License-Identifier: Apache-2.0 */
#include "config/template.h"

#include <string.h>

#include "config/keys.h"
#include "config/values.h"

/* Columns of a comment, its "# " included. */
#define WIDTH 78

static const char head[] =
	"# SPDX-License-Identifier: Apache-2.0\n"
	"#\n"
	"# Configuration of disk-pressure-agent; disk-pressure-agent.conf(5) has the\n"
	"# details, \"disk-pressure-agent config check\" examines it, and the running agent\n"
	"# reads it again on SIGHUP.\n"
	"#\n"
	"# Every key stands here commented out at its default. Rather than editing this\n"
	"# file, put what you change into a file of the directory agent.conf.d beside\n"
	"# it, whose *.conf are read after this one.\n"
	"#\n"
	"# Lines that begin with '#' or ';' are comments; behind a value, ' ;' begins\n"
	"# one. Durations are written like 500ms, 2m or 1h30m. Keys in camelCase are\n"
	"# those of the kubelet's configuration and mean what they mean there.\n";

/* Breaks text at its spaces into comment lines. */
static void print_comment(const char *text, struct buf *out)
{
	while (*text) {
		size_t len = strlen(text), room = WIDTH - strlen("# ");
		if (len > room) {
			len = room;
			while (len > 0 && text[len] != ' ')
				len--;
			/* A word that is wider than the line stays whole. */
			if (len == 0)
				len = strcspn(text, " ");
		}
		(void)buf_printf(out, "# %.*s\n", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

static void print_key(const struct config_key *key, struct buf *out)
{
	cleanup_buf struct buf allowed = BUF_INIT(512);
	(void)buf_puts(&allowed, "Allowed: ");
	value_describe(key, &allowed);
	(void)buf_putc(&allowed, '.');
	(void)buf_putc(out, '\n');
	print_comment(key->doc, out);
	print_comment(buf_string(&allowed), out);
	(void)buf_printf(out, "#%s =%s%s\n", key->name, *key->default_value ? " " : "",
			 key->default_value);
}

void config_template_print(struct buf *out)
{
	(void)buf_puts(out, head);
	const char *section = "";
	for (size_t i = 0; i < n_config_keys; i++) {
		if (strcmp(section, config_keys[i].section) != 0) {
			section = config_keys[i].section;
			(void)buf_printf(out, "\n[%s]\n", section);
		}
		print_key(&config_keys[i], out);
	}
}
