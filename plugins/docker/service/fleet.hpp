// All game servers of this node, and what is known of its engine: follows the engine's events, hands them to
// their servers, notifies all of them when the engine goes away and returns, and admits new ones.
//
// The state of a server comes from inspect, the events and its stored record; on each connection to the
// engine all of them look again. Containers that carry our label but belong to no known server are left alone
// and named in the log. On the engine thread; health() from any.
#pragma once

#include "node_context.hpp"
#include "server_shell.hpp"

#include "plugins/docker/engine/event_stream.hpp"
#include "plugins/docker/ledger/ledger.hpp"
#include "plugins/docker/store/open.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace agenthost::docker::service {

class Fleet {
public:
    struct Outputs {
        std::function<void(std::string_view topic, const std::string& json)> emit;
        std::function<void(std::string_view key, const std::string& json)> publish; // a fact
        std::function<void(Level, const std::string&)> log;
        std::function<void(const std::string& id)> deleted;
        std::function<std::optional<DiskUse>(const ServerShell&)> disk_use;         // never blocks
        std::function<void(const FileScope&)> limit_disk = [](const FileScope&) {}; // on the pool
        std::function<void(const FileScope&)> free_disk = [](const FileScope&) {};  // the same
    };
    struct Creation {
        ServerSpec spec;
        std::string payload;
        server::Power power; // the installation
        ServerShell::AnswerFn answer;
        std::function<void(const Problem&)> refused;    // nothing was done
        std::function<void(const ServerShell&)> exists; // already, from the same payload
    };
    using Servers = std::map<std::string, std::unique_ptr<ServerShell>, std::less<>>;

    Fleet(engine::Client&, const Config&, std::unique_ptr<store::Store>, Pools, std::filesystem::path state,
          Outputs);
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    // Before the engine thread starts.
    void load(const store::Store::Loaded&);
    void start();
    void drain();

    void create(Creation);
    [[nodiscard]] ServerShell* find(std::string_view id);
    [[nodiscard]] const Servers& servers() const { return servers_; }
    [[nodiscard]] Images& images() { return images_; }
    [[nodiscard]] Records& records() { return records_; }
    [[nodiscard]] const ledger::Ledger& ledger() const { return ledger_; }
    [[nodiscard]] const NodeContext& node() const { return node_; }
    [[nodiscard]] const std::optional<engine::EngineFacts>& engine() const { return engine_; }
    [[nodiscard]] bool away() const { return away_; }
    // Why the engine does not answer; without a message if it does. From any thread.
    [[nodiscard]] Problem trouble() const;
    // Until the engine has answered or is known to be away. From any thread but the engine's.
    void wait_for_engine(std::chrono::milliseconds max);

private:
    void opened(const engine::EventStream::Opened&);
    void went_away(const engine::Error&);
    void silent(const std::optional<engine::Error>&);
    void on_event(const engine::Event&);
    void name_foreign_containers();
    [[nodiscard]] bool of_another_agent(const engine::Labels&) const;
    [[nodiscard]] bool restarted(const engine::EventStream::Opened&);
    void add(const store::StoredServer&, ServerSpec);
    void remove_later(const std::string& id);
    void repeat(Creation&);
    std::optional<Problem> plan(const Creation&, store::StoredServer&) const;
    void ask_strangers(const std::string& id, std::vector<ledger::HostPort>,
                       std::function<void(const std::vector<ledger::Stranger>&)> then);
    [[nodiscard]] std::optional<Problem> refusal() const;
    void admit(const std::shared_ptr<Creation>&, const store::StoredServer&,
               const std::vector<ledger::Stranger>&);
    void stored(Creation, const store::StoredServer&, const std::optional<Problem>&);
    void withdraw(const std::string& id, std::function<void()> then);
    void poll();
    void report_usage();
    void publish_count();
    void publish_engine();
    void set_trouble(Problem);

    const Config& config_;
    engine::Client& client_;
    Outputs outputs_;
    Records records_;
    Images images_;
    NodeContext node_;
    ledger::Ledger ledger_;
    Servers servers_;
    Servers withdrawn_; // created, but not installed; until the store has forgotten them
    std::set<std::string> creating_, foreign_;
    // Stored, but not servers: their configuration cannot be read, or the store would not forget them.
    std::set<std::string> leftover_;
    std::optional<engine::EngineFacts> engine_;
    bool away_ = true, draining_ = false;
    bool published_away_ = false; // of an engine that has answered before
    std::string engine_process_;  // "pid:start"; empty: not known
    int published_count_ = -1;
    std::string published_capabilities_;
    mutable std::mutex trouble_mutex_;
    std::condition_variable looked_;
    bool has_looked_ = false;
    Problem trouble_{code::docker_error, "the engine has not answered yet"};
    boost::asio::steady_timer poll_timer_, usage_timer_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    std::unique_ptr<engine::EventStream> stream_;
};

} // namespace agenthost::docker::service
