// `isolation: process`, seen from the host: a plugin library in its own process, behind the same C ABI.
// runner_create() has the signature of agh_entry_v1::create, so the host core sees an agh_plugin_api and
// nothing else.
//
// Differences from a library in this process: invoke() only queues the request to the runner (AGH_PENDING, or
// AGH_E_BUSY if the runner does not read; it never blocks), so a plugin's refusal arrives through complete();
// the runner runs invoke() on as many threads as the manifest's "concurrency" says. When the runner dies
// every open request completes with AGH_REPLY_UNKNOWN and on_death is called; after that life-cycle calls
// fail with AGH_E_CLOSED and destroy() reaps the process. listener/1 is not available (AGH_E_UNSUPPORTED).
#pragma once

#include <agenthost/abi.h>

#include <cstdint>
#include <functional>
#include <string>

namespace agenthost::host {

struct RunnerSpec {
    std::string runner_program; // .../lib/agenthost/agenthost-runner
    std::string library;        // absolute path of the plugin's .so, already checked
    std::string plugin_id;
    // Called once, from the proxy's reader thread, when the runner ended without being asked to: "the runner
    // of storage (pid 42) died: signal 9 (Killed)". Not after destroy() has begun. Must not call destroy()
    // itself.
    std::function<void(std::string why)> on_death = {};
    std::uint32_t concurrency = 1; // the manifest's; 0 for "run": "inline": one thread
    // A round trip of create, start, configure, drain or destroy; 0: as long as the runner lives.
    std::uint32_t life_timeout_ms = 0;
};

// Spawns the runner and waits, on the caller's thread, for its create() to come back. On failure: the error
// filled, the runner gone and reaped.
agh_status runner_create(const RunnerSpec&, const agh_host_api*, agh_host*, agh_bytes config_json,
                         const agh_plugin_api** api, agh_plugin** plugin, agh_error*);

// Of a proxy made by runner_create; 0 when it is gone.
int runner_pid(agh_plugin*);

// Kills the runner without asking its plugin. As after a crash, open requests are answered and on_death is
// called. [any]
void runner_kill(agh_plugin*);

} // namespace agenthost::host
