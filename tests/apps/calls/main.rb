# SPDX-License-Identifier: BSD-2-Clause
# Calls from and to clients.
class Calls < FCS::App
  on(:start) do
    @left = []
    @gone = 0
  end

  on(:disconnect) { |c| @left << c.id }

  expose(:echo) { |c, value| value }
  expose(:ask) do |c, name, *args|
    begin
      c.call(name, *args).await
    rescue FCS::ClientGone
      @gone += 1
      nil
    end
  end
  expose(:poke) { |c, name, *args| c.tell(name, *args) }
  expose(:shout) { |c, name, *args| broadcast(name, *args) }
  expose(:boom) { |c| raise "boom on purpose" }
  expose(:deep) { |c| level_one }
  expose(:deny) { |c, why, value| reject why, value }
  expose(:slow) do |c, seconds|
    sleep seconds
    "woke"
  end
  expose(:gone) { |c| @gone }
  expose(:ids) { |c| clients.map { |x| x.id } }
  expose(:left) { |c| @left }
  expose(:unsayable) { |c| proc { 1 } }

  def level_one
    level_two
  end

  def level_two
    raise ArgumentError, "deep trouble"
  end
end
