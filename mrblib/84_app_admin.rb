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

    def recordings = Recordings

    # The recordings of a path of the original grammar, with "flv:" (or
    # nothing) before it; "mp4:" has none here. A Pending: true if some were
    # found and all are gone. Who plays one is told Clear.Success or Failed.
    def clear_streams(path)
      kind, path = path.to_s.split(":", 2)
      kind, path = "flv", kind if path.nil?
      raise ArgumentError, "clear_streams: flv:, mp3: or mp4: before the path" unless %w[flv mp3 mp4].include?(kind)
      done = Pending.new
      Core.later do
        Core.spawn("clear_streams") do
          begin
            done.__settle(kind == "flv" && clear_recordings(path), nil, false)
          rescue Error => e
            done.__settle(nil, e, false)
          end
        end
      end
      done
    end

    # The objects of a path of the original grammar; true if all were cleared.
    def clear_shared_objects(path) = Native.clear_objects(path.to_s)
  end

  class App
    private

    def clear_recordings(path)
      names = []
      more = nil
      until more && more.size < 1000
        more = recordings.list("**", offset: names.size)
        names.concat(more.map { |r| r.name })
      end
      names = names.select { |name| Native.path_match?(path, name) }
      gone = names.map { |name| clear_recording(name) }
      !gone.empty? && gone.all? { |x| x }
    end

    def clear_recording(name)
      ok = begin
        Recordings.ask { |id| Native.recording_delete(id, name, true) }.await(timeout: 30)
        true
      rescue StreamError
        false
      end
      Native.stream_cleared(name, ok)
      ok
    end
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
