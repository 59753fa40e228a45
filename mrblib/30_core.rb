# SPDX-License-Identifier: BSD-2-Clause
# The Ruby half of the boundary: the host enters only by the methods of Core,
# and every fiber is resumed by Core.step (this mruby loses control flow when
# C resumes one). Objects of the host are ids here; fibers and blocks are ids
# there. Nothing in this file is for scripts.
module FCS
  Native = Module.new unless const_defined?(:Native)

  module Core
    EVENTS = %w[start accepted disconnect stop status publish unpublish play play_end
                record record_end use release sync message gone].freeze
    QUESTIONS = %w[connect call publish record play seek use message unload].freeze
    OK, REJECT, REDIRECT, FAILED, MISSING, HOLD = 0, 1, 2, 3, 4, 5

    # One running handler.
    class Task
      attr_accessor :fiber, :waits, :parked, :dropped
      attr_reader :label, :client

      def initialize(label, client)
        @label = label
        @client = client
      end
    end

    class << self
      attr_reader :app, :object_handlers, :task

      # --- set-up, called by the host in this order ---

      def boot(settings)
        @settings = settings
        @clients = {}
        @pendings = {}
        @timers = {}
        @work = []
        @object_handlers = {}
        @last_id = 0
        @parked = 0
        @sync = 0
        @task = nil
        nil
      end

      # After main.rb: the class is checked and its object made. Returns what
      # the host must know without asking: [events, questions, objects].
      def ready
        klass = App.__class
        raise ArgumentError, "there is no class below FCS::App" if klass.nil?
        App.__check(klass)
        @app = klass.new
        [klass.__on.keys, klass.__allow_list, klass.__shared_list]
      end

      def setting(key) = @settings[key]

      # --- handlers ---

      def spawn(label, client = nil, &body)
        task = Task.new(label, client)
        task.fiber = Fiber.new do
          begin
            body.call(task)
          rescue Exception => e
            report(e, label, client)
          end
        end
        step(task)
      end

      def step(task, value = nil)
        @task = task
        task.fiber.resume(value)
        @task = nil
      end

      # Park the running handler until pending is settled or time is up.
      def park(pending, timeout)
        task = @task
        raise AwaitError, "await outside of a handler" if task.nil?
        raise AwaitError, "await where no answer can wait: guard, :message, :unload or transaction" if @sync > 0
        unless task.fiber.equal?(Fiber.current)
          raise AwaitError, "await inside a Fiber or Enumerator of your own"
        end
        raise LimitError, "busy" if @parked >= @settings["handlers"]
        timer = timeout && timer_after(timeout) { pending.__expire(task) }
        task.waits = pending
        @parked += 1
        Native.parked(@parked)
        begin
          Fiber.yield
        rescue FiberError
          pending.__forget(task)
          raise AwaitError, "await below a method written in C (to_s, sort block, Hash default ...)"
        ensure
          task.waits = nil
          @parked -= 1
          Native.parked(@parked)
          timer.cancel if timer
        end
        raise task.dropped if task.dropped
      end

      # Work for a turn of its own, behind what runs now.
      def later(&block)
        @work << block
        Native.work
      end

      def wake(task)
        later { step(task) }
      end

      # Host: one piece of work. Returns whether there is more.
      def work
        @task = nil
        block = @work.shift
        block.call if block
        !@work.empty?
      end

      # No await inside: the host waits for the value on its stack.
      def at_once
        outer = @task
        @sync += 1
        begin
          yield
        ensure
          @sync -= 1
          @task = outer
        end
      end

      # --- timers ---

      def next_id = @last_id += 1

      def timer_after(seconds, &block)
        id = next_id
        @timers[id] = t = Timer.new(id, nil, block)
        Native.timer(id, seconds)
        t
      end

      def add_timer(seconds, interval, block)
        seconds = seconds.to_f
        raise ArgumentError, "at least 0.01 seconds" if seconds < 0.01 && interval
        raise LimitError, "too many timers" if @timers.size >= @settings["timers"] + @settings["handlers"]
        id = next_id
        @timers[id] = t = Timer.new(id, interval ? seconds : nil, block)
        Native.timer(id, seconds)
        t
      end

      def drop_timer(id)
        return false unless @timers.delete(id)
        Native.untimer(id)
        true
      end

      def timer?(id) = @timers.key?(id)

      # Host: timer id is due.
      def tick(id)
        @task = nil
        t = @timers[id]
        return if t.nil?
        if t.interval
          Native.timer(id, t.interval)
          return if t.busy
          t.busy = true
          spawn("every(#{t.interval})") do
            begin
              @app.instance_exec(&t.block)
            ensure
              t.busy = false
            end
          end
        else
          @timers.delete(id)
          t.run
        end
      end

      # --- pendings ---

      def pending(client = nil)
        p = Pending.new
        p.__open(next_id, client)
        @pendings[p.__id] = p
        p
      end

      def forget_pending(id)
        @pendings.delete(id)
      end

      # Host: an answer came.
      def resolve(id, ok, value, error)
        @task = nil
        p = @pendings.delete(id)
        return if p.nil?
        if ok
          p.__settle(value, nil, true)
        elsif error == "ClientGone"
          p.__settle(nil, ClientGone.new("the client is gone"), true)
        else
          info = value.is_a?(Hash) ? value : {}
          p.__settle(nil, CallError.new((error || info["description"] || "call failed").to_s, info), true)
        end
      end

      # --- clients ---

      def client(id)
        @clients[id]
      end

      def clients
        @clients.values.select { |c| c.accepted? }
      end

      def known(id)
        return nil if id.nil?
        @clients[id] ||= Client.new(id, [])
      end

      def fail_pendings_of(client)
        gone = @pendings.values.select { |p| p.__client.equal?(client) }
        gone.each do |p|
          @pendings.delete(p.__id)
          p.__settle(nil, ClientGone.new("the client is gone"), false)
        end
      end

      # --- events ---

      # Host: something happened. ticket: the host wants to know when all
      # handlers ended, 0 = no.
      def event(kind, ticket, id, name, text, mode, start, length, values, changes)
        @task = nil
        event = EVENTS[kind]
        client = known(id)
        name = name.to_s
        case event
        when "start"
          args = []
          @app.class.__every.each { |s, block| add_timer(s, true, block) }
        when "accepted"
          args = [client]
          client.__accepted
          each_presence { |p| p.__enter(client) }
        when "disconnect"
          args = [client]
          client.__closed
          fail_pendings_of(client)
          each_presence { |p| p.__leave(client) }
          @clients.delete(id)
        when "gone"                        # it was never accepted
          client.__closed
          fail_pendings_of(client)
          return @clients.delete(id)
        when "stop"
          args = [text.to_s]
        when "status"
          args = [values[0]]
        when "publish", "unpublish"
          args = [client, Stream.new(name, text, mode)]
        when "play"
          args = [client, Stream.new(name, text), start, length]
        when "play_end"
          args = [client, Stream.new(name, text), start]
        when "record", "record_end"
          args = [Stream.new(name, text)]
        when "use", "release"
          args = [client, SharedObject.__at(name)]
        when "sync"
          args = [SharedObject.__at(name), changes.map { |c| Change.new(*c) }]
        when "message"
          args = [client, SharedObject.__at(name), text.to_s] + values
        end
        fire(event, name, args, client, ticket)
      end

      def fire(event, name, args, client, ticket)
        mine = matching(@app.class.__on[event], name)
        own = @object_handlers["#{event}:#{name}"]
        if mine.empty? && own.nil?
          Native.answer(ticket, OK, nil, nil, nil, 0.0) if ticket != 0
          return
        end
        spawn("on(:#{event})", client) do
          ok = true
          mine.each { |block| ok = false unless handle(event, block, args, client) }
          own.each { |block| handle(event, block, object_args(event, args), client) } if own
          Native.answer(ticket, ok ? OK : FAILED, nil, nil, nil, 0.0) if ticket != 0
        end
      end

      # Handlers of an object do not get the object again.
      def object_args(event, args)
        event == "sync" ? args[1..-1] : [args[0]] + args[2..-1]
      end

      def handle(event, block, args, client)
        @app.instance_exec(*args, &block)
        true
      rescue Reject => e
        if event == "publish"
          args[1].close(e.message)
        else
          report(e, "on(:#{event})", client, "reject means nothing here")
        end
        false
      rescue Exception => e
        report(e, "on(:#{event})", client)
        false
      end

      def matching(list, name)
        return [] if list.nil?
        found = []
        list.each { |pattern, block| found << block if pattern.nil? || Native.glob?(pattern, name) }
        found
      end

      def each_presence
        @app.class.__presence.each_key { |name| yield @app.presence(name) }
      end

      # --- questions ---

      # Host: exactly one Native.answer(ticket, ...) follows, now or later.
      def ask(kind, ticket, id, name, text, mode, start, length, values)
        @task = nil
        question = QUESTIONS[kind]
        case question
        when "connect" then connect(ticket, id, values)
        when "call"    then call(ticket, known(id), name.to_s, values)
        else decide(question, ticket, id, name.to_s, text, mode, start, length, values)
        end
      end

      def connect(ticket, id, values)
        client = @clients[id] = Client.new(id, values)
        blocks = matching(@app.class.__on["connect"], nil)
        spawn("on(:connect)", client) do
          verdict = verdict_of("on(:connect)", client) do
            blocks.each { |block| @app.instance_exec(client, *values, &block) }
            [OK]
          end
          verdict = [HOLD, nil, nil, nil, client.__hold.to_f] if verdict[0] == OK && client.__hold
          answer(ticket, verdict)
        end
      end

      def call(ticket, client, name, args)
        method = name.include?(".") ? name.split(".").join("/") : name
        to = exposed(client, method)
        blocks = matching(@app.class.__allow["call"], method)
        missing = @app.class.__on["missing"] if to.nil?
        return Native.answer(ticket, MISSING, "Method not found (#{name}).", nil, nil, 0.0) if to.nil? && missing.nil?
        spawn("expose(:#{method})", client) do
          verdict = verdict_of("expose(:#{method})", client) do
            judged = judge(blocks, [client, method] + args, false)
            if judged[0] != OK
              judged
            elsif to
              [OK, nil, settled(invoke(to, client, args)), nil, 0.0]
            else
              [OK, nil, settled(@app.instance_exec(client, name, *args, &missing[0][1])), nil, 0.0]
            end
          end
          answer(ticket, verdict)
        end
      end

      def settled(value) = value.is_a?(Pending) ? value.await : value

      # What a name stands for: a block, or a Symbol of a method; nil.
      def exposed(client, method)
        [client && client.__exposed, @app.__exposed, @app.class.__exposed].each do |table|
          next if table.nil? || !table.key?(method)
          return table[method] || nil
        end
        nil
      end

      # Host: would a call of that name find anything (but :missing)?
      def exposed?(name)
        @task = nil
        method = name.include?(".") ? name.split(".").join("/") : name
        return true if exposed(nil, method)
        @clients.each_value { |c| return true if c.__exposed && c.__exposed[method] }
        false
      end

      def invoke(to, client, args)
        return @app.instance_exec(client, *args, &to) unless to.is_a?(Symbol)
        least, most = arity(to)
        if args.size + 1 < least || (most && args.size + 1 > most)
          raise Reject, "wrong number of arguments"
        end
        @app.__send__(to, client, *args)
      end

      def arity(name)
        @arities ||= {}
        @arities[name] ||= begin
          kinds = @app.method(name).parameters.map { |p| p[0] }
          least = kinds.select { |k| k == :req }.size
          [least, kinds.include?(:rest) ? nil : least + kinds.select { |k| k == :opt }.size]
        end
      end

      def decide(question, ticket, id, name, text, mode, start, length, values)
        client = known(id)
        subject = question == "unload" ? nil : name
        blocks = matching(@app.class.__allow[question], subject)
        return Native.answer(ticket, MISSING, nil, nil, nil, 0.0) if blocks.empty?
        args = decision_args(question, client, name, text, mode, start, length, values)
        label = "allow(:#{question})"
        if question == "message" || question == "unload"
          verdict = at_once { verdict_of(label, client) { judge(blocks, args, false) } }
          return answer(ticket, verdict)
        end
        spawn(label, client) { answer(ticket, verdict_of(label, client) { judge(blocks, args, true) }) }
      end

      def decision_args(question, client, name, text, mode, start, length, values)
        case question
        when "publish" then [client, Stream.new(name, text, mode)]
        when "record"  then [client, Stream.new(name, text, mode), mode.to_s]
        when "play"    then [client, Stream.new(name, text), start, length]
        when "seek"    then [client, Stream.new(name, text), start]
        when "use"     then [client, SharedObject.__at(name)]
        when "message" then [client, SharedObject.__at(name), text.to_s] + values
        when "unload"  then [text.to_s]
        end
      end

      # All blocks must agree; the last `replace` counts.
      def judge(blocks, args, replaceable)
        replaced = nil
        blocks.each do |block|
          v = @app.instance_exec(*args, &block)
          v = v.await if v.is_a?(Pending)
          return [REJECT, nil, nil, nil, 0.0] unless v
          replaced = v if v.is_a?(Replacement)
        end
        return [OK, nil, nil, nil, 0.0] unless replaced && replaceable
        v = replaced.value
        v.is_a?(Numeric) ? [OK, nil, v, nil, v.to_f] : [OK, nil, nil, v.to_s, 0.0]
      end

      # The value of the block, or what its exception means as an answer.
      def verdict_of(label, client)
        yield
      rescue Reject => e
        [REJECT, e.message, e.value, nil, 0.0]
      rescue Redirect => e
        return [REDIRECT, e.url, nil, nil, 0.0] if label == "on(:connect)"
        failed(e, label, client)
      rescue CallError => e
        return failed(e, label, client) if label.start_with?("allow")
        [REJECT, e.message, e.info["application"], nil, 0.0]
      rescue Exception => e
        return [REJECT, "busy", nil, nil, 0.0] if e.is_a?(LimitError) && e.message == "busy"
        failed(e, label, client)
      end

      def failed(e, label, client)
        [FAILED, "Script error (ref #{report(e, label, client)})", nil, nil, 0.0]
      end

      def answer(ticket, verdict)
        code, text, value, replace, start = verdict
        Native.answer(ticket, code, text, value, replace, start || 0.0)
      rescue ValueError => e
        ref = report(e, "answer", nil)
        Native.answer(ticket, FAILED, "Script error (ref #{ref})", nil, nil, 0.0)
      end

      # Host: may client write value into slot? [allowed, replaced, value, why]
      def guard(id, object, slot, value)
        @task = nil
        client = known(id)
        label = "guard #{object}"
        at_once do
          verdict = verdict_of(label, client) { [OK, nil, ask_guards(client, object, slot, value)] }
          next [false, false, nil, verdict[1]] unless verdict[0] == OK
          agreed, replaced, fresh = verdict[2]
          [agreed, replaced, fresh, nil]
        end
      end

      def ask_guards(client, object, slot, value)
        so = nil
        replaced = false
        @app.class.__shared.each do |pattern, options, block|
          next unless Native.glob?(pattern, object)
          break if block.nil?
          so ||= SharedObject.__at(object)
          v = @app.instance_exec(client, slot, value, so, &block)
          return [false, false, nil] unless v
          replaced, value = true, v.value if v.is_a?(Replacement)
          break
        end
        matching(@app.class.__allow["write"], object).each do |block|
          so ||= SharedObject.__at(object)
          v = @app.instance_exec(client, so, slot, value, &block)
          return [false, false, nil] unless v
          replaced, value = true, v.value if v.is_a?(Replacement)
        end
        [true, replaced, replaced ? value : nil]
      end

      # --- errors ---

      # One log line with a reference, and on(:status). Returns the reference.
      def report(e, label, client = nil, note = nil)
        lines = e.backtrace || []
        mine = lines.reject { |l| l.start_with?("mrblib/") || l.start_with?("(unknown)") }
        where = mine[0] || lines[0] || "-"
        what = e.is_a?(Reject) ? "reject: #{e.message}" : "#{e.message} (#{e.class})"
        what = "#{note}: #{what}" if note
        ref = Native.report(label.to_s, client ? client.id : nil, where, what, mine.join(" < "))
        blocks = matching(@app && @app.class.__on["status"], nil)
        unless blocks.empty? || label == "on(:status)"
          file, line = where.split(":")
          info = { "code" => "Application.Script.Error", "level" => "error", "description" => what,
                   "filename" => file, "lineno" => line.to_i, "ref" => ref }
          later { fire("status", "", [info], nil, 0) }
        end
        ref
      end
    end
  end

  # `replace x` as the value of a decision.
  class Replacement
    attr_reader :value

    def initialize(value)
      @value = value
    end
  end

  class Timer
    attr_reader :interval, :block
    attr_accessor :busy

    def initialize(id, interval, block)
      @id = id
      @interval = interval
      @block = block
    end

    def cancel = Core.drop_timer(@id)
    def active? = Core.timer?(@id)
    def run = @block.call
  end
end
