// The probe plugin (tests/unit/sdk/probe) as an entry: from this process, or through a runner.
#pragma once

#include "host/runner/runner_client.hpp"
#include "tests/support/support.hpp"

#include <agenthost/testing/fake_host.hpp>
#include <agenthost/testing/load.hpp>

#include <sys/mman.h>

#include <mutex>
#include <string>
#include <vector>

inline std::string probe_library() { return agenthost::test::binary_dir() / "tests/plugins/sdk_probe.so"; }
inline const agh_entry_v1& in_process_probe() { return agenthost::testing::load_entry(probe_library()); }

// An entry whose create() starts a runner. One at a time: create() of the C ABI carries no context.
class Isolated {
public:
    Isolated()
    {
        current = this;
        spec = {.runner_program = agenthost::test::binary_dir() / "lib/agenthost/agenthost-runner",
                .library = probe_library(),
                .plugin_id = "sdk_probe",
                .on_death =
                    [this](std::string why) {
                        const std::scoped_lock lock{mutex_};
                        deaths_.push_back(std::move(why));
                    },
                .concurrency = 2};
    }
    ~Isolated() { current = nullptr; }
    Isolated(const Isolated&) = delete;
    Isolated& operator=(const Isolated&) = delete;

    [[nodiscard]] const agh_entry_v1& entry() const { return entry_; }
    [[nodiscard]] int pid() const { return agenthost::host::runner_pid(plugin); }
    [[nodiscard]] std::vector<std::string> deaths()
    {
        const std::scoped_lock lock{mutex_};
        return deaths_;
    }
    agenthost::host::RunnerSpec spec;
    agh_plugin* plugin = nullptr;
    const agh_plugin_api* api = nullptr;

private:
    static agh_status create(const agh_host_api* api, agh_host* host, agh_bytes config,
                             const agh_plugin_api** table, agh_plugin** plugin, agh_error* error)
    {
        const agh_status said =
            agenthost::host::runner_create(current->spec, api, host, config, table, plugin, error);
        if (said == AGH_OK) current->plugin = *plugin, current->api = *table;
        return said;
    }
    static inline Isolated* current = nullptr;
    static constexpr agh_entry_v1 entry_{sizeof(agh_entry_v1), AGH_ABI_MAJOR, AGH_ABI_MINOR, 0, {}, create};
    std::mutex mutex_;
    std::vector<std::string> deaths_;
};
