# SPDX-License-Identifier: BSD-2-Clause
# Files of the application, script-api.md 7.8.
module FCS
  class FileInfo
    attr_reader :name, :size, :modified_at

    def initialize(name, size, us, folder)
      @name = name
      @size = size
      @modified_at = Time.__new(us)
      @folder = folder
    end

    def folder? = @folder
    def inspect = "#<FCS::FileInfo #{@name} #{@size}>"
  end

  class FilePending < Pending
    attr_accessor :__path, :__form

    def __resolve(ok, value, error)
      value, text = Native.file_take(@id)
      if text
        __settle(nil, FileError.new("#{@__path}: #{text}", value), true)
      else
        __settle(@__form ? @__form.call(value) : value, nil, true)
      end
    end
  end

  module Files
    READ, WRITE, APPEND, EXIST, STAT, LIST, MKDIR, COPY, RENAME, DELETE = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9

    class << self
      def read(path, offset: 0, length: nil)
        whole(:offset, offset)
        whole(:length, length) unless length.nil?
        __submit(READ, path, nil, nil, offset, length || -1)
      end

      def write(path, data, offset: nil)
        whole(:offset, offset) unless offset.nil?
        __submit(WRITE, path, nil, bytes(data), offset || -1, -1)
      end

      def append(path, data) = __submit(APPEND, path, nil, bytes(data), 0, -1)
      def exist?(path) = __submit(EXIST, path, nil, nil, 0, -1)

      def stat(path)
        __submit(STAT, path, nil, nil, 0, -1) { |v| FileInfo.new(path.to_s, *v) }
      end

      # 1,000 names at most, sorted; those of folders end in "/".
      def list(pattern = "**", offset: 0)
        whole(:offset, offset)
        shipped = pattern.to_s.start_with?("app:")
        __submit(LIST, pattern, nil, nil, offset, -1) do |names|
          shipped ? names.map { |n| "app:#{n}" } : names
        end
      end

      def mkdir(path)       = __submit(MKDIR, path, nil, nil, 0, -1)
      def copy(from, to)    = __submit(COPY, from, to.to_s, nil, 0, -1)
      def rename(from, to)  = __submit(RENAME, from, to.to_s, nil, 0, -1)
      def delete(path)      = __submit(DELETE, path, nil, nil, 0, -1)

      # The one place all operations pass; form makes the value of the result.
      def __submit(what, path, to, data, offset, length, &form)
        pending = Core.pending(nil, FilePending)
        pending.__path = path.to_s
        pending.__form = form
        begin
          no = Native.file(pending.__id, what, path.to_s, to, data, offset, length)
        rescue StandardError => e
          Core.forget_pending(pending.__id)
          raise e
        end
        if no
          Core.forget_pending(pending.__id)
          pending.__settle(nil, FileError.new("#{path}: #{no}", "name"), false)
        end
        pending
      end

      private

      def bytes(data)
        raise ValueError, "a file holds a String, not #{data.class}" unless data.is_a?(String)
        data
      end

      def whole(name, n)
        return if n.is_a?(Integer) && n >= 0 && n <= 9_007_199_254_740_991
        raise ArgumentError, "#{name}: is a whole number of bytes"
      end
    end
  end

  class App
    def files = Files
  end
end
