# SPDX-License-Identifier: BSD-2-Clause
# Core: what happened, on(...), script-api.md 4.
module FCS
  module Core
    class << self
      # Host: something happened. ticket: the host wants to know when all
      # handlers ended, 0 = no.
      def event(kind, ticket, id, name, text, mode, start, length, values, changes)
        @task = nil
        event = EVENTS[kind]
        return peer_event(name, mode, text == "end", values[0]) if event == "peer"
        client = known(id)
        name = name.to_s
        case event
        when "start"
          args = []
          start_timers
        when "accepted"
          args = [client]
          client.__accepted
          each_presence { |p| p.__enter(client) }
        when "disconnect"
          args = [client]
          client.__closed
          fail_pendings_of(client)
          each_presence { |p| p.__leave(client) }
          @clients.delete(id)
        when "gone"                        # it was never accepted
          client.__closed
          fail_pendings_of(client)
          return @clients.delete(id)
        when "stop"
          @ending = false
          args = [text.to_s]
        when "status"
          args = [values[0]]
        when "publish", "unpublish"
          args = [client, Stream.new(name, text, mode)]
        when "play"
          args = [client, Stream.new(name, text), start, length]
        when "play_end"
          args = [client, Stream.new(name, text), start]
        when "record", "record_end"
          args = [Stream.new(name), Recording.new(text)]
        when "use", "release"
          args = [client, SharedObject.__at(name)]
        when "sync"
          args = [SharedObject.__at(name), changes.map { |c| Change.new(*c) }]
        when "message"
          args = [client, SharedObject.__at(name), text.to_s] + values
        end
        fire(event, name, args, client, ticket)
      end

      def fire(event, name, args, client, ticket)
        mine = matching(@app.class.__on[event], name)
        own = @object_handlers["#{event}:#{name}"]
        if mine.empty? && own.nil?
          Native.answer(ticket, OK, nil, nil, nil, 0.0) if ticket != 0
          return
        end
        spawn("on(:#{event})", client) do
          ok = true
          mine.each { |block| ok = false unless handle(event, block, args, client) }
          own.each { |block| handle(event, block, object_args(event, args), client) } if own
          Native.answer(ticket, ok ? OK : FAILED, nil, nil, nil, 0.0) if ticket != 0
        end
      end

      def start_timers
        @app.class.__every.each { |s, block| add_timer(s, true, block) }
      end

      # Handlers of an object do not get the object again.
      def object_args(event, args)
        case event
        when "status" then args
        when "sync" then args[1..-1]
        else [args[0]] + args[2..-1]
        end
      end

      def handle(event, block, args, client)
        @app.instance_exec(*args, &block)
        true
      rescue Reject => e
        if event == "publish"
          (client && client.__refuse(args[1].name, e.message)) || args[1].close(e.message)
        elsif event == "play" && client
          Native.play_refuse(client.id, args[1].name, e.message.empty? ? "denied" : e.message)
        else
          report(e, "on(:#{event})", client, "reject means nothing here")
        end
        false
      rescue Exception => e
        report(e, "on(:#{event})", client)
        false
      end

      def matching(list, name)
        return [] if list.nil?
        found = []
        list.each { |pattern, block| found << block if pattern.nil? || Native.glob?(pattern, name) }
        found
      end

      def each_presence
        @app.class.__presence.each_key { |name| yield @app.presence(name) }
      end
    end
  end
end
