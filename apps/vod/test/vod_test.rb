# SPDX-License-Identifier: BSD-2-Clause
# apps/vod/test/vod_test.rb: `fcsctl app test vod`

test "the sample plays to its end" do
  view = start("vod").connect!.play("sample", start: 0)
  assert_status view, "NetStream.Play.Start"
  advance 120
  assert_status view, "NetStream.Play.Stop"
  assert view.videos.size > 100
  assert view.videos[0][2]                           # a key frame comes first
end

test "a seek goes on from a key frame" do
  view = start("vod").connect!.play("sample", start: 0)
  view.media.clear
  view.seek(5)
  assert_status view, "NetStream.Seek.Notify"
  advance 1
  pictures = view.videos.select { |m| m[1] > 0 }
  assert pictures[0][2]
end

test "who watches what is counted" do
  vod  = start("vod")
  ann  = vod.connect!
  list = ann.shared(:watching)
  a = ann.play("sample", start: 0)
  b = vod.connect!.play("sample", start: 0)
  assert_equal 2, list["sample"]
  a.stop
  assert_equal({ "sample" => 1 }, ann.call!(:watching))
  b.stop
  assert list.empty?
end

test "live names and missing ones are refused" do
  c = start("vod").connect!
  assert_status c.play("sample", start: -1), "NetStream.Play.Failed"
  assert_status c.play("nothing", start: 0), "NetStream.Play.StreamNotFound"
end

test "nobody publishes and nobody writes objects" do
  c = start("vod").connect!
  assert_status c.publish("mine"), "NetStream.Publish.BadName"
  list = c.shared(:watching)
  list["x"] = 1
  assert_equal ["SharedObject.NoWriteAccess"], list.status
end

test "the line of a client is measured as soon as it is in" do
  c = start("vod").connect
  c.define(:onBWCheck) { |*sent| 0 }
  advance 20
  assert c.received(:onBWDone).size == 1
  assert_status c.play("sample", start: 0), "NetStream.Play.Start"
end

test "the list names what can be played" do
  list = start("vod").connect!.call!(:list)
  sample = list.find { |r| r["name"] == "sample" }
  assert_equal 24, sample["seconds"].round
  assert_equal false, sample["live"]
end
