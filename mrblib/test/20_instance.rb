# SPDX-License-Identifier: BSD-2-Clause
# An instance in a test: clients connect to it, and its API is callable.
module FCS
  module Test
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

      def ==(other) = other.is_a?(Instance) && other.full_name == @full_name
      def to_s = @full_name
      def inspect = "#<instance #{@full_name}>"
    end
  end
end
