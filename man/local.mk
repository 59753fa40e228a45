# SPDX-License-Identifier: BSD-2-Clause
dist_man_MANS += man/fcs-app.7 man/fcs-storage.7 man/fcsctl.1 man/fcsd.8 \
	man/fcsd.yaml.5
