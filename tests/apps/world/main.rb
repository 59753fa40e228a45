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

  # The change, then a request that speaks of it.
  answer(:write_and_post) do |url|
    shared(:notes).increment(:n)
    http.post(url, json: shared(:notes)[:n]).await.status
  end

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

  answer(:spin) { loop { } }
  answer(:bye)  { shutdown }
end
