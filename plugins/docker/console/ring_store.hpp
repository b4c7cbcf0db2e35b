// Stores what is read of a server's log in its ring, without waiting for the disk: batches are written one
// after the other on a pool, and what comes meanwhile is collected for the next one. On the I/O thread.
#pragma once

#include "intake.hpp"
#include "plugins/docker/engine/log_parts.hpp"
#include "ring.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::docker::console {

class RingStore {
public:
    struct Handlers {
        // The ring is open; until then only read() and close() may be called.
        std::function<void()> on_open;
        // These entries are stored, or could not be.
        std::function<void(const Batch&)> on_stored;
        // It is not full() any more.
        std::function<void()> on_room;
        // A sentence: the ring cannot be opened or written. At most once a minute; opening is tried again.
        std::function<void(const std::string&)> on_trouble;
    };

    RingStore(boost::asio::io_context&, const boost::asio::any_io_executor& pool,
              std::filesystem::path folder, Handlers);
    ~RingStore(); // no handler is called afterwards
    RingStore(const RingStore&) = delete;
    RingStore& operator=(const RingStore&) = delete;

    [[nodiscard]] bool is_open() const;
    // As Intake's.
    engine::LogPosition begin(std::string_view container, bool podman);
    void part(const engine::LogPart&, const Intake::Visit& visit);
    void gap(std::int64_t stamp_ns);
    // No more parts, please: max_waiting bytes wait for the disk.
    [[nodiscard]] bool full() const;

    // `then` is called unless the store was closed.
    void read(const Query&, std::function<void(Page)> then);
    // Whether `visit` ends the reading of each(). It runs on the pool.
    void find(std::function<bool(const Item&, const std::string& container)> visit,
              std::function<void(bool found)> then);
    // What has come is written, and the files are closed. `then` is called in any case.
    void close(std::function<void()> then);

    static constexpr std::size_t batch_size = 64 * 1024, max_waiting = 256 * 1024;

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::docker::console
