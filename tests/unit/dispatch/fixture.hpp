// A dispatcher with everything around it real but the plugin and the peer, and a clock that only moves when
// told.
#pragma once

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "host/dispatch/owned_reply.hpp"
#include "host/plugin/plugin.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace agenthost::host::testing {

using namespace std::chrono_literals;
using agenthost::test::TempDir;
using agenthost::test::wait_for;
using host::view;

inline agh_reply reply(std::string_view json = "{}", agh_status status = AGH_OK, std::uint32_t flags = 0)
{
    return {.size = sizeof(agh_reply),
            .status = status,
            .flags = flags,
            .reserved = 0,
            .json = {json.data(), json.size()},
            .blobs = nullptr,
            .blob_count = 0,
            .blob_stride = sizeof(agh_blob)};
}

class FakePlugin : public Plugin {
public:
    struct Invoked {
        agh_req id;
        std::string action, params, target, caller;
        std::uint32_t flags;
        std::uint64_t deadline_ns;
    };
    explicit FakePlugin(std::string id) : manifest_{std::make_shared<Manifest>()}
    {
        manifest_->id = std::move(id);
    }

    ActionManifest& action(std::string name, bool effects = false, bool idempotent = false)
    {
        ActionManifest a;
        a.name = std::move(name);
        a.effects = a.audited = effects;
        a.idempotent = idempotent;
        manifest_->actions.push_back(std::move(a));
        return manifest_->actions.back();
    }
    void alias(std::string protocol, std::string word, std::string action)
    {
        manifest_->aliases[std::move(protocol)][std::move(word)] = std::move(action);
    }
    std::shared_ptr<Manifest> shared() { return manifest_; }

    [[nodiscard]] const Manifest& manifest() const override { return *manifest_; }
    [[nodiscard]] PluginStatus status() const override { return {}; }
    void start(Done done) override { done({}); }
    void configure(std::string, Done done) override { done({}); }
    void stop(std::chrono::milliseconds, Done done) override { done({}); }
    void check_health(Done done) override { done({}); }
    agh_status invoke(const agh_request& r, agh_error& error) override
    {
        invoked.push_back({r.id, std::string{view(r.action)}, std::string{view(r.params)},
                           std::string{view(r.target)}, std::string{view(r.caller)}, r.flags, r.deadline_ns});
        return on_invoke ? on_invoke(r, error) : AGH_PENDING;
    }
    void cancel(agh_req id) override { cancelled.push_back(id); }
    void writable(agh_req id) override { writables.push_back(id); }
    void overdue(agh_req, std::string why) override { unhealthy.push_back(std::move(why)); }

    std::function<agh_status(const agh_request&, agh_error&)> on_invoke;
    std::vector<Invoked> invoked;
    std::vector<agh_req> cancelled, writables;
    std::vector<std::string> unhealthy;

private:
    std::shared_ptr<Manifest> manifest_;
};

struct Got { // a result, kept
    std::string id, data, code, message, detail, error_data, action;
    wire::Outcome outcome;
    std::uint64_t outbox;
};

class FakeCaller : public Caller {
public:
    explicit FakeCaller(std::string name, std::string protocol = "storage")
    {
        policy_.name = std::move(name);
        policy_.protocol = std::move(protocol);
        policy_.allow = {{"*"}};
        policy_.messages_per_second = 0;
    }
    [[nodiscard]] const Policy& policy() const override { return policy_; }
    [[nodiscard]] bool connected() const override { return here; }
    bool on_result(const wire::Result& r, std::uint64_t outbox) override
    {
        if (!takes_results || results.size() >= max_results) return false;
        results.push_back({std::string{r.id}, std::string{r.data}, std::string{r.error.code},
                           std::string{r.error.message}, std::string{r.error.detail},
                           std::string{r.error.data}, std::string{r.action}, r.outcome, outbox});
        return true;
    }
    void on_progress(const wire::Progress& p) override { progress.emplace_back(p.json); }
    bool on_stream(const wire::Stream& s) override
    {
        if (!takes_streams) return false;
        if (streamed.empty()) progress_before_output = progress.size();
        if (checks_offsets) {
            EXPECT_EQ(s.offset, streamed[s.channel].size()) << "a gap on channel " << s.channel;
        }
        streamed[s.channel] += s.bytes;
        return true;
    }
    bool on_event(const wire::Event& e) override
    {
        if (!takes_events) return false;
        events.push_back(std::string{e.topic} + " " + std::string{e.json});
        return true;
    }
    [[nodiscard]] const Got& last() const { return results.back(); }

