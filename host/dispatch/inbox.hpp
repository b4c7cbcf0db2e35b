// Carries completions, streamed output, events and nested calls from the plugins' threads to the main one.
// A burst costs one wake-up: only the call that finds the inbox empty posts to the main thread.
//
// add() and add_flow(): any thread. take(): main thread. Owned by Core.
#pragma once

#include "alive.hpp"
#include "owned_reply.hpp"
#include "request.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace agenthost::host {

struct Completion {
    agh_req id;
    OwnedReply reply;
};

struct EmittedEvent {
    // `audience`: a server's name, or "*".
    std::string plugin, topic, audience;
    std::string json;
    std::int64_t at;
};

struct NestedCall {
    std::string plugin;
    std::vector<std::string> may_call;
    agh_req parent;
    std::string action, params;
    std::uint64_t timeout_ns;
    CallDone done;
    std::uint8_t depth;
};

class Inbox {
public:
    static constexpr std::size_t max_calls = 1024;
    // Of one plugin.
    static constexpr std::size_t max_events = 256;
    // Of all plugins.
    static constexpr std::size_t max_event_bytes = 4 << 20;

    struct Content {
        // At most one completion and one flow for each slot.
        std::vector<Completion> completions;
        std::vector<agh_req> flows;
        std::vector<EmittedEvent> events;
        std::vector<NestedCall> calls;
        std::size_t event_bytes = 0;
    };

    // `arrived` runs on the main thread after something was added; it calls take().
    Inbox(boost::asio::any_io_executor main, std::function<void()> arrived);

    void add(Completion);
    // The request has streamed output or progress.
    void add_flow(agh_req);
    // False: full.
    [[nodiscard]] bool add(EmittedEvent);
    [[nodiscard]] bool add(NestedCall);

    // Everything added since the last call.
    Content take();

private:
    template <class Add> bool add_and_wake(Add);

    boost::asio::any_io_executor main_;
    std::function<void()> arrived_;
    std::mutex mutex_;
    Content content_;
    // How many events of each plugin are in `content_`.
    std::map<std::string, std::size_t, std::less<>> events_of_;
    bool posted_ = false;
    Alive alive_;
};

} // namespace agenthost::host
