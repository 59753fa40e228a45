# SPDX-License-Identifier: BSD-2-Clause
# Recordings, script-api.md 7.6. Another thread knows them: looking one up
# waits as sleep does, and raises AwaitError where nothing can wait.
module FCS
  class RecordingPending < Pending
    def __wrap(&block)
      @wrap = block
      self
    end

    def __resolve(ok, value, error)
      code, text, result = Native.recording_take(@id)
      return __settle(nil, StreamError.new(text, code), true) if code
      __settle(@wrap ? @wrap.call(result) : result, nil, true)
    end
  end

  # One recording. What is known of it is read when it is asked for, once, or
  # again and again while it grows.
  class Recording
    attr_reader :name

    def initialize(name, row = nil)
      @name = name
      @row = row
    end

    def duration = row[1]
    def size = row[2]
    def keyframes = row[4]
    def created_at = Time.at(0) + row[7] / 1000.0
    def growing? = Native.recording_growing?(@name)

    # "video" and "audio", those it has.
    def codecs
      h = {}
      h["video"] = row[5] if row[5]
      h["audio"] = row[6] if row[6]
      h
    end

    def metadata = Recordings.ask { |id| Native.recording_meta(id, @name) }.await(timeout: 30)

    def rename(to)
      Recordings.ask(-> (row) { Recording.new(row[0], row[9] ? row : nil) }) do |id|
        Native.recording_rename(id, @name, to.to_s)
      end
    end

    def copy(to) = __copy(to, 0, -1)

    # The part from one time to another, in seconds, under another name. It
    # begins at the key frame at or before its start.
    def cut(as:, from: 0, to: nil)
      raise ArgumentError, "cut: to: comes after from:" if to && to <= from
      __copy(as, from, to || -1)
    end

    def delete
      Recordings.ask(-> (row) { true }) { |id| Native.recording_delete(id, @name, false) }
    end

    def ==(other) = other.is_a?(Recording) && other.name == @name
    def eql?(other) = self == other
    def hash = @name.hash
    def inspect = "#<FCS::Recording #{@name}>"

    private

    def __copy(to, from, till)
      name = to.to_s
      Recordings.ask(-> (row) { Recording.new(name) }) do |id|
        Native.recording_copy(id, @name, name, from.to_f, till.to_f)
      end
    end

    def row
      @row = nil if @row && (@row[3] || !@row[9])   # it grew, or was not read yet
      @row ||= Recordings.row(@name) or raise StreamError.new("no such recording", "NetStream.Play.StreamNotFound")
    end
  end

  # All recordings of this instance, and what ships with the application.
  module Recordings
    class << self
      def [](name)
        row = row(name.to_s)
        row && Recording.new(row[0], row)
      end

      def list(pattern = "**", offset: 0)
        rows = ask { |id| Native.recording_list(id, pattern.to_s, offset) }.await(timeout: 30)
        rows.map { |row| Recording.new(row[0], row) }
      end

      def length(name)
        row = row(name.to_s)
        row && row[1]
      end

      def size(name)
        row = row(name.to_s)
        row && row[2]
      end

      def row(name)
        ask { |id| Native.recording_info(id, name) }.await(timeout: 30)
      rescue StreamError => e
        raise e unless e.code == "NetStream.Play.StreamNotFound"
        nil
      end

      # The block begins something and says nil, or why it did not.
      def ask(wrap = nil)
        pending = Core.pending(nil, RecordingPending)
        pending.__wrap(&wrap) if wrap
        begin
          no = yield pending.__id
        rescue StandardError => e
          Core.forget_pending(pending.__id)
          raise e
        end
        if no
          Core.forget_pending(pending.__id)
          pending.__settle(nil, StreamError.new(no[1], no[0]), false)
        end
        pending
      end

      def inspect = "#<FCS::Recordings>"
    end
  end
end
