#include "fixture.hpp"

#include "host/config/config.hpp"
#include "host/plugin/plugin.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using agenthost::wire::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

agh_status echo(DispatchFixture& w, const agh_request& r)
{
    const agh_reply with = reply(view(r.params));
    EXPECT_EQ(w.dispatcher->complete("files", r.id, &with), AGH_OK);
    return AGH_PENDING;
}

TEST(Admission, AnswersInsideSubmitWhatThePluginCompletesInsideInvoke)
{
    DispatchFixture w;
    w.files.on_invoke = [&](const agh_request& r, agh_error&) { return echo(w, r); };
    w.submit("1", "read", R"({"a":[1,"x"]})");
    ASSERT_EQ(w.server->results.size(), 1u) << "without the loop having run";
    EXPECT_EQ(w.server->last().id, "1");
    EXPECT_EQ(w.server->last().data, R"({"a":[1,"x"]})");
    EXPECT_EQ(w.server->last().action, "read") << "the peer's own word";
    EXPECT_EQ(w.server->last().outcome, Outcome::success);
    EXPECT_EQ(w.server->last().outbox, 0u);
    EXPECT_EQ(w.files.invoked[0].action, "files.read");
    EXPECT_EQ(w.files.invoked[0].caller, R"({"server":"server","protocol":"storage","agent_id":"node-01"})");
    EXPECT_EQ(w.in_flight(), 0u);
    EXPECT_EQ(w.dispatcher->stats().succeeded, 1u);
    EXPECT_THAT(w.finished, ElementsAre("files.read "));
}

// A panel's registration says what the agent is called, long after the session was attached.
TEST(Admission, CallsTheAgentWhatTheServerCallsItSinceItConnected)
{
    DispatchFixture w;
    w.server->policy_.agent_id = "given-by-the-registration";
    w.dispatcher->connected(*w.server);
    w.submit("1", "read");
    ASSERT_EQ(w.files.invoked.size(), 1u);
    EXPECT_EQ(w.files.invoked[0].caller,
              R"({"server":"server","protocol":"storage","agent_id":"given-by-the-registration"})");
}

TEST(Admission, RefusesACallerThatIsNotAttached)
{
    DispatchFixture w;
    FakeCaller stranger{"stranger"};
    w.submit("1", "read", "{}", {}, &stranger);
    ASSERT_EQ(stranger.results.size(), 1u);
    EXPECT_EQ(stranger.last().code, "INTERNAL");
    EXPECT_THAT(w.files.invoked, IsEmpty());
}

TEST(Admission, RefusesLongAndNulIdentifiers)
{
    DispatchFixture w;
    w.submit(std::string(257, 'i'), "read");
    w.submit(std::string_view{"a\0b", 3}, "read");
    w.submit("3", std::string_view{"re\0ad", 5});
    w.dispatcher->submit(
        *w.server,
        {.id = "4", .action = "read", .params = "{}", .target = std::string_view{"\0", 1}, .timeout = {}});
    w.submit("5", std::string(300, 'x'));
    ASSERT_EQ(w.server->results.size(), 5u);
    for (const Got& got : w.server->results) EXPECT_EQ(got.code, "INVALID_REQUEST");
    w.submit(std::string(256, 'i'), "read");
    EXPECT_EQ(w.files.invoked.size(), 1u) << "256 are fine";
    EXPECT_EQ(w.dispatcher->stats().refused, 5u);
}

TEST(Admission, NamesAnUnknownActionAsStorageWantsIt)
{
    DispatchFixture w;
    w.submit("1", "fly");
    EXPECT_EQ(w.server->last().code, "UNKNOWN_ACTION");
    EXPECT_EQ(w.server->last().message, "Unknown action: fly");
    EXPECT_EQ(w.server->last().outcome, Outcome::error);
    EXPECT_THAT(w.finished, ElementsAre("fly UNKNOWN_ACTION"));
    EXPECT_FALSE(w.audited.at(0).known);
}

