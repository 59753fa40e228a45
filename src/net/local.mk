# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libnet.a
libnet_a_SOURCES =
