// One small HTTP request with everything a server's configuration says about the way to it: CA, client certificate, pins, proxy,
// `insecure`. For registration and the like. Blocking, each step bounded; on a thread of off_thread.hpp only.
//
// No redirect is followed: what it carries are credentials, and they are for the host that was configured. netclient/http_client is for
// transfers.
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
    std::string url; // http or https, without user
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    netclient::TlsContextPtr tls; // for https
    std::optional<netclient::Proxy> proxy;
    bool insecure = false;   // admits http:// beyond loopback
    const char* key = "url"; // the configuration's, for remedies
    std::size_t most_reply = 64 << 10;
    bool head_only = false;                            // the body is not read
    std::chrono::milliseconds connect_patience{5'000}; // to one address, and for TLS
    std::chrono::milliseconds answer_patience{15'000}; // from the request to the end of the answer
};

struct HttpReply {
    int status = 0;      // 0: no answer; `problem` says why
    std::string date;    // the answer's Date header, empty: none
    std::string body;    // at most most_reply bytes: a longer one is a problem
    std::string problem; // what, where, how to fix; no secret in it
    bool fatal = false;  // trying again cannot help: certificate, pin, a URL that is none
};

HttpReply http_call(const HttpCall&);

} // namespace agenthost::host