TEST(Admission, SaysWhichPluginFailedAndWhyToCallersThatMayAskIt)
{
    DispatchFixture w;
    FakePlugin broken{"broken"};
    broken.action("broken.go");
    broken.alias("storage", "go", "broken.go");
    w.registry.unavailable("broken", "has failed: port 80 is in use", broken.shared());
    for (const char* word : {"broken.go", "go"}) {
        w.submit("1", word);
        EXPECT_EQ(w.server->last().code, "BUSY") << word;
        EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
        EXPECT_EQ(w.server->last().message, "plugin broken has failed: port 80 is in use");
    }
    w.server->policy_.allow = {{"files.*"}};
    w.submit("2", "broken.go");
    EXPECT_EQ(w.server->last().code, "UNKNOWN_ACTION") << "no business of this caller";
    w.server->policy_.allow.reset(); // what manifests alias for the protocol
    w.submit("3", "go");
    EXPECT_EQ(w.server->last().code, "BUSY");
    EXPECT_THAT(w.registry.add(broken, broken.shared()), IsEmpty());
    w.submit("4", "broken.go");
    EXPECT_THAT(broken.invoked, SizeIs(1)) << "it runs";
    w.registry.remove(broken);
    w.submit("5", "broken.go");
    EXPECT_EQ(w.server->last().code, "UNKNOWN_ACTION");
}

TEST(Admission, DeniesWhatTheAllowListDoesNotHave)
{
    DispatchFixture w;
    w.server->policy_.allow = {{"files.read", "host.*"}};
    w.submit("1", "write");
    EXPECT_EQ(w.server->last().code, "DENIED");
    EXPECT_THAT(w.server->last().message, HasSubstr("files.write"));
    EXPECT_THAT(w.server->last().detail, HasSubstr("allow"));
    w.submit("2", "read");
    EXPECT_EQ(w.files.invoked.size(), 1u);
}

TEST(Admission, AllowsByDefaultWhatTheProtocolsAliasesName)
{
    DispatchFixture w;
    w.server->policy_.allow.reset();
    w.submit("1", "read");
    EXPECT_EQ(w.files.invoked.size(), 1u);
    w.submit("2", "files.sync");
    EXPECT_EQ(w.server->last().code, "DENIED");
    w.submit("3", "host.ping");
    EXPECT_EQ(w.server->last().outcome, Outcome::success);
}

TEST(Admission, AnswersThePingOfPrintAndSigned)
{
    DispatchFixture w;
    for (const auto& [protocol, word] : {std::pair{"print", "task_ping"}, {"signed", "ping"}}) {
        auto caller = std::make_shared<FakeCaller>(protocol, protocol);
        caller->policy_.allow.reset();
        w.dispatcher->attach(caller);
        w.submit("1", word, "{}", {}, caller.get());
        ASSERT_EQ(caller->results.size(), 1u) << word;
        EXPECT_EQ(caller->last().outcome, Outcome::success) << word;
        EXPECT_THAT(caller->last().data, HasSubstr("\"pong\":true")) << word;
        EXPECT_EQ(caller->last().action, word);
        w.dispatcher->detach(*caller);
    }
    w.submit("1", "task_ping"); // a storage server's
    EXPECT_EQ(w.server->last().code, "UNKNOWN_ACTION");
}

TEST(Admission, TellsTheAuditOfARefusedEffect)
{
    DispatchFixture w;
    w.server->policy_.allow = {{"files.read"}};
    w.submit("1", "write");
    ASSERT_EQ(w.audited.size(), 1u);
    EXPECT_EQ(w.finished[0], "files.write DENIED") << "the action, not the peer's word";
    EXPECT_EQ(w.audited[0].caller, "server");
    EXPECT_EQ(w.audited[0].protocol, "storage");
    EXPECT_TRUE(w.audited[0].effects && w.audited[0].audited && w.audited[0].known);
    EXPECT_EQ(w.audited[0].outcome, Outcome::error);
}

TEST(Admission, UsesTheServersOwnWords)
{
    DispatchFixture w;
    w.server->policy_.map = {{"lies", "files.read"}};
    w.submit("1", "lies");
    ASSERT_EQ(w.files.invoked.size(), 1u);
    EXPECT_EQ(w.files.invoked[0].action, "files.read");
}

TEST(Admission, LimitsTheRateOfEachCaller)
{
    DispatchFixture w;
    w.server->policy_.messages_per_second = 3;
    auto other = std::make_shared<FakeCaller>("other");
    w.dispatcher->attach(other);
    for (int i = 0; i < 4; ++i) w.submit("x", "host.ping");
    ASSERT_EQ(w.server->results.size(), 4u);
    EXPECT_EQ(w.server->results[2].outcome, Outcome::success);
    EXPECT_EQ(w.server->last().code, "RATE_LIMIT");
    EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
    w.submit("y", "host.ping", "{}", {}, other.get());
    EXPECT_EQ(other->last().outcome, Outcome::success) << "another caller has a rate of its own";
    w.pass(1000ms);
    w.submit("x", "host.ping");
    EXPECT_EQ(w.server->last().outcome, Outcome::success);
}

