# SPDX-License-Identifier: BSD-2-Clause
# An instance in a test: clients connect to it, and its API is callable.
module FCS
  module Test
    # An object that stays in its instance (a shared object, a client, ...).
    class Remote
      def self.call(instance, id, name, args, options, block)
        raise ArgumentError, "#{name}: a block cannot go to the instance" if block
        ticket = Test.ask("call", instance, id, name.to_s, pack(args), pack(options))
        p = Test.calls[ticket] = RemotePending.new
        unpack(instance, p.await)
      end

      def self.pack(v)
        case v
        when Remote then FCS::Typed.new("fcs.Handle", "id" => v.__id)
        when Symbol then v.to_s
        when FCS::Typed, FCS::EcmaArray, FCS::Dictionary, FCS::Vector then v
        when Array then v.map { |x| pack(x) }
        when Hash
          h = {}
          v.each { |k, x| h[k.to_s] = pack(x) }
          h
        else v
        end
      end

      def self.unpack(instance, v)
        case v
        when FCS::Typed then v.type == "fcs.Handle" ? new(instance, v["id"], v["text"]) : v
        when FCS::EcmaArray, FCS::Dictionary, FCS::Vector then v
        when Array then v.map { |x| unpack(instance, x) }
        when Hash
          h = {}
          v.each { |k, x| h[k] = unpack(instance, x) }
          h
        else v
        end
      end

      def initialize(instance, id, text)
        @instance = instance
        @id = id
        @text = text
      end

      def __id = @id
      def __instance = @instance
      def inspect = @text
      def ==(other) = other.is_a?(Remote) && other.__id == @id && other.__instance == @instance

      def method_missing(name, *args, **options, &block)
        Remote.call(@instance, @id, name, args, options, block)
      end

      def respond_to_missing?(name, all = false) = true
    end

    # What was raised there is raised here: the same class if it is ours.
    class RemotePending < Pending
      def __settle(ok, value, text = nil)
        super
        return if ok
        info = value.is_a?(Hash) ? value : {}
        @error = failure(info["class"].to_s, text.to_s, info["info"])
      end

      private

      def failure(name, text, info)
        short = name.split("::")[-1].to_s
        klass = name.start_with?("FCS::") && FCS.const_defined?(short) ? FCS.const_get(short) : nil
        return klass.new(text, info) if klass && klass <= CallError
        return klass.new(text) if klass && klass <= StandardError
        RuntimeError.new("#{text} (#{name})")
      end
    end

    class Instance
      attr_reader :full_name

      def initialize(full_name)
        @full_name = full_name
      end

      # A client that said connect; whether it was accepted it knows.
      def connect(*args, ip: "127.0.0.1", agent: "fcs-test", referrer: "", page_url: "", query: "", protocol: "rtmp",
                  amf: 3)
        query = query.map { |k, v| "#{k}=#{v}" }.join("&") if query.is_a?(Hash)
        id = Test.ask("connect", @full_name, args, ip, agent, referrer, page_url, query.to_s, protocol, amf)
        c = Test.clients[id] = Client.new(id, amf)
        Test.settle
        c
      end

      def connect!(*args, **options)
        c = connect(*args, **options)
        Test.wait(WAIT) { c.state != :pending }
        return c if c.accepted?
        why = c.rejected? ? c.rejection["description"] : c.state.to_s
        raise Failure, "#{@full_name} did not accept the client: #{why}"
      end

      # Everything else is a method of the instance, called there as in a
      # handler; it may wait.
      def method_missing(name, *args, **options, &block)
        Remote.call(@full_name, 0, name, args, options, block)
      end

      def respond_to_missing?(name, all = false) = true
      def ==(other) = other.is_a?(Instance) && other.full_name == @full_name
      def to_s = @full_name
      def inspect = "#<instance #{@full_name}>"
    end
  end
end
