// Following a console: no line is lost or repeated, in whatever order things happen.
#include "tests/unit/hub/parts.hpp"

#include "plugins/hub/servers/followers.hpp"
#include "plugins/hub/servers/log_page.hpp"

using namespace agenthost::hub_test;
namespace wire = agenthost::wire;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

namespace {

class FollowersTest : public PartsTest {
protected:
    FollowersTest()
    {
        join("n1", "panel");
        reply = std::make_shared<Reply>(
            Reply{.ok = [this](const std::string& json) { ended = "ok " + json; },
                  .fail = [this](std::string_view code, const std::string&) { ended = std::string{code}; },
                  .stream =
                      [this](std::uint32_t, std::uint64_t offset, std::string_view bytes) {
                          if (full) return AGH_E_BUSY;
                          EXPECT_EQ(offset, out.size());
                          out += bytes;
                          return AGH_OK;
                      },
                  .progress =
                      [this](const std::string& text) {
                          const json said = json::parse(text);
                          if (said.contains("next"))
                              told_to = said["next"].get<int>();
                          else
                              told.push_back(text);
                      }});
    }
    void add(bool follow = true)
    {
        enter([&] { followers.add(reply, {.agent = "n1", .server = "mc1", .tail = 2, .follow = follow}); });
    }
    // The agent's console: line i is "i" and the padding.
    std::string line(std::size_t i) const { return std::to_string(i) + padding; }
    void print(int n, bool event = true)
    {
        for (int i = 0; i < n; ++i, ++end) {
            if (!event) continue;
            report({{"message", line(end)}, {"position", end}, {"entries", 1}});
        }
    }
    void report(const json& data)
    {
        const std::string text = data.dump();
        enter([&] { followers.event("n1", {.topic = "server_log", .json = text, .target = "mc1"}); });
    }
    // Answers the last question.
    void answer(std::size_t limit = 1'000'000)
    {
        const auto asked = fanout.sent.back();
        EXPECT_EQ(asked.action, "docker.get_logs");
        EXPECT_EQ(asked.target, "mc1");
        const json params = json::parse(asked.params);
        const std::size_t from = params.contains("offset")
                                     ? params["offset"].get<std::size_t>()
                                     : end - std::min<std::size_t>(end, params["tail"].get<std::size_t>());
        json entries = json::array();
        for (std::size_t i = std::max(from, first); i < end && entries.size() < limit; ++i)
            entries.push_back({{"position", i}, {"text", line(i)}});
        const std::size_t next = std::max(from, first) + entries.size();
        say({{"entries", entries}, {"first", first}, {"next", next}, {"end", end}});
    }
    void say(const json& data)
    {
        const std::string text = data.dump();
        enter([&] { requests.result("n1", {.id = fanout.sent.back().id, .data = text}); });
    }
    void refuse(const std::string& code)
    {
        enter([&] {
            requests.result("n1", {.id = fanout.sent.back().id,
                                   .outcome = wire::Outcome::error,
                                   .error = {.code = code, .message = "why"}});
        });
    }
    std::string lines(std::size_t from, std::size_t to) const
    {
        std::string text;
        for (std::size_t i = from; i < to; ++i) text += line(i) + "\n";
        return text;
    }

