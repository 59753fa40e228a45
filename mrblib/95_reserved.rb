# SPDX-License-Identifier: BSD-2-Clause
# What an application may not define anew: every method of App, from all files
# before this one, and what those use of Object and Kernel.
module FCS
  class App
    RESERVED = (instance_methods(false) + %i[puts p instance_exec method send __send__ is_a? class object_id
                                             respond_to? nil? equal? freeze dup raise loop proc lambda
                                             format sprintf block_given?]).freeze
  end
end
