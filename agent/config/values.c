/* SPDX-License-Identifier: Apache-2.0 */
#include "config/values.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "config/text.h"
#include "util/human.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/parse.h"

/* How much of a refused value a message repeats. */
#define SHOWN_MAX 80

/* --- what is allowed ----------------------------------------------------------------------- */

static void describe_choices(const char *const *choices, struct buf *out)
{
	for (size_t i = 0; choices[i]; i++) {
		if (i > 0)
			(void)buf_puts(out, choices[i + 1] ? ", " : " or ");
		(void)buf_puts(out, choices[i]);
	}
}

static void describe_levels(struct buf *out)
{
	const char *levels[LOG_DEBUG + 2] = { NULL };
	size_t n = 0;
	for (int priority = 0; priority <= LOG_DEBUG; priority++) {
		const char *name = log_level_to_string(priority);
		if (name)
			levels[n++] = name;
	}
	describe_choices(levels, out);
}

static void print_duration(usec_t d, struct buf *out)
{
	char text[HUMAN_MAX];
	human_go_duration(d, text);
	/* "1h0m0s" is how Go prints what people write as "1h". */
	size_t len = strlen(text);
	if (len > 3 && strcmp(text + len - 3, "m0s") == 0)
		text[len -= 2] = '\0';
	if (len > 3 && strcmp(text + len - 3, "h0m") == 0)
		text[len - 2] = '\0';
	(void)buf_puts(out, text);
}

static void describe_duration(const struct config_key *key, struct buf *out)
{
	(void)buf_puts(out, "a duration ");
	(void)buf_puts(out, key->max == CONFIG_DURATION_MAX ? "of " : "from ");
	print_duration(key->min, out);
	if (key->max == CONFIG_DURATION_MAX) {
		(void)buf_puts(out, " or more");
		return;
	}
	(void)buf_puts(out, " to ");
	print_duration(key->max, out);
}

void value_describe(const struct config_key *key, struct buf *out)
{
	switch (key->type) {
	case CONFIG_BOOL:
		(void)buf_puts(out, "yes or no");
		break;
	case CONFIG_INTEGER:
		(void)buf_printf(out, "a whole number from %lld to %lld", (long long)key->min,
				 (long long)key->max);
		break;
	case CONFIG_PERCENT:
		(void)buf_printf(out, "a percentage from %lld to %lld without a percent sign",
				 (long long)key->min, (long long)key->max);
		break;
	case CONFIG_DURATION:
		describe_duration(key, out);
		break;
	case CONFIG_CHOICE:
		describe_choices(key->choices, out);
		break;
	case CONFIG_LOG_LEVEL:
		describe_levels(out);
		break;
	case CONFIG_PATH:
		if (strcmp(key->default_value, "auto") == 0)
			(void)buf_puts(out, "auto or ");
		(void)buf_puts(out, "an absolute path");
		break;
	case CONFIG_STRING:
	case CONFIG_WORDS:
		(void)buf_puts(out, key->expected);
		break;
	}
}

/* Refuses text: says what is expected, what was there and, unless empty, what is wrong with it. */
static int refuse(const struct config_key *key, const char *text, const char *why, struct err *e)
{
	cleanup_buf struct buf expected = BUF_INIT(256);
	value_describe(key, &expected);
	if (!*text)
		return err_set(
			e, EINVAL,
			"expected %s, got nothing; without the key's line the default holds, %s",
			buf_string(&expected), key->default_value);
	if (!*why && strstr(text, " #"))
		why = "a comment behind a value begins with ' ;'";
	size_t shown = text_cut(text, SHOWN_MAX);
	return err_set(e, EINVAL, "expected %s, got \"%.*s%s\"%s%s", buf_string(&expected),
		       (int)shown, text, text[shown] ? "..." : "", *why ? ": " : "", why);
}

/* --- parsing ------------------------------------------------------------------------------- */

static int parse_number(const struct config_key *key, int64_t *member, const char *text,
			struct err *e)
{
	int64_t value = 0;
	bool duration = key->type == CONFIG_DURATION;
	int r = duration ? parse_duration(text, &value) : parse_i64(text, &value);
	if (r == -EINVAL)
		return refuse(key, text, duration ? "write it like 500ms, 2m or 1h30m" : "", e);
	if (r < 0 || value < key->min || value > key->max)
		return refuse(key, text, "out of range", e);
	*member = value;
	return 0;
}

static int parse_choice(const struct config_key *key, int *member, const char *text, struct err *e)
{
	for (int i = 0; key->choices[i]; i++) {
		if (strcmp(text, key->choices[i]) == 0) {
			*member = i;
			return 0;
		}
	}
	return refuse(key, text, "", e);
}

static const char *check_path(const struct config_key *key, const char *path)
{
	if (strcmp(key->default_value, "auto") == 0 && strcmp(path, "auto") == 0)
		return NULL;
	if (path[0] != '/')
		return "";
	return strlen(path) < PATH_MAX ? NULL : "too long";
}

