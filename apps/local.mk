# SPDX-License-Identifier: BSD-2-Clause
# Applications that come with fcs: every file, installed below $(pkgdatadir).
APPS =

nobase_dist_pkgdata_DATA += $(APPS)
