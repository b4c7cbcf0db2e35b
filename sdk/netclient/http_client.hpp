// HTTP transfers of any size with flat memory: a GET into a sink, a PUT or POST from a file. Blocking, for a thread of the
// transfer's own; a cancel or the deadline ends it within milliseconds.
//
// What it takes care of: verified TLS; the address policy, on the address that is connected to, again after every redirect;
// at most `redirects` of them, none from https to http, no credentials to another origin; the network settings of the server that
// asked (proxy, TLS, its own origin); a broken GET is resumed by Range and If-Range where the server can, else started over; the retry
// budget; idle timeouts and a minimum rate. What it does not do: keep-alive, cookies, compressed bodies. One client serves any number
// of threads.
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

// Where a GET's bytes go. Its words of refusal end the transfer for good and are the caller's to explain.
class Sink {
public:
    virtual ~Sink() = default;
    // The answer's head is there, no byte of the body yet. `total` is the whole body's size, when the server says it. Also
    // called when a transfer goes on after a break. false: stop.
    virtual bool begin(std::optional<std::uint64_t> total) = 0;
    virtual bool write(const char* data,
                       std::size_t size) = 0; // in order; up to 128 KiB at a time. false: stop
    virtual bool restart() = 0;               // forget what came; the next byte is the first. false: stop
    // Can what came before a break be trusted to join with what follows even when the server gives no strong validator?
    [[nodiscard]] virtual bool verifies_content() const { return false; }
    // Is a body that only ends with the connection acceptable (the sink knows by itself whether it is whole)?
    [[nodiscard]] virtual bool knows_end() const { return false; }
};

// What a PUT or POST sends. Read anew from `offset` 0 for each attempt.
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
        refused, // the other end said no (4xx), or what it does cannot work: trying again is no use
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
    std::chrono::milliseconds idle_timeout{10'000}; // no byte moves; a third of the retry budget's time
    std::chrono::milliseconds answer_timeout{
        60'000}; // for the answer once a body is sent: the other end may be syncing its disk
    base::RateFloor::Limits
        least_rate{}; // of a body; slower is a failure for good, as a retry would be no faster
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
    Transfer get(const Call&, Sink&, const Patience&);
    Transfer send(std::string_view method, const Call&, const Body&, const Patience&); // PUT or POST

    [[nodiscard]] const HttpOptions& options() const { return options_; }

private:
    friend class Exchange;
    // Made when first needed, so plain transfers never pay for it; made again when a certificate file was renewed.
    TlsResult tls(const TlsClientConfig&);

    struct KnownTls {
        TlsClientConfig config;
        std::shared_ptr<RenewedTls> tls;
    };
    static constexpr std::size_t max_tls =
        16; // contexts kept: one for each server that asks, and one for the others

    HttpOptions options_;
    Resolver resolver_;
    std::mutex mutex_; // guards tls_
    std::vector<KnownTls> tls_;
};

// Twice as much gains nothing measurable; with TLS the cipher is what takes the time.
constexpr std::size_t transfer_buffer(const Url& url) { return (url.tls ? 64 : 128) * 1024; }

} // namespace agenthost::netclient
