// Makes what takes long to make, on threads of its own: previews, texts, the pictures of commit printing. No
// printer and no other request waits for it. The threads are shared fairly among servers (base/pool.hpp).
//
// Jobs are never refused here: the queues of the printers bound them. Those of one server are made one after the
// other and handed back in their order; one that needs no thread waits for those before it. Previews are bounded.
//
// Threads: all functions on the printer loop, and what they call back too, but for what draws.
#pragma once

#include "order.hpp"

#include "base/pool.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::printer::service {

class Drawing {
public:
    static constexpr std::size_t max_previews = 32; // that wait; of all servers

    using Make = std::function<Content()>;
    using Made = std::function<void(Content)>;

    explicit Drawing(boost::asio::io_context& loop);

    // Runs `draw` on a thread; `stopping`: the plugin stops, and it is to answer at once. The problem is BUSY: this
    // server's share of the places is used up, and `draw` is not run.
    Problem preview(const std::string& server, std::function<void(bool stopping)> draw);

    enum class How : std::uint8_t { at_once, on_a_thread };
    // Runs `make`, and then `made` on the loop, in the order of this server's calls. If nothing is before it, `at_once`
    // calls both before it returns. What `make` throws becomes the content's problem.
    void make(const std::string& server, How, Make make, Made made);

    // Calls `made` of all that has not been made with this problem.
    void drop(const Problem&);

private:
    struct Entry {
        How how;
        Make make;
        Made made;
        std::optional<Content> content;
    };
    using Entries = std::deque<std::shared_ptr<Entry>>;
    void advance(const std::string& server);
    void draw(const std::string& server, const std::shared_ptr<Entry>&);

    boost::asio::io_context& loop_;
    std::map<std::string, Entries> entries_; // of each server, the oldest first: a thread has it
    base::Pool previews_, jobs_;             // the last members: joined first
};

} // namespace agenthost::printer::service
