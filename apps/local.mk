# SPDX-License-Identifier: BSD-2-Clause
# Applications that come with fcs: every file, installed below $(pkgdatadir).
APPS = apps/chat/README.md apps/chat/main.rb \
	apps/echo/README.md apps/echo/main.rb apps/echo/test/echo_test.rb \
	apps/hello/README.md apps/hello/app.yaml apps/hello/main.rb \
	apps/hello/test/hello_test.rb \
	apps/live/README.md apps/live/app.yaml apps/live/main.rb \
	apps/lobby/README.md apps/lobby/main.rb \
	apps/lobby/test/lobby_test.rb \
	apps/room/README.md apps/room/main.rb apps/room/test/room_test.rb \
	apps/vod/README.md apps/vod/main.rb \
	apps/whiteboard/README.md apps/whiteboard/app.yaml \
	apps/whiteboard/main.rb
APPS += apps/vod/media/README.md apps/vod/media/sample.flv
APPS += apps/chat/test/chat_test.rb apps/live/test/live_test.rb \
	apps/vod/test/vod_test.rb apps/whiteboard/test/whiteboard_test.rb

nobase_dist_pkgdata_DATA += $(APPS)
