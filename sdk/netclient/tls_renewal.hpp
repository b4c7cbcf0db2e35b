// Keeps a TLS context up to date with the files it is made from: a renewed certificate, key or CA is used by
// the next connection.
//
// Files are compared by inode, size and time of change. A change that cannot be used (half of a certificate
// and key that are replaced one after the other) leaves the old context in place, and problem() says so until
// the files can be used. Thread-safe.
#pragma once

#include "tls.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::netclient {

class RenewedTls {
public:
    static constexpr std::chrono::seconds check_interval{1};

    RenewedTls(std::vector<std::string> files, std::function<TlsResult()> make)
        : files_{std::move(files)}, make_{std::move(make)}
    {}
    // The files are named and read by the configuration.
    template <class Config> static std::shared_ptr<RenewedTls> of(const Config& config)
    {
        return std::make_shared<RenewedTls>(files_of(config), [config] { return make_context(config); });
    }

    struct Current {
        TlsContextPtr context; // null: none could be made, `problem` says why
        std::string problem;   // why a change is not used; reported once per change
        bool renewed = false;  // this call replaced the context
    };
    // The context for a new connection. Blocking: checks the files, at most once per check_interval while
    // there is a context.
    Current current();

    // The context as it was last made; null before the first current(). Never blocks on a file.
    [[nodiscard]] TlsContextPtr last() const;
    // Why the files cannot be used as the last check found them: a program that starts now could not use them
    // either. Empty: they can. Never blocks on a file.
    [[nodiscard]] std::string problem() const;
    // For I/O threads: true for one caller per check_interval, which must call check() on another thread; the
    // others use last(). False while an earlier check is running, so that hanging files block only one
    // thread.
    bool claim_check();
    // Checks the files now. Blocking: as long as their disk takes.
    Current check();

private:
    struct Stamp {
        std::uint64_t device = 0, inode = 0, size = 0;
        std::int64_t changed_ns = 0;
        bool operator==(const Stamp&) const = default;
    };
    [[nodiscard]] std::vector<Stamp> stamps() const;
    void renew(Current&);

    static TlsResult make_context(const TlsClientConfig& config) { return make_client_context(config); }
    static TlsResult make_context(const TlsServerConfig& config) { return make_server_context(config); }

    const std::vector<std::string> files_;
    const std::function<TlsResult()> make_;
    std::mutex making_; // one check of the files at a time; guards seen_
    std::vector<Stamp> seen_;
    mutable std::mutex mutex_; // guards context_ and problem_
    TlsContextPtr context_;
    std::string problem_;
    std::atomic<std::int64_t> next_check_{0}; // steady clock, ns
    std::atomic<bool> checking_{false};       // claimed and not ended
};

} // namespace agenthost::netclient
