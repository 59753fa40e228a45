# SPDX-License-Identifier: BSD-2-Clause
# The object of an application, continued: what it tells about the whole
# instance and does to it, script-api.md 7.2.
module FCS
  class App
    def hostname = Native.hostname

    # Counts since the instance started; bytes of those here now included.
    def stats
      keys = %w[bytes_in bytes_out msg_in msg_out msg_dropped total_connects total_disconnects
                clients script_ms memory]
      h = {}
      Native.app_stats.each_with_index { |n, i| h[keys[i]] = n }
      h
    end

    # The live streams of this instance.
    def streams = Native.stream_names.map { |name| Stream.new(name) }

    # Collect this VM's garbage when nothing else is to be done.
    def gc
      Native.gc
      true
    end

    # End this instance: on(:stop, "shutdown"), its clients are told why. False
    # if allow(:unload) refuses.
    def shutdown(why = "shutdown")
      return false unless Core.may_unload?("shutdown")
      Native.shutdown(why.to_s)
      true
    end

    # The objects of a path of the original grammar; true if all were cleared.
    def clear_shared_objects(path) = Native.clear_objects(path.to_s)
  end

  module Core
    class << self
      def may_unload?(reason)
        blocks = matching(@app.class.__allow["unload"], nil)
        label = "allow(:unload)"
        at_once { verdict_of(label, nil) { judge(blocks, [reason], false) } }[0] == OK
      end
    end
  end
end
