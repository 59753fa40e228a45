# SPDX-License-Identifier: BSD-2-Clause
# Codecs of others against ours: amf.py drives amfcat and the npm packages.
check_PROGRAMS += tests/interop/amfcat
tests_interop_amfcat_LDADD = $(LIBS_CODEC)
