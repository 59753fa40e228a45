# SPDX-License-Identifier: BSD-2-Clause
# Shared objects: their history and the disk, script-api.md 7.4. All of it is
# done behind what was written before, while others run.
module FCS
  # The store says what became of it: a code that is an error here.
  class StoreAnswer < Pending
    def __about(what)
      @what = what
      self
    end

    def __resolve(ok, value, error)
      return __settle(value, nil, true) if ok
      __settle(nil, error_for(error), true)
    end

    private

    def error_for(code)
      case code
      when "FCS_ERANGE"
        NotFound.new("#{@what}: the history begins later, or the version is still to come")
      when "FCS_ELIMIT"
        LimitError.new("#{@what}: a limit is reached")
      when "FCS_EREADONLY"
        StoreError.new("#{@what}: the store is read-only")
      else
        StoreError.new("#{@what}: it could not be stored or read (#{code})")
      end
    end
  end

  class SharedObject
    LINES_MAX = 10_000 # of one look at the history

    # Changes newer than since (a version or a Time), oldest first.
    def history(slot: nil, since: 0, limit: 100)
      raise ArgumentError, "limit: is a whole number" unless limit.is_a?(Integer) && limit >= 0
      limit = LINES_MAX if limit > LINES_MAX
      version, ms = __point(since)
      changes_of(__wait("history") { |id| Native.so_history(@name, slot && slot.to_s, version, ms, 0, 0, limit, id) })
    end

    # The object as it was at a version or a time.
    def at(point)
      version, ms = __point(point)
      look = __wait("at") { |id| Native.so_at(@name, version, ms, id) }
      slots = {}
      take(look, false) { |line| slots[line[0]] = line[1] }
      slots.freeze
    end

    # All changes after a, up to b.
    def diff(a, b)
      from, from_ms = __point(a)
      to, to_ms = __point(b)
      changes_of(__wait("diff") { |id| Native.so_history(@name, nil, from, from_ms, to, to_ms, -1, id) })
    end

    # Take back the newest batch of the user that is not undone; what others
    # wrote since stays. Returns the names of the slots.
    def undo(user:, slot: nil)
      Lock.pass(@name) if Lock.any?
      user = __user(user)
      __wait("undo") { |id| Native.so_undo(@name, user, slot && slot.to_s, false, id) }
    end

    def redo(user:)
      Lock.pass(@name) if Lock.any?
      user = __user(user)
      __wait("redo") { |id| Native.so_undo(@name, user, nil, true, id) }
    end

    # The slots as they were, as a new version.
    def rollback(point)
      Lock.pass(@name) if Lock.any?
      version, ms = __point(point)
      __wait("rollback") { |id| Native.so_rollback(@name, version, ms, id) }
    end

    # Forget deleted slots older than version; who knows less gets everything.
    def purge(version) = Native.so_purge(@name, version)

    def resync_depth=(batches)
      Native.so_depth(@name, batches.nil? ? -1 : batches)
    end

    def dirty? = Native.so_dirty?(@name)

    # True when all that was written is on disk.
    def flush
      p = __ask("flush") { |id| @waits = Native.so_flush(@name, id) }
      return p if @waits
      Core.forget_pending(p.__id)
      p.__settle(true, nil, false)
      p
    end

    # All objects in memory whose name matches.
    def self.__flush(pattern)
      list = Native.so_names(pattern).map { |name| __at(name).flush }
      whole = Pending.new
      Pending.all(*list).__watch { |values, error| whole.__settle(error ? nil : true, error, false) }
      whole
    end

    # --- for the class ---

    # A version, or milliseconds of a time.
    def __point(point)
      return [0, (point.to_f * 1000).round] if point.is_a?(Time)
      return [point, 0] if point.is_a?(Integer)
      raise ArgumentError, "a version or a Time, not #{point.inspect}"
    end

    def __user(user)
      return nil if user == :server
      user = user.user || user.id if user.is_a?(Client)
      raise ArgumentError, "user: is who wrote it, or :server" if user.nil?
      user.to_s
    end

    def __ask(what)
      p = Core.pending(nil, StoreAnswer).__about("#{what} of #{@name}")
      begin
        yield p.__id
      rescue Error => e
        Core.forget_pending(p.__id)
        raise e
      end
      p
    end

    def __wait(what, &block)
      Core.check_wait
      __ask(what, &block).await(timeout: 30)
    end

    private

    # In pieces, each in a turn of its own: a look may be large.
    def take(look, whole)
      more = true
      while more
        lines = Native.so_take(look, whole)
        more = !lines[-1].nil?
        lines.pop unless more
        lines.each { |line| yield line }
        Core.breathe if more
      end
    end

    def changes_of(look)
      list = []
      take(look, true) do |slot, value, old, user, version, ms, gone|
        list << Change.new(gone ? "delete" : "change", slot, value, old, user, nil, version, Time.at(ms / 1000.0))
      end
      list
    end
  end

  class App
    # All that was written to these objects is on disk.
    def flush_shared_objects(pattern = "**") = SharedObject.__flush(pattern.to_s)
  end
end
