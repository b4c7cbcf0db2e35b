// Who asks: a server's session, the control socket, another plugin. Dispatch knows a caller by this interface
// only. Everything runs on the main I/O thread.
#pragma once

#include "wire/message.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

// What a caller may do, from configuration. Replaced as a whole on reload.
struct Policy {
    std::string
        name; // the server's name: the journal's key and the caller's identity; "control", "plugin:ID"
    std::string protocol; // whose aliases apply; empty: none
    std::optional<std::vector<std::string>>
        allow; // patterns ("storage.*"); absent: what manifests alias for the protocol, and host.*
    std::map<std::string, std::string> map; // wire word -> action, before the manifests' aliases
    double messages_per_second = 100;       // 0: unlimited
    std::uint32_t in_flight = 256;
    std::uint64_t memory = 32 << 20;
    std::chrono::milliseconds cancel_grace{30'000};
    bool journal =
        true; // false: effects are not journalled under this caller's ids (control socket without an id)
    // A person at this machine (the control socket): while the disk refuses the journal, its commands run without a row.
    bool by_operator = false;
    std::string agent_id; // what this caller calls the agent; empty: the host's own agent.id
};

class Caller {
public:
    virtual ~Caller() = default;
    [[nodiscard]] virtual const Policy& policy() const = 0;
    [[nodiscard]] virtual bool connected() const = 0; // false: a journalled result waits in the outbox

    // Exactly one per command that submit() took. `outbox` != 0: a journalled result; report
    // Dispatcher::delivered(outbox) when the peer is known to have it. Returns false when it cannot be sent
    // now (closing, queue full): an outbox result then waits, another is dropped and counted.
    virtual bool on_result(const wire::Result&, std::uint64_t outbox) = 0;
    virtual void on_progress(const wire::Progress&) = 0; // the latest wins; may be dropped
    // Another status than the one before: no later one stands for it.
    virtual void on_step(const wire::Progress& step) { on_progress(step); }
    virtual bool on_stream(const wire::Stream&) = 0; // false: full; Dispatcher::writable(caller) follows
    virtual bool on_event(const wire::Event&) = 0; // false: the protocol has no events, or the queue is full
};

} // namespace agenthost::host
