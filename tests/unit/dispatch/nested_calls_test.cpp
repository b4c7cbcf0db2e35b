#include "fixture.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

struct Answered {
    agh_status status;
    std::uint32_t flags;
    std::string json;
};

struct CallTest : ::testing::Test {
    CallTest()
    {
        tool.action("tool.run");
        tool.action("tool.act", true);
        EXPECT_THAT(w.registry.add(tool, tool.shared()), IsEmpty());
    }
    agh_status call(agh_req parent, std::string_view action, std::uint64_t timeout_ns = 0,
                    std::string_view params = "{}", std::vector<std::string> may_call = {},
                    std::string_view plugin = "files")
    {
        return w.dispatcher->call(
            plugin, std::move(may_call), parent, action, params, timeout_ns, [this](const agh_reply& r) {
                answers.push_back({r.status, r.flags, std::string{agenthost::host::testing::view(r.json)}});
            });
    }
    DispatchFixture w;
    FakePlugin tool{"tool"};
    std::vector<Answered> answers;
};

TEST_F(CallTest, RunsAnotherPluginsActionUnderTheParentsRights)
{
    const auto parent = w.running("1", "read");
    EXPECT_EQ(call(parent, "tool.run", 0, R"({"x":1})"), AGH_PENDING);
    w.poll();
    ASSERT_THAT(tool.invoked, SizeIs(1));
    EXPECT_EQ(tool.invoked[0].params, R"({"x":1})");
    EXPECT_EQ(tool.invoked[0].caller, R"({"server":"server","protocol":"storage","agent_id":"node-01"})")
        << "on whose behalf";
    EXPECT_EQ(w.dispatcher->caller_of(tool.invoked[0].id), "server");
    w.complete(tool.invoked[0].id, reply("[2]"), "tool");
    ASSERT_TRUE(w.until([&] { return answers.size() == 1; }));
    EXPECT_EQ(answers[0].status, AGH_OK);
    EXPECT_EQ(answers[0].json, "[2]");
    EXPECT_THAT(w.server->results, IsEmpty());
    w.complete(parent);
    ASSERT_TRUE(w.results(1));
    EXPECT_THAT(answers, SizeIs(1)) << "exactly once";
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST_F(CallTest, GoesThroughAdmission)
{
    w.server->policy_.allow = {{"files.*"}};
    tool.shared()->actions[0].params = std::make_shared<Needs>("path");
    const auto parent = w.running("1", "read");
    EXPECT_EQ(call(parent, "tool.run"), AGH_PENDING);
    EXPECT_EQ(call(parent, "gone.run"), AGH_PENDING);
    w.poll();
    ASSERT_THAT(answers, SizeIs(2));
    EXPECT_EQ(answers[0].status, AGH_E_DENIED);
    EXPECT_THAT(answers[0].json, HasSubstr(R"("code":"DENIED")"));
    EXPECT_THAT(answers[1].json, HasSubstr("UNKNOWN_ACTION"));
    w.server->policy_.allow = {{"*"}};
    call(parent, "tool.run");
    w.poll();
    EXPECT_EQ(answers.back().status, AGH_E_INVALID);
    w.server->policy_.in_flight = 1;
    call(parent, "tool.run", 0, R"({"path":1})");
    w.poll();
    EXPECT_EQ(answers.back().status, AGH_E_BUSY);
    EXPECT_EQ(answers.back().flags, AGH_REPLY_NOT_STARTED);
    EXPECT_THAT(tool.invoked, IsEmpty());
}

TEST_F(CallTest, RefusesAtOnceWhatCannotBe)
{
    const auto parent = w.running("1", "read");
    EXPECT_EQ(call(parent, ""), AGH_E_INVALID);
    EXPECT_EQ(call(parent, "tool.run", 0, "[1]"), AGH_E_INVALID);
    EXPECT_EQ(call(parent, "tool.run", 0, "{"), AGH_E_INVALID);
    EXPECT_EQ(call(parent + 0x10000, "tool.run"), AGH_E_STALE);
    EXPECT_EQ(call(parent, "tool.run", 0, "{}", {}, "tool"), AGH_E_STALE)
        << "another plugin's request lends no rights";
    EXPECT_EQ(call(0, "tool.run"), AGH_E_DENIED) << "without a parent and without permissions.call";
    w.dispatcher->cancel(*w.server, "1");
    EXPECT_EQ(call(parent, "tool.run"), AGH_E_CANCELLED);
    w.poll();
    EXPECT_THAT(answers, IsEmpty()) << "no on_result after a refusal";
}

TEST_F(CallTest, OnItsOwnAccountMayDoWhatItsManifestSays)
{
    EXPECT_EQ(call(0, "tool.run", 0, "{}", {"tool.*"}), AGH_PENDING);
    EXPECT_EQ(call(0, "files.read", 0, "{}", {"tool.*"}), AGH_PENDING);
    w.poll();
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].status, AGH_E_DENIED);
    EXPECT_THAT(answers[0].json, HasSubstr("permissions.call"));
    ASSERT_THAT(tool.invoked, SizeIs(1));
    EXPECT_EQ(tool.invoked[0].caller, R"({"server":"plugin:files"})");
    w.complete(tool.invoked[0].id, reply("1"), "tool");
    ASSERT_TRUE(w.until([&] { return answers.size() == 2; }));
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST_F(CallTest, EndsAtDepthEight)
{
    // tool.run calls itself as deep as it may.
    std::vector<agh_status> given;
    tool.on_invoke = [&](const agh_request& r, agh_error&) {
        given.push_back(call(r.id, "tool.run", 0, "{}", {}, "tool"));
        if (given.back() < 0) w.complete(r.id, reply("", given.back()), "tool");
        return AGH_PENDING;
    };
    w.submit("1", "tool.run");
    ASSERT_TRUE(w.until([&] { return !given.empty() && given.back() < 0; }));
    EXPECT_THAT(given, SizeIs(9)) << "the command and eight calls";
    EXPECT_EQ(given.back(), AGH_E_DENIED);
}

