# SPDX-License-Identifier: BSD-2-Clause
# What takes time, script-api.md 7.1.
module FCS
  class Pending
    def __open(id, client)
      @id = id
      @client = client
    end

    def __id = @id
    def __client = @client
    def done? = @done == true

    def await(timeout: 10)
      @heard = true
      unless @done
        @waiters ||= []
        task = Core.task
        @waiters << task if task
        begin
          Core.park(self, timeout)
        rescue AwaitError, LimitError => e
          @waiters.delete(task)
          raise e
        end
        raise Timeout, "no answer within #{timeout} s" unless @done
      end
      raise @error if @error
      @value
    end

    # Runs as a handler of its own when the answer is there.
    def then(&block)
      @heard = true
      if @done
        __run(block)
      else
        (@thens ||= []) << block
      end
      self
    end

    # What the host's answer means: a call here, otherwise in classes below.
    def __resolve(ok, value, error)
      if ok
        __settle(value, nil, true)
      elsif value.nil? && error == "ClientGone" # a client's own error has a value
        __settle(nil, ClientGone.new("the client is gone"), true)
      else
        info = value.is_a?(Hash) ? value : {}
        __settle(nil, CallError.new((error || info["description"] || "call failed").to_s, info), true)
      end
    end

    # direct: called at the top of a turn, waiting handlers may go on in it.
    def __settle(value, error, direct)
      return if @done
      @done = true
      @value = value
      @error = error
      Core.later { Core.unheard(error) unless @heard } if error && !@heard
      waiters, @waiters = @waiters, nil
      thens, @thens = @thens, nil
      watchers, @watchers = @watchers, nil
      thens.each { |block| __run(block) } if thens
      watchers.each { |block| block.call(value, error) } if watchers
      return if waiters.nil?
      waiters.each { |task| direct ? Core.step(task) : Core.wake(task) }
    end

    # The time of one waiting handler is up.
    def __expire(task)
      return if @done || @waiters.nil? || !@waiters.delete(task)
      Core.step(task)
    end

    def __forget(task)
      @waiters.delete(task) if @waiters
    end

    def __run(block)
      Core.later do
        Core.spawn("then") { Core.app.instance_exec(@value, @error, &block) }
      end
    end

    def self.all(*pendings)
      whole = Pending.new
      values = Array.new(pendings.size)
      left = pendings.size
      whole.__settle([], nil, false) if left == 0
      pendings.each_with_index do |p, i|
        p.__watch do |value, error|
          if error
            whole.__settle(nil, error, false)
          else
            values[i] = value
            left -= 1
            whole.__settle(values, nil, false) if left == 0
          end
        end
      end
      whole
    end

    # As then, but at once and without a handler: for Core only.
    def __watch(&block)
      @heard = true
      if @done
        block.call(@value, @error)
      else
        (@watchers ||= []) << block
      end
    end
  end
end
