// Chooses the credential of each connection: the configured one, or one that the server sent. Notices when
// that of a live session is no longer the newest: its file has another secret, or its token is due for a
// refresh. Also notices what will make the next connection fail: a failed refresh, files that are gone or
// damaged.
//
// Main I/O thread; files and REST calls on threads of their own. Owned by OutboundSession.
#pragma once

#include "host/session/auth/sent_credential.hpp"
#include "host/session/off_thread.hpp"
#include "host/session/prepare.hpp"
#include "netclient/tls.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace agenthost::host {

class CredentialWatch {
public:
    // `refresh`: how often a registration's token is renewed; 0: no registration. `tls`: the session's, if it
    // has files of its own.
    CredentialWatch(boost::asio::any_io_executor main, SecretSource source, std::chrono::milliseconds refresh,
                    netclient::TlsClientConfig tls = {})
        : main_{std::move(main)}, source_{std::move(source)}, refresh_{refresh}, tls_{std::move(tls)}
    {}

    // A connection is prepared. `notice`: what was wrong with the refresh before it; empty: nothing.
    void prepared(std::string notice);
    // The configured credential or the token of a new connection. Returns the one to use.
    [[nodiscard]] std::string begin(std::string credential, std::int64_t refreshed_at);
    // The server sent another credential for later connections.
    void sent(std::string_view credential) { sent_.keep(credential, fingerprint_); }
    // The server refused the one in use. True: the next connection has another one to try.
    [[nodiscard]] bool refused() { return sent_.refused(); }

    // Checks the files that the next connection needs. Calls `changed` if the credential's holds another
    // secret, and `noticed` if notice() has changed.
    void check_files(std::function<void()> changed, std::function<void()> noticed);
    // Refreshes the token if that is due, for the next connection. Calls `done` after an attempt.
    void refresh_if_due(const std::function<PrepareRequest()>& request, std::function<void()> done);
    void forget();

    // What will make the next connection fail: the last refresh, files. Empty: nothing.
    [[nodiscard]] std::string notice() const;

private:
    boost::asio::any_io_executor main_;
    SecretSource source_;
    std::chrono::milliseconds refresh_;
    netclient::TlsClientConfig tls_;
    SentCredential sent_;
    // SHA-256 of the configured one.
    std::string fingerprint_;
    // UTC ms.
    std::int64_t refreshed_at_ = 0;
    std::chrono::steady_clock::time_point no_refresh_before_{};
    std::string refresh_problem_, files_problem_;
    OffThread checking_, refreshing_;
};

} // namespace agenthost::host