TEST(Admission, LimitsWhatRunsAtOnce)
{
    DispatchFixture w;
    w.server->policy_.in_flight = 2;
    const auto first = w.running("1", "read");
    w.running("2", "read");
    w.submit("3", "read");
    EXPECT_EQ(w.server->last().code, "BUSY");
    EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
    w.complete(first);
    ASSERT_TRUE(w.results(2));
    w.submit("4", "read");
    EXPECT_EQ(w.files.invoked.size(), 3u);
}

TEST(Admission, LimitsTheMemoryOfWhatRuns)
{
    DispatchFixture w;
    w.server->policy_.memory = 1000;
    const auto first = w.running("1", "read", R"({"p":")" + std::string(800, 'x') + R"("})");
    w.submit("2", "read", R"({"p":")" + std::string(300, 'x') + R"("})");
    EXPECT_EQ(w.server->last().code, "BUSY");
    EXPECT_THAT(w.server->last().detail, HasSubstr("limits.memory"));
    w.complete(first);
    ASSERT_TRUE(w.results(2));
    w.submit("3", "read", R"({"p":")" + std::string(300, 'x') + R"("})");
    EXPECT_EQ(w.files.invoked.size(), 2u);
}

TEST(Admission, CountsResultsThatWaitAsTheirCallersMemory)
{
    DispatchFixture w;
    w.server->policy_.memory = 1000;
    w.server->takes_streams = false;
    const auto first = w.running("1", "read");
    w.dispatcher->stream("files", first, 1, 0, "x");
    w.complete(first, reply('"' + std::string(990, 'x') + '"'));
    w.poll();
    w.submit("2", "read");
    EXPECT_EQ(w.server->last().code, "BUSY");
    w.server->takes_streams = true;
    w.dispatcher->writable(*w.server);
    w.submit("3", "read");
    EXPECT_EQ(w.files.invoked.size(), 2u);
}

TEST(Admission, ChecksParametersBeforeThePluginSeesThem)
{
    DispatchFixture w;
    w.files.shared()->actions[0].params = std::make_shared<Needs>("path");
    w.submit("1", "read", R"({"x":1})");
    EXPECT_EQ(w.server->last().code, "INVALID_REQUEST");
    EXPECT_THAT(w.server->last().message, HasSubstr("\"path\" is missing"));
    EXPECT_THAT(w.files.invoked, IsEmpty());
    w.submit("2", "read", R"({"path":1})");
    EXPECT_EQ(w.files.invoked.size(), 1u);
    EXPECT_EQ(w.in_flight(), 1u);
}

// Each check comes before the next one: a command that fails two of them is told the earlier.
TEST(Admission, ChecksInTheHousesOrder)
{
    DispatchFixture w;
    w.files.shared()->actions[0].params = std::make_shared<Needs>("path");
    w.server->policy_.allow = {{"files.write"}};
    w.server->policy_.messages_per_second = 1;
    w.server->policy_.in_flight = 0;
    w.submit(std::string(300, 'i'), "fly");
    EXPECT_EQ(w.server->last().code, "INVALID_REQUEST");
    w.submit("1", "fly");
    EXPECT_EQ(w.server->last().code, "UNKNOWN_ACTION");
    w.submit("1", "read");
    EXPECT_EQ(w.server->last().code, "DENIED");
    w.server->policy_.allow = {{"*"}};
    w.submit("1", "read");
    EXPECT_EQ(w.server->last().code, "BUSY");
    w.submit("1", "read");
    EXPECT_EQ(w.server->last().code, "RATE_LIMIT");
    w.pass(1s);
    w.server->policy_.in_flight = 1;
    w.submit("1", "read");
    EXPECT_EQ(w.server->last().code, "INVALID_REQUEST");
    EXPECT_THAT(w.files.invoked, IsEmpty());
}

