// All commands of this plugin: who waits, who runs, whose output is still kept. Handlers come on the host's thread and only hand over; everything
// else is the loop's. A command belongs to the server that asked for it: another server neither sees nor touches it; the machine's own
// control socket sees all.
#pragma once

#include "config.hpp"
#include "job.hpp"
#include "loop.hpp"
#include "queue.hpp"
#include "user.hpp"

#include <agenthost/plugin.hpp>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace agenthost::terminal {

class Service final : public JobOwner {
public:
    Service(Context&, Config);
    ~Service() override;

    void start();           // [ctl] throws Error
    void configure(Config); // [ctl] for commands to come; throws Error
    void drain();           // [ctl]
    Health health();        // [ctl]

    // Actions, on the host's thread.
    void run(Request);
    void interrupt(Request);
    void input(Request);
    void resize(Request);
    void list(Request);
    void attach(Request);

private:
    using Key = std::pair<std::string, std::string>; // server, commandId
    using JobPtr = std::shared_ptr<Job>;
    struct Users {
        User standard;
        std::map<std::string, User> others; // that a caller may name
    };

    template <class F> void on_loop(Request, F); // errors thrown there answer the request
    void run_now(Request&);
    void begin_next();
    void queue_changed();
    void say_queue();
    void forget_old();
    void keep(JobPtr);
    JobPtr find(std::string_view server, const std::string& id, bool ended_too);
    JobPtr known(const Request&, const std::string& id, bool ended_too = false); // throws
    const User& user_for(const RunParams&) const;
    static Users look_up(const Config&);
    static void check_helper(const Config&);
    void count(Job&);
    void open_cgroups(const Config&);

    // JobOwner
    Loop& loop() override { return loop_; }
    Cgroup make_cgroup(const Config&) override;
    std::string ring_file(const Job&) override;
    WindowBudget& window_budget() override { return windows_; }
    void started(Job&) override;
    void outside_cgroup() override;
    void ended(Job&) override;
    void settled() override;
    void cancelled(Job&) override;
    void writable_later(std::weak_ptr<Job>, agh_req) override;
    void cancel_later(std::weak_ptr<Job>, agh_req) override;

    Context& context_;
    const std::string helper_;
    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Users> users_;
    Loop loop_;
    Cgroups cgroups_;
    std::mutex problem_mutex_;
    std::string limits_problem_; // of limits that were asked for; under the mutex
    std::string ring_dir_;
    Queue<JobPtr> queue_;
    WindowBudget windows_;
    std::map<Key, JobPtr> jobs_;  // that wait or run
    std::deque<JobPtr> finished_; // oldest first
    std::uint64_t last_id_ = 0, last_ring_ = 0;
    std::string boot_; // makes made ids unique across restarts
    bool draining_ = false, queue_dirty_ = false;
    std::map<std::string, bool> told_; // servers that heard of a queue that was not empty
    Loop::Timer tidy_ = 0;
    std::optional<std::uint32_t> commands_metric_, bytes_metric_, running_metric_, queued_metric_;
};

} // namespace agenthost::terminal
