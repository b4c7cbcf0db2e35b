// Runs HTTP transfers of any size with constant memory: a GET into a sink, a PUT or POST from a file.
// Blocking: use a dedicated thread; a cancel or the deadline ends a transfer within milliseconds.
//
// It handles verified TLS; the address policy, checked on the connected address and again after every
// redirect; at most `redirects` redirects, none from https to http, no credentials to another origin; the
// network settings of the requesting server (proxy, TLS, its own origin); resuming a broken GET by Range and
// If-Range if the server supports it, else starting over; the retry budget; idle timeouts and a minimum rate.
// One client serves any number of threads.
//
// How it follows RFC 9110 and 9112 beyond the rules of heads (http_head.hpp); each rule is a test of
// http_client_test.cpp against a scripted server:
// - a response before the whole body is sent (9112 9.3): stops sending; a 2xx is then rejected, anything else
//   reported
// - status above 599 (9110 15): retried like 5xx and 408; other 4xx are final
// - a content coding (9110 8.4, 12.5.3): `Accept-Encoding: identity` is sent, other codings are rejected
// - chunk extensions, trailers (9112 7.1): skipped up to 16 KiB (chunked_test.cpp: split anywhere)
// - a body without a length (9112 6.3): ends with the connection; accepted only where the receiver can detect
//   truncation
// - a truncated body (9112 8): resumed by Range if there is a strong validator, otherwise restarted
// - `Location` with spaces, raw UTF-8, brackets (9110 10.2.2): percent-encoded; backslashes and control
//   characters are rejected; the fragment is dropped; no Location at all is rejected
// - 307, 308 (9110 15.4): followed with method and body; 301, 302, 303 for GET only; 300, 304, 305,
//   306 are not followed
// - more than five redirects; https to http (9110 15.4, 17.9): rejected
// - Authorization, Cookie, Proxy-Authorization after a redirect (9110 15.4): sent to the first origin only
// - Host, Connection: close, Content-Length of a request (9112 3.2, 6.2, 9.6): sent; no Expect, no
//   Transfer-Encoding, no user information
// Not used: HEAD, OPTIONS, caching, cookies, keep-alive, compressed bodies, authentication challenges,
// Retry-After.
#pragma once

#include "address_policy.hpp"
#include "base/rate_floor.hpp"
#include "http_head.hpp"
#include "net.hpp"
#include "network.hpp"
#include "retry.hpp"
#include "tls_renewal.hpp"
#include "url.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::netclient {

// Receives the bytes of a GET. Returning false ends the transfer for good; the caller explains the reason.
class Sink {
public:
    virtual ~Sink() = default;
    // Called after the response head, before the body. `total` is the size of the whole body, if the server
    // sent it. Also called when a broken transfer is resumed. false: stop.
    virtual bool begin(std::optional<std::uint64_t> total) = 0;
    // In order; up to 128 KiB at a time. false: stop.
    virtual bool write(const char* data, std::size_t size) = 0;
    virtual bool restart() = 0; // forget what came; the next byte is the first. false: stop
    // Whether a transfer may be resumed after a break even without a strong validator, because the content is
    // verified.
    [[nodiscard]] virtual bool verifies_content() const { return false; }
    // Whether a body that ends with the connection is acceptable, because the sink can tell if it is
    // complete.
    [[nodiscard]] virtual bool knows_end() const { return false; }
};

// The body of a PUT or POST. Read again from `offset` 0 for each attempt.
struct Body {
    int file = -1; // or:
    std::string_view text;
    std::uint64_t size = 0; // of the file
};

struct Transfer {
    enum class End {
        done,
        cancelled,
        deadline,
        denied,  // by the address policy
        refused, // the server refused (4xx) or behaves incorrectly: retrying is useless
        network, // the retry budget is used up
        stopped, // by the sink
        local    // our own file could not be read
    };
    End end = End::network;
    int status = 0;     // of the last answer
    std::string detail; // what and where, for people; no secret in it
    std::string reply;  // the answer's body, as far as `max_reply` allowed
    int attempts = 0;
    std::uint64_t resumed = 0; // bytes that did not have to be sent again
};

struct HttpOptions {
    AddressPolicy policy;
    std::string ca_file; // trusted beside the authorities of the system or of the server that asked
    std::string user_agent = "agenthost/" AGENTHOST_VERSION;
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds idle_timeout{10'000}; // without a byte; a third of the retry budget's time
    std::chrono::milliseconds answer_timeout{
        60'000}; // for the answer once a body is sent: the other end may be syncing its disk
    // Of a body; slower is a failure for good, as a retry would be no faster.
    base::RateFloor::Limits min_rate{};
    int redirects = 5;
    RetryBudget::Limits retry{};
};

class HttpClient {
public:
    explicit HttpClient(HttpOptions);
    ~HttpClient();

    struct Call {
        Url url;
        Headers headers;                                  // Authorization and Cookie stay at the first origin
        std::function<void(std::uint64_t done)> progress; // bytes moved so far; called often, must be cheap
        std::size_t max_reply = 0;
        std::shared_ptr<const Network> network{}; // of the server that asked; null: a direct connection
    };
    Transfer get(const Call&, Sink&, const WaitLimits&);
    Transfer send(std::string_view method, const Call&, const Body&, const WaitLimits&); // PUT or POST

    [[nodiscard]] const HttpOptions& options() const { return options_; }

private:
    friend class Exchange;
    // Created on first use, so plain transfers never pay for it; created again when a certificate file was
    // renewed.
    TlsResult tls(const TlsClientConfig&);

    struct KnownTls {
        TlsClientConfig config;
        std::shared_ptr<RenewedTls> tls;
    };
    // Contexts kept: one for each server that asks, and one for the others.
    static constexpr std::size_t max_tls = 16;

    HttpOptions options_;
    Resolver resolver_;
    std::mutex mutex_; // guards tls_
    std::vector<KnownTls> tls_;
};

// Doubling it brings no measurable gain; with TLS the cipher dominates.
constexpr std::size_t transfer_buffer(const Url& url) { return (url.tls ? 64 : 128) * 1024; }

} // namespace agenthost::netclient
