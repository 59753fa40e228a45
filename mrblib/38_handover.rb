# SPDX-License-Identifier: BSD-2-Clause
# Core: one script takes over from another, script-api.md 10. The order of
# steps is src/core/inst_reload.h's: drain, expire, handover, keep in the old
# one; adopt, take_over, refresh in the new one.
module FCS
  module Core
    # What a Client cannot take along or finds out itself; what it asks the
    # host for, as long as that answers. Hashes: looking up is what takes time.
    NOT_KEPT = {}
    ASKED = {}
    %w[@id @state @exposed].each { |name| NOT_KEPT[name] = ASKED[name] = true }
    %w[@ip @port @protocol @secure @agent @referrer @page_url @uri @query_string @query @amf
       @connected_at @peer_name].each { |name| ASKED[name] = true }
    NOT_KEPT.freeze
    ASKED.freeze

    class << self
      # --- the old code ---

      # Host: it ends. Its timers do not ring any more; those of await do.
      def drain
        @task = nil
        @timers.keys.each { |id| drop_timer(id) if @timers[id].own }
      end

      # Host: time is up, for what waits and for what begins to wait.
      def expire
        @task = nil
        @ending = true
        late = Timeout.new("the application is being reloaded")
        @parks.keys.each { |task| task.waits.__settle(nil, late, false) if task.waits }
        @pendings.values.each { |p| p.__settle(nil, late, false) }
        @pendings.clear
      end

      def refuse_to_wait(pending, task)
        pending.__forget(task)
        raise Timeout, "the application is being reloaded"
      end

      # Host: everything has ended. The answer: what take_over gets.
      def handover(ticket)
        @task = nil
        @ending = false
        blocks = matching(@app.class.__on["handover"], nil)
        spawn("on(:handover)") do
          state = {}
          blocks.each { |block| add_state(state, block) }
          dropped = drop_formless(state, "handover value")
          envelope = { "state" => state, "presence" => @app.class.__presence.keys }
          answer(ticket, [OK, nil, envelope, nil, dropped.to_f])
        end
      end

      # Host: what stays with a client; nil: it is not known here.
      def keep(id)
        @task = nil
        client = @clients[id]
        client && client.__keep
      end

      # --- the new code ---

      # Host: a client is here already. kept is what the old code said of it,
      # nil when it could say nothing; then the host gives the attributes.
      def adopt(id, kept, attributes)
        @task = nil
        client = @clients[id] = Client.new(id, [])
        client.__adopt(kept || { "@attributes" => attributes || {} })
        each_presence { |p| p.__adopt(client) } if client.accepted?
      end

      # Host: all are here. on(:reload), or on(:start) when there is none, or
      # when there was no code before.
      def take_over(ticket, envelope, first)
        @task = nil
        envelope = {} unless envelope.is_a?(Hash)
        @old_presence = envelope["presence"] || []
        start_timers
        if @app.class.__on["reload"] && !first
          fire("reload", "", [envelope["state"] || {}], nil, ticket)
        else
          fire("start", "", [], nil, ticket)
        end
      end

      # Host: that ended. Presence as the blocks see it now.
      def refresh
        @task = nil
        each_presence { |p| p.__refresh }
        gone = (@old_presence || []) - @app.class.__presence.keys
        gone.each { |name| SharedObject.__at(name).__retire }
      rescue Exception => e
        report(e, "presence")
      end

      # Takes out what has no form, and names it in the log.
      def drop_formless(values, what)
        return 0 if Native.formless(values).nil?
        bad = []
        values.each do |key, value|
          why = Native.formless(value)
          next if why.nil?
          bad << key
          Native.log(2, "reload: #{what} #{key} is dropped: #{why}", "")
        end
        bad.each { |key| values.delete(key) }
        bad.size
      end

      private

      def add_state(state, block)
        value = @app.instance_exec(&block)
        return value.each { |k, v| state[k.to_s] = v } if value.is_a?(Hash)
        raise ValueError, "on(:handover) gives a Hash, not #{value.class}" unless value.nil?
      rescue Exception => e
        report(e, "on(:handover)")
      end
    end
  end

  class Client
    def __keep
      Core.drop_formless(@attributes, "attribute of client #{@id}:")
      left = open? ? Core::ASKED : Core::NOT_KEPT
      kept = {}
      instance_variables.each do |name|
        next if left.key?(name = name.to_s)
        value = instance_variable_get(name)
        kept[name] = value unless value.nil? || value.is_a?(Symbol)
      end
      kept.delete_if { |_, value| Native.formless(value) } if Native.formless(kept)
      kept
    end

    def __adopt(kept)
      kept.each { |name, value| instance_variable_set(name, value) unless Core::NOT_KEPT.key?(name) }
    end
  end

  class SharedObject
    # The script has no more to do with it.
    def __retire
      clear
      close
    rescue StoreError
      nil
    end
  end

  class Presence
    def __adopt(client)
      (@here[client.user || client.id] ||= []) << client
    end

    # Writes only what is not so already: nobody sees a change where there is
    # none.
    def __refresh
      so = object
      (so.keys - @here.keys).each { |user| so.delete(user) }
      @here.each { |user, list| put_changed(so, user, list[-1]) }
    end

    private

    def put_changed(so, user, client)
      value = Core.at_once { Core.app.instance_exec(client, &@block) }
      so[user] = value unless so.key?(user) && so[user] == value
    rescue Exception => e
      Core.report(e, "presence(:#{@name})", client)
    end
  end
end
