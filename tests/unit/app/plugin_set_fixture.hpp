// A PluginSet with its parts real and its plugins fake: each does what the test says, when the test says it.
#pragma once

#include "host/app/plugin_set.hpp"
#include "host/app/services.hpp"
#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "host/dispatch/registry.hpp"
#include "host/listener/listener.hpp"
#include "host/observe/metrics.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>

namespace agenthost::host::testing {

using namespace std::chrono_literals;
using agenthost::test::TempDir;

class FakePlugin;
// Those that live, the oldest first: whoever calls another one is wrong.
using Living = std::vector<FakePlugin*>;

// Keeps what host/plugin promises: stop() while it starts waits for the start; a callback comes once and not
// inside the call.
class FakePlugin final : public Plugin {
public:
    FakePlugin(Living& living, HostServices& services, const FoundPlugin& found, const PluginConfig& config)
        : config_json{config.config_json}, isolated{config.isolated}, identity{found.identity},
          living_{living}, services_{services}, manifest_{found.manifest}
    {
        for (const auto* other : living_)
            EXPECT_FALSE(other->id() == id() && other->exists()) << "two instances of " << id();
        living_.push_back(this);
    }
    ~FakePlugin() override { std::erase(living_, this); }

    [[nodiscard]] const std::string& id() const { return manifest_->id; }
    // Started, or half way, and not stopped.
    [[nodiscard]] bool exists() const
    {
        return state == PluginState::starting || state == PluginState::running ||
               state == PluginState::draining || recovering;
    }
    [[nodiscard]] const Manifest& manifest() const override { return *manifest_; }
    [[nodiscard]] PluginStatus status() const override
    {
        PluginStatus s;
        s.id = id();
        s.version = manifest_->version;
        s.state = state;
        s.problem = problem;
        s.recovering = recovering;
        s.stuck = stuck;
        s.healthy = stuck.empty() && state != PluginState::failed;
        return s;
    }
    void start(Done done) override
    {
        EXPECT_EQ(state, PluginState::loaded) << "started twice";
        state = PluginState::starting;
        starting = std::move(done);
    }
    void configure(std::string json, Done done) override
    {
        EXPECT_EQ(state, PluginState::running);
        EXPECT_FALSE(configuring) << "two at once";
        next_config = std::move(json);
        configuring = std::move(done);
    }
    void stop(std::chrono::milliseconds, Done done) override
    {
        EXPECT_NE(state, PluginState::loaded);
        EXPECT_NE(state, PluginState::stopped) << "stopped twice";
        recovering = false;
        stopping.push_back(std::move(done));
        if (state != PluginState::starting) state = PluginState::draining;
    }
    void check_health(Done done) override { done({}); }
    agh_status invoke(const agh_request&, agh_error&) override { return AGH_PENDING; }
    void cancel(agh_req) override {}
    void writable(agh_req) override {}
    void overdue(agh_req, std::string) override {}

    // --- what the test lets happen
    bool finish_start(const std::string& why)
    {
        if (!starting) return false;
        state = !why.empty() ? PluginState::failed : PluginState::running;
        problem = why;
        const auto done = std::exchange(starting, nullptr);
        if (!stopping.empty() && why.empty()) state = PluginState::draining;
        done(why);
        return true;
    }
    bool finish_configure(const std::string& why, bool hangs = false)
    {
        if (!configuring) return false;
        const auto done = std::exchange(configuring, nullptr);
        if (recovering) return done("its runner died"), true;
        if (why.empty()) config_json = next_config;
        if (hangs) fail(why);
        done(why);
        return true;
    }
    bool finish_stop(const std::string& why)
    {
        if (stopping.empty() || state == PluginState::starting) return false;
        state = why.empty() ? PluginState::stopped : PluginState::failed;
        configuring = nullptr;
        for (const auto& done : std::exchange(stopping, {})) done(why);
        return true;
    }
    bool die(bool comes_back)
    {
        if (state != PluginState::running) return false;
        recovering = comes_back;
        fail(comes_back ? "its runner died" : "it hangs");
        return true;
    }
    bool come_back()
    {
        if (!recovering || configuring)
            return false; // one control thread: what hung in it has returned before
        recovering = false;
        state = PluginState::running;
        problem.clear();
        services_.plugin_changed(id());
        return true;
    }
    bool hold(bool held)
    {
        if (state != PluginState::running) return false;
        stuck = held ? "weather.hang did not end" : "";
        services_.plugin_changed(id());
        return true;
    }

