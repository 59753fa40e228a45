# SPDX-License-Identifier: BSD-2-Clause
# Core: what is asked and answered, on(:connect), allow and guards,
# script-api.md 5.
module FCS
  module Core
    class << self
      # Host: exactly one Native.answer(ticket, ...) follows, now or later.
      def ask(kind, ticket, id, name, text, mode, start, length, values)
        @task = nil
        question = QUESTIONS[kind]
        case question
        when "connect" then connect(ticket, id, values)
        when "call"    then call(ticket, id, name.to_s, [nil] + values)
        when "peer_call" then peer_call(ticket, text, name.to_s, values)
        else decide(question, ticket, id, name.to_s, text, mode, start, length, values)
        end
      end

      def connect(ticket, id, values)
        client = @clients[id] = Client.new(id, values)
        blocks = matching(@app.class.__on["connect"], nil)
        spawn("on(:connect)", client) do
          verdict = verdict_of("on(:connect)", client) do
            blocks.each { |block| @app.instance_exec(client, *values, &block) }
            [OK]
          end
          verdict = [HOLD, nil, nil, nil, client.__hold.to_f] if verdict[0] == OK && client.__hold
          answer(ticket, verdict)
        end
      end

      def decide(question, ticket, id, name, text, mode, start, length, values)
        client = known(id)
        subject = question == "unload" ? nil : name
        blocks = matching(@app.class.__allow[question], subject)
        return Native.answer(ticket, MISSING, nil, nil, nil, 0.0) if blocks.empty?
        args = decision_args(question, client, name, text, mode, start, length, values)
        label = "allow(:#{question})"
        if question == "message" || question == "unload"
          verdict = at_once { verdict_of(label, client) { judge(blocks, args, false) } }
          return answer(ticket, verdict)
        end
        spawn(label, client) { answer(ticket, verdict_of(label, client) { judge(blocks, args, true) }) }
      end

      def decision_args(question, client, name, text, mode, start, length, values)
        case question
        when "publish" then [client, Stream.new(name, text, mode)]
        when "record"  then [client, Stream.new(name, text, mode), mode.to_s]
        when "play"    then [client, Stream.new(name, text), start, length]
        when "seek"    then [client, Stream.new(name, text), start]
        when "use"     then [client, SharedObject.__at(name)]
        when "message" then [client, SharedObject.__at(name), text.to_s] + values
        when "unload"  then [text.to_s]
        end
      end

      # All blocks must agree; the last `replace` counts.
      def judge(blocks, args, replaceable)
        replaced = nil
        blocks.each do |block|
          v = @app.instance_exec(*args, &block)
          v = v.await if v.is_a?(Pending)
          return [REJECT, nil, nil, nil, 0.0] unless v
          replaced = v if v.is_a?(Replacement)
        end
        return [OK, nil, nil, nil, 0.0] unless replaced && replaceable
        v = replaced.value
        v.is_a?(Numeric) ? [OK, nil, v, nil, v.to_f] : [OK, nil, nil, v.to_s, 0.0]
      end

      # The value of the block, or what its exception means as an answer.
      def verdict_of(label, client)
        yield
      rescue Exception => e
        verdict_for(e, label, client)
      end

      def verdict_for(e, label, client)
        case e
        when Reject
          return [REJECT, e.message, e.value, nil, 0.0]
        when Redirect
          return [REDIRECT, e.url, nil, nil, 0.0] if label == "on(:connect)"
        when CallError
          return [REJECT, e.message, e.info["application"], nil, 0.0] unless label.start_with?("allow")
        when LimitError
          return [REJECT, "busy", nil, nil, 0.0] if e.message == "busy"
        when ClientGone # what was to be answered has left: nobody to tell
          return [FAILED, e.message, nil, nil, 0.0] if client && !client.open?
        end
        failed(e, label, client)
      end

      def failed(e, label, client)
        [FAILED, "Script error (ref #{report(e, label, client)})", nil, nil, 0.0]
      end

      def answer(ticket, verdict)
        code, text, value, replace, start = verdict
        Native.answer(ticket, code, text, value, replace, start || 0.0)
      rescue ValueError => e
        ref = report(e, "answer", nil)
        Native.answer(ticket, FAILED, "Script error (ref #{ref})", nil, nil, 0.0)
      end

      # Host: may client write value into slot? [allowed, replaced, value, why]
      def guard(id, object, slot, value)
        @task = nil
        client = known(id)
        label = "guard #{object}"
        at_once do
          verdict = verdict_of(label, client) { [OK, nil, ask_guards(client, object, slot, value)] }
          next [false, false, nil, verdict[1]] unless verdict[0] == OK
          agreed, replaced, fresh = verdict[2]
          [agreed, replaced, fresh, nil]
        end
      end

      def ask_guards(client, object, slot, value)
        so = nil
        replaced = false
        @app.class.__shared.each do |pattern, options, block|
          next unless Native.glob?(pattern, object)
          break if block.nil?
          so ||= SharedObject.__at(object)
          v = @app.instance_exec(client, slot, value, so, &block)
          return [false, false, nil] unless v
          replaced, value = true, v.value if v.is_a?(Replacement)
          break
        end
        matching(@app.class.__allow["write"], object).each do |block|
          so ||= SharedObject.__at(object)
          v = @app.instance_exec(client, so, slot, value, &block)
          return [false, false, nil] unless v
          replaced, value = true, v.value if v.is_a?(Replacement)
        end
        [true, replaced, replaced ? value : nil]
      end
    end
  end
end