    Policy policy_;
    bool here = true, takes_results = true, takes_streams = true, takes_events = true, checks_offsets = true;
    std::size_t max_results = 1'000'000, progress_before_output = 0;
    std::vector<Got> results;
    std::vector<std::string> progress, events;
    std::map<std::uint32_t, std::string> streamed;
};

class DispatchFixture {
public:
    explicit DispatchFixture(Journal::Options journal_options = {})
    {
        if (journal_options.file.empty()) journal_options.file = dir / "journal.db";
        options_ = std::move(journal_options);
        files.action("files.read");
        files.action("files.write", true);
        files.action("files.sync", true, true);
        files.alias("storage", "read", "files.read");
        files.alias("storage", "write", "files.write");
        EXPECT_THAT(registry.add(files, files.shared()), ::testing::IsEmpty());
        open();
    }
    void open()
    {
        journal.emplace(io.get_executor(), options_);
        dispatcher.emplace(
            io.get_executor(), registry, *journal,
            Dispatcher::Options{.agent_id = "node-01",
                                .version = "1.2.3",
                                .on_finished =
                                    [this](const Finished& f) {
                                        finished.push_back(std::string{f.action} + " " + std::string{f.code});
                                        audited.push_back({std::string{f.caller}, std::string{f.protocol},
                                                           f.outcome, f.effects, f.audited, f.known});
                                    },
                                .status_json = [] { return std::string{R"({"ok":1})"}; },
                                .clock = [this] { return now; }});
        dispatcher->attach(server);
    }
    // As after a restart of the process; what ran is interrupted. The plugin's old ids mean nothing.
    void restart()
    {
        dispatcher.reset();
        journal.reset();
        io.restart();
        io.poll();
        server = std::make_shared<FakeCaller>("server");
        open();
    }

    void poll()
    {
        io.restart();
        io.poll();
    }
    bool until(const std::function<bool()>& condition)
    {
        return wait_for([&] {
            poll();
            return condition();
        });
    }
    void pass(std::chrono::milliseconds time)
    {
        now += time;
        dispatcher->tick();
        poll();
    }
    void submit(std::string_view id, std::string_view action, std::string_view params = "{}",
                std::optional<std::chrono::milliseconds> timeout = {}, FakeCaller* by = nullptr)
    {
        dispatcher->submit(by ? *by : *server,
                           {.id = id, .action = action, .params = params, .target = {}, .timeout = timeout});
    }
    // Submits and waits for the plugin to have it.
    agh_req running(std::string_view id, std::string_view action, std::string_view params = "{}",
                    std::optional<std::chrono::milliseconds> timeout = {})
    {
        const auto before = files.invoked.size();
        submit(id, action, params, timeout);
        EXPECT_TRUE(until([&] { return files.invoked.size() > before; }));
        return files.invoked.back().id;
    }
    agh_status complete(agh_req id, agh_reply with = reply(), std::string_view plugin = "files")
    {
        return dispatcher->complete(plugin, id, &with);
    }
    [[nodiscard]] bool results(std::size_t n)
    {
        return until([&] { return server->results.size() >= n; });
    }
    [[nodiscard]] std::uint64_t in_flight() const { return dispatcher->stats().in_flight; }

    TempDir dir;
    boost::asio::io_context io;
    std::chrono::steady_clock::time_point now{1000h};
    std::vector<std::string> finished;
    struct Audited {
        std::string caller, protocol;
        wire::Outcome outcome;
        bool effects, audited, known;
    };
    std::vector<Audited> audited; // the same ends, what else is told of them
    FakePlugin files{"files"};
    Registry registry;
    std::shared_ptr<FakeCaller> server = std::make_shared<FakeCaller>("server");
    std::optional<Journal> journal;
    std::optional<Dispatcher> dispatcher;

private:
    Journal::Options options_;
};

class Needs : public Schema { // "needs" must stand in the text
public:
    explicit Needs(std::string word) : word_{std::move(word)} {}
    [[nodiscard]] std::string check(std::string_view json) const override
    {
        return json.find(word_) != json.npos ? "" : "/: \"" + word_ + "\" is missing; add it";
    }

private:
    std::string word_;
};

} // namespace agenthost::host::testing
