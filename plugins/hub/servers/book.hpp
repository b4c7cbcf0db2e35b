// The servers of all agents that the hub knows: finds, lists and counts them. Pure. Not thread-safe: the
// hub's lock guards it. Bounds: servers in total and of one agent; beyond them, new ones are not kept but
// counted.
#pragma once

#include "record.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::hub {

struct ServerFilter {
    std::string agent, status, name, image; // name and image: a part, in any case; empty: any
    std::optional<bool> healthy;
};

class ServerBook {
public:
    static constexpr std::size_t max_servers = 20'000, max_of_agent = 2'000;
    using Servers = std::map<std::string, ServerRecord, std::less<>>;

    explicit ServerBook(std::size_t most = max_servers, std::size_t of_agent = max_of_agent)
        : max_servers_{most}, max_of_agent_{of_agent}
    {}

    // The server's record, created if it is new; nullptr: no space.
    ServerRecord* edit(std::string_view agent, std::string_view id);
    [[nodiscard]] const ServerRecord* find(std::string_view agent, std::string_view id) const;
    [[nodiscard]] ServerRecord* find(std::string_view agent, std::string_view id);
    bool erase(std::string_view agent, std::string_view id);
    [[nodiscard]] const Servers& of(std::string_view agent) const;
    // The agents that have a server with this id.
    [[nodiscard]] std::vector<std::string> agents_of(std::string_view id) const;

    struct Page {
        std::vector<const ServerRecord*> servers;
        std::size_t total = 0; // that pass the filter
        std::string next;      // the cursor; empty: this is the last page
    };
    struct View {
        std::function<bool(std::string_view agent)> sees, online;
        std::int64_t now = 0;
    };
    // By agent, then id. `after`: a cursor of an earlier page, "AGENT/ID".
    [[nodiscard]] Page page(const ServerFilter&, const View&, std::string_view after,
                            std::size_t limit) const;

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::uint64_t not_kept() const { return not_kept_; }
    [[nodiscard]] const std::map<std::string, Servers, std::less<>>& all() const { return agents_; }

private:
    const std::size_t max_servers_, max_of_agent_;
    std::map<std::string, Servers, std::less<>> agents_; // those with a server
    std::size_t size_ = 0;
    std::uint64_t not_kept_ = 0;
};

} // namespace agenthost::hub
