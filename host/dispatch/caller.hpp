// The interface of everything that sends commands: a server's session, the control socket, another plugin.
//
// A callback may call every function of the dispatcher that takes a caller, detach() included, but neither
// plugin_gone() nor tick(). After detach() or a replacement no callback of the caller begins, and the
// dispatcher releases the caller from its main loop, so a callback that is running ends safely. After
// writable() or connected() inside a callback, what waits is sent once the callback has returned. The views
// that a callback gets are valid until it returns.
//
// Main I/O thread. Owned by the code that attached it and, while it is attached, by the dispatcher.
#pragma once

#include "wire/message.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

// What a caller may do, from the configuration. A reload replaces it as a whole.
struct Policy {
    // The server's name, "control" or "plugin:ID": the caller's identity and the journal's key.
    std::string name;
    // The protocol whose aliases apply; empty: none.
    std::string protocol;
    // Patterns ("storage.*"). Absent: host.* and the actions that manifests alias for the protocol.
    std::optional<std::vector<std::string>> allow;
    // Wire word -> action; comes before the manifests' aliases.
    std::map<std::string, std::string> map;
    // 0: unlimited.
    double messages_per_second = 100;
    std::uint32_t in_flight = 256;
    std::uint64_t memory = 32 << 20;
    std::chrono::milliseconds cancel_grace{30'000};
    // False: this caller's ids do not identify commands with effects (the control socket without an id).
    bool journal = true;
    // A person at this machine (the control socket): while the disk refuses the journal, the commands run
    // without a row.
    bool by_operator = false;
    // This caller's name for the agent; empty: agent.id of the host.
    std::string agent_id;
};

class Caller {
public:
    virtual ~Caller() = default;
    // Neither of these two calls the dispatcher.
    [[nodiscard]] virtual const Policy& policy() const = 0;
    // False: journalled results wait in the outbox.
    [[nodiscard]] virtual bool connected() const = 0;

    // Called exactly once for each command that submit() took. `outbox` != 0: a journalled result; report
    // Dispatcher::delivered(outbox) when the peer is known to have it. False: it cannot be sent now (closing,
    // queue full); a result of the outbox then waits, any other is dropped and counted.
    virtual bool on_result(const wire::Result&, std::uint64_t outbox) = 0;
    // Replaces the progress before it; may be dropped.
    virtual void on_progress(const wire::Progress&) = 0;
    // Progress with a new status: not to be replaced by a later one.
    virtual void on_step(const wire::Progress& step) { on_progress(step); }
    // False: full. Dispatcher::writable(caller) follows.
    virtual bool on_stream(const wire::Stream&) = 0;
    // False: the protocol has no events, or the queue is full.
    virtual bool on_event(const wire::Event&) = 0;
};

} // namespace agenthost::host
