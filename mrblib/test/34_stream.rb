# SPDX-License-Identifier: BSD-2-Clause
# What a client publishes and plays.
module FCS
  module Test
    class NetStream
      AUDIO, VIDEO = 8, 9

      # status: info Hashes. media: [:video or :audio, ms, key?]. heard: data
      # messages, [handler, *args].
      attr_reader :name, :status, :media, :heard

      def initialize(client, msid, name)
        @client = client
        @msid = msid
        @name = name
        @status = []
        @media = []
        @heard = []
      end

      def __id = @msid
      def inspect = "#<stream #{@name} of client #{@client.id}>"

      # Whether that code came.
      def status?(code) = @status.any? { |info| info["code"] == code }

      def close
        command("closeStream")
      end

      # --- a publisher ---

      # A frame of Sorenson video, a packet of MP3: neither needs a header
      # before it.
      def video(ms, key: false)
        send_media(VIDEO, ms, [key ? 0x12 : 0x22, 0, 0, 0x84, 0])
      end

      def audio(ms)
        send_media(AUDIO, ms, [0x2f, 0xff, 0xfb, 0x90, 0x64])
      end

      # A data message, such as tell("@setDataFrame", "onMetaData", {...}).
      def tell(handler, *args, ms: 0)
        Test.ask("data", @client.id, @msid, ms, [handler.to_s] + args)
        Test.settle
        nil
      end
      alias unpublish close

      # --- a player ---

      def seek(seconds) = command("seek", (seconds * 1000).round)
      def pause(seconds = 0) = command("pause", true, (seconds * 1000).round)
      def resume(seconds = 0) = command("pause", false, (seconds * 1000).round)
      def videos = @media.select { |m| m[0] == :video }
      def audios = @media.select { |m| m[0] == :audio }
      alias stop close

      # --- for the client ---

      def __command(name, args)
        command(name, *args)
        self
      end

      def __heard(what, *rest)
        case what
        when "status" then @status << rest[0]
        when "media"  then @media << [rest[0] == VIDEO ? :video : :audio, rest[1], rest[2]]
        when "data"   then @heard << rest[1]
        end
      end

      private

      def command(name, *args)
        Test.ask("command", @client.id, @msid, name, 0, args)
        Test.settle
        nil
      end

      def send_media(type, ms, bytes)
        Test.ask("media", @client.id, @msid, type, ms, Bytes.new(bytes.pack("C*")))
        Test.settle
        nil
      end
    end
  end
end
