// Maps paths to their owners. Thread-safe; the longest match wins, an exact path before any prefix. Owned by
// the Server. Private to host/listener.
#pragma once

#include <agenthost/ext/listener.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::listener {

// One plugin's (or the host's) routes: counts its live exchanges, so that forget() can wait for the last
// callback.
struct Owner {
    std::mutex mutex;
    std::condition_variable none_left;
    std::size_t live = 0;
    // No new exchange may begin.
    bool gone = false;
    // Forgotten without a loop that could run the last callbacks: no callback may run any more.
    std::atomic<bool> silent{false};
};

struct Route {
    std::string owner_name;
    std::shared_ptr<Owner> owner;
    // Complete: functions that the plugin omitted do nothing.
    agh_route_api api{};
    void* ctx = nullptr;
    std::optional<std::chrono::milliseconds> body_timeout;
    // Default 30 s.
    std::optional<std::chrono::milliseconds> answer_timeout;
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
    // Creates an owner that is unknown or was forgotten.
    std::shared_ptr<Owner> owner(std::string_view name);
    // Removes its routes. Null: unknown.
    std::shared_ptr<Owner> forget(std::string_view name);

private:
    // By path.
    using Table = std::map<std::string, RoutePtr, std::less<>>;
    struct Tables {
        Table exact, prefix;
    };
    RoutePtr find(std::string_view listener, bool websocket, std::string_view path) const;

    mutable std::mutex mutex_;
    // By listener and whether it is for WebSockets.
    std::map<std::pair<std::string, bool>, Tables> tables_;
    std::map<std::string, std::shared_ptr<Owner>, std::less<>> owners_;
};

// The plugin's table, with no-ops for missing functions.
agh_route_api complete_api(const agh_route_api*);

// {"listener":"hub","kind":"http"|"ws","path":... | "prefix":...,"body_timeout_s":30,"answer_timeout_s":30};
// nullopt: invalid.
struct RouteRequest {
    RouteKey key;
    std::optional<std::chrono::milliseconds> body_timeout, answer_timeout;
};
std::optional<RouteRequest> parse_route(std::string_view json);

} // namespace agenthost::host::listener
