# SPDX-License-Identifier: BSD-2-Clause
# Core: calls of clients, expose and on(:missing), script-api.md 6. This is what
# happens most often, so it makes few objects: no blocks, no texts, one Array.
module FCS
  module Core
    class << self
      # Host: as ask. args[0] is left free for the client.
      def call(ticket, id, name, args)
        @task = nil
        client = @clients[id] || known(id)
        to = exposed(client, name)
        if to.nil? && name.include?(".")
          method = name.split(".").join("/")
          to = exposed(client, method)
        end
        if to.nil? && @app.class.__on["missing"].nil?
          return Native.answer(ticket, MISSING, "Method not found (#{name}).", nil, nil, 0.0)
        end
        args[0] = client
        if to.nil?
          args.insert(1, name)
          to = @app.class.__on["missing"][0][1]
        end
        step((@resting.pop || Task.new).take_call(ticket, client, method || name, to, args))
      end

      # In a task: exactly one answer, whatever the method does.
      def serve(ticket, client, name, to, args)
        if @app.class.__allow["call"]
          verdict = judge_call(client, name, to, args)
          return answer(ticket, verdict) if verdict[0] != OK
        end
        value = to.is_a?(Proc) ? @app.instance_exec(*args, &to) : invoke(to, args)
        value = value.await until Native.result(ticket, value)
      rescue Exception => e
        answer(ticket, verdict_for(e, "expose(:#{name})", client))
      end

      # allow(:call) gets the name once, also before on(:missing).
      def judge_call(client, name, to, args)
        missing = @app.class.__on["missing"]
        first = missing && to.equal?(missing[0][1]) ? 2 : 1
        verdict_of("allow(:call)", client) do
          judge(matching(@app.class.__allow["call"], name), [client, name] + args[first..-1], false)
        end
      end

      # What a name stands for: a block, or a Symbol of a method; nil.
      def exposed(client, method)
        to = client && (table = client.__exposed) ? table[method] : nil
        to = table[method] if to.nil? && (table = @app.__exposed)
        to = @app.class.__exposed[method] if to.nil?
        to || nil
      end

      # Host: would a call of that name find anything (but :missing)?
      def exposed?(name)
        @task = nil
        method = name.include?(".") ? name.split(".").join("/") : name
        return true if exposed(nil, method)
        @clients.each_value { |c| return true if c.__exposed && c.__exposed[method] }
        false
      end

      # What is no block: the Symbol of a method.
      def invoke(to, args)
        least, most = arity(to)
        raise Reject, "wrong number of arguments" if args.size < least || (most && args.size > most)
        @app.__send__(to, *args)
      end

      def arity(name)
        @arities ||= {}
        @arities[name] ||= begin
          kinds = @app.method(name).parameters.map { |p| p[0] }
          least = kinds.select { |k| k == :req }.size
          [least, kinds.include?(:rest) ? nil : least + kinds.select { |k| k == :opt }.size]
        end
      end
    end
  end
end
