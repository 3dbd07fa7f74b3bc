/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/notify.h"

#include <inttypes.h>
#include <stdio.h>

#include <systemd/sd-daemon.h>

#define STATUS_MAX 512

/* state is "VARIABLE=VALUE\n" or "". */
static int notify_with_status(const char *state, const char *status)
{
	char text[STATUS_MAX];
	if (!status)
		return sd_notify(0, state);
	(void)snprintf(text, sizeof(text), "%s", status);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	return sd_notifyf(0, "%sSTATUS=%s", state, text);
}

int notify_ready(const char *status)
{
	return notify_with_status("READY=1\n", status);
}

int notify_status(const char *status)
{
	return notify_with_status("", status);
}

int notify_stopping(const char *status)
{
	return notify_with_status("STOPPING=1\n", status);
}

int notify_reloading(usec_t now)
{
	return sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now);
}