    PluginState state = PluginState::loaded;
    std::string config_json, next_config, problem, stuck;
    bool isolated, recovering = false;
    std::string identity;
    Done starting, configuring;
    std::vector<Done> stopping;

private:
    void fail(const std::string& why)
    {
        state = PluginState::failed;
        problem = why;
        stuck.clear();
        services_.plugin_died(id(), why);
    }
    Living& living_;
    HostServices& services_;
    std::shared_ptr<const Manifest> manifest_;
};

// What the set writes to stderr would be thousands of lines.
class Quiet {
public:
    Quiet() : kept_{::dup(2)}
    {
        const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        ::dup2(nowhere, 2);
        ::close(nowhere);
    }
    ~Quiet()
    {
        ::dup2(kept_, 2);
        ::close(kept_);
    }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;

private:
    int kept_;
};

class Parts {
public:
    TempDir dir;
    boost::asio::io_context io{1};
    Registry registry;
    Facts facts;
    Metrics metrics;
    Journal journal{io.get_executor(), {.file = dir / "journal.db"}};
    Dispatcher dispatcher{io.get_executor(), registry, journal, {.agent_id = "n", .version = "1"}};
    boost::asio::io_context listener_io{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> listener_work{
        listener_io.get_executor()};
    std::thread listener_thread{[this] { listener_io.run(); }};
    std::optional<Listeners> listeners{std::in_place, std::vector{&listener_io}};
    Living living;
    std::optional<PluginSet> set;
    Services services{{dispatcher, facts, metrics, *listeners, dir.path().string(),
                       [this](const std::string& id, const std::string& why) {
                           if (set) set->died(id, why);
                       },
                       [this](const std::string& id) {
                           if (set) set->changed(id);
                       }}};

    ~Parts()
    {
        set.reset();
        listeners.reset(); // its loop must turn for that
        listener_work.reset();
        listener_thread.join();
    }
    void make()
    {
        set.emplace(PluginSet::Parts{
            .main = io.get_executor(),
            .services = services,
            .registry = registry,
            .dispatcher = dispatcher,
            .facts = facts,
            .runner = {},
            .make = [this](const FoundPlugin& found, const PluginConfig& config) -> std::unique_ptr<Plugin> {
                return std::make_unique<FakePlugin>(living, services, found, config);
            }});
    }
    void poll()
    {
        io.restart();
        io.poll();
    }
    FakePlugin* of(const std::string& id)
    {
        FakePlugin* found = nullptr;
        for (auto* one : living)
            if (one->id() == id && (!found || one->exists())) found = one;
        return found;
    }
    [[nodiscard]] const Action* action(const std::string& name) const
    {
        return registry.resolve(name, "", {});
    }
};

inline PluginConfig enabled(std::string id, std::string config = "{}", bool isolated = false)
{
    PluginConfig out;
    out.id = std::move(id);
    out.enabled = true;
    out.isolated = isolated;
    out.config_json = std::move(config);
    out.where = "agenthost.yaml:3:5";
    return out;
}

// `rogue` names an action outside its name space, so that it starts and then cannot be offered.
inline FoundPlugin found(const std::string& id, const std::string& version = "1.0.0")
{
    auto manifest = std::make_shared<Manifest>();
    manifest->id = id;
    manifest->version = version;
    ActionManifest action;
    action.name = id == "rogue" ? "elsewhere.go" : id + ".go";
    manifest->actions.push_back(std::move(action));
    FoundPlugin out;
    out.id = id;
    out.library = "/plugins/" + id + ".so";
    out.manifest = std::move(manifest);
    out.identity = out.library + " " + version;
    return out;
}

} // namespace agenthost::host::testing
