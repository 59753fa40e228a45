# SPDX-License-Identifier: BSD-2-Clause
# The class of an application: what it declares, script-api.md 1-6.
module FCS
  class App
    ON = %w[start connect accepted disconnect stop publish unpublish play play_end record record_end
            use release sync message status missing handover reload].freeze
    ALLOW = %w[publish record play seek use write message call unload].freeze
    OPTIONS = %w[persistent readonly conflict durability history resync_depth
                 max_slots max_value max_bytes max_users].freeze
    OWN_NAMES = %w[connect createStream initStream deleteStream closeStream publish play play2 seek pause
                   pauseRaw receiveAudio receiveVideo close onStatus].freeze

    @classes = []

    # --- declarations ---

    class << self
      def inherited(klass)
        super
        if self == FCS::App
          first = App.__classes[0]
          raise ArgumentError, "second class below FCS::App: #{klass} after #{first}" if first
          App.__classes << klass
        end
        klass.__prepare
      end

      def on(event, pattern = nil, &block)
        event = __word("event", event, ON, block)
        (@on[event] ||= []) << [pattern && pattern.to_s, block]
        nil
      end

      def allow(question, pattern = nil, &block)
        question = __word("decision", question, ALLOW, block)
        (@allow[question] ||= []) << [pattern && pattern.to_s, block]
        nil
      end

      def expose(*names, &block)
        raise ArgumentError, "expose :name { } or expose :name, :name" if names.empty? || (block && names.size > 1)
        names.each { |name| @exposed[App.__exposable(name)] = block || name.to_s.to_sym }
        nil
      end

      def shared(name, **options, &guard)
        options.each_key do |key|
          next if OPTIONS.include?(key.to_s)
          raise ArgumentError, "unknown option #{key}: of shared#{Native.suggest(key.to_s, OPTIONS)}"
        end
        App.__check_options(options)
        @shared << [name.to_s, options, guard]
        nil
      end

      def presence(name, &block)
        raise ArgumentError, "presence(:#{name}) needs a block" if block.nil?
        @presence[name.to_s] = block
        shared(name, readonly: true)
        @shared.unshift(@shared.pop)   # whatever pattern came before: it is the server's
        nil
      end

      def every(seconds, &block)
        raise ArgumentError, "every(#{seconds}) needs a block" if block.nil?
        raise ArgumentError, "at least 0.01 seconds" if seconds < 0.01
        @every << [seconds, block]
        nil
      end

      # --- for Core ---

      def __prepare
        @on = {}
        @allow = {}
        @exposed = {}
        @shared = []
        @presence = {}
        @every = []
      end

      def __classes = @classes
      def __class = @classes[0]
      def __on = @on
      def __allow = @allow
      def __exposed = @exposed
      def __shared = @shared
      def __presence = @presence
      def __every = @every

      def __word(kind, word, list, block)
        word = word.to_s
        raise ArgumentError, "unknown #{kind} :#{word}#{Native.suggest(word, list)}" unless list.include?(word)
        raise ArgumentError, "#{kind} :#{word} needs a block" if block.nil?
        word
      end

      def __exposable(name)
        name = name.to_s
        name = name.split(".").join("/") if name.include?(".")
        if name.empty? || OWN_NAMES.include?(name) || (name != "_checkbw" && "_@|".include?(name[0]))
          raise ArgumentError, "#{name} cannot be exposed: the name belongs to the server"
        end
        name
      end

      def __check_options(options)
        {
          persistent: [true, false, :any], readonly: [true, false],
          conflict: [:last, :reject], durability: [:disk, :os, :memory]
        }.each do |key, values|
          next if !options.key?(key) || values.include?(options[key])
          raise ArgumentError, "#{key}: is one of #{values.map { |v| v.inspect }.join(', ')}"
        end
        %w[max_slots max_value max_bytes max_users resync_depth].each do |key|
          value = options[key.to_sym]
          next if value.nil? || (value.is_a?(Integer) && value >= 0)
          raise ArgumentError, "#{key}: is a whole number"
        end
        __check_history(options[:history])
      end

      def __check_history(history)
        return if history.nil? || history == false || (history.is_a?(Integer) && history >= 0)
        good = history.is_a?(Hash) && history.all? do |k, v|
          (k == :changes && v.is_a?(Integer) || k == :age && v.is_a?(Numeric)) && v >= 0
        end
        raise ArgumentError, "history: is a number of changes, { changes:, age: } or false" unless good
      end

      # The class against what the API keeps for itself.
      def __check(klass)
        klass.instance_methods(false).each do |m|
          next unless RESERVED.include?(m)
          file, line = klass.instance_method(m).source_location
          raise ArgumentError, "#{file}:#{line}: method #{m} is reserved: choose another name"
        end
        klass.__exposed.each_value do |to|
          next if !to.is_a?(Symbol) || klass.method_defined?(to)
          raise ArgumentError, "expose :#{to}: there is no method #{to} in #{klass}"
        end
      end

      def __allow_list
        list = []
        @allow.each { |question, blocks| blocks.each { |pattern, block| list << [question, pattern] } }
        list
      end

      # [pattern, persistent, readonly, guarded, conflict, durability,
      #  history, age, resync_depth, slots, value, bytes, users]
      def __shared_list
        @shared.map { |name, o, guard| __shared_row(name, o, guard) }
      end

      def __shared_row(name, o, guard)
        changes, age = -1, -1
        case o[:history]
        when false   then changes = 0
        when Integer then changes = o[:history]
        when Hash
          changes = o[:history][:changes] || -1
          age = o[:history][:age] || -1
        end
        [name, { true => 1, :any => 2 }[o[:persistent]] || 0, o[:readonly] == true, !guard.nil?,
         o[:conflict] == :reject, { memory: 0, os: 1, disk: 2 }[o[:durability]] || -1, changes, age.to_i,
         o[:resync_depth] || -1, o[:max_slots] || -1, o[:max_value] || -1, o[:max_bytes] || -1,
         o[:max_users] || -1]
      end
    end
  end
end
