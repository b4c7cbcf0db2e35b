// Starts requests with effects: writes the journal's row first, then invokes the plugin, or answers with what
// the journal already knows about the id.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"
#include "invocation.hpp"
#include "requests.hpp"

#include "base/hash.hpp"

namespace agenthost::host {

class JournalledStart {
public:
    JournalledStart(Core& core, Requests& requests, Invocation& invocation)
        : core_{core}, requests_{requests}, invocation_{invocation}
    {}

    // Of what makes two commands the same: action, target and parameters.
    Digest digest_of(const Action&, const wire::Command&);

    enum class Repeat {
        no,
        // Of a running request: its one answer goes to the newest connection.
        attached,
        // The id belongs to another command that is running.
        id_reused,
    };
    Repeat attach_repeat(const CallerRecord&, std::string_view id, const Digest&);

    void begin(Slot&, const wire::Command&, const Digest&);

private:
    void begun(Slot&, const Journal::Begun&);
    void run_again(Slot&);
    void replay(Slot&, const StoredResult&);
    void refuse(Slot&, wire::Outcome, std::string_view code, std::string_view message,
                std::string_view detail);
    void refuse_for_disk(Slot&, const std::optional<base::DiskTrouble>&);
    void answer(Slot&, const wire::Result&, std::uint64_t row);

    Core& core_;
    Requests& requests_;
    Invocation& invocation_;
    base::Sha256 sha_;
};

} // namespace agenthost::host
