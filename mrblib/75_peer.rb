# SPDX-License-Identifier: BSD-2-Clause
# A connection to another instance, script-api.md 7.7. The host dials, and
# dials again; this is its handle.
module FCS
  class Peer
    EVENTS = %w[open close status].freeze
    OPEN = 2 # peer_state of the host

    # What the far side answers to a call.
    class Call < Pending
      def __resolve(ok, value, error)
        return super unless error == "ConnectError"
        __settle(nil, Peer.error(value), true)
      end
    end

    # Why there is no connection, as an exception.
    def self.error(info)
      info = {} unless info.is_a?(Hash)
      text = info["description"] || info["code"] || "not connected"
      ConnectError.new(text.to_s, info)
    end

    attr_reader :uri, :status

    def initialize(uri, args)
      @uri = uri
      @exposed = {}
      @handlers = {}
      @waiting = []
      @status = {}
      @id = Native.peer_open(uri, args)
      Core.peers[@id] = self
    end

    # Never dial again.
    def once
      Native.peer_once(@id)
      self
    end

    def open? = Native.peer_state(@id) == OPEN

    # The peer itself, when it is open.
    def ready
      pending = Pending.new
      if open?
        pending.__settle(self, nil, false)
      elsif @ended
        pending.__settle(nil, Peer.error(@status), false)
      else
        @waiting << pending
      end
      pending
    end

    def call(name, *args, &block)
      pending = Core.pending(nil, Call)
      begin
        sent = Native.peer_call(@id, name.to_s, args, pending.__id)
      rescue Error => e
        Core.forget_pending(pending.__id)
        raise e
      end
      unless sent
        Core.forget_pending(pending.__id)
        pending.__settle(nil, Peer.error(@status), false)
      end
      pending.then(&block) if block
      pending
    end

    def tell(name, *args) = Native.peer_tell(@id, name.to_s, args)

    def close
      Native.peer_close(@id)
      true
    end

    # --- what the far side may call ---

    def expose(name, &block)
      raise ArgumentError, "expose needs a block" if block.nil?
      @exposed[App.__exposable(name)] = block
      self
    end

    def hide(name)
      @exposed.delete(App.__exposable(name))
      self
    end

    def on(event, &block)
      event = event.to_s
      unless EVENTS.include?(event)
        raise ArgumentError, "unknown event :#{event} of a peer#{Native.suggest(event, EVENTS)}"
      end
      raise ArgumentError, "on(:#{event}) needs a block" if block.nil?
      (@handlers[event] ||= []) << block
      self
    end

    def to_s = "peer #{@uri}"
    def inspect = "#<FCS::Peer #{@uri}>"

    # --- for Core ---

    def __id = @id
    def __exposed = @exposed

    def __happened(what, last, info)
      @status = info.is_a?(Hash) ? info : {}
      @ended = last
      Core.peers.delete(@id) if last
      settle_waiting(what == "open" ? nil : Peer.error(@status)) unless what == "status"
      run("status", [@status])
      run(what, []) if what == "open" || what == "close"
    end

    private

    def settle_waiting(error)
      waiting, @waiting = @waiting, []
      waiting.each { |pending| pending.__settle(error ? nil : self, error, false) }
    end

    def run(event, args)
      blocks = @handlers[event]
      return if blocks.nil?
      Core.spawn("peer on(:#{event})") do
        blocks.dup.each { |block| Core.handle(event, block, args, nil) }
      end
    end
  end

  module Core
    class << self
      def peers = @peers ||= {}

      # Host: something happened to a peer; last: it is closed for good.
      def peer_event(id, what, last, info)
        peer = peers[id.to_i]
        peer.__happened(what, last, info) if peer
      end

      # Host: the far side of a peer calls.
      def peer_call(ticket, id, name, args)
        peer = peers[id.to_i]
        method = name.include?(".") ? name.split(".").join("/") : name
        block = peer && peer.__exposed[method]
        return Native.answer(ticket, MISSING, "Method not found (#{name}).", nil, nil, 0.0) if block.nil?
        label = "peer expose(:#{method})"
        spawn(label) do
          begin
            value = @app.instance_exec(peer, *args, &block)
            value = value.await until Native.result(ticket, value)
          rescue Exception => e
            answer(ticket, verdict_for(e, label, nil))
          end
        end
      end
    end
  end

  class App
    def peer(uri, *args) = Peer.new(uri.to_s, args)

    # A block that asks somebody else the same, for `expose ..., to:`.
    def self.__forward(to, name)
      raise ArgumentError, "expose to: a peer or a client" unless to.is_a?(Peer) || to.is_a?(Client)
      proc do |client, *args|
        begin
          to.call(name, *args).await
        rescue LimitError
          raise Reject, "busy"
        rescue ClientGone
          raise Reject, "the client is gone"
        end
      end
    end
  end
end
