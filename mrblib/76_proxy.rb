# SPDX-License-Identifier: BSD-2-Clause
# A shared object that another instance owns, script-api.md 7.4. What is read
# is a copy; what is written goes there, and on(:sync) tells what became of it.
module FCS
  class ProxiedObject < SharedObject
    # The owner's answer to the use.
    class Answer < Pending
      def __for(object)
        @object = object
        self
      end

      def __resolve(ok, value, error)
        return __settle(@object, nil, true) if ok
        __settle(nil, StoreError.new("#{@object.name}: #{error}"), true)
      end
    end

    def initialize(peer, remote, persistent, as)
      @name = as
      @peer = peer
      @persistent = persistent
      Native.so_proxy(peer.__id, remote, persistent, as)
    end

    attr_reader :peer

    def persistent? = @persistent

    # The object itself, when the owner has agreed and its slots are here.
    def ready
      pending = Core.pending(nil, Answer).__for(self)
      Native.so_proxy_ready(@name, pending.__id)
      pending
    rescue Error => e
      Core.forget_pending(pending.__id)
      raise e
    end

    %i[lock unlock history at diff undo redo rollback purge resync_depth= flush].each do |word|
      define_method(word) { |*| raise NotSupported, "#{word}: #{@name} belongs to another instance" }
    end

    def inspect = "#<FCS::ProxiedObject #{@name} of #{@peer.uri}>"
  end

  class Peer
    # A shared object of the far instance, under a name of this one.
    def shared(name, persistent: false, as: name)
      ProxiedObject.new(self, name.to_s, persistent == true, as.to_s)
    end
  end
end
