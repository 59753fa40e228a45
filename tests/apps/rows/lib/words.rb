# SPDX-License-Identifier: BSD-2-Clause
puts "loaded lib/words"

module Words
  def self.greeting = "hello"
end
