# SPDX-License-Identifier: BSD-2-Clause
# Core: exceptions nobody rescued, script-api.md 3.
module FCS
  module Core
    class << self
      # One log line with a reference, and on(:status). Returns the reference.
      def report(e, label, client = nil, note = nil)
        lines = e.backtrace || []
        mine = lines.reject { |l| l.start_with?("mrblib/") || l.start_with?("(unknown)") }
        where = mine[0] || lines[0] || "-"
        what = e.is_a?(Reject) ? "reject: #{e.message}" : "#{e.message} (#{e.class})"
        what = "#{note}: #{what}" if note
        ref = Native.report(label.to_s, client ? client.id : nil, where, what, mine.join(" < "))
        blocks = matching(@app && @app.class.__on["status"], nil)
        unless blocks.empty? || label == "on(:status)"
          file, line = where.split(":")
          info = { "code" => "Application.Script.Error", "level" => "error", "description" => what,
                   "filename" => file, "lineno" => line.to_i, "ref" => ref }
          later { fire("status", "", [info], nil, 0) }
        end
        ref
      end
    end
  end
end