static int parse_string(const struct config_key *key, char **member, const char *text,
			struct err *e)
{
	const char *wrong = key->type == CONFIG_PATH ? check_path(key, text)
			    : key->check	     ? key->check(text)
						     : NULL;
	if (wrong)
		return refuse(key, text, wrong, e);
	free(*member);
	*member = xstrdup(text);
	return 0;
}

static void words_done(struct word_list *list)
{
	for (size_t i = 0; i < list->n_words; i++)
		free(list->words[i]);
	free(list->words);
	*list = (struct word_list){ 0 };
}
#define cleanup_words __attribute__((__cleanup__(words_done)))

static int add_word(const struct config_key *key, struct word_list *list, const char *word,
		    struct err *e)
{
	const char *wrong = key->check(word);
	for (size_t i = 0; !wrong && i < list->n_words; i++) {
		if (strcmp(list->words[i], word) == 0)
			wrong = "given twice";
	}
	if (wrong)
		return refuse(key, word, wrong, e);
	if (list->n_words == (size_t)key->max)
		return err_set(e, EINVAL, "more than the allowed %zu words", list->n_words);
	list->words = xreallocarray(list->words, list->n_words + 1, sizeof(*list->words));
	list->words[list->n_words++] = xstrdup(word);
	return 0;
}

static int parse_words(const struct config_key *key, struct word_list *member, const char *text,
		       struct err *e)
{
	cleanup_free char *copy = xstrdup(text);
	cleanup_words struct word_list list = { 0 };
	char *rest = copy;
	for (char *word; (word = strsep(&rest, " \t"));) {
		int r = *word ? add_word(key, &list, word, e) : 0;
		if (r < 0)
			return r;
	}
	words_done(member);
	*member = list;
	list = (struct word_list){ 0 };
	return 0;
}

/* A value of --set that a file could not hold would make config show print another one. */
static bool starts_comment(const char *text)
{
	for (const char *p = text; (p = strchr(p, ';')); p++) {
		if (p == text || text_is_blank(p[-1]))
			return true;
	}
	return false;
}

int value_parse(const struct config_key *key, void *member, const char *text, struct err *e)
{
	if (!text_valid(text, strlen(text)))
		return err_set(e, EINVAL, "expected UTF-8 text without control characters");
	if (starts_comment(text))
		return refuse(key, text, "';' at the beginning or after a space starts a comment",
			      e);
	switch (key->type) {
	case CONFIG_BOOL:
		return parse_bool(text, member) < 0 ? refuse(key, text, "", e) : 0;
	case CONFIG_INTEGER:
	case CONFIG_PERCENT:
	case CONFIG_DURATION:
		return parse_number(key, member, text, e);
	case CONFIG_CHOICE:
		return parse_choice(key, member, text, e);
	case CONFIG_LOG_LEVEL: {
		int priority = log_level_from_string(text);
		if (priority < 0)
			return refuse(key, text, "", e);
		*(int *)member = priority;
		return 0;
	}
	case CONFIG_PATH:
	case CONFIG_STRING:
		return parse_string(key, member, text, e);
	case CONFIG_WORDS:
		return parse_words(key, member, text, e);
	}
	return err_set(e, EINVAL, "unknown type of key");
}

/* --- printing and releasing ---------------------------------------------------------------- */

static void print_words(const struct word_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->n_words; i++) {
		if (i > 0)
			(void)buf_putc(out, ' ');
		(void)buf_puts(out, list->words[i]);
	}
}

void value_print(const struct config_key *key, const void *member, struct buf *out)
{
	switch (key->type) {
	case CONFIG_BOOL:
		(void)buf_puts(out, *(const bool *)member ? "yes" : "no");
		break;
	case CONFIG_INTEGER:
	case CONFIG_PERCENT:
		(void)buf_printf(out, "%lld", (long long)*(const int64_t *)member);
		break;
	case CONFIG_DURATION:
		print_duration(*(const usec_t *)member, out);
		break;
	case CONFIG_CHOICE:
		(void)buf_puts(out, key->choices[*(const int *)member]);
		break;
	case CONFIG_LOG_LEVEL:
		(void)buf_puts(out, log_level_to_string(*(const int *)member));
		break;
	case CONFIG_PATH:
	case CONFIG_STRING:
		(void)buf_puts(out, *(char *const *)member);
		break;
	case CONFIG_WORDS:
		print_words(member, out);
		break;
	}
}

void value_done(const struct config_key *key, void *member)
{
	if (key->type == CONFIG_WORDS) {
		words_done(member);
	} else if (key->type == CONFIG_PATH || key->type == CONFIG_STRING) {
		free(*(char **)member);
		*(char **)member = NULL;
	}
}
