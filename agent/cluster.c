/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

int cluster_config(const struct config *c, struct kube_config *ret, struct err *e)
{
	if (*c->kubernetes_kubeconfig)
		return kube_config_load(c->kubernetes_kubeconfig, ret, e);
	return kube_config_in_cluster(getenv("KUBERNETES_SERVICE_HOST"),
				      getenv("KUBERNETES_SERVICE_PORT"), KUBE_SERVICE_ACCOUNT, ret,
				      e);
}
