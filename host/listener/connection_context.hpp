// What the parts of a connection share: its stream, its loop, the disk pool. A value that each part copies;
// on the connection's thread. Private to host/listener.
#pragma once

#include "host/listener/disk_pool.hpp"
#include "host/net/stream.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace agenthost::host::listener {

using net::error_code;

struct ConnectionContext {
    net::Stream& stream;
    boost::asio::io_context& io;
    DiskPool& disk;
    // Of the connection, which owns all of this.
    std::weak_ptr<void> life;

    // Does `work` in the loop's next iteration; keeps the connection alive until then.
    template <class Work> void later(Work work) const
    {
        boost::asio::post(io, [life = life.lock(), work = std::move(work)]() mutable { work(); });
    }
    // Runs `job` on the pool, then `then` on the loop with its result. The last reference to the connection
    // is never dropped on the pool.
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
