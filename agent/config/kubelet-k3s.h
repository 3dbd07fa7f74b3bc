/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/kubelet-args.h"
#include "config/kubelet-files.h"

/*
 * k3s and rke2, which start a kubelet by themselves: k3s within its own process, rke2 beside it. What
 * they give it comes from drop-ins that they write (since 1.32) and from --kubelet-arg: of their
 * configuration files, and of their own command line. k3s hides its command line from /proc; then
 * that of its systemd unit counts, as the installer writes it.
 */
struct kubelet_k3s {
	pid_t pid;		    /* of the running k3s; 0: none */
	char *dropins;		    /* directory; NULL: there is none, as before 1.32 */
	struct kubelet_args args;   /* the kubelet's, with the defaults from before 1.32 */
	struct kubelet_paths files; /* that were read */
};

/* Whether product, which is "k3s" or "rke2", has run a kubelet here. */
bool kubelet_k3s_is_there(const char *root, const char *product);
/* Whether k3s is running. */
bool kubelet_k3s_is_running(const char *root);
/* -EINVAL: a file of it is wrong. *ret is to be released in any case. */
must_check int kubelet_k3s_read(const char *root, const char *product, struct kubelet_k3s *ret,
				struct err *e);
void kubelet_k3s_done(struct kubelet_k3s *k);
#define cleanup_kubelet_k3s __attribute__((__cleanup__(kubelet_k3s_done)))
