# SPDX-License-Identifier: BSD-2-Clause
# Applications that come with fcs: every file, installed below $(pkgdatadir).
APPS =
APPS += apps/vod/media/README.md apps/vod/media/sample.flv

nobase_dist_pkgdata_DATA += $(APPS)
