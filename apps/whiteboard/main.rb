# SPDX-License-Identifier: BSD-2-Clause
# apps/whiteboard/main.rb: slots are "owner/shape-number"; the board outlives everything
class Whiteboard < FCS::App
  presence(:people) { |c| { "name" => c.user, "role" => c[:role] } }
  shared(:cursors) { |c, slot, v| slot == c.user }   # temporary; own cursor only
  shared :state, persistent: true, readonly: true    # { "locked" => true }
  shared :board, persistent: true, history: { changes: 100_000, age: 30 * 86_400 }, max_slots: 20_000 do |c, slot, shape|
    next false if c[:role] == "viewer"
    next true  if c[:role] == "moderator"
    reject "the board is locked" if shared(:state)["locked"]
    reject "not your shape" unless slot.start_with?("#{c.user}/")
    shape.nil? || shape.is_a?(Hash)
  end
  allow(:message, :board) { |c, so, name, *args| name == "ink" && c[:role] != "viewer" }   # live strokes
  allow(:call, "admin/*") { |c, name, *args| c[:role] == "moderator" || reject("moderators only") }

  on :connect do |c, user = nil, link = nil, *|
    c[:role] = role_of(link)
    name = Text.clip(user, 24).gsub("/", "")
    name = "guest-#{c.id}" if name.empty?
    reject "name taken" if presence(:people).key?(name)
    c.user = name
  end
  on(:disconnect) { |c| shared(:cursors).delete(c.user) }

  expose(:undo) { |c| reject "view only" if c[:role] == "viewer"; board.undo(user: c.user) }   # => slots restored
  expose(:redo) { |c| reject "view only" if c[:role] == "viewer"; board.redo(user: c.user) }

  expose(:version)  { |c| board.version }
  expose(:at)       { |c, version| board.at(version) }                  # the time slider
  expose(:changes)  { |c, from, to| board.diff(from, to).map { |x| [x.version, x.user, x.slot, x.value] } }

  expose("admin/lock")     { |c, on| shared(:state)["locked"] = on == true }
  expose("admin/rollback") { |c, version| board.rollback(version) }
  expose("admin/link")     { |c, role| link_for(role) }
  expose "admin/clear" do |c|
    board.transaction { |b| b.clear; b.tell :cleared, c.user }
    board.version
  end

  def board = shared(:board)

  def link_for(role)
    reject "no such role" unless %w[viewer editor moderator].include?(role)
    "#{role}.#{Secret.hmac(secret(:links), "#{inst_name}.#{role}")}"
  end

  def role_of(link)
    return config["open_role"] || "editor" if link.nil?
    role = link.to_s.split(".")[0].to_s
    reject "bad link" unless %w[viewer editor moderator].include?(role) && Secret.same?(link, link_for(role))
    role
  end
end
