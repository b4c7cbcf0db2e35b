#include "machine.hpp"

#include <utility>

namespace agenthost::host {

namespace {

constexpr const char* daemon_stops = "the daemon is stopping";

} // namespace

const char* to_string(PluginMachine::Stage stage)
{
    switch (stage) {
    case PluginMachine::Stage::stopped: return "stopped";
    case PluginMachine::Stage::starting: return "starting";
    case PluginMachine::Stage::running: return "running";
    case PluginMachine::Stage::configuring: return "configuring";
    case PluginMachine::Stage::stopping: return "stopping";
    case PluginMachine::Stage::stuck: return "stuck";
    case PluginMachine::Stage::failed: break;
    }
    return "failed";
}

std::vector<PluginMachine::Action> PluginMachine::step(Event event)
{
    std::visit([this](auto& one) { on(one); }, event);
    return std::exchange(actions_, {});
}

// --- requests

void PluginMachine::on(Run& run)
{
    if (!admit(run.waiter)) return;
    wanted_ = std::move(run.spec);
    if (stage_ == Stage::failed)
        return recovering_ ? begin_stop() : begin_start(); // a request starts a new attempt
    if (at_rest()) settle();
}

void PluginMachine::on(Remove& remove)
{
    if (!admit(remove.waiter)) return;
    wanted_.reset();
    if (at_rest()) settle();
}

void PluginMachine::on(Close& close)
{
    if (!closed_) {
        closed_ = true;
        wanted_.reset();
        answer(Answer::Outcome::failed, daemon_stops);
    }
    waiters_.push_back(close.waiter); // few: one for each caller of PluginSet::stop()
    if (at_rest()) return settle();
    if (stage_ == Stage::stopping)
        actions_.emplace_back(Stop{operation_});
    else
        begin_stop(); // the result of a start or configure under way is ignored
}

bool PluginMachine::admit(Waiter waiter)
{
    if (!closed_ && waiters_.size() < max_waiters) {
        waiters_.push_back(waiter);
        return true;
    }
    actions_.emplace_back(Answer{waiter, Answer::Outcome::failed,
                                 closed_ ? daemon_stops
                                         : std::string{"is "} + to_string(stage_) +
                                               ", and too many requests wait for it; try again later"});
    return false;
}

// --- results of operations

void PluginMachine::on(Started& started)
{
    if (!expects(started.operation) || stage_ != Stage::starting) return;
    operation_ = 0;
    if (started.problem.empty()) {
        running_ = tried_;
        stage_ = Stage::running;
        reason_.clear();
        done_ = done_.empty() ? "started" : "restarted";
        return settle();
    }
    if (started.alive) {
        running_ = tried_;
        refused_ = std::move(started.problem);
        return begin_stop();
    }
    if (started.recovers) {
        running_ = tried_;
        stage_ = Stage::failed;
        recovering_ = true;
        reason_ = std::move(started.problem);
        if (superseded()) return begin_stop(); // a newer request does not wait for the restart
        return answer(Answer::Outcome::failed, reason_);
    }
    fail(std::move(started.problem));
}

void PluginMachine::on(Configured& configured)
{
    if (!expects(configured.operation) || stage_ != Stage::configuring) return;
    operation_ = 0;
    if (!configured.alive) {
        actions_.emplace_back(Withdraw{configured.problem});
        running_.reset();
        return fail(std::move(configured.problem));
    }
    stage_ = Stage::running;
    if (configured.problem.empty()) {
        running_->config = tried_.config;
        done_ = "configured";
        return settle();
    }
    if (superseded()) return settle();
    wanted_ = running_;
    answer(Answer::Outcome::failed, "keeps its old configuration: " + configured.problem);
}

void PluginMachine::on(Stopped& stopped)
{
    if (!expects(stopped.operation) || stage_ != Stage::stopping) return;
    operation_ = 0;
    running_.reset();
    needs_restart_ = false;
    stage_ = Stage::stopped;
    if (!refused_.empty()) return fail(std::exchange(refused_, {}));
    reason_.clear();
    done_ = "stopped" + (stopped.problem.empty() ? "" : ", but " + stopped.problem);
    settle();
}

// --- events outside operations

void PluginMachine::on(Died& died)
{
    if (!exists() && stage_ != Stage::configuring) return; // the result of the start or stop reports it
    const bool newer = stage_ == Stage::configuring && superseded();
    if (stage_ != Stage::configuring)
        tried_ = *wanted_; // at rest the wanted configuration is the one that was tried
    operation_ = 0;
    stage_ = Stage::failed;
    recovering_ = died.recovers;
    reason_ = std::move(died.why);
    if (!died.recovers) {
        actions_.emplace_back(Withdraw{reason_});
        running_.reset();
        return fail(std::string{reason_});
    }
    if (newer) return begin_stop(); // a newer request does not wait for the restarts return
    wanted_ = running_;             // it is restarted with its old configuration
    answer(Answer::Outcome::failed, reason_);
}

void PluginMachine::on(Recovered& recovered)
{
    if (stage_ != Stage::failed || !recovering_) return;
    if (!recovered.problem.empty()) {
        refused_ = std::move(recovered.problem);
        return begin_stop();
    }
    recovering_ = false;
    reason_.clear();
    stage_ = Stage::running;
}

void PluginMachine::on(Stuck& stuck)
{
    if (stage_ != Stage::running && stage_ != Stage::stuck) return;
    stage_ = Stage::stuck;
    reason_ = std::move(stuck.why);
}

void PluginMachine::on(Freed&)
{
    if (stage_ != Stage::stuck) return;
    stage_ = Stage::running;
    reason_.clear();
}

// --- the next operation

bool PluginMachine::at_rest() const
{
    return stage_ != Stage::starting && stage_ != Stage::configuring && stage_ != Stage::stopping;
}

bool PluginMachine::exists() const
{
    return stage_ == Stage::running || stage_ == Stage::stuck || (stage_ == Stage::failed && recovering_);
}

bool PluginMachine::superseded() const { return !wanted_ || *wanted_ != tried_; }

void PluginMachine::fail(std::string why)
{
    stage_ = Stage::failed;
    recovering_ = false;
    reason_ = std::move(why);
    if (superseded()) return wanted_ ? begin_start() : settle();
    answer(Answer::Outcome::failed, reason_);
}

void PluginMachine::settle()
{
    if (!wanted_) {
        if (exists()) return begin_stop();
        stage_ = Stage::stopped;
        reason_.clear();
        return answer(Answer::Outcome::changed, done_.empty() ? "removed" : done_);
    }
    if (stage_ == Stage::stopped) return begin_start();
    if (exists() && stage_ != Stage::failed) settle_running();
}

// A library in this process stays mapped until the process ends, so only an isolated plugin can load a new
// file.
void PluginMachine::settle_running()
{
    const bool other_file = wanted_->file != running_->file;
    if (wanted_->isolated != running_->isolated || (other_file && wanted_->isolated)) return begin_stop();
    needs_restart_ = other_file;
    if (wanted_->config != running_->config) return begin_configure();
    answer(done_.empty() ? Answer::Outcome::unchanged : Answer::Outcome::changed, done_);
}

void PluginMachine::begin_start()
{
    stage_ = Stage::starting;
    recovering_ = false;
    tried_ = *wanted_;
    operation_ = ++last_operation_;
    actions_.emplace_back(Start{operation_, tried_});
}

void PluginMachine::begin_configure()
{
    stage_ = Stage::configuring;
    tried_ = *wanted_;
    operation_ = ++last_operation_;
    actions_.emplace_back(Configure{operation_, tried_});
}

void PluginMachine::begin_stop()
{
    stage_ = Stage::stopping;
    recovering_ = false;
    operation_ = ++last_operation_;
    actions_.emplace_back(Withdraw{closed_ || !wanted_ ? "is stopping" : "is being restarted"});
    actions_.emplace_back(Stop{operation_});
}

void PluginMachine::answer(Answer::Outcome outcome, const std::string& text)
{
    for (const Waiter waiter : std::exchange(waiters_, {}))
        actions_.emplace_back(Answer{waiter, outcome, text});
    done_.clear();
}

} // namespace agenthost::host
