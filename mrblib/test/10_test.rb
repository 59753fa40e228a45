# SPDX-License-Identifier: BSD-2-Clause
# Tests of applications, script-api.md 10: what a file of tests says, how one
# test runs, the assertions. In a VM of their own; what they want of the server
# they ask the host for (src/apptest/at_host.c).
module FCS
  module Test
    WAIT = 10                              # seconds an answer may take on the clock of the test

    class Failure < StandardError; end

    @tests = []
    @clients = {}
    @calls = {}

    class << self
      attr_reader :clients, :calls

      # --- for the host ---

      def count = @tests.size

      def title(i) = @tests[i][0]

      # nil: passed; else why not, beginning with file:line.
      def run(i)
        name, block, at = @tests[i]
        c = Context.new
        begin
          c.instance_exec(&block)
          settle
          c.__finish
          nil
        rescue Exception => e
          describe(e, at) + c.__unexpected
        end
      end

      # --- for the words ---

      def add(name, block)
        raise ArgumentError, "test #{name.inspect} needs a block" if block.nil?
        name = name.to_s.split("\n").join(" ")
        raise ArgumentError, "two tests are called #{name.inspect}" if @tests.any? { |t| t[0] == name }
        @tests << [name, block, here]
        nil
      end

      def ask(what, *args) = Native.host(what, *args)

      # Run the server until nothing happens any more, with what its clients
      # answer. The clock stands still.
      def settle(files = false)
        loop do
          events = ask("step", files)
          break if events.empty?
          events.each { |e| dispatch(*e) }
        end
      end

      def dispatch(what, id, *rest)
        if what == "answer"
          call = @calls.delete(id)
          call.__settle(*rest) if call
        elsif what == "http"
          Stub.request(*rest)
        elsif what == "reloaded"
          @reloads << rest
        else
          c = @clients[id]
          c.__heard(what, *rest) if c
        end
      end

      # From timer to timer until the block is true or the time is over.
      def wait(seconds)
        settle
        target = ask("clock") + (seconds * 1000).round
        until yield
          at = ask("timer")
          break if at.nil? || at > target
          ask("clock", at)
          settle
        end
      end

      def advance(seconds)
        target = ask("clock") + (seconds * 1000).round
        wait(seconds) { false }
        ask("clock", target)
        settle(true)
      end

      # The lines of the author's files a call came through.
      def trail(e)
        (e.backtrace || []).reject { |l| l.start_with?("mrblib/") || l.start_with?("(unknown)") }
      end

      # Where the block of a test ends: this mruby gives that line to the call.
      def here
        raise "here"
      rescue RuntimeError => e
        trail(e)[0].to_s.split(":in ")[0] || "-"
      end

      # New code in all instances; how each one ended.
      def reload
        @reloads = []
        n = ask("reload")
        wait(30) { @reloads.size >= n }
        @reloads
      end

      def describe(e, at)
        lines = trail(e)[0..-2]            # the last is what remains of loading the files
        at = lines[0].split(":in ")[0] unless lines.empty?
        text = e.message.to_s
        text = "#{text} (#{e.class})" unless e.is_a?(Failure)
        text = "#{at}: #{text}"
        lines = lines.map { |l| l.split(":in ")[0] }
        lines.each_with_index { |l, i| text += "\n  from #{l}" if i > 0 && l != lines[i - 1] }
        text
      end
    end

    # What takes time, on the clock of the test.
    class Pending
      attr_reader :value, :error

      def done? = @done == true

      def await(timeout: WAIT)
        Test.wait(timeout) { @done }
        raise Timeout, "no answer within #{timeout} s of the test's clock" unless @done
        raise @error if @error
        @value
      end

      def then(&block)
        @done ? block.call(@value, @error) : (@thens ||= []) << block
        self
      end

      def __settle(ok, value, text = nil)
        return if @done
        @done = true
        if ok
          @value = value
        else
          info = value.is_a?(Hash) ? value : {}
          @error = CallError.new((text || info["description"] || "call failed").to_s, info)
        end
        @thens.each { |block| block.call(@value, @error) } if @thens
      end
    end

    # self of a test.
    class Context
      def start(name, config: nil, settings: {})
        app = name.to_s.split("/")[0].to_s
        settings.each { |key, value| Test.ask("setting", app, key.to_s, setting(value)) }
        Test.ask("setting", app, "config", JSON.generate(config)) if config
        full = Test.ask("start", name.to_s)
        Test.wait(WAIT) { Test.ask("state", full) != "starting" }
        Instance.new(full)
      end

      def advance(seconds) = Test.advance(seconds)

      # kill -9: what is not on the disk is gone, clients too.
      def restart!
        Test.ask("restart")
        Test.settle
        nil
      end

      # What an address answers: the block gets the method and what was sent
      # (parsed, if it is a form, JSON or a query) and returns [status, body],
      # :refused or :mute. url: the whole address without its query; may end
      # in *.
      def stub_http(url, &block)
        raise ArgumentError, "stub_http needs a block" if block.nil?
        Stub.add(url.to_s, block)
        nil
      end

      # The value of secret(name) in all applications.
      def stub_secret(name, value)
        Test.ask("secret", name.to_s, value.to_s)
        nil
      end

      # The files are read again and take over, in every instance; clients
      # stay connected.
      def reload!
        Test.reload.each { |ended, why| fail!("the old code was kept: #{why}") if ended == "kept" }
        Test.settle
        nil
      end

      # --- assertions ---

      def assert(value, message = nil)
        fail!(message || "expected something true, got #{value.inspect}") unless value
        true
      end

      def assert_equal(expected, actual, message = nil)
        return true if expected == actual
        fail!("#{message ? "#{message}: " : ''}expected #{expected.inspect}, got #{actual.inspect}")
      end

      def assert_raises(*classes)
        classes << StandardError if classes.empty?
        begin
          yield
        rescue Exception => e
          return e if classes.any? { |k| e.is_a?(k) }
          raise e
        end
        fail!("expected #{classes.join(' or ')}, nothing was raised")
      end

      def assert_called(client, name, *args)
        Test.settle
        got = client.received(name)
        return true if args.empty? ? !got.empty? : got.include?(args)
        fail!("expected a call of #{name}#{args.empty? ? '' : " with #{args.inspect}"}, got #{got.inspect}")
      end

      def assert_rejected(client, why = nil)
        Test.settle
        fail!("expected a rejection, the client is #{client.state}") unless client.rejected?
        text = client.rejection["description"].to_s
        fail!("expected the rejection #{why.inspect}, got #{text.inspect}") if why && !text.include?(why)
        true
      end

      # The call in the block is refused.
      def assert_refused(why = nil)
        begin
          value = yield
          value.await if value.is_a?(Pending)
        rescue CallError => e
          text = e.message
          fail!("a handler failed: #{text}") if text.start_with?("Script error (ref ")
          fail!("expected the refusal #{why.inspect}, got #{text.inspect}") if why && !text.include?(why)
          return true
        end
        fail!("expected a refusal, got #{value.inspect}")
      end

      # of: a client, or a stream of one.
      def assert_status(of, code)
        Test.settle
        got = of.status.map { |info| info["code"] }
        got.include?(code) || fail!("expected the status #{code}, got #{got.inspect}")
      end

      # The codes a replica got since the last time it was asked this.
      def assert_codes(replica, *codes)
        Test.settle
        got = replica.codes.dup
        replica.codes.clear
        assert_equal codes.map { |c| c.to_s }, got, "codes of #{replica.name}"
      end

      # An error in the log is wanted: its reference, or a part of its line.
      def expect_error(part = "")
        Test.settle
        take_errors
        found = @errors.index { |line| line.include?(part.to_s) }
        fail!("expected an error with #{part.inspect} in the log#{@errors.empty? ? '' : ", there is:\n#{@errors.join("\n")}"}") if found.nil?
        @errors.delete_at(found)
        true
      end

      def puts(*lines)
        lines.each { |l| Test.ask("print", l.to_s) }
        nil
      end

      def p(*values)
        values.each { |v| Test.ask("print", v.inspect) }
        values[0]
      end
      alias trace puts

      def __finish
        text = __unexpected
        fail!("a handler failed and nobody expected it (expect_error):#{text}") unless text.empty?
      end

      # The errors in the log that no expect_error took, a line each.
      def __unexpected
        take_errors
        lines, @errors = @errors, []
        lines.map { |line| "\n#{line}" }.join
      end

      private

      def fail!(text)
        raise Failure, text
      end

      def take_errors
        @errors = (@errors || []) + Test.ask("errors").split("\n")
      end

      def setting(value)
        value.is_a?(Array) || value.is_a?(Hash) ? JSON.generate(value) : value.to_s
      end
    end
  end
end

module Kernel
  def test(name, &block) = FCS::Test.add(name, block)
end
