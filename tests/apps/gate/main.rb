# SPDX-License-Identifier: BSD-2-Clause
# Accepts and refuses on demand.
class Gate < FCS::App
  on(:connect) do |c, what, value|
    reject "not today", value if what == "no"
    reject "closed" if what == "plain"
    raise "boom at the gate" if what == "raise"
    c[:what] = what
  end

  expose(:what) { |c| c[:what] }
  expose(:args) { |c| c.args[1..-1] }
  expose(:me) do |c|
    { id: c.id, ip: c.ip, agent: c.agent, amf: c.amf, inst: inst_name,
      protocol: c.protocol, token: c.query["token"] }
  end
end
