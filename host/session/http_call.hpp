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
    std::string url; // http or https, without user info
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    netclient::TlsContextPtr tls; // for https
    std::optional<netclient::Proxy> proxy;
    bool insecure = false;   // allows http:// to hosts other than loopback
    const char* key = "url"; // the configuration key, for error texts
    std::size_t most_reply = 64 << 10;
    bool head_only = false;                            // the body is not read
    std::chrono::milliseconds connect_patience{5'000}; // to one address, and for TLS
    std::chrono::milliseconds answer_patience{15'000}; // from the request to the end of the answer
};

struct HttpReply {
    int status = 0;      // 0: no answer; see `problem`
    std::string date;    // the answer's Date header, empty: none
    std::string body;    // at most most_reply bytes; a longer one is an error
    std::string problem; // what, where, how to fix; no secret in it
    bool fatal = false;  // a retry cannot succeed: certificate, pin, invalid URL
};

HttpReply http_call(const HttpCall&);

} // namespace agenthost::host
