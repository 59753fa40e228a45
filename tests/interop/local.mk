# SPDX-License-Identifier: BSD-2-Clause
# Codecs of others against ours: amf.py drives amfcat and the npm packages.
check_PROGRAMS += tests/interop/amfcat
tests_interop_amfcat_LDADD = $(LIBS_CODEC)
EXTRA_DIST += tests/interop/amf.py tests/interop/netconnection.js \
	tests/interop/package-lock.json tests/interop/package.json \
	tests/interop/peer.js tests/interop/rtmp_client.py
