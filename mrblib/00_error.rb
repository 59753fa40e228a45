# SPDX-License-Identifier: BSD-2-Clause
# What can go wrong, script-api.md 7.9.
module FCS
  class Error < StandardError; end

  # `reject "why", value`: no, with a reason.
  class Reject < Error
    attr_reader :value

    def initialize(why = nil, value = nil)
      super(why.nil? ? "" : why.to_s)
      @value = value
    end
  end

  class Redirect < Error
    attr_reader :url

    def initialize(url)
      super(url.to_s)
      @url = url.to_s
    end
  end

  # A call was answered with an error; info is what the far side sent.
  class CallError < Error
    attr_reader :info

    def initialize(message = "call failed", info = nil)
      super(message)
      @info = info.is_a?(Hash) ? info : {}
    end
  end

  class ConnectError < CallError; end
  class ClientGone < Error; end
  class Timeout < Error; end
  class LockTimeout < Timeout; end
  class AwaitError < Error; end
  class ValueError < Error; end
  class StoreError < Error; end
  class HttpError < Error; end
  class LimitError < Error; end
  class NotFound < Error; end
  class NotSupported < Error; end

  class StreamError < Error
    attr_reader :code

    def initialize(message = "stream failed", code = nil)
      super(message)
      @code = code
    end
  end

  # code: name, not_found, exists, kind, quota, too_big, busy, failed.
  class FileError < Error
    attr_reader :code

    def initialize(message = "file operation failed", code = nil)
      super(message)
      @code = code
    end
  end
end
