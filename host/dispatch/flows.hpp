// Carries what a running request reports before its result: streamed output, in order and bounded, and
// progress. Each change of progress's `status` is sent in order; with an unchanged status only the latest is,
// at most every 100 ms.
//
// progress() and stream(): any thread. Everything else: main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"

namespace agenthost::host {

class Flows {
public:
    // Of one request, waiting for the peer. More is refused with AGH_E_BUSY until writable().
    static constexpr std::size_t max_stream_bytes = 256 << 10;
    static constexpr std::size_t max_progress_bytes = 16 << 10;

    explicit Flows(Core& core) : core_{core} {}

    agh_status progress(std::string_view plugin, agh_req, std::string_view json);
    agh_status stream(std::string_view plugin, agh_req, std::uint32_t channel, std::uint64_t offset,
                      std::string_view bytes);

    // Sends what the peer takes. True: the request's result was waiting for its streams, and can go now.
    [[nodiscard]] bool advance(Slot&);
    // Sends progress and streams. False: some output still waits for the peer.
    [[nodiscard]] bool send_streams(Slot&);

private:
    void announce(agh_req id) { core_.inbox.add_flow(id); }
    void send_progress(Slot&);
    bool take_batch(Slot&, agh_req);
    static void send_batch(Slot&);
    bool account(Slot&, agh_req, std::size_t taken);

    Core& core_;
};

} // namespace agenthost::host
