// Passes requests to a plugin on the path that its manifest names: queued for workers, or inline. An inline
// plugin that blocks too often (Overruns) is moved to the workers. Main I/O thread.
#pragma once

#include "manifest.hpp"
#include "overruns.hpp"

#include <agenthost/abi.h>

#include <cstdint>
#include <functional>

namespace agenthost::host {

class Life;

class InvokePath {
public:
    // `on_demoted`: an inline plugin has just been moved to the workers.
    explicit InvokePath(std::function<void()> on_demoted) : on_demoted_{std::move(on_demoted)} {}

    // A life of the plugin begins.
    void begin(Life&, const Manifest&, bool isolated);
    agh_status invoke(Life&, const agh_request&, agh_error&);

    [[nodiscard]] bool demoted() const { return demoted_; }
    [[nodiscard]] std::uint64_t invoked() const { return invoked_; }
    [[nodiscard]] std::uint64_t overruns() const { return overruns_.total(); }

private:
    void overran(Life&);

    const std::function<void()> on_demoted_;
    bool by_workers_ = true;
    bool timed_ = false;
    bool demoted_ = false; // "inline" in the manifest, but it blocked
    Overruns overruns_;
    std::uint64_t invoked_ = 0;
};

} // namespace agenthost::host
