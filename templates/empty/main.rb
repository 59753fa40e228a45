# SPDX-License-Identifier: BSD-2-Clause
# apps/empty/main.rb: fcs-app(7) has every word that can stand here
class Empty < FCS::App
  on :connect do |c, name = nil, *|
    c.user = Text.clip(name, 40) unless name.nil?
  end

  expose(:hello) { |c| "hello #{c.user || 'stranger'}" }
end
