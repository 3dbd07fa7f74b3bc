# SPDX-License-Identifier: Apache-2.0
"""The laboratory: a loop filesystem, a private containerd on it, images on demand, the agent."""
