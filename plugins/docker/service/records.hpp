// The queue through which the engine thread uses the store: its calls block, so they run on a thread of its
// own, in order, and their results come back on the engine thread. Of its own, because what else waits for
// the disk may take minutes (the files of a server are deleted), and every server waits for its state.
// Changes that wait together are stored by one commit.
#pragma once

#include "plugins/docker/store/store.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::docker::service {

class Records {
public:
    // The problem, if any: of the disk, its code is DISK_FULL or DISK_ERROR.
    using Then = std::function<void(const std::optional<Problem>&)>;

    // `engine_file`: remembers which process was the engine.
    Records(std::unique_ptr<store::Store>, std::string engine_file, boost::asio::io_context&);

    void add(store::StoredServer, Then);
    void save(const std::string& id, const server::Record&, Then);
    void remove(const std::string& id, Then);
    // Blocking, so not on the engine thread; throws.
    void keep_project(const std::string& id, std::uint32_t project);
    void set_engine(const std::string& process);
    // Blocking.
    [[nodiscard]] std::string engine() const;

private:
    using Call = std::function<std::optional<Problem>(store::Store&)>;
    void run(Call, Then);
    void flush();

    std::shared_ptr<store::Store> store_; // calls in the queue keep it
    std::string engine_file_;
    boost::asio::io_context& io_;
    std::vector<std::pair<std::string, server::Record>> changes_; // at most one for each server
    std::vector<Then> waiting_;                                   // for them
    bool flushing_ = false;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    boost::asio::thread_pool thread_{1}; // the last member: joined first; what waits then is dropped
};

} // namespace agenthost::docker::service
