# SPDX-License-Identifier: BSD-2-Clause
# What ActionScript can say and Ruby has no word for, script-api.md 9. The
# conversion itself is src/script/conv.c.
module FCS
  Undefined = Object.new

  class << Undefined
    def inspect = "FCS::Undefined"
    def to_s = ""
    def nil? = false
  end

  # An array with names: Integer keys are its indexes, String keys its names.
  class EcmaArray < Hash; end

  # An object of a named class.
  class Typed < Hash
    def self.new(type, members = {})
      raise ArgumentError, "a type has a name" if type.to_s.empty?
      t = super()
      t.type = type
      members.each { |k, v| t[k] = v }
      t
    end

    def type = @type

    def type=(name)
      @type = name.to_s
    end

    def dup
      Typed.new(@type, self)
    end
  end

  class Xml < String
    def self.new(text, legacy: false)
      return XmlDocument.__make(text) if legacy
      __make(text)
    end

    def legacy? = false

    class << self
      def __make(text)
        x = allocate
        x.replace(text.to_s)
        x
      end
    end
  end

  # XML of ActionScript 1 and 2, and XMLDocument.
  class XmlDocument < Xml
    def legacy? = true
  end

  class Bytes < String
    def binary? = true
  end

  # A Vector; its kind, and whether its length is fixed, belong to its class,
  # because an Array has no room for them.
  class Vector < Array
    KINDS = %w[int uint double object]

    class << self
      attr_reader :kind, :type

      def fixed? = @fixed == true

      def new(kind, items = [], fixed: false, type: nil)
        kind = kind.to_s
        raise ArgumentError, "kind is int, uint, double or object" unless KINDS.include?(kind)
        type = kind == "object" ? type.to_s : ""
        Native.vector_class(kind, fixed == true, type).__make(items)
      end

      def __make(items)
        v = allocate
        v.replace(items)
        v
      end

      def __describe(kind, fixed, type)
        @kind = kind
        @fixed = fixed
        @type = type
      end
    end

    def kind = self.class.kind.to_sym
    def type = self.class.type
    def fixed? = self.class.fixed?
  end

  # A Hash whose keys may be anything.
  class Dictionary < Hash
    def self.new(weak: false)
      d = super()
      d.__weak = weak
      d
    end

    def weak? = @weak == true

    def __weak=(weak)
      @weak = weak == true
    end
  end
end

class Array
  def sum(start = 0)
    each { |x| start += block_given? ? yield(x) : x }
    start
  end
end
