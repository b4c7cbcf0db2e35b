// The route table: finds the row of a request. Features export their rows; rest/rest.hpp checks their roles.
// Pure.
#pragma once

#include "exchanges.hpp"
#include "plugins/hub/core/access.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

// A request as passed to its handler; head and caller are valid until the handler returns.
struct HttpRequest {
    Exchange exchange;
    const Head& head;
    const Caller& caller;               // of the bearer token; empty for Needs::own_credential
    std::vector<std::string> arguments; // the ":name" segments in order
};

// Who may call a route. There is no default, so a row without a role does not compile.
class Needs {
public:
    enum Role : std::uint8_t {
        // No bearer token: the handler checks the route's own credential, also while the hub drains.
        own_credential,
        // A token of a dashboard or an admin.
        dashboard,
        admin
    };
    constexpr Needs(Role role) : role_{role} {} // NOLINT(google-explicit-constructor): rows read as a table
    [[nodiscard]] constexpr Role role() const { return role_; }
    [[nodiscard]] bool admits(hub::Role) const;

private:
    Role role_;
};

// Pattern segments that begin with ':' match one non-empty segment:
//   :agent   an agent's id, which the caller may see    :id    another id
//   :file    a file's id, up to 255 bytes               :token anything
struct Route {
    std::string_view method, pattern;
    Needs needs;
    std::function<void(const HttpRequest&)> handler;
};

struct Match {
    const Route* route = nullptr; // nullptr: 405 if `allow` is not empty, else 404
    // Of the ":name" segments; the arguments point into the path.
    std::vector<std::string_view> names, arguments;
    std::string allow; // "GET, PUT"
};

class Router {
public:
    // Throws std::logic_error: a duplicate row, a row without a handler, or a pattern with an unknown name.
    void add(std::vector<Route> rows);
    // The first matching row; valid until the next add(). HEAD matches the row of GET.
    [[nodiscard]] Match match(std::string_view method, std::string_view path) const;
    [[nodiscard]] const std::vector<Route>& rows() const { return rows_; }

private:
    std::vector<Route> rows_;
};

} // namespace agenthost::hub
