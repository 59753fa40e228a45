# SPDX-License-Identifier: BSD-2-Clause
# apps/vod/main.rb: recorded video. What lies in media/ or was recorded plays;
# nobody publishes, nobody writes objects.
class Vod < FCS::App
  shared :watching, readonly: true                   # slot: name, value: how many watch it now

  on(:connect) { |c, *| c.write_access = [] }

  allow(:play) { |c, s, start, length| start == -1 ? reject("recordings only") : true }

  on :play do |c, s, start, length|
    shared(:watching).increment(s.name)
    log.info "play", client: c.id, name: s.name, start: start
  end

  on :play_end do |c, s, seconds|
    so = shared(:watching)
    so[s.name] = nil if so.increment(s.name, -1) <= 0
    log.info "played", client: c.id, name: s.name, seconds: seconds
  end

  expose(:watching) { |c| shared(:watching).to_h }
end
