# SPDX-License-Identifier: BSD-2-Clause
# A client of a test, at the far end of a real connection.
module FCS
  module Test
    class Client
      attr_reader :id, :status, :state, :rejection, :amf

      def initialize(id, amf)
        @id = id
        @amf = amf
        @state = :pending
        @status = []
        @received = {}
        @methods = {}
        @pendings = {}
        @replicas = {}
        @streams = {}
        @txn = 1
      end

      def accepted? = @state == :accepted
      def rejected? = !@rejection.nil?
      def open? = @state == :accepted || @state == :pending

      # --- calls to the server ---

      def call(name, *args)
        pending = Pending.new
        if open?
          @txn += 1
          @pendings[@txn] = pending
          say(0, name.to_s, @txn, args)
        else
          pending.__settle(false, nil, "the client is not connected")
        end
        pending
      end

      def call!(name, *args) = call(name, *args).await

      # Without an answer.
      def tell(name, *args)
        say(0, name.to_s, 0, args)
        Test.settle
        nil
      end

      # --- calls by the server ---

      # The value of the block is the answer; :mute: there is none.
      def define(name, &block)
        @methods[name.to_s] = block
        self
      end

      # The arguments of each call of that name, oldest first.
      def received(name)
        (@received[name.to_s] ||= [])
      end

      # --- shared objects, streams ---

      # from: a replica of another client (of before a restart, say) whose
      # knowledge this one begins with.
      def shared(name, persistent: false, from: nil)
        name = name.to_s
        replica = @replicas[name] ||= Replica.new(self, name, persistent)
        replica.__from(from) if from
        replica.used? ? replica : replica.__use
      end

      def publish(name, type: "live", query: nil)
        query = query.map { |k, v| "#{k}=#{v}" }.join("&") if query.is_a?(Hash)
        full = query.to_s.empty? ? name.to_s : "#{name}?#{query}"
        stream(name.to_s).__command("publish", [full, type.to_s])
      end

      # start: -2 live or else recorded, -1 live, 0 and more recorded.
      def play(name, start: -2, length: -1, reset: true)
        stream(name.to_s).__command("play", [name.to_s, (start * 1000).round, (length * 1000).round, reset])
      end

      def disconnect
        Test.ask("leave", @id)
        @state = :closed
        Test.settle
        nil
      end

      def inspect = "#<client #{@id} #{@state}>"

      # --- what arrives ---

      def __heard(what, *rest)
        case what
        when "command" then command(*rest)
        when "object"  then object(*rest)
        when "media", "data" then stream_heard(what, *rest)
        when "closed"  then closed
        end
      end

      private

      def say(msid, name, txn, args)
        Test.ask("command", @id, msid, name, txn, args)
      end

      def command(msid, name, txn, object, args)
        if name == "_result" || name == "_error"
          answered(name == "_result", txn, args)
        elsif name == "onStatus"
          on_status(msid, args[0])
        elsif msid == 0
          called(name, txn, args)
        end
      end

      def answered(ok, txn, args)
        return connected(ok, args[0]) if txn == 1
        pending = @pendings.delete(txn)
        pending.__settle(ok, args[0]) if pending
      end

      def connected(ok, info)
        info = {} unless info.is_a?(Hash)
        @status << info
        @state = ok ? :accepted : :rejected
        @rejection = info unless ok
      end

      def on_status(msid, info)
        return unless info.is_a?(Hash)
        @status << info if msid == 0
        stream_heard("status", msid, info)
      end

      def object(name, version, flags, events)
        replica = @replicas[name]
        replica.__heard(version, events) if replica
      end

      def stream(name)
        msid = call!("createStream")
        @streams[msid] = NetStream.new(self, msid, name)
      end

      def stream_heard(what, msid, *rest)
        s = @streams[msid]
        s.__heard(what, *rest) if s
      end

      def called(name, txn, args)
        received(name) << args
        block = @methods[name]
        return if block.nil? && txn == 0
        if block.nil?
          say(0, "_error", txn, [{ "level" => "error", "code" => "NetConnection.Call.Failed",
                                   "description" => "Method not found (#{name})." }])
          return
        end
        value = block.call(*args)
        say(0, "_result", txn, [value]) unless txn == 0 || value == :mute
      end

      def closed
        @state = :closed if open?
        @pendings.each_value { |p| p.__settle(false, nil, "the connection closed") }
        @pendings.clear
      end
    end
  end
end
