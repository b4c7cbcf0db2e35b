// The plugins of this daemon: found, started side by side, offered to callers, replaced on reload, stopped. A thin shell around one
// PluginMachine each, which decides; this carries out what it says and reports back. A plugin that fails is reported and stops nobody
// else, unless it is `required`.
//
// Every event of every plugin goes through one queue, so that a callback that arrives in the middle of a step is the next step. Callbacks
// that come after this object is gone do nothing. Main I/O thread.
#pragma once

#include "host/config/config.hpp"
#include "host/plugin/machine.hpp"
#include "host/plugin/plugin.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace agenthost::host {

class Dispatcher;
class Facts;
class Registry;
class Services;

// How a start or a reload went, one sentence each.
struct PluginChanges {
    std::vector<std::string> changes;
    std::vector<std::string> notices;         // what a person must do: restart the daemon for a new library
    std::vector<std::string> failed;          // plugins that do not run, or run with their old configuration
    std::vector<std::string> required_failed; // those of them that must run
};

class PluginSet {
public:
    using Make = std::function<std::unique_ptr<Plugin>(const FoundPlugin&, const PluginConfig&)>;
    struct Rooms {
        boost::asio::any_io_executor main;
        Services& services;
        Registry& registry;
        Dispatcher& dispatcher;
        Facts& facts;
        std::string runner; // the runner program
        Make make{};        // empty: make_plugin(); tests bring their own
    };
    explicit PluginSet(Rooms);
    ~PluginSet();
    PluginSet(const PluginSet&) = delete;
    PluginSet& operator=(const PluginSet&) = delete;

    using Done = std::function<void(const PluginChanges&)>;
    // Makes it so: starts, configures, restarts, stops. `found`: what lies in the plugin path `path` now, read by the caller off the I/O
    // thread. `done` is called once every plugin of the configuration runs or has failed; never after stop() was answered.
    void apply(const std::vector<PluginConfig>& wanted, std::vector<FoundPlugin> found,
               const std::string& path, Done done);
    // Always wins: an apply() that waits is answered, none is accepted any more, and `done` is called when no plugin is left, also
    // those that were stopping already.
    void stop(std::chrono::milliseconds grace, std::function<void()> done);
    void died(const std::string& id, const std::string& why); // requests of it are over
    void changed(const std::string& id);                      // its status has changed by itself

    [[nodiscard]] std::vector<PluginStatus> status() const; // failed ones too
    // Why the set is not healthy, one sentence each.
    [[nodiscard]] std::vector<std::string> problems() const;
    void check_health(); // asks every plugin; answers show in problems()

private:
    struct Entry {
        PluginMachine machine;
        PluginConfig config;                // what is wanted
        std::shared_ptr<FoundPlugin> found; // where; null: nowhere in `path`
        std::string path;
        std::unique_ptr<Plugin> plugin;
        std::shared_ptr<const Manifest> manifest; // of `plugin`
        std::string health, said;                 // `said`: the last problem in the log
        bool offered = false;
        std::uint64_t restarts_before = 0; // of the runners of earlier instances
    };
    struct Batch; // one apply(), until all its plugins have answered
    static constexpr std::size_t max_batches = 32;
    using Event = std::pair<std::string, PluginMachine::Event>;
    using Answered = std::function<void(const std::string& id, const PluginMachine::Answer&)>;

    void feed(const std::string& id, PluginMachine::Event);
    void request(const PluginConfig&, const FoundPlugin*, const std::string& path,
                 const std::shared_ptr<Batch>&);
    void perform(const std::string& id, PluginMachine::Action&);
    void start(const std::string& id, PluginMachine::Operation);
    void started(const std::string& id, PluginMachine::Operation, const std::string& problem);
    void configure(const std::string& id, PluginMachine::Operation, const PluginSpec&);
    void stop(const std::string& id, PluginMachine::Operation);
    void stopped(const std::string& id, PluginMachine::Operation, const std::string& problem);
    void withdraw(Entry&, const std::string& why);
    void retire(Entry&);
    void after_step(const std::string& id);
    std::string offer_again(const std::string& id, Entry&);
    void say_recovery(const std::string& id, Entry&, const PluginStatus&);
    void answer_batch(Batch&, const std::string& id, const PluginMachine::Answer&);
    PluginMachine::Waiter wait(Answered);
    template <class F> auto while_here(F); // a callback that does nothing once this is gone

    Rooms rooms_;
    std::map<std::string, Entry> entries_;
    std::deque<Event> events_; // bounded by the callers: a request or the end of an operation each
    bool stepping_ = false, closed_ = false;
    std::chrono::milliseconds grace_;
    std::map<PluginMachine::Waiter, Answered> waiters_;
    std::size_t batches_ = 0;
    PluginMachine::Waiter last_waiter_ = 0;
    std::vector<std::unique_ptr<Plugin>>
        retired_; // until the next turn of the loop: we may be inside a callback of theirs
    std::shared_ptr<int> here_ = std::make_shared<int>(0);
};

} // namespace agenthost::host
