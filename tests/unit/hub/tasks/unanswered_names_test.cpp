// Answers of agents that do not repeat ids are matched with their commands.
#include "plugins/hub/tasks/unanswered_names.hpp"

#include "tests/unit/hub/parts.hpp"

#include <random>

using namespace agenthost::hub_test;
using namespace std::chrono_literals;
namespace wire = agenthost::wire;

namespace {

struct UnansweredNamesTest : PartsTest {
    Conn command(const std::string& action, int timeout_s = 3600)
    {
        return ask("POST", "/api/agents/a/commands", json{{"action", action}, {"timeout", timeout_s}}.dump());
    }
    void answer(const std::string& name, const std::string& text)
    {
        const std::string data = json(text).dump();
        result("a", {.id = {}, .data = data, .action = name});
    }
};

// The first command's name is released after a minute. Its late answer ended the second command with the
// result of the first.
TEST_F(UnansweredNamesTest, ALateAnswerNeverEndsALaterCommandOfTheSameName)
{
    join("a", "signed", 0);
    const Conn first = command("get_status");
    pass(60s);
    const Conn second = command("telemetry.status"); // the same name on the wire
    const Conn other = command("get_version");
    ASSERT_EQ(fanout.sent.size(), 2U) << "another name is not held up";
    EXPECT_EQ(fanout.sent[1].action, "get_version");
    answer("get_status", "of the first");
    EXPECT_EQ(body(first)["data"], "of the first");
    EXPECT_FALSE(answered(second));
    answer("get_version", "1.0");
    EXPECT_EQ(body(other)["data"], "1.0");
    ASSERT_EQ(fanout.sent.size(), 3U) << "its name is free";
    answer("get_status", "of the second");
    EXPECT_EQ(body(second)["data"], "of the second");
}

TEST_F(UnansweredNamesTest, ACancelledOrTimedOutCommandStillHoldsItsName)
{
    join("a", "signed", 0);
    const Conn first = command("get_status", 0);
    EXPECT_EQ(status(ask("DELETE", "/api/tasks/" + body(first)["id"].get<std::string>())), 200);
    const Conn second = command("get_status");
    EXPECT_EQ(fanout.sent.size(), 1U);
    answer("get_status", "of the first");
    EXPECT_FALSE(answered(second));
    ASSERT_EQ(fanout.sent.size(), 2U);
    answer("get_status", "of the second");
    EXPECT_EQ(body(second)["data"], "of the second");
}

TEST_F(UnansweredNamesTest, AHeldCommandThatIsNeverSentReportsWhy)
{
    join("a", "signed", 0);
    command("unheard_of", 0);
    pass(30min);
    const Conn held = command("unheard_of", 0);
    pass(core.config.task_ttl);
    EXPECT_EQ(fanout.sent.size(), 1U);
    const json task = get("/api/tasks/" + body(held)["id"].get<std::string>());
    EXPECT_EQ(task["status"], "failed");
    EXPECT_EQ(task["error"]["code"], "TIMEOUT");
    EXPECT_THAT(task["error"]["message"].get<std::string>(), testing::HasSubstr("It was not sent"));
}

TEST_F(UnansweredNamesTest, ANewSessionFreesANameAfterTheGrace)
{
    join("a", "signed", 0);
    const Conn first = command("get_status");
    leave("a");
    join("a", "signed", 0);
    const Conn second = command("get_status");
    EXPECT_EQ(fanout.sent.size(), 1U) << "the first one's answer may still come";
    pass(core.config.agent_grace);
    EXPECT_EQ(body(first)["data"]["outcome"], "unknown");
    ASSERT_EQ(fanout.sent.size(), 2U);
    answer("get_status", "of the second");
    EXPECT_EQ(body(second)["data"], "of the second");
}

TEST_F(UnansweredNamesTest, AnAgentThatRepeatsIdsIsNeverHeldBack)
{
    join("a", "signed", 0);
    command("get_status", 0);
    pass(60s);
    const Conn ping = command("host.ping");
    result("a", {.id = fanout.sent[1].id, .data = R"("pong")", .action = "ping"});
    EXPECT_TRUE(answered(ping));
    const Conn again = command("get_status");
    ASSERT_EQ(fanout.sent.size(), 3U);
    answer("get_status", "of whom?");
    EXPECT_FALSE(answered(again)) << "without an id it may be the first one's";
    result("a", {.id = fanout.sent[2].id, .data = R"("ok")"});
    EXPECT_TRUE(answered(again));
}

TEST(UnansweredNames, HoldsAllNamesWhenTooManyAreUnanswered)
{
    UnansweredNames names;
    for (std::size_t i = 0; i < UnansweredNames::max_names; ++i) names.sent("a", std::to_string(i), "id");
    EXPECT_TRUE(names.holds("a", "another", "x"));
    EXPECT_EQ(names.answered("a", "0"), "id");
    EXPECT_FALSE(names.holds("a", "another", "x"));
    names.forget("a");
    EXPECT_EQ(names.agents(), 0U);
}

TEST(UnansweredNames, AnAgentGetsOneCommandAtATimeUntilItRepeatsAnId)
{
    UnansweredNames names;
    EXPECT_FALSE(names.one_by_one("a"));
    names.connected("a");
    names.sent("a", "get", "t1");
    EXPECT_TRUE(names.one_by_one("a"));
    EXPECT_FALSE(names.one_by_one("b"));
    names.repeats_ids("a");
    EXPECT_FALSE(names.one_by_one("a"));
    EXPECT_FALSE(names.holds("a", "get", "t2"));
    names.sent("a", "get", "t1");
    names.repeats_ids("a");
    EXPECT_TRUE(names.holds("a", "get", "t2")) << "of an earlier hub process, and the agent is not connected";
    names.connected("a");
    EXPECT_TRUE(names.lost("a", UnansweredNames::Time::max()));
    EXPECT_FALSE(names.one_by_one("a")) << "its next session decides again";
}

// An agent answers late, in any order, sometimes never, without ids; it disconnects and answers in its next
// session within the grace period. Every successful command has its own result.
TEST_F(UnansweredNamesTest, RandomAnswersAreNeverThoseOfAnotherCommand)
{
    std::size_t successes = 0;
    for (unsigned seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random{seed};
        const auto below = [&](std::size_t n) { return std::size_t{random()} % n; };
        struct Heard {
            std::string id, name;
            Timers::Time latest; // when an answer may come at the latest
        };
        std::vector<Heard> heard;
        std::vector<std::string> ids;
        const std::vector<std::string> words{"get_status", "get_version", "run_health_check"};
        std::size_t seen = fanout.sent.size();
        bool online = false;
        for (int step = 0; step < 300; ++step) {
            switch (below(8)) {
            case 0:
                if (!std::exchange(online, true)) join("a", "signed", 0);
                break;
            case 1:
                if (below(6) != 0 || !std::exchange(online, false)) break;
                leave("a");
                for (Heard& h : heard) h.latest = std::min(h.latest, now + core.config.agent_grace - 1ms);
                break;
            case 2:
            case 3: {
                const Conn made = command(words[below(words.size())], 0);
                if (status(made) == 202) ids.push_back(body(made)["id"]);
                break;
            }
            case 4:
                if (!ids.empty() && below(4) == 0) ask("DELETE", "/api/tasks/" + ids[below(ids.size())]);
                break;
            case 5: pass(std::chrono::seconds{below(40)}); break;
            default:
                if (heard.empty() || !online) break;
                const std::size_t which = below(heard.size());
                const Heard h = heard[which];
                heard.erase(heard.begin() + static_cast<std::ptrdiff_t>(which));
                if (below(5) == 0 || h.latest < now) break; // never
                answer(below(8) == 0 ? "" : h.name, h.id);
            }
            for (; seen < fanout.sent.size(); ++seen)
                heard.push_back({fanout.sent[seen].id, fanout.sent[seen].action, Timers::Time::max()});
        }
        for (const std::string& id : ids) {
            const json task = get("/api/tasks/" + id);
            if (task["status"] != "success") continue;
            ++successes;
            EXPECT_EQ(task["data"], id) << "the result of another command";
        }
        if (std::exchange(online, false)) leave("a");
        pass(core.config.task_ttl);
        if (HasFailure()) return;
    }
    EXPECT_GT(successes, 100U) << "and work gets done";
}

} // namespace