TEST(Admission, PassesOnWhatThePluginRefusesAtOnce)
{
    DispatchFixture w;
    w.files.on_invoke = [](const agh_request&, agh_error& error) {
        std::snprintf(error.code, sizeof error.code, "FILE_NOT_FOUND");
        std::snprintf(error.text, sizeof error.text, "File not found");
        return agh_status{AGH_E_NOT_FOUND};
    };
    w.submit("1", "read");
    EXPECT_EQ(w.server->last().code, "FILE_NOT_FOUND");
    EXPECT_EQ(w.server->last().message, "File not found");
    EXPECT_EQ(w.server->last().outcome, Outcome::error);
    w.files.on_invoke = [](const agh_request&, agh_error&) { return agh_status{AGH_E_BUSY}; };
    w.submit("2", "read");
    EXPECT_EQ(w.server->last().code, "BUSY");
    EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
    EXPECT_THAT(w.server->last().message, HasSubstr("plugin files refused files.read"));
    EXPECT_EQ(w.in_flight(), 0u);
    EXPECT_EQ(w.complete(w.files.invoked.back().id), AGH_E_STALE);
}

TEST(Admission, BelievesTheCompletionOfAPluginThatCompletesAndRefuses)
{
    DispatchFixture w;
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        echo(w, r);
        return agh_status{AGH_E_INTERNAL};
    };
    w.submit("1", "read");
    w.poll();
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->last().outcome, Outcome::success);
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST(Admission, TellsThePluginTheDeadline)
{
    DispatchFixture w;
    w.running("1", "read", "{}", 1500ms);
    EXPECT_EQ(w.files.invoked[0].deadline_ns,
              static_cast<std::uint64_t>((w.now.time_since_epoch() + 1500ms) / 1ns));
    w.running("2", "read");
    EXPECT_EQ(w.files.invoked[1].deadline_ns, 0u);
    w.running("3", "read", "{}", std::chrono::milliseconds::max());
    EXPECT_GT(w.files.invoked[2].deadline_ns, 0u) << "an absurd timeout does not overflow";
    EXPECT_EQ(w.server->results.size(), 0u);
}

TEST(Admission, AnswersTheHostsOwnActions)
{
    DispatchFixture w;
    w.server->policy_.allow = {{"host.*", "files.read"}};
    w.files.shared()->actions[0].params_json = R"({"type":"object"})";
    w.submit("1", "host.ping");
    const auto ping = nlohmann::json::parse(w.server->last().data);
    EXPECT_EQ(ping["pong"], true);
    EXPECT_EQ(ping["agent_id"], "node-01");
    EXPECT_EQ(ping["version"], "1.2.3");
    w.submit("2", "host.status");
    EXPECT_EQ(w.server->last().data, R"({"ok":1})");
    w.submit("3", "host.actions");
    const auto actions = nlohmann::json::parse(w.server->last().data)["actions"];
    std::vector<std::string> names;
    for (const auto& a : actions) names.push_back(a["name"]);
    EXPECT_THAT(names, ElementsAre("files.read", "host.actions", "host.ping", "host.status"))
        << "only what this server may run";
    EXPECT_EQ(actions[0]["params"]["type"], "object");
    w.submit("4", "host.reboot");
    EXPECT_EQ(w.server->last().message, "Unknown action: host.reboot");
}

TEST(Admission, AnswersEveryActionThatTheConfigurationCheckTakesForTheHosts)
{
    DispatchFixture w;
    w.server->policy_.allow = {{"*"}};
    const auto known = known_plugins({});
    ASSERT_EQ(known.front().id, "host");
    w.submit("all", "host.actions");
    const auto served = nlohmann::json::parse(w.server->last().data)["actions"];
    const auto ours = std::ranges::count_if(
        served, [](const auto& a) { return a["name"].template get<std::string>().starts_with("host."); });
    EXPECT_EQ(static_cast<std::size_t>(ours), known.front().actions.size());
    for (const std::string& name : known.front().actions) {
        w.submit(name, name);
        EXPECT_EQ(w.server->last().outcome, Outcome::success) << name << w.server->last().message;
    }
}

TEST(Admission, RunsEffectFreeRepeatsAgain)
{
    DispatchFixture w;
    w.files.on_invoke = [&](const agh_request& r, agh_error&) { return echo(w, r); };
    w.submit("1", "read");
    w.submit("1", "read");
    EXPECT_EQ(w.files.invoked.size(), 2u);
    EXPECT_EQ(w.server->results.size(), 2u);
}

} // namespace
