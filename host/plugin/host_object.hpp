// The agh_host a plugin holds, and every function it can call through it.
//
// An agh_host is never freed while its library is mapped: a thread that a plugin forgot may call years after
// destroy(), and then gets AGH_E_STALE. What stays is the tombstone, its id and a closed gate. Thread-safe.
#pragma once

#include "plugin.hpp"

#include <agenthost/abi.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::host {
class Life;

// A call from the plugin, while it is inside: destroy()'s end waits for it. So: short, never blocking.
class HostCall {
public:
    explicit HostCall(agh_host*);
    ~HostCall();
    HostCall(const HostCall&) = delete;
    HostCall& operator=(const HostCall&) = delete;
    explicit operator bool() const { return open_; } // false: answer AGH_E_STALE

private:
    agh_host* host_;
    bool open_;
};

extern const agh_host_api host_api;

} // namespace agenthost::host

// Made by Life, kept for good (see above), except behind a runner, where no plugin code holds it.
struct agh_host {
    std::string id;
    std::uint64_t generation = 0;
    agenthost::host::HostServices* services = nullptr;
    agenthost::host::Life* life = nullptr;
    bool may_call = false, may_listen = false;
    std::string state_directory;

    static constexpr std::uint64_t closed_bit = 1ull << 63;
    std::atomic<std::uint64_t> gate{0}; // closed_bit | calls inside

    // No call gets in after this returns, and none is inside. Waits for those that are; none of them blocks.
    void close();
};
