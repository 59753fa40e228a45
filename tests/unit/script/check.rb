# SPDX-License-Identifier: BSD-2-Clause
# Words for tests that run inside the real VM: lib/check.rb of the application
# under test. Every test is an exposed method; true = passed.
module Check
  module Words
    def test(name, &block)
      (@tests ||= []) << name
      expose("test/#{name}") do |c|
        instance_exec(c, &block)
        true
      end
      tests = @tests
      expose(:tests) { tests }
    end
  end

  class Failed < StandardError; end

  module Asserts
    def assert(ok, text = "not true")
      raise Failed, text unless ok
    end

    def assert_equal(expected, actual)
      return if expected == actual && (!expected.is_a?(Numeric) || expected.class == actual.class)
      raise Failed, "#{expected.inspect} expected, #{actual.inspect} found"
    end

    def assert_raises(error, text = nil)
      begin
        yield
      rescue Exception => e
        raise Failed, "#{error} expected, #{e.class}: #{e.message}" unless e.is_a?(error)
        raise Failed, "#{text.inspect} expected in #{e.message.inspect}" if text && !e.message.include?(text)
        return e
      end
      raise Failed, "#{error} expected, nothing raised"
    end
  end
end
