// The findings of `agenthost doctor`: one line each, with the remedy. The checks are in doctor_local.cpp
// (this machine) and doctor_server.cpp (each server, over the network); doctor.cpp puts them in order and
// prints.
#pragma once

#include "context.hpp"

#include "netclient/http_head.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::cli {

enum class Verdict { good, doubtful, bad };

struct Finding {
    Verdict verdict;
    std::string area; // "disk", "server files"
    std::string text;
    std::string remedy; // empty when good
};
using Findings = std::vector<Finding>;

// This machine.
void check_clock(Findings&);
void check_state(Findings&, const Config&);  // the state directory and its disk
void check_limits(Findings&, const Config&); // open files
void check_control(Findings&, const Context&, bool& running);
void check_credentials(Findings&, const Config&);
void check_plugins(Findings&, const Config&);
void check_listeners(Findings&, const Config&, bool running); // running: the daemon itself uses the ports

// Checks a server: DNS, proxy, TCP, TLS, WebSocket, its clock. Without logging in: no credential is sent.
Findings check_server(const ServerConfig&, std::chrono::milliseconds timeout);

// "valid for 3 days"; adds a finding if it expires soon or has expired.
std::string describe_expiry(Findings&, const std::string& area, const std::string& what, int days);

// Checks what a response to an upgrade request means for a session. `ahead`: our clock minus theirs in
// seconds.
void check_upgrade(Findings&, const std::string& area, const ServerConfig&, const netclient::ResponseHead&);
void check_clock(Findings&, const std::string& area, const ServerConfig&, std::int64_t ahead);

} // namespace agenthost::host::cli
