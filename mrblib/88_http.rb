# SPDX-License-Identifier: BSD-2-Clause
# Requests to other servers, script-api.md 7.8.
module FCS
  class Response
    attr_reader :status, :headers, :body

    # fields: name, value, name, value ...; values of one name become a list.
    def initialize(status, fields, body)
      @status = status
      @body = body
      @headers = {}
      0.step(fields.size - 2, 2) do |i|
        name, value = fields[i], fields[i + 1]
        @headers[name] = @headers.key?(name) ? "#{@headers[name]}, #{value}" : value
      end
    end

    def ok? = @status >= 200 && @status < 300
    def json = JSON.parse(@body)
    def inspect = "#<FCS::Response #{@status}>"
  end

  class HttpPending < Pending
    def __resolve(ok, value, error)
      answer = Native.http_take(@id)
      if answer.is_a?(String)
        __settle(nil, HttpError.new(answer), true)
      else
        __settle(Response.new(*answer), nil, true)
      end
    end
  end

  module Http
    NONE = Object.new

    class << self
      def get(url, query: {}, headers: {}, timeout: 10)
        words = encode(query)
        unless words.empty?
          url, mark, fragment = url.to_s.partition("#")
          url = "#{url}#{url.include?('?') ? '&' : '?'}#{words}"
        end
        __request(false, url.to_s, list(headers, nil), nil, timeout)
      end

      def post(url, json: NONE, form: NONE, body: NONE, headers: {}, timeout: 10)
        given = [json, form, body].reject { |x| x.equal?(NONE) }
        raise ArgumentError, "one of json:, form: and body:" if given.size > 1
        if !json.equal?(NONE)
          type, data = "application/json", JSON.generate(json)
        elsif !form.equal?(NONE)
          type, data = "application/x-www-form-urlencoded", encode(form)
        elsif !body.equal?(NONE)
          raise ValueError, "body: is a String" unless body.is_a?(String)
          type, data = "application/octet-stream", body
        end
        __request(true, url.to_s, list(headers, type), data.to_s, timeout)
      end

      # The one place all requests pass. headers: name, value, name, value ...
      def __request(post, url, headers, body, timeout)
        pending = Core.pending(nil, HttpPending)
        begin
          no = Native.http(pending.__id, post, url, headers, body, timeout.to_f)
        rescue StandardError => e
          Core.forget_pending(pending.__id)
          raise e
        end
        if no
          Core.forget_pending(pending.__id)
          pending.__settle(nil, HttpError.new(no), false)
        end
        pending
      end

      # a=1&b=x%20y; a list is its name several times, nil leaves it out.
      def encode(fields)
        return fields if fields.is_a?(String)
        words = []
        fields.each do |name, value|
          values = value.is_a?(Array) ? value : [value]
          values.each { |v| words << "#{Native.escape(name.to_s)}=#{Native.escape(v.to_s)}" unless v.nil? }
        end
        words.join("&")
      end

      private

      def list(headers, type)
        out = []
        headers.each do |name, value|
          type = nil if type && name.to_s.downcase == "content-type"
          out << name.to_s << value.to_s
        end
        out << "Content-Type" << type if type
        out
      end
    end
  end

  class App
    def http = Http
  end
end
