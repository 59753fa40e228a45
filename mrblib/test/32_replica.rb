# SPDX-License-Identifier: BSD-2-Clause
# A client's copy of a shared object, as a Flash client keeps it.
module FCS
  module Test
    class Replica
      USE, RELEASE, REQUEST_CHANGE, CHANGE, SUCCESS, SEND, STATUS, CLEAR, REMOVE, REQUEST_REMOVE, USE_SUCCESS =
        (1..11).to_a
      REQUEST_CLEAR = 14

      # codes: clear success change delete reject, in order; heard: [handler,
      # *args] of each send; status: codes of what was refused.
      attr_reader :name, :version, :codes, :heard, :status

      def initialize(client, name, persistent)
        @client = client
        @name = name
        @persistent = persistent
        @slots = {}
        @codes = []
        @heard = []
        @status = []
        @version = 0
        @pending = {}
      end

      def [](slot) = @slots[slot.to_s]
      def key?(slot) = @slots.key?(slot.to_s)
      def keys = @slots.keys
      def size = @slots.size
      def empty? = @slots.empty?
      def to_h = @slots.dup
      def used? = @used == true

      def []=(slot, value)
        set({ slot => value })
      end

      # Several slots in one message.
      def set(slots)
        say(*slots.map { |slot, value| request(slot.to_s, value) })
        slots
      end

      def delete(slot)
        say(request(slot.to_s, nil))
        nil
      end

      def clear
        say([REQUEST_CLEAR])
        nil
      end

      def tell(handler, *args)
        say([SEND, handler.to_s] + args)
        nil
      end

      # Let go of it; what it knows is kept for the next shared() of that name.
      def drop
        say([RELEASE])
        @used = false
        nil
      end

      def inspect = "#<replica #{@name} #{@slots.inspect}>"

      # --- for the client ---

      def __use
        say([USE])
        self
      end

      # Another client goes on with what this one knew.
      def __from(other)
        @slots = other.to_h
        @version = other.version
        self
      end

      def __heard(version, events)
        @version = version if version > 0
        events.each { |type, key, value| take(type, key, value) }
      end

      private

      def request(slot, value)
        (@pending[slot] ||= []) << value
        value.nil? ? [REQUEST_REMOVE, slot] : [REQUEST_CHANGE, slot, value]
      end

      def say(*events)
        Test.ask("object", @client.id, @name, @version, @persistent ? 2 : 0, events)
        Test.settle
      end

      def take(type, key, value)
        case type
        when USE_SUCCESS
          @used = true
        when CLEAR
          @slots.clear
          @codes << "clear"
        when CHANGE
          @slots[key] = value
          @codes << (answered(key) ? "reject" : "change")
        when REMOVE
          @slots.delete(key)
          @codes << (answered(key) ? "reject" : "delete")
        when SUCCESS
          written = answered(key)
          store(key, written[0]) if written
          @codes << "success"
        when SEND
          @heard << value
        when STATUS
          @status << key
        end
      end

      # [value] of the oldest write of that slot without an answer; nil.
      def answered(slot)
        list = @pending[slot]
        return nil if list.nil?
        value = list.shift
        @pending.delete(slot) if list.empty?
        [value]
      end

      def store(slot, value)
        value.nil? ? @slots.delete(slot) : @slots[slot] = value
      end
    end
  end
end
