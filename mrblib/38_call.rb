# SPDX-License-Identifier: BSD-2-Clause
# Core: calls of clients, expose and on(:missing), script-api.md 6. This is what
# happens most often, so it makes few objects, no blocks and no texts, and takes
# what Core.ready has laid out (@exposed, @native ...) instead of asking for it.
module FCS
  module Core
    class << self
      # Host: as ask. args[0] is left free for the client.
      def call(ticket, id, name, args)
        client = @clients[id] || known(id)
        to = exposed(client, name)
        if to.nil? && name.include?(".")
          method = name.split(".").join("/")
          to = exposed(client, method)
        end
        args[0] = client
        if to.nil?
          if @missing.nil?
            return Native.answer(ticket, MISSING, "Method not found (#{name}).", nil, nil, 0.0)
          end
          args.insert(1, name)
          to = @missing[0][1]
        end
        @task = task = @resting.pop || Task.new(@resting)
        stray(task) unless task.fiber.resume([ticket, client, method || name, to, args]).equal?(task)
        @task = nil
      end

      # In a task: exactly one answer, whatever the method does.
      def serve(ticket, client, name, to, args)
        if @call_judges
          verdict = judge_call(client, name, to, args)
          return answer(ticket, verdict) if verdict[0] != OK
        end
        value = to.is_a?(@proc) ? @app.instance_exec(*args, &to) : invoke(to, args)
        value = value.await until @native.result(ticket, value)
      rescue Exception => e
        answer(ticket, verdict_for(e, "expose(:#{name})", client))
      end

      # allow(:call) gets the name once, also before on(:missing).
      def judge_call(client, name, to, args)
        first = @missing && to.equal?(@missing[0][1]) ? 2 : 1
        verdict_of("allow(:call)", client) do
          judge(matching(@call_judges, name), [client, name] + args[first..-1], false)
        end
      end

      # What a name stands for: a block, or a Symbol of a method; nil.
      def exposed(client, method)
        to = client && (table = client.__exposed) ? table[method] : nil
        to = table[method] if to.nil? && (table = @app.__exposed)
        to = @exposed[method] if to.nil?
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
