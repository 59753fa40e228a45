# SPDX-License-Identifier: BSD-2-Clause
# apps/vod/main.rb: recorded video. What lies in media/ or was recorded plays, of
# NAME and NAME_low what fits the line; nobody publishes, nobody writes objects.
class Vod < FCS::App
  LOW_KBIT = 1000

  shared :watching, readonly: true                   # slot: name, value: how many watch it now

  on(:connect) { |c, *| c.write_access = [] }

  on(:accepted) do |c|                               # the client sees onBWCheck ..., then onBWDone
    c[:kbit] = c.check_bandwidth.await(timeout: 15)["kbit_down"]
  rescue FCS::Timeout, FCS::ClientGone, FCS::CallError
    c[:kbit] = nil                                   # old players do not answer; carry on
  end

  allow :play do |c, s, start, length|
    reject "recordings only" if start == -1
    low = "#{s.name}_low"
    c[:kbit] && c[:kbit] < LOW_KBIT && recordings[low] ? replace(low) : true
  end

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
  expose :list do |c|
    recordings.list.map { |r| { "name" => r.name, "seconds" => r.duration, "live" => r.growing? } }
  end
end
