# SPDX-License-Identifier: BSD-2-Clause
# What flows between a client and the server: round trip, figures, rates, the
# test of its bandwidth; what it streams and uses. script-api.md 7.3.
module FCS
  class Client
    STATS = %w[bytes_in bytes_out msg_in msg_out msg_dropped ping_rtt
               audio_queue_msgs video_queue_msgs so_queue_msgs data_queue_msgs
               audio_queue_bytes video_queue_bytes so_queue_bytes data_queue_bytes
               dropped_audio_msgs dropped_video_msgs dropped_audio_bytes dropped_video_bytes
               bw_in bw_out].freeze
    RTT = STATS.index("ping_rtt")
    PING_TIME = 10
    CHECK_TIME = 30

    # --- questions ---

    # Milliseconds. One question is under way at a time; who asks meanwhile
    # shares its answer.
    def ping
      @ping = asked(PING_TIME) { |id| Native.client_ping(@id, id) } if @ping.nil? || @ping.done?
      @ping
    end

    # { "kbit_down", "delta_down", "delta_time", "latency" }, empty when the
    # application has no test (bandwidth_check).
    def check_bandwidth
      @check = asked(CHECK_TIME) { |id| Native.client_measure(@id, id) } if @check.nil? || @check.done?
      @check
    end

    # --- figures ---

    def rtt
      ms = figures[RTT]
      ms < 0 ? nil : ms
    end

    def stats
      h = {}
      figures.each_with_index { |n, i| h[STATS[i]] = n }
      h["ping_rtt"] = nil if h["ping_rtt"] < 0
      h["client_id"] = @id
      h
    end

    # --- rates, bytes a second ---

    def bandwidth_in = rate(false)
    def bandwidth_out = rate(true)

    def bandwidth_in=(bps)
      set_rate(false, bps)
    end

    def bandwidth_out=(bps)
      set_rate(true, bps)
    end

    # --- rights beside those of 50_client.rb ---

    def audio_sample_access = paths(2)
    def video_sample_access = paths(3)

    def audio_sample_access=(paths)
      Native.client_samples(@id, false, path_list(paths))
    end

    def video_sample_access=(paths)
      Native.client_samples(@id, true, path_list(paths))
    end

    def virtual_key = @key || Native.client_key(@id).to_s

    def virtual_key=(key)
      Native.client_virtual_key(@id, key.to_s)
    end

    # --- what it does ---

    def streams = (Native.client_streams(@id) || []).map { |name| Stream.new(name) }
    def objects = (Native.client_objects(@id) || []).map { |name| SharedObject.__at(name) }

    # Ask it to come again, here or there; false when it knows no such request.
    def reconnect(url = nil)
      open? && Native.client_reconnect(@id, url.nil? ? nil : url.to_s)
    end

    # --- for Core ---

    # The host forgets it soon: what can be read stays as it is now.
    def __closed
      @figures = figures
      @rates = [rate(false), rate(true)]
      @paths = [paths(0), paths(1), paths(2), paths(3)]
      @key = virtual_key
      @state = :closed
    end

    # What it publishes is refused after all.
    def __refuse(stream, why) = Native.client_refuse(@id, stream, why)

    private

    def figures
      return @figures if @figures
      Native.client_stats(@id) || [0] * STATS.size
    end

    # A Pending the host resolves, or this client's end, or the time.
    def asked(seconds)
      pending = Core.pending(self)
      case open? ? yield(pending.__id) : nil
      when true  then Core.expire_pending(pending, seconds)
      when false then Core.settle_pending(pending, {}, nil)
      else Core.settle_pending(pending, nil, not_there)
      end
      pending
    end

    def not_there
      return CallError.new("the client is not accepted yet") if state == :pending
      ClientGone.new("the client is gone")
    end

    def paths(right)
      return @paths[right] if @paths
      Native.client_paths(@id, right) || []
    end

    def rate(out)
      return @rates[out ? 1 : 0] if @rates
      bps = Native.client_rate(@id, out)
      bps == 0 ? nil : bps
    end

    def set_rate(out, bps)
      unless bps.nil? || (bps.is_a?(Numeric) && bps >= 1024)
        raise ArgumentError, "bandwidth: at least 1024 bytes/s, or nil"
      end
      Native.client_set_rate(@id, out, bps.to_i)
      bps
    end
  end

  module Core
    class << self
      # It fails with Timeout unless it is settled in time.
      def expire_pending(pending, seconds)
        timer = timer_after(seconds) do
          if forget_pending(pending.__id)
            pending.__settle(nil, Timeout.new("no answer within #{seconds} s"), true)
          end
        end
        pending.__watch { timer.cancel }
      end

      def settle_pending(pending, value, error)
        forget_pending(pending.__id)
        pending.__settle(value, error, false)
      end
    end
  end
end
