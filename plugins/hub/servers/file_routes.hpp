// REST for the files of a server: /api/agents/AGENT/servers/SERVER/files. Contents of at most `max_content`
// are in the command and its answer. Under the hub's lock.
#pragma once

#include "calls.hpp"
#include "plugins/hub/http/router.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class ServerFilesRest {
public:
    // As base64 it fits into a frame of 1 MiB.
    static constexpr std::uint64_t max_content = 512 << 10;
    static constexpr std::size_t max_path = 4096;

    explicit ServerFilesRest(ServerCalls& calls) : calls_{calls} {}
    [[nodiscard]] std::vector<Route> routes();

private:
    void list(const HttpRequest&) UNDER_LOCK;
    void get(const HttpRequest&) UNDER_LOCK;
    void put(const HttpRequest&) UNDER_LOCK;
    void remove(const HttpRequest&) UNDER_LOCK;
    struct Change { // a request with a JSON body that is the action's parameters
        std::string_view action, example;
        std::vector<std::string_view> needed, optional; // its members
    };
    void change(const HttpRequest&, const Change&) UNDER_LOCK;

    ServerCalls& calls_;
};

} // namespace agenthost::hub
