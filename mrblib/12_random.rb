# SPDX-License-Identifier: BSD-2-Clause
# Random: this mruby takes the second it starts in as the seed, so everybody
# could tell what rand gives. Here generators without a seed of the script's
# begin with random bytes of the kernel. Still not for secrets: Secret.token.
class Random
  alias __initialize initialize

  def initialize(seed = nil)
    __initialize(seed || 0)
    FCS::Native.stir(self) if seed.nil?
  end

  alias __srand srand

  def srand(seed = nil)
    old = __srand(seed || 0)
    FCS::Native.stir(self) if seed.nil?
    old
  end

  class << self
    def srand(seed = nil) = DEFAULT.srand(seed)
  end
end

module Kernel
  def srand(seed = nil) = Random.srand(seed)
end

FCS::Native.stir(Random::DEFAULT)
