// Maps paths to their owners. Thread-safe; the longest match wins, an exact path before any prefix.
#pragma once

#include <agenthost/ext/listener.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <chrono>

namespace agenthost::host::listener {

// One plugin's (or the host's) routes: counts its live exchanges, so that forget() can wait for the last
// callback.
struct Owner {
    std::mutex mutex;
    std::condition_variable none_left;
    std::size_t live = 0;
    bool gone = false; // no new exchange
    std::atomic<bool> silent{
        false}; // forgotten without a loop to run the last callbacks: no further callback may run
};

struct Route {
    std::string owner_name;
    std::shared_ptr<Owner> owner;
    agh_route_api api{}; // complete: functions that the plugin omitted do nothing
    void* ctx = nullptr;
    std::optional<std::chrono::milliseconds> body_timeout;
    std::optional<std::chrono::milliseconds> answer_timeout; // default 30 s
};
using RoutePtr = std::shared_ptr<const Route>;

struct RouteKey {
    std::string listener, path;
    bool websocket = false, prefix = false;
};

class Routes {
public:
    agh_status add(const RouteKey&, RoutePtr);
    // Counts the exchange as live; call release() for every match, after its last callback.
    RoutePtr match(std::string_view listener, bool websocket, std::string_view path);
    static void release(const Route&);
    std::shared_ptr<Owner> owner(std::string_view name);  // created if new; a forgotten one is created again
    std::shared_ptr<Owner> forget(std::string_view name); // removes its routes; null: unknown

private:
    using Table = std::map<std::string, RoutePtr, std::less<>>; // by path
    struct Tables {
        Table exact, prefix;
    };
    RoutePtr find(std::string_view listener, bool websocket, std::string_view path) const;

    mutable std::mutex mutex_;
    std::map<std::pair<std::string, bool>, Tables> tables_; // listener, websocket
    std::map<std::string, std::shared_ptr<Owner>, std::less<>> owners_;
};

// The plugin's table, with no-ops for missing functions.
agh_route_api complete_api(const agh_route_api*);

// {"listener":"hub","kind":"http"|"ws","path":... | "prefix":...,"body_timeout_s":30,"answer_timeout_s":30};
// nullopt: not that.
struct RouteRequest {
    RouteKey key;
    std::optional<std::chrono::milliseconds> body_timeout, answer_timeout;
};
std::optional<RouteRequest> parse_route(std::string_view json);

} // namespace agenthost::host::listener
