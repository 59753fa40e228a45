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
        return ref if label == "on(:status)"
        file, line = where.split(":")
        tell_status("code" => "Application.Script.Error", "level" => "error", "description" => what,
                    "filename" => file, "lineno" => line.to_i, "ref" => ref)
        ref
      end

      # A Pending failed and nobody asks for it: the store, streams and files
      # are everybody's business, answers of clients are not.
      def unheard(error)
        code = case error
               when StoreError  then "SharedObject.Commit.Failed"
               when StreamError then error.code || "NetStream.Failed"
               when FileError   then "Application.File.Failed"
               else return
               end
        Native.log(2, "nobody awaited: #{error.message}", ["code", code.to_s])
        tell_status("code" => code, "level" => "error", "description" => error.message)
      end

      private

      def tell_status(info)
        return if @app.nil? || !@app.class.__on.key?("status")
        later { fire("status", "", [info], nil, 0) }
      end
    end
  end
end
