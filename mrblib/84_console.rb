# SPDX-License-Identifier: BSD-2-Clause
# Core: a line of `fcsctl console`, script-api.md 10. The host made a lambda of
# it; nothing here takes text.
module FCS
  module Core
    class << self
      # Host: exactly one answer follows, the value as text or what was raised.
      def console(ticket, line)
        @task = nil
        give_words
        spawn("console") do
          begin
            value = @app.instance_exec(@console_value, &line)
            value = value.await if value.is_a?(Pending)
            @console_value = value
            Native.answer(ticket, OK, inspected(value), nil, nil, 0.0)
          rescue Exception => e
            Native.answer(ticket, FAILED, console_error(e), nil, nil, 0.0)
          end
        end
      end

      private

      # c("id"), unless the application has a method of that name.
      def give_words
        return if @app.respond_to?(:c)
        @app.define_singleton_method(:c) { |id| Core.client(id.to_s) }
      end

      def inspected(value) = Text.clip(value.inspect, 65_536)

      def console_error(e)
        lines = e.backtrace || []
        mine = lines.reject { |l| l.start_with?("mrblib/") || l.start_with?("(unknown)") }
        where = mine.empty? ? "" : "#{mine[0].split(':')[0, 2].join(':')}: "
        Text.clip("#{where}#{e.message} (#{e.class})", 4096)
      end
    end
  end
end
