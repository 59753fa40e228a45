# SPDX-License-Identifier: BSD-2-Clause
# A connected client, script-api.md 7.3. What the network told about it is
# read once; the rest asks the host by id.
module FCS
  class Client
    attr_reader :id, :args, :ip, :port, :protocol, :agent, :referrer, :page_url, :uri, :amf, :connected_at, :peer_name

    def initialize(id, args)
      @id = id
      @args = args
      @state = :pending
      @ip, @port, @protocol, @secure, @agent, @referrer, @page_url, @uri, @query_string, @amf, at, @peer_name =
        Native.client_info(id)
      @connected_at = at.nil? || at == 0 ? Time.now : Time.at(0) + at / 1000.0
      @attributes = {}
    end

    def secure? = @secure == true
    def query = @query ||= FCS.parse_query(@query_string)
    def user = @user

    def user=(name)
      name = name.nil? ? nil : name.to_s
      raise ArgumentError, "a user name has at most 255 bytes" if name && name.size > 255
      Native.client_user(@id, name.to_s)
      @user = name
    end

    def state
      return :closed if @state == :closed
      @state = Native.client_state(@id)
    end

    def accepted? = state == :accepted
    def open? = state != :closed

    # --- what the script keeps with it ---

    def [](key) = @attributes[key.to_s]

    def []=(key, value)
      key = key.to_s
      value.nil? ? @attributes.delete(key) : @attributes[key] = value
      Native.client_attr(@id, key, value)
      value
    end

    def key?(key) = @attributes.key?(key.to_s)
    def attributes = @attributes.dup

    # --- access lists ---

    def read_access = paths(0)
    def write_access = paths(1)

    def read_access=(paths)
      access(false, paths)
    end

    def write_access=(paths)
      access(true, paths)
    end

    # --- verdict of a client that is held ---

    def hold(seconds = 30)
      @hold = seconds
      self
    end

    def __hold = @hold

    def accept
      held? && Native.client_decide(@id, Core::OK, nil, nil)
    end

    def reject(why = nil, value = nil)
      held? && Native.client_decide(@id, Core::REJECT, why.nil? ? nil : why.to_s, value)
    end

    def redirect(url)
      held? && Native.client_decide(@id, Core::REDIRECT, url.to_s, nil)
    end

    # --- to the client ---

    def call(name, *args, &block)
      pending = Core.pending(self)
      unless open?
        Core.forget_pending(pending.__id)
        pending.__settle(nil, ClientGone.new("the client is gone"), false)
        pending.then(&block) if block
        return pending
      end
      begin
        Native.client_call(@id, name.to_s, args, pending.__id)
      rescue StandardError => e
        Core.forget_pending(pending.__id)
        raise e
      end
      pending.then(&block) if block
      pending
    end

    def tell(name, *args)
      open? && Native.tell([@id], name.to_s, args) == 1
    end

    def disconnect(why = nil)
      open? && Native.client_disconnect(@id, why.nil? ? nil : why.to_s)
    end

    # --- what it may call ---

    def expose(name, &block)
      raise ArgumentError, "expose needs a block" if block.nil?
      (@exposed ||= {})[App.__exposable(name)] = block
      self
    end

    def hide(name)
      (@exposed ||= {})[App.__exposable(name)] = false
      self
    end

    def __exposed = @exposed
    def to_s = "client #{@id}"
    def inspect = "#<FCS::Client #{@id}>"

    # --- for Core ---

    def __accepted
      @state = :accepted
      @connected_at = Time.now
    end

    private

    def held? = @hold != nil && state == :pending

    def access(write, paths)
      Native.client_access(@id, write, path_list(paths))
    end

    # ["a", "b/c"] or "a;b/c"; a slash before is tolerated.
    def path_list(paths)
      paths = paths.split(";") if paths.is_a?(String)
      raise ArgumentError, "access is a list of path prefixes" unless paths.is_a?(Array)
      paths.map { |p| p.to_s }
    end
  end

  # "a=1&b=x%20y" => Hash of Strings; the last of equal names counts.
  def self.parse_query(text)
    h = {}
    text.to_s.split("&").each do |pair|
      i = pair.index("=")
      key = i ? pair[0, i] : pair
      h[Native.unescape(key)] = i ? Native.unescape(pair[(i + 1)..-1]) : "" unless key.empty?
    end
    h
  end
end
