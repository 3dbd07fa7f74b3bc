/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eviction-entry.h"

#include <errno.h>
#include <string.h>

#include "core/go-text.h"
#include "util/buf.h"
#include "util/parse.h"

#define DISK_SIGNALS                                                               \
	"nodefs.available nodefs.inodesFree imagefs.available imagefs.inodesFree " \
	"containerfs.available containerfs.inodesFree"
#define EXPECTED_AMOUNT	  "a percentage such as 10% or 12.5%, or an amount such as 1Gi or 500M"
#define EXPECTED_DURATION "a duration such as 1m30s"
#define MAX_PRINTED	  256

/* In our own configuration a syntax error says what to write; reason is the kubelet's. */
static int expected(const struct eviction_reader *r, enum eviction_signal signal, const char *what,
		    const char *got)
{
	char quoted[GO_QUOTED_MAX];
	if (!r->ours)
		return -r->e->code;
	return err_set(r->e, r->e->code, "%s: expected %s, got \"%s\": %s",
		       eviction_signal_to_string(signal), what, go_escape(got, strlen(got), quoted),
		       r->e->msg);
}

int eviction_read_signal(const struct eviction_reader *r, const char *name,
			 enum eviction_signal *ret)
{
	char quoted[GO_QUOTED_MAX];
	enum eviction_signal signal = eviction_signal_from_string(name);
	if (signal == _EVICTION_SIGNAL_INVALID || (r->ours && !eviction_signal_is_disk(signal)))
		return err_set(r->e, EINVAL, "unsupported eviction signal %s%s",
			       go_escape(name, strlen(name), quoted),
			       r->ours ? "; there are " DISK_SIGNALS : "");
	*ret = signal;
	return 0;
}

static int read_percentage(const struct eviction_reader *r, const char *text,
			   struct eviction_value *ret)
{
	ret->is_percentage = true;
	return percentage_parse(text, r->ours ? PERCENTAGE_PLAIN : PERCENTAGE_KUBELET,
				&ret->percentage, r->e);
}

static int read_quantity(const struct eviction_reader *r, const char *text,
			 struct eviction_value *ret)
{
	ret->is_percentage = false;
	int code = quantity_parse(text, &ret->quantity, r->e);
	if (code == 0 && r->ours && !strpbrk(text, "0123456789"))
		return err_set(r->e, EINVAL, "there is no digit");
	return code;
}

static int read_value(const struct eviction_reader *r, enum eviction_signal signal,
		      const char *text, struct eviction_value *ret)
{
	size_t len = strlen(text);
	*ret = (struct eviction_value){ 0 };
	int code = len > 0 && text[len - 1] == '%' ? read_percentage(r, text, ret)
						   : read_quantity(r, text, ret);
	return code < 0 ? expected(r, signal, EXPECTED_AMOUNT, text) : 0;
}

/* What the kubelet asks of evictionHard and evictionSoft. */
static int check_threshold(const struct eviction_reader *r, enum eviction_signal signal,
			   const struct eviction_value *v, const char *text)
{
	const char *name = eviction_signal_to_string(signal);
	if (!v->is_percentage) {
		if (quantity_sign(&v->quantity) > 0)
			return 0;
		cleanup_buf struct buf printed = BUF_INIT(MAX_PRINTED);
		quantity_print(&v->quantity, text, &printed);
		return err_set(r->e, EINVAL, "eviction threshold %s must be positive: %s", name,
			       buf_string(&printed));
	}
	if (percentage_sign(&v->percentage, !r->ours) < 0)
		return err_set(r->e, EINVAL, "eviction percentage threshold %s must be >= 0%%: %s",
			       name, text);
	if (percentage_is_above_all(&v->percentage, !r->ours))
		return err_set(r->e, EINVAL,
			       "eviction percentage threshold %s must be <= 100%%: %s", name, text);
	return 0;
}

int eviction_read_threshold(const struct eviction_reader *r, enum eviction_signal signal,
			    const char *text, struct eviction_value *ret)
{
	/* the kubelet's way of having no threshold; only these very spellings */
	if (strcmp(text, "0%") == 0 || strcmp(text, "100%") == 0)
		return 0;
	struct eviction_value v;
	int code = read_value(r, signal, text, &v);
	if (code == 0)
		code = check_threshold(r, signal, &v, text);
	if (code < 0)
		return code;
	*ret = v;
	return 1;
}

int eviction_read_grace(const struct eviction_reader *r, enum eviction_signal signal,
			const char *text, usec_t *ret)
{
	int64_t nsec;
	if (parse_duration_nsec(text, &nsec) < 0) {
		(void)go_duration_error(text, r->e);
		return expected(r, signal, EXPECTED_DURATION, text);
	}
	if (nsec < 0)
		return err_set(
			r->e, EINVAL,
			"invalid eviction grace period specified: %s, must be a positive value",
			text);
	/* rounded up: only a period of 0 makes a hard threshold */
	*ret = nsec / 1000 + (nsec % 1000 > 0);
	return 0;
}

int eviction_read_reclaim(const struct eviction_reader *r, enum eviction_signal signal,
			  const char *text, struct eviction_value *ret)
{
	struct eviction_value v;
	int code = read_value(r, signal, text, &v);
	if (code < 0)
		return code;
	const char *name = eviction_signal_to_string(signal);
	if (v.is_percentage && percentage_sign(&v.percentage, !r->ours) <= 0)
		return err_set(r->e, EINVAL,
			       "eviction percentage minimum reclaim %s must be positive: %s", name,
			       text);
	if (!v.is_percentage && quantity_sign(&v.quantity) < 0)
		return err_set(r->e, EINVAL, "negative eviction minimum reclaim specified for %s",
			       name);
	*ret = v;
	return 0;
}
