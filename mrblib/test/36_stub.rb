# SPDX-License-Identifier: BSD-2-Clause
# What other servers answer in a test: nothing, unless the test says so.
module FCS
  module Test
    module Stub
      @stubs = []

      class << self
        # The one added last counts.
        def add(url, block)
          @stubs.unshift([url, block])
        end

        # A script asked for something over HTTP.
        def request(instance, pending, method, url, headers, body)
          path, query = url.split("?", 2)
          found = @stubs.find { |pattern, block| pattern == path || (pattern[-1] == "*" && path.start_with?(pattern[0..-2])) }
          return fail(instance, pending, "no stub_http for #{path}") if found.nil?
          answer(instance, pending, found[1].call(method, data(method, query, headers, body)))
        end

        private

        def answer(instance, pending, value)
          case value
          when :mute    then nil
          when :refused then fail(instance, pending, "connection refused")
          when Array
            status, body, fields = value
            type = "text/plain"
            unless body.nil? || body.is_a?(String)
              type = "application/json"
              body = JSON.generate(body)
            end
            list = ["content-type", type]
            (fields || {}).each { |k, v| list << k.to_s.downcase << v.to_s }
            Test.ask("resolve", instance, pending, true, [status, list, body.to_s], "")
          else
            raise Failure, "stub_http: [status, body], :refused or :mute, not #{value.inspect}"
          end
        end

        def fail(instance, pending, why)
          Test.ask("resolve", instance, pending, false, nil, why)
        end

        def data(method, query, headers, body)
          return FCS.parse_query(query) if method == "GET"
          i = headers.index("Content-Type")
          type = i ? headers[i + 1] : ""
          return JSON.parse(body) if type.start_with?("application/json")
          return FCS.parse_query(body) if type.start_with?("application/x-www-form-urlencoded")
          body.to_s
        end
      end
    end
  end
end
