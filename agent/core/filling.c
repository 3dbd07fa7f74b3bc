/* SPDX-License-Identifier: Apache-2.0 */
#include "core/filling.h"

#define HOLD	  (2 * USEC_PER_MINUTE)
/* Of what time is left, this part may be spent on being sure. */
#define HOLD_PART 4
#define CALM	  (5 * USEC_PER_MINUTE)

static void suspect(struct filling *f, usec_t now, uint64_t amount)
{
	f->suspected = true;
	f->suspected_at = now;
	f->suspected_amount = amount;
}

/* At the pace since the suspicion, the rest is used up within the horizon. */
static bool borne_out(const struct filling *f, usec_t held, uint64_t amount)
{
	if (amount >= f->suspected_amount)
		return false;
	uint64_t lost = f->suspected_amount - amount;
	return (unsigned __int128)amount * (uint64_t)held <=
	       (unsigned __int128)lost * (uint64_t)FILLING_HORIZON;
}

static bool begins(struct filling *f, usec_t now, uint64_t amount, usec_t left)
{
	if (left > FILLING_HORIZON) {
		f->suspected = false;
		return false;
	}
	if (!f->suspected) {
		suspect(f, now, amount);
		return false;
	}
	usec_t held = now - f->suspected_at;
	if (held < HOLD && held < left / HOLD_PART)
		return false;
	if (!borne_out(f, held, amount)) {
		suspect(f, now, amount);
		return false;
	}
	return true;
}

static bool ends(struct filling *f, usec_t now, usec_t left)
{
	if (left <= 2 * FILLING_HORIZON) {
		f->calm = false;
		return false;
	}
	if (!f->calm) {
		f->calm = true;
		f->calm_since = now;
	}
	return now - f->calm_since >= CALM;
}

bool filling_step(struct filling *f, usec_t now, uint64_t amount, usec_t left)
{
	if (f->fast ? !ends(f, now, left) : !begins(f, now, amount, left))
		return false;
	*f = (struct filling){ .fast = !f->fast };
	return true;
}
