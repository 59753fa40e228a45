# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgateway.a
libgateway_a_SOURCES =
