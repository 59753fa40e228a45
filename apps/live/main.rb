# SPDX-License-Identifier: BSD-2-Clause
# apps/live/main.rb: live streams, recorded, with a list of what is on. Who may
# publish is said in app.yaml (a key; open in --dev), the names are free.
class Live < FCS::App
  shared :streams, readonly: true                    # slot: stream name, value: since when, by whom

  on :publish do |c, s|
    shared(:streams)[s.name] = { "by" => c ? c.user || c.id : "server", "since" => now }
    log.info "on air", stream: s.name, client: c ? c.id : "-"
  end

  on :unpublish do |c, s|
    shared(:streams).delete(s.name)
    log.info "off air", stream: s.name
  end

  expose(:list) { |c| shared(:streams).to_h }        # for clients that do not use shared objects
end
