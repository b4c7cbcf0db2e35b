// The C++ wrapper: what is forgotten is safe, what throws becomes an answer, what comes late is refused.
#include "scripted.hpp"

#include <barrier>

namespace {

TEST_F(Wrapper, AnswersWithWhatTheHandlerReplied)
{
    on("a.echo", [](Request r) { r.reply(r.params()); });
    FakeHost host{scripted};
    EXPECT_EQ(host.call("a.echo", R"({"x":[1,2]})").json, R"({"x":[1,2]})");
    EXPECT_TRUE(host.mistakes().empty());
}

TEST_F(Wrapper, AnswersForAHandlerThatDidNot)
{
    on("a.drop", [](Request) {});
    FakeHost host{scripted};
    const auto reply = host.call("a.drop");
    EXPECT_EQ(reply.status, AGH_E_INTERNAL);
    EXPECT_EQ(reply.code(), "INTERNAL");
    EXPECT_EQ(reply.message(), "the plugin dropped the request");
}

TEST_F(Wrapper, AnswersForADroppedMovedRequest)
{
    FakeHost host{scripted};
    std::deque<Request> kept;
    on("a.keep", [&](Request r) { kept.push_back(std::move(r)); });
    const agh_req id = host.invoke("a.keep", R"({"k":1})");
    EXPECT_FALSE(host.reply(id));
    EXPECT_EQ(kept.front().params(), R"({"k":1})");
    kept.clear();
    EXPECT_EQ(host.wait_reply(id).message(), "the plugin dropped the request");
}

TEST_F(Wrapper, AnswersCancelledForADroppedCancelledRequest)
{
    FakeHost host{scripted};
    std::deque<Request> kept;
    on("a.keep", [&](Request r) { kept.push_back(std::move(r)); });
    const agh_req id = host.invoke("a.keep");
    host.cancel(id);
    kept.clear();
    EXPECT_EQ(host.wait_reply(id).code(), "CANCELLED");
}

TEST_F(Wrapper, TurnsAnExceptionIntoTheAnswer)
{
    on("a.runtime", [](Request) { throw std::runtime_error{"what \"it\" says"}; });
    on("a.error", [](Request) {
        throw agenthost::Error{"DISK_FULL", "no space on /x. Delete something.", AGH_E_BUSY};
    });
    on("a.odd", [](Request) { throw 42; });
    on("a.moved", [](Request r) {
        const Request mine{std::move(r)};
        throw std::runtime_error{"after the move"};
    });
    FakeHost host{scripted};
    EXPECT_EQ(host.call("a.runtime").message(), "what \"it\" says");
    EXPECT_EQ(host.call("a.runtime").code(), "INTERNAL");
    EXPECT_EQ(host.call("a.error").code(), "DISK_FULL");
    EXPECT_EQ(host.call("a.error").status, AGH_E_BUSY);
    EXPECT_EQ(host.call("a.odd").status, AGH_E_INTERNAL);
    EXPECT_EQ(host.call("a.moved").message(), "after the move");
    EXPECT_TRUE(host.mistakes().empty());
}

TEST_F(Wrapper, TellsFailedNetworkSettingsFromNone)
{
    Scripted::setup = [](agenthost::Context& ctx) {
        ctx.on("a.settings", [&ctx](Request r) {
            r.reply(agenthost::json_string(ctx.network_settings(r.id()).value_or("none")));
        });
    };
    FakeHost host{scripted};
    EXPECT_EQ(host.call("a.settings").json, R"("{}")");
    host.network_status = AGH_E_CLOSED;
    EXPECT_EQ(host.call("a.settings").code(), "NETWORK_ERROR");
    EXPECT_EQ(host.call("a.settings").status, AGH_E_CLOSED);
    host.network_permitted = false;
    EXPECT_EQ(host.call("a.settings").json, R"("none")");
}

TEST_F(Wrapper, LeavesAMovedRequestToItsOwnerWhenTheHandlerThrows)
{
    FakeHost host{scripted};
    std::deque<Request> kept;
    on("a.keep", [&](Request r) {
        kept.push_back(std::move(r));
        throw std::runtime_error{"after keeping it"};
    });
    const agh_req id = host.invoke("a.keep");
    EXPECT_FALSE(host.reply(id));
    EXPECT_TRUE(host.logged("after keeping it"));
    kept.front().reply("1");
    EXPECT_EQ(host.wait_reply(id).json, "1");
}

TEST_F(Wrapper, LeavesAnAnswerAloneWhenTheHandlerThrowsAfterIt)
{
    on("a.late", [](Request r) {
        r.reply("1");
        throw std::runtime_error{"too late"};
    });
    FakeHost host{scripted};
    EXPECT_EQ(host.call("a.late").json, "1");
    EXPECT_TRUE(host.logged("too late"));
    EXPECT_TRUE(host.mistakes().empty());
}

TEST_F(Wrapper, RefusesASecondAnswer)
{
    agh_status second = 0, third = 0;
    on("a.twice", [&](Request r) {
        r.reply("1");
        second = r.reply("2");
        third = r.fail("INTERNAL", "3");
    });
    FakeHost host{scripted};
    EXPECT_EQ(host.call("a.twice").json, "1");
    EXPECT_EQ(second, AGH_E_STALE);
    EXPECT_EQ(third, AGH_E_STALE);
    EXPECT_TRUE(host.mistakes().empty()); // the wrapper knew without asking
}

TEST_F(Wrapper, LeavesTheRequestOpenAfterAnInvalidReply)
{
    agh_status first = 0;
    on("a.bad", [&](Request r) {
        first = r.reply("{not json");
        r.fail("INTERNAL", "could not make JSON");
    });
    FakeHost host{scripted};
    EXPECT_EQ(host.call("a.bad").message(), "could not make JSON");
    EXPECT_EQ(first, AGH_E_INVALID);
}

TEST_F(Wrapper, AnswersWithAllPartsOfAnError)
{
    on("a.fail", [](Request r) {
        r.fail("FILE_NOT_FOUND", "no f1", "looked in /x", agenthost::not_started, R"({"id":"f1"})");
    });
    FakeHost host{scripted};
    const auto reply = host.call("a.fail");
    EXPECT_EQ(reply.status, AGH_E_NOT_FOUND);
    EXPECT_EQ(reply.flags, AGH_REPLY_NOT_STARTED);
    EXPECT_EQ(reply.json,
              R"({"code":"FILE_NOT_FOUND","message":"no f1","detail":"looked in /x","data":{"id":"f1"}})");
}

TEST_F(Wrapper, NamesTheActionThatHasNoHandler)
{
    FakeHost host{scripted};
    const auto reply = host.call("a.none");
    EXPECT_EQ(reply.status, AGH_E_NOT_FOUND);
    EXPECT_NE(reply.message().find("a.none"), std::string::npos);
}

TEST_F(Wrapper, CopiesNothingForARequestAnsweredInItsHandler)
{
    const void* seen = nullptr;
    on("a.unused", [](Request) {});
    Scripted::setup = [&](agenthost::Context& ctx) {
        ctx.on("a.look", [&](Request r) {
            seen = r.params().data();
            r.reply();
        });
    };
    FakeHost host{scripted};
    const std::string params = R"({"a":1})";
    host.call("a.look", params);
    EXPECT_EQ(seen, params.data());
}

TEST_F(Wrapper, KeepsBytesAndDescriptorsOfAMovedRequest)
{
    FakeHost host{scripted};
    std::deque<Request> kept;
    on("a.keep", [&](Request r) { kept.push_back(std::move(r)); });
    agh_req id = 0;
    {
        const int fd = ::memfd_create("in", MFD_CLOEXEC);
        ASSERT_EQ(::write(fd, "payload", 7), 7);
        std::string params = R"({"gone":true})", target = "server-1", inl = "inline";
        const agh_blob blobs[] = {
            {.size = sizeof(agh_blob), .fd = fd, .length = 7, .name = agenthost::to_bytes("n")},
            {.size = sizeof(agh_blob), .fd = -1, .length = 6, .inl = agenthost::to_bytes(inl)}};
        id = host.invoke("a.keep", params, {.target = target, .repeat = true, .blobs = {blobs[0], blobs[1]}});
        ::close(fd);
        params.assign(params.size(), 'x'), target.assign(target.size(), 'x'), inl.assign(inl.size(), 'x');
    }
    const Request moved_again{std::move(kept.front())};
    EXPECT_EQ(moved_again.id(), id);
    EXPECT_EQ(moved_again.params(), R"({"gone":true})");
    EXPECT_EQ(moved_again.target(), "server-1");
    EXPECT_EQ(moved_again.action(), "a.keep");
    EXPECT_TRUE(moved_again.is_repeat());
    ASSERT_EQ(moved_again.blob_count(), 2u);
    char bytes[8] = {};
    EXPECT_EQ(::pread(moved_again.blob(0).fd, bytes, 7, 0), 7);
    EXPECT_STREQ(bytes, "payload");
    EXPECT_EQ(moved_again.blob(0).name, "n");
    EXPECT_EQ(moved_again.blob(1).data, "inline");
    EXPECT_FALSE(kept.front().pending()); // NOLINT(bugprone-use-after-move): that is the promise
}

TEST_F(Wrapper, NotifiesAMovedRequestOfACancelOnce)
{
    FakeHost host{scripted};
    std::deque<Request> kept;
    int told = 0;
    on("a.keep", [&](Request r) {
        kept.push_back(std::move(r));
        kept.back().on_cancel([&] { ++told; });
    });
    const agh_req id = host.invoke("a.keep");
    EXPECT_FALSE(kept.front().cancelled());
    host.cancel(id);
    host.cancel(id);
    EXPECT_EQ(told, 1);
    EXPECT_TRUE(kept.front().cancelled());
}

TEST_F(Wrapper, NotifiesAtOnceOfAnEarlierCancel)
{
    FakeHost host{scripted};
    std::deque<Request> kept;
    on("a.keep", [&](Request r) { kept.push_back(std::move(r)); });
    const agh_req id = host.invoke("a.keep");
    host.cancel(id);
    bool told = false;
    kept.front().on_cancel([&] { told = true; });
    EXPECT_TRUE(told);
}

TEST_F(Wrapper, DoesNotNotifyADestroyedRequest)
{
    FakeHost host{scripted};
    int told = 0;
    std::deque<Request> kept;
    on("a.keep", [&](Request r) {
        r.on_cancel([&] { ++told; });
        kept.push_back(std::move(r));
    });
    const agh_req id = host.invoke("a.keep");
    kept.front().reply();
    kept.clear();
    host.cancel(id);
    EXPECT_EQ(told, 0);
}

TEST_F(Wrapper, LetsACallbackEndItsOwnRequest)
{
    FakeHost host{scripted};
    std::map<agh_req, Request> kept;
    on("a.keep", [&](Request r) {
        const agh_req id = r.id();
        r.on_cancel([&, id] {
            kept.at(id).fail("CANCELLED", "from the callback");
            kept.erase(id);
        });
        kept.emplace(id, std::move(r));
    });
    const agh_req id = host.invoke("a.keep");
    host.cancel(id);
    EXPECT_EQ(host.wait_reply(id).message(), "from the callback");
}

TEST_F(Wrapper, SurvivesACancelThatRacesWithTheAnswer)
{
    FakeHost host{scripted};
    std::mutex mutex;
    std::deque<Request> kept;
    on("a.keep", [&](Request r) {
        auto alive = std::make_shared<int>(1);
        r.on_cancel([alive] { *alive += 1; });
        const std::scoped_lock lock{mutex};
        kept.push_back(std::move(r));
    });
    for (int round = 0; round < 200; ++round) {
        const agh_req id = host.invoke("a.keep");
        std::barrier start{2};
        std::thread answerer{[&] {
            start.arrive_and_wait();
            Request mine = std::move(kept.front());
            kept.pop_front();
            mine.reply("1");
        }};
        start.arrive_and_wait();
        host.cancel(id);
        answerer.join();
        EXPECT_EQ(host.wait_reply(id).json, "1");
    }
    EXPECT_TRUE(host.mistakes().empty());
}

TEST_F(Wrapper, CatchesExceptionsOfCallbacks)
{
    FakeHost host{scripted};
    std::deque<Request> kept;
    agenthost::Context* context = nullptr;
    Scripted::setup = [&](agenthost::Context& ctx) { context = &ctx; };
    Scripted::on_drain = [] { throw std::runtime_error{"from drain"}; };
    on("a.keep", [&](Request r) {
        r.on_cancel([] { throw std::runtime_error{"from on_cancel"}; });
        r.on_writable([] { throw 7; });
        kept.push_back(std::move(r));
    });
    const agh_req id = host.invoke("a.keep");
    host.cancel(id);
    host.more_stream(id, 1);
    EXPECT_TRUE(host.logged("from on_cancel"));
    EXPECT_TRUE(host.logged("on_writable threw an exception that is not a std::exception"));
    context->post([] { throw std::runtime_error{"from a post"}; });
    EXPECT_TRUE(host.wait([&] { return host.logged("from a post"); }));
    kept.clear();
    EXPECT_TRUE(host.drain());
    EXPECT_TRUE(host.logged("from drain"));
}

TEST(JsonString, EscapesWhatJsonRequires)
{
    EXPECT_EQ(agenthost::json_string("a\"b\\c\n\t\r\x01"), R"("a\"b\\c\n\t\r\u0001")");
    EXPECT_EQ(agenthost::json_string("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"),
              "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
}

TEST(JsonString, IsValidWhateverTheBytes)
{
    unsigned seed = 1;
    for (int round = 0; round < 2000; ++round) {
        std::string bytes;
        for (int i = 0; i < 12; ++i) bytes += static_cast<char>((seed = seed * 1664525u + 1013904223u) >> 24);
        EXPECT_TRUE(agenthost::testing::JsonCheck::valid(agenthost::json_string(bytes)));
    }
    EXPECT_EQ(agenthost::json_string("\xc0\xaf\xed\xa0\x80"),
              "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

} // namespace
