// The plugins of this daemon: found, loaded side by side, registered, replaced on reload, stopped. A plugin that fails is reported
// and stops nobody else, unless it is `required`. Main I/O thread.
#pragma once

#include "host/config/config.hpp"
#include "host/plugin/plugin.hpp"

#include <boost/asio/any_io_executor.hpp>

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
    struct Rooms {
        boost::asio::any_io_executor main;
        Services& services;
        Registry& registry;
        Dispatcher& dispatcher;
        Facts& facts;
        std::vector<std::string> path;
        std::string runner; // the runner program
    };
    explicit PluginSet(Rooms rooms) : rooms_{std::move(rooms)} {}

    // `done` once every one is running or has failed. `required_failed` names those that must not fail; empty: go on.
    using Started = std::function<void(std::vector<std::string> required_failed)>;
    void start(const std::vector<PluginConfig>&, Started done);
    // What changed since: new ones start, others are configured anew or stop. `done` gets one sentence a change or problem.
    // `found`: what lies in path() now, read by the caller off the I/O thread.
    void apply(const std::vector<PluginConfig>&, std::vector<FoundPlugin> found,
               std::function<void(std::vector<std::string> changes)> done);
    [[nodiscard]] const std::vector<std::string>& path() const { return rooms_.path; }
    void stop(std::chrono::milliseconds grace, std::function<void()> done);
    void died(const std::string& id, const std::string& why);

    [[nodiscard]] std::vector<PluginStatus> status() const; // failed ones too
    // Why the set is not healthy, one sentence each.
    [[nodiscard]] std::vector<std::string> problems() const;
    void check_health(); // asks every plugin; answers show in problems()

private:
    struct Entry {
        PluginConfig config;
        std::unique_ptr<Plugin> plugin; // null: it was never made; `problem` says why
        std::string problem, health;
        bool registered = false;
    };
    using Done = std::function<void(std::string change)>;
    void start_one(const PluginConfig&, const std::vector<FoundPlugin>&, Done);
    void stop_one(const std::string& id, std::chrono::milliseconds grace, Done);

    Rooms rooms_;
    std::map<std::string, Entry> entries_;
    // Stopped ones stay: in-process libraries are never unmapped and late calls must find their handle. Bound: reloads by hand.
    std::vector<std::unique_ptr<Plugin>> retired_;
};

} // namespace agenthost::host
