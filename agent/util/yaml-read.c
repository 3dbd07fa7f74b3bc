/* SPDX-License-Identifier: Apache-2.0 */
#include "util/yaml-read.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <yaml.h>

#include "util/limits.h"
#include "util/utf8.h"
#include "util/yaml-scalar.h"

struct frame {
	cJSON *container;
	char *key; /* of a mapping: the one whose value comes next, or NULL */
};

struct builder {
	const char *name;
	const char *text;
	yaml_parser_t parser;
	struct frame stack[YAML_MAX_DEPTH];
	unsigned depth;
	unsigned n_nodes;
	bool had_document;
	cJSON *root;
};

/* Refuses the line (from 1); the rest is a format with its arguments. */
#define refuse(b, line, code, e, ...) \
	(err_set(e, code, __VA_ARGS__), refuse_line((b)->name, line, code, e))

static int refuse_line(const char *name, size_t line, int code, struct err *e)
{
	(void)err_prefix(e, "%s:%zu: ", name, line);
	return -code;
}

static size_t line_of(const char *text, size_t offset)
{
	size_t line = 1;
	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

/* --- building ------------------------------------------------------------------------------ */

static cJSON *must(cJSON *item)
{
	if (!item)
		abort();
	return item;
}

static struct frame *top(struct builder *b)
{
	return b->depth ? &b->stack[b->depth - 1] : NULL;
}

static bool wants_key(struct builder *b)
{
	struct frame *f = top(b);
	return f && cJSON_IsObject(f->container) && !f->key;
}

/* Puts item, which the tree owns from now on, where the document has got to. */
static void add_value(struct builder *b, cJSON *item)
{
	struct frame *f = top(b);
	cJSON_bool added = true;
	if (!f)
		b->root = item;
	else if (cJSON_IsObject(f->container))
		added = cJSON_AddItemToObject(f->container, f->key, item);
	else
		added = cJSON_AddItemToArray(f->container, item);
	if (!added)
		abort();
	if (f) {
		free(f->key);
		f->key = NULL;
	}
}

static int add_key(struct builder *b, const char *text, bool plain, size_t line, struct err *e)
{
	struct frame *f = top(b);
	if (plain && strcmp(text, "<<") == 0)
		return refuse(b, line, EBADMSG, e, "merge keys (<<) are not supported");
	/* Linear in the mapping's size, which YAML_MAX_NODES bounds: 0.1 s at the very worst. */
	if (cJSON_GetObjectItemCaseSensitive(f->container, text))
		return refuse(b, line, EBADMSG, e, "the key \"%.80s\" comes twice", text);
	f->key = xstrdup(text);
	return 0;
}

static int add_scalar(struct builder *b, const yaml_event_t *event, size_t line, struct err *e)
{
	const char *text = (const char *)event->data.scalar.value;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (strlen(text) != event->data.scalar.length)
		return refuse(b, line, EBADMSG, e, "NUL in a string");
	if (wants_key(b))
		return add_key(b, text, plain, line, e);
	cJSON *item = plain ? yaml_scalar(text) : cJSON_CreateString(text);
	if (!item)
		return refuse(b, line, EBADMSG, e, "\"%.40s\" is not a number that JSON has", text);
	add_value(b, item);
	return 0;
}

static int begin_container(struct builder *b, cJSON *container, size_t line, struct err *e)
{
	int r = 0;
	if (wants_key(b))
		r = refuse(b, line, EBADMSG, e, "a key must be a plain value");
	else if (b->depth == YAML_MAX_DEPTH)
		r = refuse(b, line, E2BIG, e, "nested deeper than the allowed %d levels",
			   YAML_MAX_DEPTH);
	if (r < 0) {
		cJSON_Delete(container);
		return r;
	}
	add_value(b, container);
	b->stack[b->depth++] = (struct frame){ .container = container };
	return 0;
}

/* --- events -------------------------------------------------------------------------------- */

/* What may decorate a node, and how many there may be. */
static int check_node(struct builder *b, const yaml_char_t *anchor, const yaml_char_t *tag,
		      size_t line, struct err *e)
{
	if (anchor)
		return refuse(b, line, EBADMSG, e, "anchors (&) are not supported");
	if (tag)
		return refuse(b, line, EBADMSG, e, "tags (!) are not supported");
	if (++b->n_nodes > YAML_MAX_NODES)
		return refuse(b, line, E2BIG, e, "more than the allowed %d values", YAML_MAX_NODES);
	return 0;
}

static int take_event(struct builder *b, const yaml_event_t *event, struct err *e)
{
	size_t line = event->start_mark.line + 1;
	int r = 0;
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->had_document)
			return refuse(b, line, EBADMSG, e, "a second document begins here");
		b->had_document = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(b, line, EBADMSG, e, "aliases (*) are not supported");
	case YAML_SCALAR_EVENT:
		r = check_node(b, event->data.scalar.anchor, event->data.scalar.tag, line, e);
		return r < 0 ? r : add_scalar(b, event, line, e);
	case YAML_SEQUENCE_START_EVENT:
		r = check_node(b, event->data.sequence_start.anchor, event->data.sequence_start.tag,
			       line, e);
		return r < 0 ? r : begin_container(b, must(cJSON_CreateArray()), line, e);
	case YAML_MAPPING_START_EVENT:
		r = check_node(b, event->data.mapping_start.anchor, event->data.mapping_start.tag,
			       line, e);
		return r < 0 ? r : begin_container(b, must(cJSON_CreateObject()), line, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

static int syntax_error(const struct builder *b, struct err *e)
{
	const yaml_parser_t *p = &b->parser;
	if (p->error == YAML_MEMORY_ERROR)
		abort();
	size_t line = p->error == YAML_READER_ERROR ? line_of(b->text, p->problem_offset)
						    : p->problem_mark.line + 1;
	return refuse(b, line, EBADMSG, e, "not valid YAML: %s%s%s",
		      p->problem ? p->problem : "unknown error", p->context ? ", " : "",
		      p->context ? p->context : "");
}

static int run(struct builder *b, struct err *e)
{
	for (bool end = false; !end;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&b->parser, &event))
			return syntax_error(b, e);
		end = event.type == YAML_STREAM_END_EVENT;
		int r = take_event(b, &event, e);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_yaml(const char *name, const char *text, size_t len, cJSON **ret, struct err *e)
{
	struct builder b = { .name = name, .text = text };
	if (!yaml_parser_initialize(&b.parser))
		abort();
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
	int r = run(&b, e);
	yaml_parser_delete(&b.parser);
	for (unsigned i = 0; i < YAML_MAX_DEPTH; i++)
		free(b.stack[i].key);
	if (r < 0) {
		cJSON_Delete(b.root);
		return r;
	}
	*ret = b.root ? b.root : must(cJSON_CreateNull());
	return 0;
}

/* --- JSON ---------------------------------------------------------------------------------- */

/* Whether a later member of the object has the item's name. */
static bool comes_again(const cJSON *item)
{
	for (const cJSON *next = item->next; next; next = next->next) {
		if (strcmp(item->string, next->string) == 0)
			return true;
	}
	return false;
}

static int count_values(const char *name, const cJSON *item, unsigned *n_nodes, struct err *e)
{
	/* Members' names count as they do in YAML. */
	*n_nodes += item->string ? 2 : 1;
	if (*n_nodes > YAML_MAX_NODES)
		return err_set(e, E2BIG, "%s: more than the allowed %d values", name,
			       YAML_MAX_NODES);
	int r = 0;
	for (const cJSON *child = item->child; r == 0 && child; child = child->next)
		r = count_values(name, child, n_nodes, e);
	return r;
}

static int check_names(const char *name, const cJSON *item, struct err *e)
{
	int r = 0;
	for (const cJSON *child = item->child; r == 0 && child; child = child->next) {
		if (cJSON_IsObject(item) && comes_again(child))
			return err_set(e, EBADMSG, "%s: the key \"%.80s\" comes twice", name,
				       child->string);
		r = check_names(name, child, e);
	}
	return r;
}

static int parse_json(const char *name, const char *text, size_t len, cJSON **ret, struct err *e)
{
	cleanup_json cJSON *json = NULL;
	unsigned n_nodes = 0;
	int r = json_parse(text, len, &json, e);
	if (r < 0) {
		(void)err_prefix(e, "%s: ", name);
		return r;
	}
	r = count_values(name, json, &n_nodes, e);
	if (r == 0)
		r = check_names(name, json, e);
	if (r == 0)
		*ret = take_ptr(json);
	return r;
}

/* --- both ---------------------------------------------------------------------------------- */

static int check_bytes(const char *name, const char *text, size_t len, struct err *e)
{
	for (size_t i = 0; i < len;) {
		size_t n = text[i] ? utf8_char_len(text + i) : 0;
		if (n == 0) {
			(void)err_set(e, EBADMSG, text[i] ? "not valid UTF-8" : "NUL");
			return refuse_line(name, line_of(text, i), EBADMSG, e);
		}
		i += n;
	}
	return 0;
}

int yaml_parse(const char *name, const char *text, size_t len, cJSON **ret, struct err *e)
{
	if (len > YAML_MAX_BYTES)
		return err_set(e, E2BIG, "%s: more than the allowed %d bytes", name,
			       YAML_MAX_BYTES);
	int r = check_bytes(name, text, len, e);
	if (r < 0)
		return r;
	if (text[strspn(text, " \t\r\n")] == '{')
		return parse_json(name, text, len, ret, e);
	return parse_yaml(name, text, len, ret, e);
}
