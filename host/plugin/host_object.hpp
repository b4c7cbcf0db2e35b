// The agh_host of a plugin, and every function that the plugin can call through it.
//
// An agh_host is never freed while its library is mapped: a leaked thread of a plugin may call long after
// destroy(), and then gets AGH_E_STALE. Only its id and a closed gate remain. Thread-safe.
#pragma once

#include "plugin.hpp"

#include <agenthost/abi.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::host {
class Life;

// Marks a call from the plugin as running: the end of destroy() waits for it, so it must be short and never
// block.
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

// Created by Life and never freed (see above), except behind a runner, where no plugin code holds it.
struct agh_host {
    std::string id;
    std::uint64_t generation = 0;
    agenthost::host::HostServices* services = nullptr;
    agenthost::host::Life* life = nullptr;
    bool may_call = false, may_listen = false;
    std::string state_directory;

    static constexpr std::uint64_t closed_bit = 1ull << 63;
    std::atomic<std::uint64_t> gate{0}; // closed_bit | calls inside

    // After this returns no call is inside and none can enter. Waits for running calls; none of them blocks.
    void close();
};