    ServerFollowers followers{core, fanout, requests};
    ReplyPtr reply;
    std::string out, ended, padding;
    std::vector<std::string> told;
    int told_to = -1; // the position before which all was sent
    bool full = false;
    std::size_t end = 5, first = 0;
};

TEST_F(FollowersTest, PrintsTheLastLinesThenEachNewOne)
{
    add();
    answer();
    EXPECT_EQ(out, lines(3, 5));
    EXPECT_EQ(told_to, 5);
    print(3);
    EXPECT_EQ(out, lines(3, 8));
    EXPECT_EQ(told_to, 8) << "the caller knows that it has everything";
    EXPECT_EQ(fanout.sent.size(), 1U) << "events that follow each other need no question";
}

TEST_F(FollowersTest, AsksForLinesThatNoEventContained)
{
    add();
    answer();
    print(4, false);
    print(1);
    EXPECT_EQ(fanout.sent.size(), 2U);
    EXPECT_EQ(json::parse(fanout.sent.back().params)["offset"], 5);
    print(2); // while the answer is on its way
    answer(3);
    EXPECT_EQ(out, lines(3, 8));
    answer();
    EXPECT_EQ(out, lines(3, 12));
    report({{"message", "old"}, {"position", 4}});
    EXPECT_EQ(out, lines(3, 12)) << "it has that one";
    report({{"position", 12}, {"entries", 0}, {"dropped", 3}});
    end = 15;
    answer();
    EXPECT_EQ(out, lines(3, 15)) << "the agent left lines out of its events";
}

TEST_F(FollowersTest, ContinuesInTheAgentsNextSession)
{
    add();
    answer();
    leave("n1");
    enter([&] { requests.agent_lost("n1"); });
    print(6, false);
    join("n1", "panel");
    enter([&] { followers.ready("n1"); });
    answer();
    EXPECT_EQ(out, lines(3, 11));
}

TEST_F(FollowersTest, ALostAnswerIsAskedForAgain)
{
    add();
    answer();
    print(2, false);
    print(1);
    enter([&] { requests.agent_lost("n1"); });
    EXPECT_EQ(ended, "");
    enter([&] { followers.ready("n1"); });
    answer();
    EXPECT_EQ(out, lines(3, 8));
}

TEST_F(FollowersTest, SaysHowManyLinesTheAgentNoLongerHas)
{
    add();
    answer();
    print(100, false);
    first = 50;
    print(1);
    answer();
    EXPECT_EQ(out, lines(3, 5) + lines(50, 106));
    EXPECT_EQ(told, std::vector<std::string>{R"({"lost":45})"});
}

TEST_F(FollowersTest, ASlowCallerLeavesItsLinesWithTheAgent)
{
    // Many bytes in few lines: with 200,000 short ones the test's own JSON takes half a minute under ASan.
    padding = std::string(700, '.');
    add();
    answer();
    full = true;
    print(2'000);
    EXPECT_EQ(out, lines(3, 5));
    EXPECT_GT(lines(5, end).size(), 4 * ServerFollowers::max_unsent);
    EXPECT_EQ(followers.size(), 1U);
    full = false;
    const std::string expected = lines(3, end);
    for (int i = 0; i < 1'000 && out.size() < expected.size(); ++i) {
        enter([&] { followers.writable(reply.get()); });
        if (requests.open() > 0) answer(20);
    }
    EXPECT_TRUE(out == expected) << "no gap, no repeat";
}

TEST_F(FollowersTest, WithoutFollowItEndsAfterTheLines)
{
    add(false);
    answer();
    EXPECT_EQ(out, lines(3, 5));
    EXPECT_EQ(ended, "ok {}");
    EXPECT_EQ(followers.size(), 0U);
}

TEST_F(FollowersTest, ErrorsEndIt)
{
    add();
    refuse("SERVER_NOT_FOUND");
    EXPECT_EQ(ended, "SERVER_NOT_FOUND");
    EXPECT_EQ(followers.size(), 0U);
}

TEST_F(FollowersTest, AgentsThatNumberNothingAreFollowedByTheirEvents)
{
    add();
    refuse("UNKNOWN_ACTION");
    report({{"logLevel", "INFO"}, {"message", "a"}});
    report({{"logLevel", "INFO"}, {"message", "b"}});
    EXPECT_EQ(out, "a\nb\n");
    enter([&] {
        followers.event(
            "n1",
            {.topic = "server_status_changed", .json = R"({"currentStatus":"crashed"})", .target = "mc1"});
    });
    EXPECT_THAT(told.back(), HasSubstr(R"("currentStatus":"crashed")"));
}

TEST_F(FollowersTest, ACallerThatLeavesIsForgotten)
{
    add();
    enter([&] { followers.left(reply.get()); });
    EXPECT_EQ(followers.size(), 0U);
    answer();
    EXPECT_EQ(out, "");
    add();
    enter([&] { followers.drain(); });
    EXPECT_EQ(ended, "BUSY");
}

TEST(LogPage, ReadsEveryShapeOfLines)
{
    EXPECT_EQ(
        read_log_page(R"({"entries":[{"position":3,"text":"a"},{"position":4,"text":"b","continues":true}]})")
            ->text,
        "ab\n");
    EXPECT_EQ(read_log_page(
                  R"({"lines":[{"position":3,"stream":"stdout","message":"a"}],"first":0,"next":4,"end":4})")
                  ->text,
              "a\n");
    EXPECT_EQ(read_log_page(R"({"lines":["a","b"]})")->text, "a\nb\n");
    EXPECT_EQ(read_log_page(R"({"entries":[{"position":3,"message":"a"}]})")->next, 4U);
    EXPECT_FALSE(read_log_page(R"({"lines":["a"]})")->next);
    for (const char* wrong : {"", "[]", "{}", R"({"entries":5})"})
        EXPECT_FALSE(read_log_page(wrong)) << wrong;
    EXPECT_FALSE(read_log_event("[]"));
    EXPECT_EQ(read_log_event(R"({"message":"a\nb","position":1,"entries":2})")->lines, 2U);
}

} // namespace
