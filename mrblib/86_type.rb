# SPDX-License-Identifier: BSD-2-Clause
# Classes of the script under an AMF alias, script-api.md 7.2: `type "a.B", B`.
# The walk over values is src/script/conv_seal.c.
module FCS
  class App
    class << self
      def type(name, klass)
        name = name.to_s
        raise ArgumentError, "type needs a name" if name.empty? || name.size > 255
        Core.unbind(name)
        return if klass.nil?
        raise ArgumentError, "type #{name}: a class, or nil" unless klass.is_a?(Class)
        [String, Array, Hash, Numeric, Symbol, Proc, Time, Client, App].each do |k|
          raise ArgumentError, "type #{name}: a class of its own, not a kind of #{k}" if klass <= k
        end
        Core.bind(name, klass)
      end
    end
  end

  module Core
    TYPES = {}     # name => class
    ALIASES = {}   # class => name
    WRITERS = {}   # class => { member => method }

    class << self
      def bind(name, klass)
        TYPES.delete(ALIASES[klass])
        TYPES[name] = klass
        ALIASES[klass] = name
        Native.types(TYPES)
        nil
      end

      def unbind(name)
        ALIASES.delete(TYPES.delete(name))
        Native.types(TYPES)
        nil
      end

      # Host: an object came in. First it is there, so that its own members
      # may refer to it, then it gets them. Errors are ValueErrors by their
      # text.
      def make_typed(klass, name)
        at_once { klass.new }
      rescue StandardError => e
        raise ValueError, "#{name}: #{e.message}"
      end

      def fill_typed(object, members)
        at_once do
          if object.respond_to?(:from_amf)
            object.from_amf(members)
          else
            writers = writers_of(object.class)
            members.each do |k, v|
              writer = writers[k]
              raise ValueError, "no member #{k}" if writer.nil?
              object.__send__(writer, v)
            end
          end
        end
        nil
      rescue StandardError => e
        raise ValueError, "#{ALIASES[object.class]}: #{e.message}"
      end

      # What may be set, by name. Looked up when the class is complete: the name
      # of a member comes from the network and must not become a Symbol.
      def writers_of(klass)
        WRITERS[klass] ||= begin
          h = {}
          klass.instance_methods.each do |m|
            name = m.to_s
            h[name[0..-2]] = m if name.size > 1 && name[-1] == "=" && !"=!<>[".include?(name[-2])
          end
          h
        end
      end

      # Host: an object goes out. [members, class name], nil: it has no form.
      # The name of the method is no symbol here: that it is none anywhere
      # tells the host that nobody has it.
      def seal(object)
        return nil unless object.respond_to?("to_amf")
        members = at_once { object.__send__("to_amf") }
        raise ValueError, "a #{members.class} is no Hash" unless members.is_a?(Hash)
        [members, ALIASES[object.class]]
      rescue StandardError => e
        raise ValueError, "#{object.class}: #{e.message}"
      end
    end
  end
end
