// Manages the daemon's plugins: starts them in parallel, offers them to callers, replaces them on reload,
// stops them. A thin shell around one PluginMachine per plugin, which decides; this class executes its
// actions and reports back. A failed plugin is reported and does not affect the others, unless it is
// `required`. PluginBatches collects what a start or a reload has changed.
//
// More than 25 members, because each action of the machine and each result of a plugin is a function.
// Every event of every plugin goes through one queue, so that a callback during a step becomes the next step.
// Callbacks after this object is destroyed do nothing. Main I/O thread.
#pragma once

#include "plugin_batches.hpp"

#include "host/config/config.hpp"
#include "host/plugin/machine.hpp"
#include "host/plugin/plugin.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::host {

class Dispatcher;
class Facts;
class Registry;
class Services;

class PluginSet {
public:
    using Make = std::function<std::unique_ptr<Plugin>(const FoundPlugin&, const PluginConfig&)>;
    struct Parts {
        boost::asio::any_io_executor main;
        Services& services;
        Registry& registry;
        Dispatcher& dispatcher;
        Facts& facts;
        std::string runner; // the runner program
        Make make{};        // empty: make_plugin(); replaced by tests
    };
    explicit PluginSet(Parts);
    ~PluginSet();
    PluginSet(const PluginSet&) = delete;
    PluginSet& operator=(const PluginSet&) = delete;

    using Done = PluginBatches::Done;
    // Applies a configuration: starts, configures, restarts, stops. `found`: the current content of the
    // plugin path `path`, read by the caller off the I/O thread. `done` is called once every plugin of the
    // configuration runs or has failed; never after stop() was answered.
    void apply(const std::vector<PluginConfig>& wanted, std::vector<FoundPlugin> found,
               const std::string& path, Done done);
    // Takes precedence: a waiting apply() is answered, no further one is accepted, and `done` is called when
    // no plugin is left, including those that were already stopping.
    void stop(std::chrono::milliseconds grace, std::function<void()> done);
    void died(const std::string& id, const std::string& why); // its requests are finished
    void changed(const std::string& id);                      // its status has changed by itself

    [[nodiscard]] std::vector<PluginStatus> status() const; // failed ones too
    // Current problems, one sentence each.
    [[nodiscard]] std::vector<std::string> problems() const;
    void check_health(); // queries every plugin; results appear in problems()

private:
    struct Entry {
        PluginMachine machine;
        PluginConfig config;                // the wanted configuration
        std::shared_ptr<FoundPlugin> found; // its files; null: not in `path`
        std::string path;
        std::unique_ptr<Plugin> plugin;
        std::shared_ptr<const Manifest> manifest; // of `plugin`
        std::string health, logged;               // `logged`: the last problem in the log
        bool offered = false;
        std::uint64_t restarts_before = 0; // of the runners of earlier instances
    };
    using Event = std::pair<std::string, PluginMachine::Event>;

    void feed(const std::string& id, PluginMachine::Event);
    void request(const PluginConfig&, const FoundPlugin*, const std::string& path,
                 const std::shared_ptr<PluginBatches::Batch>&);
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
    void log_recovery(const std::string& id, Entry&, const PluginStatus&);
    [[nodiscard]] std::string restart_notice(const std::string& id) const;
    template <class F> auto while_here(F); // a callback that does nothing after this is destroyed

    Parts parts_;
    std::map<std::string, Entry> entries_;
    std::deque<Event> events_; // bounded by the callers: a request or the end of an operation each
    bool stepping_ = false, closed_ = false;
    std::chrono::milliseconds grace_;
    PluginBatches batches_;
    // Kept until the next turn of the loop, because we may be inside one of their callbacks.
    std::vector<std::unique_ptr<Plugin>> retired_;
    std::shared_ptr<int> here_ = std::make_shared<int>(0);
};

} // namespace agenthost::host