TEST_F(CallTest, InheritsTheParentsDeadlineOrAShorterOne)
{
    const auto parent = w.running("1", "read", "{}", 10s);
    call(parent, "tool.run");
    call(parent, "tool.run", 2'000'000'000);
    call(parent, "tool.run", 60'000'000'000);
    w.poll();
    ASSERT_THAT(tool.invoked, SizeIs(3));
    const auto at = [&](auto d) { return static_cast<std::uint64_t>((w.now.time_since_epoch() + d) / 1ns); };
    EXPECT_EQ(tool.invoked[0].deadline_ns, at(10s));
    EXPECT_EQ(tool.invoked[1].deadline_ns, at(2s));
    EXPECT_EQ(tool.invoked[2].deadline_ns, at(10s));
    w.pass(2s);
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].status, AGH_E_DEADLINE);
    EXPECT_THAT(tool.cancelled, ElementsAre(tool.invoked[1].id));
    EXPECT_EQ(w.complete(tool.invoked[1].id, reply(), "tool"), AGH_E_DEADLINE);
    w.poll();
    EXPECT_THAT(answers, SizeIs(1)) << "exactly once";
}

TEST_F(CallTest, IsCancelledWithItsParent)
{
    const auto parent = w.running("1", "read");
    call(parent, "tool.run");
    w.poll();
    w.dispatcher->cancel(*w.server, "1");
    EXPECT_THAT(tool.cancelled, ElementsAre(tool.invoked[0].id));
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].status, AGH_E_CANCELLED);
    w.complete(tool.invoked[0].id, reply(), "tool");
    w.complete(parent);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(answers, SizeIs(1));
}

TEST_F(CallTest, AnswersWhenThePluginGoesAway)
{
    const auto parent = w.running("1", "read");
    call(parent, "tool.run");
    w.poll();
    w.dispatcher->plugin_gone(tool, "gone");
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].status, AGH_E_INTERNAL);
}

TEST_F(CallTest, DoesNotAnswerFromInsideTheCalledPluginsInvoke)
{
    bool inside = false;
    tool.on_invoke = [&](const agh_request& r, agh_error&) {
        inside = true;
        w.complete(r.id, reply("1"), "tool");
        EXPECT_THAT(answers, IsEmpty());
        inside = false;
        return AGH_PENDING;
    };
    const auto parent = w.running("1", "read");
    w.dispatcher->call("files", {}, parent, "tool.run", "{}", 0, [&](const agh_reply& r) {
        EXPECT_FALSE(inside);
        answers.push_back({r.status, r.flags, ""});
    });
    ASSERT_TRUE(w.until([&] { return answers.size() == 1; }));
}

TEST_F(CallTest, HandsDescriptorsOver)
{
    const auto parent = w.running("1", "read");
    int got = -1;
    std::string name;
    w.dispatcher->call("files", {}, parent, "tool.run", "{}", 0, [&](const agh_reply& r) {
        ASSERT_EQ(r.blob_count, 1u);
        got = r.blobs[0].fd;
        name = agenthost::host::testing::view(r.blobs[0].name);
    });
    w.poll();
    agh_blob blob{};
    blob.size = sizeof blob;
    blob.fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const std::string blob_name = "null";
    blob.name = {blob_name.data(), blob_name.size()};
    agh_reply with = reply("1");
    with.blobs = &blob;
    with.blob_count = 1;
    w.complete(tool.invoked[0].id, with, "tool");
    ASSERT_TRUE(w.until([&] { return got >= 0; }));
    EXPECT_EQ(name, "null");
    EXPECT_EQ(::fcntl(got, F_GETFD), FD_CLOEXEC) << "open, and the callee's to close";
    ::close(got);
}

TEST_F(CallTest, AnswersTheHostsOwnActions)
{
    const auto parent = w.running("1", "read");
    call(parent, "host.ping");
    w.poll();
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_THAT(answers[0].json, HasSubstr(R"("pong":true)"));
}

TEST_F(CallTest, IsBoundedInNumber)
{
    const auto parent = w.running("1", "read");
    w.server->policy_.in_flight = 10;
    agh_status last = AGH_PENDING;
    int taken = 0;
    while ((last = call(parent, "tool.run")) == AGH_PENDING && taken < 5000) ++taken;
    EXPECT_EQ(last, AGH_E_BUSY);
    EXPECT_EQ(taken, 1024);
    w.poll();
    EXPECT_THAT(answers, SizeIs(1024 - 9));
    for (const auto& a : answers) EXPECT_EQ(a.status, AGH_E_BUSY);
}

} // namespace
