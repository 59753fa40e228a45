# SPDX-License-Identifier: BSD-2-Clause
# Calls that wait for their client, and calls that do not.
class Inflight < FCS::App
  on(:start) { @begun = {} }
  on(:connect) { |c| @begun[c.id] = [] }

  expose :wait do |c, n|
    @begun[c.id] << n
    c.call(:go, n).await(timeout: 60)
  end

  expose :now do |c, n|
    @begun[c.id] << n
    n
  end

  expose :fail do |c, n|
    @begun[c.id] << n
    reject "no #{n}"
  end

  expose(:begun) { |c| @begun[c.id] }
end
