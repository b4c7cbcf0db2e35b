// Where the parts of a connection work: its stream, its loop, the disk pool. Private to host/listener.
#pragma once

#include "host/listener/disk_pool.hpp"
#include "host/net/stream.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace agenthost::host::listener {

using net::error_code;

struct Place {
    net::Stream& stream;
    boost::asio::io_context& io;
    DiskPool& disk;
    std::weak_ptr<void> life; // of the connection, which all of it belongs to

    // On the loop, when it comes by; the connection lives until then.
    template <class Work> void later(Work work) const
    {
        boost::asio::post(io, [life = life.lock(), work = std::move(work)]() mutable { work(); });
    }
    // `job` on the pool, `then` on the loop with what it returned. The last reference to the connection is never dropped on the pool.
    template <class Job, class Then> void on_disk(Job job, Then then) const
    {
        disk.run([&io = io, life = life.lock(), job = std::move(job), then = std::move(then)]() mutable {
            auto result = job();
            boost::asio::post(
                io, [life = std::move(life), then = std::move(then), result]() mutable { then(result); });
        });
    }
};

} // namespace agenthost::host::listener
