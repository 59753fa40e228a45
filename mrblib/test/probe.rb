# SPDX-License-Identifier: BSD-2-Clause
# In the VM of an instance under test, loaded before main.rb: its methods are
# called from outside, and what it asks of the world goes to the test.
module FCS
  module Probe
    @objects = []

    class << self
      # A value as it travels: what has no form is kept here under a number.
      def out(v)
        case v
        when nil, true, false, Numeric, String, Time, Undefined then v
        when Symbol then v.to_s
        when Typed, EcmaArray, Dictionary, Vector then v
        when Array then v.map { |x| out(x) }
        when Hash
          h = {}
          v.each { |k, x| h[k] = out(x) }
          h
        else
          Typed.new("fcs.Handle", "id" => keep(v), "text" => v.inspect.to_s)
        end
      end

      def in(v)
        case v
        when Typed then v.type == "fcs.Handle" ? @objects[v["id"]] : v
        when EcmaArray, Dictionary, Vector then v
        when Array then v.map { |x| self.in(x) }
        when Hash
          h = {}
          v.each { |k, x| h[k] = self.in(x) }
          h
        else v
        end
      end

      def find(id) = id == 0 ? Core.app : @objects[id]

      private

      def keep(v)
        @objects[0] = Core.app
        i = @objects.index { |o| o.equal?(v) }
        return i if i
        @objects << v
        @objects.size - 1
      end
    end
  end

  module Core
    class << self
      # Host: the test calls a method of object id; options: keyword arguments.
      def probe(ticket, id, method, args, options)
        @task = nil
        spawn("test") do
          begin
            target = Probe.find(id)
            args = Probe.in(args)
            value = options.empty? ? target.__send__(method.to_sym, *args) : call_with(target, method, args, options)
            value = value.await while value.is_a?(Pending)
            verdict = [OK, nil, Probe.out(value), nil, 0.0]
          rescue Exception => e
            info = e.is_a?(CallError) ? e.info : {}
            verdict = [REJECT, e.message.to_s, { "class" => e.class.to_s, "info" => info }, nil, 0.0]
          end
          answer(ticket, verdict)
        end
      end

      def call_with(target, method, args, options)
        words = {}
        Probe.in(options).each { |k, v| words[k.to_sym] = v }
        target.__send__(method.to_sym, *args, **words)
      end
    end
  end

  # Its answer: [status, [name, value, ...], body], or why not.
  class StubPending < Pending
    def __resolve(ok, value, error)
      if ok
        __settle(Response.new(*value), nil, true)
      else
        __settle(nil, HttpError.new(error.to_s), true)
      end
    end
  end

  module Http
    class << self
      def __request(post, url, headers, body, timeout)
        raise ValueError, "a header is text" unless headers.all? { |x| x.is_a?(String) }
        pending = Core.pending(nil, StubPending)
        no = Native.probe("http", pending.__id, post ? "POST" : "GET", url, headers, Bytes.new(body.to_s))
        if no
          Core.forget_pending(pending.__id)
          pending.__settle(nil, HttpError.new(no), false)
        else
          Core.timer_after(timeout.to_f) { pending.__resolve(false, nil, "no answer within #{timeout} s") }
        end
        pending
      end
    end
  end

  class App
    # Real secrets have no place in a test: see stub_secret.
    def secret(name)
      Native.probe("secret", name.to_s) or raise NotFound, "no secret #{name} in app.yaml"
    end
  end
end
