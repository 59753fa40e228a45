# SPDX-License-Identifier: BSD-2-Clause
# apps/live/test/live_test.rb: `fcsctl app test live`

test "nobody publishes until somebody allows it" do
  s = start("live").connect!.publish("cam")
  assert_status s, "NetStream.Publish.BadName"
end

test "what is on air is in the list" do
  live = start("live", settings: { publish: :allow })
  host = live.connect!
  list = live.connect!.shared(:streams)
  cam  = host.publish("cam")
  assert_status cam, "NetStream.Publish.Start"
  assert_equal host.id.to_s, list["cam"]["by"]
  assert_equal ["cam"], host.call!(:list).keys
  cam.unpublish
  assert_equal({}, host.call!(:list))
  assert list.empty?
end

test "a publisher that goes without a word leaves the list" do
  live = start("live", settings: { publish: :allow })
  host = live.connect!
  host.publish("cam")
  host.disconnect
  assert live.shared(:streams).empty?
end

test "viewers see the stream while it runs, and its recording afterwards" do
  live = start("live", settings: { publish: :allow })
  cam  = live.connect!.publish("cam")
  view = live.connect!.play("cam", start: -1)
  (0..100).each { |n| cam.video(n * 40, key: n % 25 == 0) }
  advance 1
  assert_equal 101, view.videos.size
  cam.unpublish
  assert_status view, "NetStream.Play.UnpublishNotify"
  again = live.connect!.play("cam", start: 0)
  advance 6
  assert_status again, "NetStream.Play.Stop"
  assert_equal 101, again.videos.size
end

test "a second recording leaves the first one under its time" do
  live = start("live", settings: { publish: :allow })
  host = live.connect!
  2.times do
    cam = host.publish("cam")
    (0..10).each { |n| cam.video(n * 40, key: n == 0) }
    advance 1
    cam.unpublish
    advance 60
  end
  assert_equal 0.4, host.call!("getStreamLength", "cam")
end
