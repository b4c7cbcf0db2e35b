// Keeps the credential that a server sent during a session and chooses between it and the configured one for
// each connection. The configured one is used again once it changes or once the server refuses the sent one.
// In memory only. Pure; not thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::host {

class SentCredential {
public:
    // `configured`: the fingerprint (SHA-256) of the configured credential, which `sent` replaces.
    void keep(std::string_view sent, std::string_view configured)
    {
        sent_ = sent, replaces_ = configured;
        in_use_ = false;
    }
    // The credential to use for a new connection instead of the configured one; empty: use the configured
    // one.
    [[nodiscard]] const std::string& in_place_of(std::string_view configured)
    {
        if (configured != replaces_) sent_.clear();
        in_use_ = !sent_.empty();
        return sent_;
    }
    // The server refused this connection's credential. True: the next connection uses another one. May be
    // called more than once.
    bool refused()
    {
        if (in_use_) sent_.clear();
        return in_use_ || !sent_.empty();
    }

private:
    std::string sent_, replaces_;
    bool in_use_ = false;
};

} // namespace agenthost::host
