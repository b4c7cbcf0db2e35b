// One game server: feeds its machine with what people ask and the engine does, and carries out the effects in
// order. Owns its console and what is known of its container. On the engine thread; owned by the Fleet.
//
// Inputs wait while a change of the desired state is being written, so that no effect overtakes it.
//
// When the state cannot be stored (the disk is full), install, start, restart and an action that waits are
// undone and refused: an agent that starts again would not know of them. stop, kill and delete are carried
// out all the same, because they may be what frees the disk, but their answer is the error. The state is
// stored at the next input, at the latest after Fleet's poll interval.
#pragma once

#include "node_context.hpp"
#include "players_query.hpp"
#include "server_calls.hpp"
#include "usage.hpp"

#include "plugins/docker/console/console.hpp"
#include "plugins/docker/engine/events.hpp"
#include "plugins/docker/server/machine.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::docker::service {

// Of the server's own container, as inspect showed it last.
struct ContainerView {
    std::string id;
    std::int64_t pid = 0, started_ns = 0;
    bool running = false;
    // The machine has seen it since the engine returned.
    bool current = false;
    bool paused = false; // counts as running
    std::string name;
};

class ServerShell {
public:
    using AnswerFn = std::function<void(const server::Answer&)>;

    // `on_gone`: the server is deleted; destroy it, but not inside the call.
    ServerShell(NodeContext&, ServerSpec, const store::StoredServer&, std::function<void()> on_gone);
    ~ServerShell();
    ServerShell(const ServerShell&) = delete;
    ServerShell& operator=(const ServerShell&) = delete;

    void power(server::Power, AnswerFn);
    void cancel(const std::string& power_id);
    void away();
    void back(bool engine_restarted);
    void event(const engine::Event&);
    void poll() { feed(server::EngineEvent{}); }
    // The agent stops: callers get the state so far, and the next agent continues what is in progress.
    void answer_all();

    void send(const std::string& line, std::function<void(const std::string& why)> then);
    void read_log(const console::Query&, std::function<void(console::Page)> then);
    // Reads the container's usage again; nullptr when it does not run.
    const Usage* measure();

    [[nodiscard]] const ServerSpec& spec() const { return spec_; }
    [[nodiscard]] const std::string& payload_hash() const { return payload_hash_; }
    [[nodiscard]] server::State state() const { return machine_.state(); }
    [[nodiscard]] const server::Record& record() const { return machine_.record(); }
    // Or it is back and the server was not inspected yet, so what is known may be outdated.
    [[nodiscard]] bool engine_away() const { return machine_.engine_away() || !view_.current; }
    [[nodiscard]] const ContainerView& view() const { return view_; }
    // Why the game does nothing although its container runs; empty: nothing is known to be wrong.
    [[nodiscard]] std::string standstill() const;
    // Of the last question to the game; null: not known.
    [[nodiscard]] const Players* players() const;
    // Asks again how many there are, if the egg says how to ask.
    void ask_players();
    // Percent of the pull in progress.
    [[nodiscard]] std::optional<int> pulling() const { return pulling_; }
    [[nodiscard]] const std::string& folder() const { return folder_; }
    [[nodiscard]] const std::shared_ptr<ServerLife>& life() const { return life_; }
    // It is being deleted.
    [[nodiscard]] bool ending() const { return record().goal == server::Goal::remove || life_->ended(); }
    // Answers the request that has deleted it; once it is forgotten.
    void say_deleted();

private:
    // What a power action that cannot be stored has changed: everything since.
    struct Undo {
        server::Machine before;
        server::Power power;
    };

    void feed(server::Input);
    void pump();
    void step(const server::Input&);
    void saved(const std::optional<Problem>&);
    [[nodiscard]] bool undoes() const;
    void forget();
    void answer_not_forgotten(const Problem&);
    void on(const server::Save&);
    void on(const server::Call&);
    void on(const server::CancelPull&);
    void on(const server::Arm&);
    void on(const server::Disarm&);
    void on(const server::Answer&);
    void on(const server::StateChanged&);
    void on(const server::Note&);
    void on(const server::Gone&);

    ServerCalls::Handlers call_handlers();
    console::Console::Handlers console_handlers();
    void viewed(const engine::ContainerFacts*);
    void before_replacing(std::function<void()> then);
    void told_pull(const ImageRef&, const engine::PullProgress&);
    void tell_log(const console::LogEvent&);
    void warn(const std::string&);
    [[nodiscard]] console::DoneWatch done_watch() const;

    NodeContext& node_;
    const ServerSpec spec_;
    const std::string folder_, payload_hash_;
    const std::shared_ptr<ServerLife> life_ = std::make_shared<ServerLife>();
    std::function<void()> on_gone_;
    server::Machine machine_;
    std::deque<server::Input> inputs_;
    std::deque<server::Effect> effects_;
    bool pumping_ = false, saving_ = false, not_forgotten_ = false;
    std::optional<Undo> undo_;       // of the step whose effects are carried out
    std::optional<Problem> unsaved_; // why what is stored is outdated
    std::string unsaved_power_;      // the action that is carried out although it could not be stored
    std::array<std::unique_ptr<boost::asio::steady_timer>, server::timers> timers_;
    std::map<std::string, AnswerFn> answers_; // by the id of the power action; at most two
    std::vector<std::pair<AnswerFn, server::Answer>> last_answers_;

    ContainerView view_;
    std::string followed_; // the run whose log the console reads
    bool log_complete_ = true;
    std::optional<Usage> usage_;
    std::optional<UsageReader> reader_;
    std::string reader_run_;
    std::optional<int> pulling_;
    std::chrono::steady_clock::time_point pull_told_{};
    std::function<void()> replaced_; // waits for the end of the old container's log
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    ServerCalls calls_;
    std::unique_ptr<console::Console> console_;
    std::unique_ptr<PlayersQuery> query_;
};

} // namespace agenthost::docker::service
