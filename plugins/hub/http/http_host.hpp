// The daemon's HTTP functions: answers and bodies. plugin.cpp implements them with the SDK, tests with
// scripts. Thread-safe.
#pragma once

#include "http.hpp"
#include "plugins/hub/core/host.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::hub {

class HttpHost {
public:
    virtual ~HttpHost() = default;
    virtual void answer(Conn, const Answer&) = 0;
    // An answer in pieces: `head` without its body, the length of the whole body or UINT64_MAX. chunk:
    // AGH_E_BUSY: nothing was accepted.
    virtual agh_status begin(Conn, const Answer& /*head*/, std::uint64_t /*length*/)
    {
        return AGH_E_UNSUPPORTED;
    }
    virtual agh_status chunk(Conn, std::string_view) { return AGH_E_UNSUPPORTED; }
    virtual void finish(Conn) {}
    virtual void receive(Conn, const SpoolFile*, std::uint64_t max) = 0; // nullptr: into memory
};

// The result of receiving a body.
struct BodyEnd {
    agh_status status = AGH_OK;
    std::uint64_t length = 0;
    std::string sha256; // hex
    std::string data;   // received into memory
};

} // namespace agenthost::hub
