// One small HTTP request with a server's connection settings: CA, client certificate, pins, proxy,
// `insecure`. For registration and similar calls. Blocking, every step has a time limit; use it on a thread
// of off_thread.hpp only.
//
// Follows no redirects: it sends credentials, which only the configured host may receive. Use
// netclient/http_client for transfers.
#pragma once

#include "netclient/proxy.hpp"
#include "netclient/tls.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::host {

struct HttpCall {
    std::string method = "GET";
    // http or https, without user information.
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    // For https.
    netclient::TlsContextPtr tls;
    std::optional<netclient::Proxy> proxy;
    // Hosts that are reached without the proxy (netclient/network.hpp).
    std::vector<std::string> no_proxy;
    // Allows http:// to hosts other than loopback.
    bool insecure = false;
    // The configuration key, for error texts.
    const char* key = "url";
    // Bytes of the body; a longer one is an error.
    std::size_t max_reply = 64 << 10;
    // The body is not read.
    bool head_only = false;
    // To one address, and for TLS.
    std::chrono::milliseconds connect_timeout{5'000};
    // From the request to the end of the answer.
    std::chrono::milliseconds answer_timeout{15'000};
};

struct HttpReply {
    // 0: no answer; see `problem`.
    int status = 0;
    // The answer's Date header; empty: none.
    std::string date;
    std::string body;
    // What, where, how to fix; no secret in it.
    std::string problem;
    // A retry cannot succeed: certificate, pin, invalid URL.
    bool fatal = false;
};

HttpReply http_call(const HttpCall&);

} // namespace agenthost::host
