# SPDX-License-Identifier: BSD-2-Clause
# The Ruby half of the boundary: the host enters only by the methods of Core,
# and every fiber is resumed by Core.step (this mruby loses control flow when
# C resumes one). Objects of the host are ids here; fibers and blocks are ids
# there. Nothing in this file is for scripts.
module FCS
  Native = Module.new unless const_defined?(:Native)

  module Core
    EVENTS = %w[start accepted disconnect stop status publish unpublish play play_end
                record record_end use release sync message gone peer].freeze
    QUESTIONS = %w[connect call publish record play seek use message unload peer_call].freeze
    TASKS_KEPT = 8
    OK, REJECT, REDIRECT, FAILED, MISSING, HOLD = 0, 1, 2, 3, 4, 5

    # A fiber that runs one handler after another, and what it does now: to
    # make a fiber costs more than most handlers.
    class Task
      attr_accessor :waits, :dropped
      attr_reader :fiber
      attr_accessor :locks

      def initialize(resting)
        @resting = resting
        @fiber = Fiber.new { |call| run(call) }
      end

      # What it does when it is resumed, unless that brings a call.
      def take(label, client, body)
        @label = label
        @client = client
        @body = body
        self
      end

      private

      # call: [ticket, client, name, to, args], or nil. What is needed each
      # time is in variables: they are found without looking for them.
      def run(call)
        core = Core
        fiber = Fiber
        resting = @resting
        while true
          begin
            if call
              ticket, client, name, to, args = call
              core.serve(ticket, client, name, to, args)
            else
              @body.call(self)
              @body = @client = nil
            end
          rescue Exception => e
            core.report(e, call ? "expose(:#{name})" : @label, call ? client : @client)
          end
          Lock.drop(self) if @locks
          @dropped = nil if @dropped
          return self if resting.size >= TASKS_KEPT
          resting << self
          call = client = to = args = nil
          call = fiber.yield(self)
        end
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
        @resting = []
        @object_handlers = {}
        @last_id = settings["first_id"] || 0
        @own_timers = 0                    # those of the script: script.timers
        @parks = {}
        @ending = false
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
        @exposed = klass.__exposed
        @call_judges = klass.__allow["call"]
        @missing = klass.__on["missing"]
        @native = Native
        @proc = Proc
        [klass.__on.keys, klass.__allow_list, klass.__shared_list]
      end

      def setting(key) = @settings[key]

      # --- handlers ---

      def spawn(label, client = nil, &body)
        step((@resting.pop || Task.new(@resting)).take(label, client, body))
      end

      def step(task, value = nil)
        outer = @task
        @task = task
        stray(task) unless task.fiber.resume(value).equal?(task)
        @task = outer
      end

      # Who parks or rests says so with the task; this was Fiber.yield of the
      # script itself. Nobody would ever resume it: it goes on at once.
      def stray(task)
        note = AwaitError.new("Fiber.yield in a handler is no way to wait")
        report(note, "Fiber.yield")
        nil until task.fiber.resume(nil).equal?(task)
      end

      # For what must not begin where its end cannot be waited for.
      def check_wait
        raise AwaitError, "await where no answer can wait: guard, :message, :unload or transaction" if @sync > 0
        raise AwaitError, "await outside of a handler" if @task.nil?
        return if @task.fiber.equal?(Fiber.current)
        raise AwaitError, "await inside a Fiber or Enumerator of your own"
      end

      # No handler that could wait runs: main.rb is read, a guard, a transaction.
      def busy? = @sync.nil? || @sync > 0 || @task.nil?

      # Let others run: the handler goes on in a turn of its own, with all of
      # its time.
      def breathe
        pending = Pending.new
        later { pending.__settle(nil, nil, true) }
        pending.await(timeout: nil)
      end

      # Park the running handler until pending is settled or time is up.
      def park(pending, timeout)
        task = @task
        check_wait
        raise LimitError, "busy" if @parks.size >= @settings["handlers"]
        refuse_to_wait(pending, task) if @ending
        timer = timeout && timer_after(timeout) { pending.__expire(task) }
        task.waits = pending
        @parks[task] = true
        Native.parked(@parks.size)
        begin
          Fiber.yield(task)
        rescue FiberError
          pending.__forget(task)
          raise AwaitError, "await below a method written in C (to_s, sort block, Hash default ...)"
        ensure
          task.waits = nil
          @parks.delete(task)
          Native.parked(@parks.size)
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
        raise LimitError, "too many timers" if @own_timers >= @settings["timers"]
        id = next_id
        t = Timer.new(id, interval ? seconds : nil, block)
        Native.timer(id, seconds)
        @own_timers += 1
        t.own = true
        @timers[id] = t
      end

      def drop_timer(id)
        t = @timers.delete(id)
        return false if t.nil?
        @own_timers -= 1 if t.own
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
          @own_timers -= 1 if t.own
          t.run
        end
      end

      # --- pendings ---

      def pending(client = nil, klass = Pending)
        p = klass.new
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
        p.__resolve(ok, value, error)
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
          p.__settle(nil, ClientGone.new("the client is gone"), true)
        end
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
    attr_accessor :busy, :own

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
