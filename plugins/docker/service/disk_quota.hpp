// The kernel's limit on a server's folder: a project quota, where the file system has one. Elsewhere, and
// whenever a step fails, the agent goes on counting by a walk: a missing quota is never an error.
//
// begin() gives the folder its project before anything is written there, so that new files are counted;
// complete() marks what was there before and hands the limit over to the kernel. The project is stored before
// the folder is marked, and the folder's own mark wins over the store: an agent that was killed in between,
// and one whose store was lost, continue with the same project.
#pragma once

#include "project_ids.hpp"

#include "plugins/docker/files/control.hpp"
#include "plugins/docker/files/project_quota.hpp"
#include "plugins/docker/files/root.hpp"

#include <agenthost/context.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace agenthost::docker::service {

// What the quotas of all servers share: the projects, and what people are told. Any thread.
class DiskQuotas {
public:
    struct Options {
        std::uint32_t first_project = default_first_project; // 0: the agent counts
        std::string lists = "/etc";                          // the folder of projid and projects
        // Stores a server's project. Blocking; throws.
        std::function<void(const std::string& server, std::uint32_t project)> keep = [](const auto&, auto) {};
        std::function<void(Level, const std::string&)> log = [](Level, const std::string&) {};
        // The fact disk_limits: who counts, and why it is not the kernel.
        std::function<void(bool kernel, const std::string& why)> counts = [](bool, const std::string&) {};
    };
    explicit DiskQuotas(Options options) : options_{std::move(options)}, ids_{options_.first_project} {}

    // Says once who counts the limits of servers below this folder. True: the kernel. Blocking.
    bool look(const std::string& data_dir);
    // Empty, or why the kernel cannot count what is in the folder. Blocking.
    [[nodiscard]] std::string unavailable(int folder) const;
    // The project for a server's folder, stored. Blocking; throws.
    std::uint32_t choose(const std::string& server, int folder);
    // Removes the limit of a server whose folder is gone. Blocking.
    void end(const std::string& server, const std::string& data_dir);
    // That the agent counts, for all servers or for one. Each reason once.
    void tell_agent_counts(const std::string& why);
    void tell_agent_counts(const std::string& server, const std::string& why);
    void tell(const std::string& text);
    [[nodiscard]] ProjectIds& ids() { return ids_; }

private:
    const Options options_;
    ProjectIds ids_;
    std::mutex mutex_;
    std::set<std::string> told_;
};

// Of one server. Every call but due() blocks; any thread.
class DiskQuota {
public:
    // `quotas` outlives it.
    DiskQuota(DiskQuotas& quotas, std::string server, std::shared_ptr<files::Root> root)
        : quotas_{quotas}, server_{std::move(server)}, root_{std::move(root)}
    {}

    // Quick, the first time only. Does not throw.
    void begin(std::uint64_t max_bytes);
    // complete() has something to do. Never blocks.
    [[nodiscard]] bool due(std::uint64_t max_bytes) const;
    // As long as a walk. Throws CANCELLED.
    void complete(std::uint64_t max_bytes, files::Control&);
    // The server is deleted: removes the limit, and complete() sets none any more.
    void end();

private:
    enum class State : std::uint8_t {
        fresh,
        walk,   // the agent counts
        marked, // the folder has its project
        in_force,
        ended
    };
    void set_limit(std::uint64_t max_bytes); // with the lock
    void give_up(const std::string& why);    // with the lock

    DiskQuotas& quotas_;
    const std::string server_;
    const std::shared_ptr<files::Root> root_;
    std::mutex mutex_; // held for single steps, not while contents are marked
    std::uint32_t project_ = 0;
    std::atomic<State> state_ = State::fresh;
    std::atomic<std::uint64_t> limit_ = 0; // of state in_force
};

} // namespace agenthost::docker::service
