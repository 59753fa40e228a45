# SPDX-License-Identifier: BSD-2-Clause
# In the VM of an application that is checked, loaded before main.rb: a wrong
# declaration is noted and the rest is looked at too.
module FCS
  class App
    class << self
      %i[on allow expose shared presence every].each do |word|
        alias_method :"__real_#{word}", word
      end

      def on(*args, &block) = __try { __real_on(*args, &block) }
      def allow(*args, &block) = __try { __real_allow(*args, &block) }
      def expose(*args, &block) = __try { __real_expose(*args, &block) }
      def presence(*args, &block) = __try { __real_presence(*args, &block) }
      def every(*args, &block) = __try { __real_every(*args, &block) }

      def shared(*args, **options, &block)
        __try { __real_shared(*args, **options, &block) }
      end

      def __try
        yield
      rescue ArgumentError => e
        lines = (e.backtrace || []).reject { |l| l.start_with?("mrblib/") || l.start_with?("(unknown)") }
        Native.probe("problem", "#{lines[0].to_s.split(':in ')[0]}: #{e.message}")
        nil
      end
    end
  end
end
