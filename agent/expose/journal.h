/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "util/buf.h"
#include "util/log.h"

/*
 * Log entries as structured entries of the journal: MESSAGE, PRIORITY, MESSAGE_ID,
 * SYSLOG_IDENTIFIER, and every field as DPA_...: measuredBytes is DPA_MEASURED_BYTES. It speaks the
 * journal's native protocol itself because sd_journal_sendv() blocks in sendmsg() once journald
 * does not read (seen with libsystemd 252 after 11 entries), and a journald that waits for a full disk
 * must not stop the agent. Any thread.
 */

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Whether standard error is connected to the journal, so that entries belong there. */
bool journal_available(void);
/* A sink for log_setup(). Returns 0, or a negative errno when the entry was dropped. */
int journal_sink(const struct log_entry *entry);

/* The same to another socket. -EAGAIN: its queue is full. */
int journal_send(const char *socket_path, const struct log_entry *entry);
/* The datagram for one entry. */
void journal_format(const struct log_entry *entry, struct buf *out);
