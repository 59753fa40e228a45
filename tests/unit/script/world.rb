# SPDX-License-Identifier: BSD-2-Clause
# JSON, Text, Secret, Random, Time, log, and the words of http and files that
# need nobody outside.
load "lib/check"

class WorldTest < FCS::App
  extend Check::Words
  include Check::Asserts

  def nested(n, last = "1") = "[" * n + last + "]" * n

  def deep(n)
    v = 1
    n.times { v = [v] }
    v
  end

  def json_fails(text, where, why)
    e = assert_raises(FCS::ValueError, "JSON #{where}: ") { JSON.parse(text) }
    assert e.message.include?(why), "#{text.inspect}: #{e.message}"
  end

  test("json depth") do
    [31, 32].each do |n|
      assert_equal deep(n), JSON.parse(nested(n))
      assert_equal nested(n), JSON.generate(deep(n))
    end
    assert_equal 32, JSON.generate(deep(32)).count("[")
    json_fails(nested(33), "1:33", "32 deep")
    json_fails(nested(33, ""), "1:33", "32 deep")
    json_fails("{\"a\":" * 33 + "1" + "}" * 33, "1:161", "32 deep")
    json_fails("[" * 100_000, "1:33", "32 deep")
    assert_raises(FCS::ValueError, "32 deep") { JSON.generate(deep(33)) }
    assert_equal nested(31, "{}"), JSON.generate(JSON.parse(nested(31, "{}")))
    json_fails(nested(32, "{}"), "1:33", "32 deep")
  end

  test("json errors say where") do
    json_fails("", "1:1", "ends early")
    json_fails("  \n ", "2:2", "ends early")
    json_fails("[1,\n 2,\n x]", "3:2", "a value")
    json_fails("[1 2]", "1:4", ", or ]")
    json_fails("[1,]", "1:4", "a value")
    json_fails("{\"a\" 1}", "1:6", ":")
    json_fails("{\"a\":1,}", "1:8", "a name")
    json_fails("{a:1}", "1:2", "a name")
    json_fails("1 2", "1:3", "more text")
    json_fails("\"abc", "1:5", "ends in a string")
    json_fails("\"a\nb\"", "1:3", "control character")
    json_fails("\"\\x\"", "1:3", "unknown escape")
    json_fails("\"\\u12\"", "1:4", "four digits")
    json_fails("\"\\ud800\"", "1:8", "surrogate")
    json_fails("\"\\udc00\"", "1:8", "surrogate")
    json_fails("\"\xff\"", "1:3", "UTF-8")
    json_fails("01", "1:1", "begin with 0")
    json_fails("-", "1:2", "a value")
    json_fails("1e999", "1:6", "not a number")
    json_fails("NaN", "1:1", "a value")
    json_fails("nul", "1:1", "a value")
    json_fails("1" * 64, "1:65", "too long")
    json_fails("\xef\xbb\xbf1", "1:1", "a value")
  end

  test("json values") do
    assert_equal [1, -2, 1.5, 1e300, 9007199254740991, "a\"\\/\b\f\n\r\tz"],
                 JSON.parse('[1, -2, 1.5, 1e300, 9007199254740991, "a\"\\\\\/\b\f\n\r\tz"]')
    assert JSON.parse("9007199254740993").is_a?(Float)
    assert JSON.parse("1.0").is_a?(Float)
    assert_equal({ "a" => 2 }, JSON.parse('{"a":1,"a":2}'))
    assert_equal "é\u{1F600}", JSON.parse('"\u00e9\ud83d\ude00"')
    assert_equal '"a\"\\\\\u000a\u0000é"', JSON.generate("a\"\\\n\0é")
    assert_equal '{"a":1,"b":2,"3":null}', JSON.generate({ "a" => 1, b: 2, 3 => nil })
    assert_equal "[]", JSON.generate([])
    assert_equal "[7,0.5]", JSON.generate([7.0, 0.5])
    assert_equal "[1,1]", JSON.generate([1, 1])
    x = [0]
    assert_equal "[[0],[0]]", JSON.generate([x, x])
    x << { "me" => x }
    assert_raises(FCS::ValueError, "cycle") { JSON.generate(x) }
    h = {}
    h["h"] = h
    assert_raises(FCS::ValueError, "cycle") { JSON.generate(h) }
    [0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0].each do |v|
      assert_raises(FCS::ValueError, "NaN") { JSON.generate([v]) }
    end
    assert_raises(FCS::ValueError, "Bytes") { JSON.generate([FCS::Bytes.new("x")]) }
    assert_raises(FCS::ValueError, "UTF-8") { JSON.generate("\xff") }
    assert_raises(FCS::ValueError, "UTF-8") { JSON.generate({ "\xff" => 1 }) }
    assert_raises(FCS::ValueError, "key") { JSON.generate({ 1.5 => 1 }) }
    assert_raises(FCS::ValueError, "Range") { JSON.generate(1..2) }
    [0.1, 1e-7, 123456789.123, 1.7976931348623157e308, -0.5].each do |v|
      assert_equal v, JSON.parse(JSON.generate(v))
    end
  end

  test("text") do
    assert_equal "", Text.clip(nil)
    assert_equal "ab", Text.clip("a\0\nb\x7f")
    assert_equal "é", Text.clip("éa", 1)
    assert_equal "éa", Text.clip("éa", 2)
    assert_equal "éa", Text.clip("éa", 3)
    assert_equal "", Text.clip("éa", 0)
    assert_equal 255, Text.length(Text.clip("é" * 300))
    assert_equal 255, Text.length(Text.clip("é" * 255))
    assert_equal "ab", Text.clip("a\xffb\xc3")
    assert_equal "12", Text.clip(12)
    assert_equal "a\nb", Text.scrub("a\n\xffb")
    assert_equal [2, 0, 1], [Text.length("éa"), Text.length(""), Text.length("\u{1F600}")]
    assert_equal [true, false, true], [Text.valid?("é"), Text.valid?("\xc3"), Text.valid?("")]
    assert Text.glob?("a/*", "a/b")
    assert !Text.glob?("a/*", "a/b/c")
    assert Text.glob?("a/**", "a/b/c")
    assert Text.glob?("?", "x")
    assert !Text.glob?("?", "/")
  end

  test("secret words") do
    assert_equal "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
                 Secret.hmac("key", "The quick brown fox jumps over the lazy dog")
    assert_equal "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Secret.sha256("")
    assert_raises(ArgumentError) { Secret.hmac(nil, "x") }
    assert_raises(ArgumentError) { Secret.hmac("", "x") }
    assert_equal 32, Secret.token.size
    assert_equal [2, 512], [Secret.token(1).size, Secret.token(256).size]
    [0, 257, -1].each { |n| assert_raises(ArgumentError) { Secret.token(n) } }
    assert Secret.token != Secret.token
    assert Secret.same?("a", "a")
    [["a", "b"], ["a", "ab"], ["", ""], [nil, nil], [nil, ""], ["a", nil]].each do |a, b|
      assert !Secret.same?(a, b), [a, b].inspect
    end
    e = assert_raises(FCS::NotFound, "secret nobody") { secret(:nobody) }
    assert !e.message.include?("/"), e.message
  end

  test("random is nobody's guess") do
    a = Array.new(8) { rand(1_000_000_000) }
    b = Array.new(8) { Random.new.rand(1_000_000_000) }
    srand
    c = Array.new(8) { rand(1_000_000_000) }
    all = a + b + c
    assert all.uniq.size > 20, all.inspect
    x = Random.new(7)
    y = Random.new(7)
    assert_equal x.rand, y.rand
    srand(5)
    d = [rand, rand(10)]
    srand(5)
    assert_equal d, [rand, rand(10)]
    assert (0...10).include?(rand(10))
    assert_equal 3, [1, 2, 3].shuffle.size
  end

  expose(:numbers) { Array.new(4) { rand(1_000_000_000) } }

  test("time") do
    t = Time.at(1_000_000_000)
    assert_equal "2001-09-09T01:46:40.000Z", t.iso8601
    assert_equal [2001, 9, 9, 1, 46, 40, 0], [t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday]
    assert_equal t, Time.utc(2001, 9, 9, 1, 46, 40)
    assert_equal 60.5, (t + 60.5) - t
    assert (Time.now - now).abs < 1
    assert_equal "2024-02-29T00:00:00.000Z", Time.utc(2024, 2, 29).iso8601
    assert_equal "1969-12-31T23:59:59.000Z", Time.at(-1).iso8601
  end

  test("http words") do
    assert_equal "a=1&b%20c=%C3%A9%26&l=1&l=2", FCS::Http.encode({ a: 1, "b c" => "é&", n: nil, l: [1, 2] })
    assert_equal "-._~%2F%00", FCS::Native.escape("-._~/\0")
    r = FCS::Response.new(204, ["a", "1", "b", "2", "a", "3"], "[1]")
    assert_equal({ "a" => "1, 3", "b" => "2" }, r.headers)
    assert_equal [204, true, "[1]", [1]], [r.status, r.ok?, r.body, r.json]
    assert !FCS::Response.new(300, [], "").ok?
    assert !FCS::Response.new(199, [], "").ok?
    assert_raises(FCS::ValueError) { FCS::Response.new(200, [], "<html>").json }
    assert_raises(ArgumentError) { http.post("http://127.0.0.1/", json: 1, body: "x") }
    assert_raises(FCS::ValueError) { http.post("http://127.0.0.1/", body: 1) }
    assert_raises(FCS::ValueError) { http.post("http://127.0.0.1/", json: 0.0 / 0.0) }
    assert_raises(FCS::HttpError) { http.get("http://127.0.0.1/").await }
    seen = nil
    http.get("ftp://x/").then { |v, e| seen = [v, e.class] }
    sleep 0.01
    assert_equal [nil, FCS::HttpError], seen
  end

  test("files words") do
    assert_raises(FCS::FileError, "../x: ") { files.read("../x").await }
    assert_equal "name", assert_raises(FCS::FileError) { files.read("/x").await }.code
    assert_raises(ArgumentError) { files.read("x", offset: -1) }
    assert_raises(ArgumentError) { files.read("x", length: 1.5) }
    assert_raises(FCS::ValueError) { files.write("x", { "a" => 1 }) }
    assert_raises(FCS::FileError, "x: no files here") { files.read("x").await }
  end

  test("log fields") do
    log.warn "two words", ip: "1.2.3.4", why: "a b=\"c\"\nd", "odd key" => 1, text: "mine", n: nil
    log.info "none"
  end
end
