# SPDX-License-Identifier: BSD-2-Clause
# Words every object has.
module Kernel
  def trace(*texts)
    texts.each { |t| FCS::Native.log(1, t.is_a?(String) ? t : t.inspect) }
    nil
  end

  def puts(*texts)
    texts.each { |t| FCS::Native.log(1, t.to_s) }
    nil
  end

  def p(*values)
    values.each { |v| FCS::Native.log(1, v.inspect) }
    values.size <= 1 ? values[0] : values
  end

  # Another file of the application; main.rb and what it loads only.
  def load(name) = FCS::Native.load(name.to_s)
end

module Secret
  class << self
    def hmac(key, data)
      raise ArgumentError, "hmac needs a key" if key.nil? || key.to_s.empty?
      FCS::Native.hmac(key.to_s, data.to_s)
    end

    def sha256(data) = FCS::Native.sha256(data.to_s)
    def token(bytes = 16) = FCS::Native.token(bytes)

    def same?(a, b)
      return false if a.nil? || b.nil?
      FCS::Native.same?(a.to_s, b.to_s)
    end
  end
end

module Text
  class << self
    def clip(value, n = 255) = value.nil? ? "" : FCS::Native.text_clip(value.to_s, n)
    def length(s) = FCS::Native.text_length(s.to_s)
    def valid?(s) = FCS::Native.text_valid?(s.to_s)
    def scrub(s) = FCS::Native.text_clip(s.to_s, nil)
    def glob?(pattern, s) = FCS::Native.glob?(pattern.to_s, s.to_s)
  end
end

module JSON
  class << self
    def parse(text) = FCS::Native.json_parse(text.to_s)
    def generate(value) = FCS::Native.json_generate(value)
  end
end
