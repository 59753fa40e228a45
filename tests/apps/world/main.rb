# SPDX-License-Identifier: BSD-2-Clause
# What a script reaches outside: requests, files, secrets. Failures come back
# as "Class: message".
class World < FCS::App
  shared :notes, persistent: true

  def self.answer(name, &block)
    expose(name) do |c, *args|
      begin
        instance_exec(*args, &block)
      rescue FCS::Error, ArgumentError => e
        "#{e.class}: #{e.message}"
      end
    end
  end

  def show(r) = { "status" => r.status, "ok" => r.ok?, "headers" => r.headers, "body" => r.body }

  # --- requests ---

  answer(:echo) { |x| x }
  answer(:get)  { |url, s = 10| show(http.get(url, timeout: s).await(timeout: 30)) }
  answer(:size) { |url| http.get(url).await.body.size }
  answer(:query) { |url, q| show(http.get(url, query: q).await) }
  answer(:json) { |url| http.get(url).await.json }
  answer(:post_json) { |url, v| show(http.post(url, json: v).await) }
  answer(:post_form) { |url, v| show(http.post(url, form: v).await) }
  answer(:post_body) { |url, v, h| show(http.post(url, body: v, headers: h || {}).await) }

  answer(:post_size) { |url, n| http.post(url, body: "x" * n).await.status }

  # The change, then a request that speaks of it.
  answer(:write_and_post) do |url|
    shared(:notes).increment(:n)
    http.post(url, json: shared(:notes)[:n]).await.status
  end

  # Made anew with the code: what it asked for comes when it has taken over.
  def initialize
    @early = files.exist?("app:words.json")
  end

  on(:reload) { }
  answer(:early) { @early.await }

  # How many were taken at once, and how the others were refused.
  answer(:many) do |url, n|
    taken = []
    refused = {}
    n.times do
      begin
        taken << http.get(url, timeout: 20)
      rescue FCS::LimitError => e
        refused[e.class.to_s] = (refused[e.class.to_s] || 0) + 1
      end
    end
    FCS::Pending.all(*taken).await(timeout: 30) if url.end_with?("/ok")
    [taken.size, refused]
  end

  answer(:secret) { |name| Secret.sha256(secret(name)) }
  answer(:log)    { |text, name, value| log.warn(text, name.to_sym => value) }
  answer(:numbers) { Array.new(4) { rand(1_000_000_000) } }

  # --- files ---

  def self.file(name, &block)
    expose("file/#{name}") do |c, *args|
      begin
        instance_exec(*args, &block)
      rescue FCS::FileError => e
        [e.code, e.message]
      rescue FCS::Error, ArgumentError => e
        "#{e.class}: #{e.message}"
      end
    end
  end

  def stat_list(i) = [i.name, i.size, i.folder?, i.modified_at]

  file(:read)    { |path, from = 0, n = nil| files.read(path, offset: from, length: n).await }
  file(:size)    { |path| files.read(path).await.size }
  file(:write)   { |path, data, at = nil| files.write(path, data, offset: at).await }
  file(:append)  { |path, data| files.append(path, data).await }
  file(:exist)   { |path| files.exist?(path).await }
  file(:stat)    { |path| stat_list(files.stat(path).await) }
  file(:list)    { |pattern = "**"| files.list(pattern).await }
  file(:mkdir)   { |path| files.mkdir(path).await }
  file(:copy)    { |a, b| files.copy(a, b).await }
  file(:rename)  { |a, b| files.rename(a, b).await }
  file(:delete)  { |path| files.delete(path).await }
  file(:big)     { |path, n| files.write(path, "x" * n).await }
  file(:json)    { JSON.parse(files.read("app:words.json").await) }

  # In one handler, without waiting in between: done in this order.
  file(:order) do
    files.write("o", "1")
    files.append("o", "2")
    last = files.read("o")
    files.delete("o")
    [last.await, files.exist?("o").await]
  end

  # A line for every number a client was told, and the other way round.
  file(:count) do
    n = shared(:notes).increment(:file)
    files.append("count", "#{n};").await
    n
  end

  file(:many) do |n|
    taken = 0
    begin
      n.times do
        files.append("many", "x")
        taken += 1
      end
    rescue FCS::LimitError => e
      next [taken, e.message]
    end
    [taken, nil]
  end

  # The VM ends with all of it under way.
  file(:spin) do
    20.times { |i| files.write("spin#{i}", "x" * 100_000) }
    files.read("spin0")
    loop { }
  end

  on(:stop) { |why| files.write("stopped", why).await if shared(:notes)[:stop] }
  answer(:leave_a_note) { shared(:notes)[:stop] = true }

  answer(:spin) { loop { } }
  answer(:bye)  { shutdown }
end
