# SPDX-License-Identifier: BSD-2-Clause
# The object of an application: one instance, script-api.md 7.2.
module FCS
  class App
    def name = Core.setting("name")
    def app_name = Core.setting("app")
    def inst_name = Core.setting("inst")
    def server = Core.setting("server")
    def config = Core.setting("config")
    def clients = Core.clients
    def client(id) = Core.client(id.to_s)

    def reject(why = nil, value = nil)
      raise Reject.new(why, value)
    end

    def redirect(url)
      raise Redirect.new(url)
    end

    def replace(value) = Replacement.new(value)

    # Tells every accepted client, or those the block picks. Returns how many.
    def broadcast(name, *args)
      to = clients
      to = to.select { |c| yield c } if block_given?
      to.empty? ? 0 : Native.tell(to.map { |c| c.id }, name.to_s, args)
    end

    def shared(name, persistent: nil, **options, &guard)
      raise ArgumentError, "a guard belongs to the declaration in the class" if guard
      name = name.to_s
      unless options.empty?
        options.each_key { |k| raise ArgumentError, "unknown option #{k}: of shared" unless OPTIONS.include?(k.to_s) }
        App.__check_options(options)
      end
      declared = self.class.__shared.find { |pattern, o, guard| Native.glob?(pattern, name) }
      if declared && !options.empty?
        raise ArgumentError, "#{name} is declared in the class: its options stand there"
      end
      if persistent.nil?
        wanted = declared && declared[1][:persistent]
        persistent = wanted == :any ? nil : wanted == true
      end
      so = SharedObject.new(name, persistent)
      Native.so_options(name, App.__shared_row(name, options, nil)) unless options.empty?
      so
    end

    def presence(name)
      name = name.to_s
      block = self.class.__presence[name]
      raise NotFound, "no presence(:#{name}) is declared" if block.nil?
      (@__presences ||= {})[name] ||= Presence.new(name, block)
    end

    def stream(name) = Stream.new(name.to_s)

    # to: who answers instead, under the name `as`.
    def expose(name, to: nil, as: nil, &block)
      key = App.__exposable(name)
      block = App.__forward(to, (as || name).to_s) if to
      (@__exposed ||= {})[key] = block || name.to_s.to_sym
      nil
    end

    def hide(name)
      (@__exposed ||= {})[App.__exposable(name)] = false
      nil
    end

    def __exposed = @__exposed

    def every(seconds, &block) = Core.add_timer(seconds, true, block)

    def after(seconds, &block)
      Core.add_timer(seconds, false, -> { Core.spawn("after(#{seconds})") { Core.app.instance_exec(&block) } })
    end

    def defer(&block)
      Core.later { Core.spawn("defer") { Core.app.instance_exec(&block) } }
      nil
    end

    def sleep(seconds)
      pending = Pending.new
      timer = Core.timer_after(seconds) { pending.__settle(nil, nil, true) }
      begin
        pending.await(timeout: nil)
      ensure
        timer.cancel
      end
      seconds
    end

    def now = Time.now
    def uptime = Native.uptime
    def log = Log

    def secret(name) = Native.secret(name.to_s)

    def inspect = "#<#{self.class} #{name}>"
  end

  module Log
    class << self
      def debug(text, **fields) = Native.log(0, text.to_s, list(fields))
      def info(text, **fields) = Native.log(1, text.to_s, list(fields))
      def warn(text, **fields) = Native.log(2, text.to_s, list(fields))
      def error(text, **fields) = Native.log(3, text.to_s, list(fields))

      private

      def list(fields)
        out = []
        fields.each { |k, v| out << k.to_s << v.to_s }
        out
      end
    end
  end
end
