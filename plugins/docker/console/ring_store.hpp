// Stores what is read of a server's log in its ring, without waiting for the disk: batches are written one
// after the other on a pool, and what arrives meanwhile is collected for the next one. On the I/O thread.
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
        // A sentence: the ring cannot be opened or written. At most once a minute; opening is retried.
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
    // Do not add more parts: max_waiting bytes wait for the disk.
    [[nodiscard]] bool full() const;

    // `then` is called unless the store was closed.
    void read(const Query&, std::function<void(Page)> then);
    // Searches with Ring::each(); found if `visit` ended it. `visit` runs on the pool.
    void find(std::function<bool(const Item&, const std::string& container)> visit,
              std::function<void(bool found)> then);
    // Writes what has arrived and closes the files. `then` is always called.
    void close(std::function<void()> then);

    static constexpr std::size_t batch_size = 64 * 1024, max_waiting = 256 * 1024;

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::docker::console
