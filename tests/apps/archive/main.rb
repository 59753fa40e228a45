# SPDX-License-Identifier: BSD-2-Clause
# What a script does with recordings.
class Archive < FCS::App
  allow(:publish) { true }
  on(:start)      { @ends = []; @infos = [] }
  on(:status)     { |info| @infos << info["code"] }
  on(:record)     { |s, rec| @begun = [s.name, rec.name, rec.growing?] }
  on(:record_end) { |s, rec| @ends << [s.name, rec.name, rec.growing?, rec.duration] }

  expose(:begun) { |c| @begun }
  expose(:ends)  { |c| @ends }
  expose(:infos) { |c| @infos }

  def show(r)
    r && { "name" => r.name, "duration" => r.duration, "size" => r.size, "growing" => r.growing?,
           "codecs" => r.codecs, "keyframes" => r.keyframes, "created" => r.created_at }
  end

  expose(:get)    { |c, name| show(recordings[name]) }
  expose(:meta)   { |c, name| recordings[name].metadata }
  expose(:list)   { |c, *a| recordings.list(*a).map { |r| r.name } }
  expose(:from)   { |c, n| recordings.list(offset: n).map { |r| r.name } }
  expose(:length) { |c, name| [recordings.length(name), recordings.size(name)] }

  def code
    yield
  rescue FCS::StreamError => e
    [e.code, e.message]
  end

  expose(:rename) { |c, from, to| code { show(recordings[from].rename(to).await) } }
  expose(:copy)   { |c, from, to| code { show(recordings[from].copy(to).await) } }
  expose(:cut)    { |c, n, a, b, to| code { show(recordings[n].cut(from: a, to: b, as: to).await) } }
  expose(:delete) { |c, name| code { FCS::Recording.new(name).delete.await } }
  expose(:forget) { |c, name| FCS::Recording.new(name).delete; true }
  expose(:clear)  { |c, path| clear_streams(path) }
  expose(:many)   { |c, n| x = FCS::Recording.new("x"); (1..n).map { |i| x.copy("c#{i}") }.size }
end
