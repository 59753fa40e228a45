# SPDX-License-Identifier: BSD-2-Clause
# A handle on a stream name, live or not, script-api.md 7.5. It never fails and
# holds nothing open.
module FCS
  class Stream
    attr_reader :name, :query_string

    def initialize(name, query = nil, type = nil)
      @name = name
      @query_string = query.to_s
      @type = type
    end

    def query = @query ||= FCS.parse_query(@query_string)
    def live? = info[0]

    def publisher
      id = info[1]
      return nil if id.nil?
      id.empty? ? :server : Core.client(id)
    end

    def type = @type || info[2]
    def viewers = info[3]
    def bitrate = info[4]
    def time = info[5] / 1000.0
    def metadata = Native.stream_metadata(@name)

    # A data message to all viewers, also recorded.
    def tell(handler, *args) = Native.stream_tell(@name, handler.to_s, args)
    def close(why = nil) = Native.stream_close(@name, why.nil? ? nil : why.to_s)
    def ==(other) = other.is_a?(Stream) && other.name == @name
    def eql?(other) = self == other
    def hash = @name.hash
    def inspect = "#<FCS::Stream #{@name}>"

    private

    def info = Native.stream_info(@name)
  end
end
