// Serves REST requests: finds the row of a request, checks its role and ids, and calls its handler. Handlers
// are not reachable in any other way. Under the hub's lock.
//
// Every feature exports its rows (routes()). Callers without a valid token do not learn which routes exist:
// 401 comes before 404 and 405.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/caller_credentials.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/http/router.hpp"

#include <optional>
#include <string>
#include <vector>

namespace agenthost::hub {

class Rest {
public:
    Rest(Core& core, Exchanges& exchanges, const CallerCredentials& credentials)
        : core_{core}, exchanges_{exchanges}, credentials_{credentials}
    {}

    void add(std::vector<Route> rows) { router_.add(std::move(rows)); }
    [[nodiscard]] const std::vector<Route>& routes() const { return router_.rows(); }

    void request(const Exchange&, const Head&) UNDER_LOCK;

private:
    void unauthorized(const Exchange&, const Head&) UNDER_LOCK;
    // false: an id in the path is invalid or not visible to the caller, and the exchange has been answered.
    bool check_arguments(const HttpRequest&, const Match&) UNDER_LOCK;

    Core& core_;
    Exchanges& exchanges_;
    const CallerCredentials& credentials_;
    Router router_;
};

} // namespace agenthost::hub
