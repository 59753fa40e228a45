# SPDX-License-Identifier: BSD-2-Clause
# What `fcsctl app new` begins with, beside the applications of apps/.
nobase_dist_pkgdata_DATA += templates/empty/README.md \
	templates/empty/app.yaml templates/empty/main.rb \
	templates/empty/test/empty_test.rb
