# SPDX-License-Identifier: BSD-2-Clause
# Every way a script can run away.
class Runaway < FCS::App
  shared "**", persistent: :any
  allow(:publish) { true }

  expose(:echo) { |c, value| value }
  expose(:spin) { |c| loop { } }
  expose(:spin_rescue) do |c|
    begin
      loop { }
    rescue Exception
      loop { }
    ensure
      loop { }
    end
  end
  expose(:spin_sum) do |c|
    n = 0
    n += 1 while true
  end
  expose(:hog) do |c|
    a = []
    loop { a << "x" * 100_000 }
  end
  expose(:hog_rescue) do |c|
    a = []
    begin
      loop { a << "y" * 10_000 }
    rescue Exception
      retry
    end
  end
  expose(:recurse) { |c| down(1) }
  expose(:raise_it) { |c| raise "on purpose" }

  def down(n)
    down(n + 1) + 1
  end
end
