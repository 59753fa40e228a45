# SPDX-License-Identifier: BSD-2-Clause
# Time: an instant in UTC, in microseconds. Written here because the gem asks
# libc, which takes a lock that a VM stopped at its limit would never release.
class Time
  include Comparable

  MONTHS = %w[Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec]
  DAYS   = %w[Sun Mon Tue Wed Thu Fri Sat]
  DAY_US = 86_400_000_000

  class << self
    def now = __new(FCS::Native.now_us)

    def at(seconds, us = 0)
      return __new(seconds.usecs) if seconds.is_a?(Time)
      whole = seconds.is_a?(Integer) ? seconds * 1_000_000 : (seconds * 1_000_000.0).round
      __new(whole + us.to_i)
    end

    def utc(year, month = 1, day = 1, hour = 0, min = 0, sec = 0, us = 0)
      raise ArgumentError, "argument out of range" unless month.between?(1, 12) && day.between?(1, 31) &&
        hour.between?(0, 24) && min.between?(0, 59) && sec.between?(0, 60)
      days = days_from_civil(year, month, day)
      __new((days * 86_400 + hour * 3600 + min * 60 + sec) * 1_000_000 + us.to_i)
    end
    alias gm utc
    alias mktime utc
    alias local utc

    def __new(us)
      t = allocate
      t.__us = us
      t
    end

    # Days since 1970-01-01 of a date of the Gregorian calendar.
    def days_from_civil(y, m, d)
      y -= 1 if m <= 2
      era = (y / 400)
      yoe = y - era * 400
      doy = ((153 * (m > 2 ? m - 3 : m + 9) + 2) / 5) + d - 1
      era * 146_097 + yoe * 365 + (yoe / 4) - (yoe / 100) + doy - 719_468
    end

    def new(*args)
      args.empty? ? now : utc(*args)
    end
  end

  def __us=(us)
    @us = us
  end

  def usecs = @us
  def to_i = (@us / 1_000_000)
  def to_f = @us / 1_000_000.0
  def usec = @us % 1_000_000
  alias tv_sec to_i
  alias tv_usec usec

  def +(seconds)
    Time.__new(@us + (seconds * 1_000_000).round)
  end

  def -(other)
    return (@us - other.usecs) / 1_000_000.0 if other.is_a?(Time)
    Time.__new(@us - (other * 1_000_000).round)
  end

  def <=>(other)
    other.is_a?(Time) ? @us <=> other.usecs : nil
  end

  def ==(other)
    other.is_a?(Time) && @us == other.usecs
  end

  def eql?(other) = self == other
  def hash = @us.hash
  def utc = self
  alias gmtime utc
  alias getutc utc
  alias getgm utc
  alias localtime utc
  def utc? = true
  alias gmt? utc?
  def zone = "UTC"
  def hour = (@us / 3_600_000_000) % 24
  def min = (@us / 60_000_000) % 60
  def sec = to_i % 60
  def wday = ((@us / DAY_US) + 4) % 7
  def year = civil[0]
  def month = civil[1]
  def day = civil[2]
  alias mon month
  alias mday day
  def yday = (@us / DAY_US) - Time.days_from_civil(year, 1, 1) + 1
  def sunday? = wday == 0
  def monday? = wday == 1
  def tuesday? = wday == 2
  def wednesday? = wday == 3
  def thursday? = wday == 4
  def friday? = wday == 5
  def saturday? = wday == 6

  def to_s
    y, m, d = civil
    format("%04d-%02d-%02d %02d:%02d:%02d UTC", y, m, d, hour, min, sec)
  end

  def inspect
    y, m, d = civil
    format("%04d-%02d-%02d %02d:%02d:%02d.%03d UTC", y, m, d, hour, min, sec, (usec / 1000))
  end

  def iso8601
    y, m, d = civil
    format("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", y, m, d, hour, min, sec, (usec / 1000))
  end

  def asctime
    y, m, d = civil
    format("%s %s %2d %02d:%02d:%02d %d", DAYS[wday], MONTHS[m - 1], d, hour, min, sec, y)
  end
  alias ctime asctime

  private

  def civil
    z = (@us / DAY_US) + 719_468
    era = (z / 146_097)
    doe = z - era * 146_097
    yoe = (doe - (doe / 1460) + (doe / 36_524) - (doe / 146_096)) / 365
    doy = doe - (365 * yoe + (yoe / 4) - (yoe / 100))
    mp = ((5 * doy + 2) / 153)
    m = mp < 10 ? mp + 3 : mp - 9
    [yoe + era * 400 + (m <= 2 ? 1 : 0), m, doy - ((153 * mp + 2) / 5) + 1]
  end
end
