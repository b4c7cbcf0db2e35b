// REST for the servers of one agent: /api/agents/AGENT/servers and what is below it, except files
// (file_routes.hpp). Under the hub's lock.
#pragma once

#include "calls.hpp"
#include "plugins/hub/http/router.hpp"

#include <string>
#include <vector>

namespace agenthost::hub {

class ServersRest {
public:
    explicit ServersRest(ServerCalls& calls) : calls_{calls} {}
    [[nodiscard]] std::vector<Route> routes();

private:
    void list(const HttpRequest&) UNDER_LOCK;
    void create(const HttpRequest&) UNDER_LOCK;
    void power(const HttpRequest&) UNDER_LOCK;
    void command(const HttpRequest&) UNDER_LOCK;
    void reinstall(const HttpRequest&) UNDER_LOCK;
    void logs(const HttpRequest&) UNDER_LOCK;

    ServerCalls& calls_;
};

// The parameters of create_server from a request's body, with a server id; nullopt: `why` and `code` have the
// problem.
struct CreateBody {
    ServerNeeds needs;
    std::string params;
    std::vector<std::string> agents; // only these; empty: any. For placement.
};
std::optional<CreateBody> read_create(const std::string& body, bool placed, std::string& code,
                                      std::string& why);

// Reads query values into an object of parameters.
class QueryParams {
public:
    explicit QueryParams(const Head& head) : head_{head} {}
    // A number from `least` to `most`, if present.
    QueryParams& whole(std::string_view key, std::uint64_t least, std::uint64_t most);
    // Text of at most `max` bytes, if present.
    QueryParams& text(std::string_view key, std::size_t max, bool needed = false);
    QueryParams& flag(std::string_view key);
    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] std::string json() const { return "{" + members_ + "}"; }

private:
    void add(std::string_view key, std::string_view value);

    const Head& head_;
    std::string members_, problem_;
};

} // namespace agenthost::hub
