// A caller may attach another, detach itself, report that it is writable, cancel and submit inside any of its
// callbacks. Run under ASan as well.
#include "fixture.hpp"

#include <boost/asio/post.hpp>

#include <array>

using namespace agenthost;
using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

enum class Callback { result, progress, step, stream, event };
constexpr std::array all_callbacks{Callback::result, Callback::progress, Callback::step, Callback::stream,
                                   Callback::event};

// Does something inside one of its callbacks, once, before it reads what the callback was given.
class BusyCaller final : public FakeCaller {
public:
    using Act = std::function<void(BusyCaller&)>;

    BusyCaller() : FakeCaller{"server"} {}
    ~BusyCaller() override { EXPECT_EQ(running_, 0) << "released inside a callback"; }

    void act_in(Callback where, Act act)
    {
        where_ = where;
        act_ = std::move(act);
    }
    [[nodiscard]] bool has_acted() const { return act_ == nullptr; }

    bool on_result(const wire::Result& r, std::uint64_t outbox) override
    {
        return in(Callback::result, [&] { return FakeCaller::on_result(r, outbox); });
    }
    void on_progress(const wire::Progress& p) override
    {
        in(Callback::progress, [&] { return add_progress(p); });
    }
    void on_step(const wire::Progress& p) override
    {
        in(Callback::step, [&] { return add_progress(p); });
    }
    bool on_stream(const wire::Stream& s) override
    {
        return in(Callback::stream, [&] { return FakeCaller::on_stream(s); });
    }
    bool on_event(const wire::Event& e) override
    {
        return in(Callback::event, [&] { return FakeCaller::on_event(e); });
    }

    bool detached = false;

private:
    template <class Read> bool in(Callback callback, Read read)
    {
        EXPECT_FALSE(detached) << "called after detach()";
        ++running_;
        if (act_ && callback == where_) std::exchange(act_, nullptr)(*this);
        const bool taken = read();
        --running_;
        return taken;
    }
    bool add_progress(const wire::Progress& p)
    {
        FakeCaller::on_progress(p);
        return true;
    }

    Callback where_ = Callback::result;
    Act act_;
    int running_ = 0;
};

struct AttachmentTest : ::testing::Test {
    AttachmentTest() { attach(); }
    // A new busy caller with a task id of its own; the dispatcher has the only reference.
    void attach()
    {
        task += '1';
        w.server = std::make_shared<FakeCaller>("nobody");
        auto caller = std::make_shared<BusyCaller>();
        busy = caller.get();
        watched = caller;
        w.dispatcher->attach(std::move(caller));
    }
    void detach_in(Callback where)
    {
        busy->act_in(where, [this](BusyCaller& self) {
            self.detached = true;
            w.dispatcher->detach(self);
        });
    }
    agh_req running(std::string_view action, std::optional<std::chrono::milliseconds> timeout = {})
    {
        const auto before = w.files.invoked.size();
        w.submit(task, action, "{}", timeout, busy);
        EXPECT_TRUE(w.until([&] { return w.files.invoked.size() > before; }));
        return w.files.invoked.back().id;
    }
    void emit(int events, std::string_view audience = "server")
    {
        for (int i = 0; i < events; ++i)
            EXPECT_EQ(w.dispatcher->emit("files", "files.changed", audience, 0, std::to_string(i)), AGH_OK);
    }
    void stream(agh_req id)
    {
        EXPECT_EQ(w.dispatcher->stream("files", id, 1, 0, "a"), AGH_OK);
        EXPECT_EQ(w.dispatcher->stream("files", id, 1, 1, "b"), AGH_OK);
        EXPECT_EQ(w.dispatcher->stream("files", id, 1, 2, "c"), AGH_OK);
    }
    // Uses every callback, and waits until the request has ended.
    void run(std::string_view action)
    {
        const agh_req id = running(action);
        for (const char* text :
             {R"({"status":"queued"})", R"({"status":"running"})", R"({"status":"running","done":1})"})
            EXPECT_EQ(w.dispatcher->progress("files", id, text), AGH_OK);
        stream(id);
        emit(3);
        w.complete(id, reply("7"));
        ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
        w.poll();
    }

    DispatchFixture w;
    // The id of its commands; the journal knows the earlier ones.
    std::string task;
    BusyCaller* busy = nullptr;
    std::weak_ptr<BusyCaller> watched;
};

TEST_F(AttachmentTest, DetachInsideAnyCallbackIsTheLastCallback)
{
    for (const char* action : {"read", "write"})
        for (const Callback where : all_callbacks) {
            SCOPED_TRACE(action + std::to_string(static_cast<int>(where)));
            attach();
            detach_in(where);
            run(action);
            EXPECT_TRUE(watched.expired()) << "released by the main loop";
        }
}

TEST_F(AttachmentTest, JournalledResultOfADetachedCallerWaitsForTheNextOne)
{
    detach_in(Callback::stream);
    run("write");
    const auto newer = std::make_shared<FakeCaller>("server");
    w.dispatcher->attach(newer);
    w.dispatcher->connected(*newer);
    ASSERT_TRUE(w.until([&] { return !newer->results.empty(); }));
    w.poll();
    ASSERT_THAT(newer->results, SizeIs(1));
    EXPECT_EQ(newer->last().data, "7");
}

TEST_F(AttachmentTest, ReplacementInsideAnyCallbackGetsTheRest)
{
    for (const Callback where : all_callbacks) {
        SCOPED_TRACE(static_cast<int>(where));
        attach();
        const auto newer = std::make_shared<FakeCaller>("server");
        newer->checks_offsets = false;
        std::string before;
        busy->act_in(where, [&](BusyCaller& self) {
            before = where == Callback::stream ? "a" : self.streamed[1];
            self.detached = true;
            w.dispatcher->attach(newer);
        });
        run("read");
        EXPECT_TRUE(watched.expired());
        EXPECT_EQ(before + newer->streamed[1], "abc") << "each piece once, in order";
        EXPECT_THAT(newer->results, SizeIs(where == Callback::result || where == Callback::event ? 0 : 1));
        EXPECT_THAT(newer->events, SizeIs(where == Callback::event ? 2 : 3));
        w.dispatcher->detach(*newer);
        w.poll();
    }
}

TEST_F(AttachmentTest, ConnectedReplacementInsideAJournalledResultGetsTheResult)
{
    const auto newer = std::make_shared<FakeCaller>("server");
    busy->takes_results = false;
    busy->act_in(Callback::result, [&](BusyCaller& self) {
        self.detached = true;
        w.dispatcher->attach(newer);
    });
    const agh_req id = running("write");
    w.complete(id, reply("7"));
    ASSERT_TRUE(w.until([&] { return !newer->results.empty(); }));
    w.poll();
    ASSERT_THAT(newer->results, SizeIs(1));
    EXPECT_EQ(newer->last().data, "7");
}

TEST_F(AttachmentTest, WritableInsideAnyCallbackSendsNothingTwice)
{
    for (const char* action : {"read", "write"})
        for (const Callback where : all_callbacks) {
            SCOPED_TRACE(action + std::to_string(static_cast<int>(where)));
            attach();
            busy->act_in(where, [this](BusyCaller& self) { w.dispatcher->writable(self); });
            run(action);
            EXPECT_TRUE(busy->has_acted());
            EXPECT_EQ(busy->streamed[1], "abc");
            EXPECT_THAT(busy->progress, SizeIs(3));
            EXPECT_THAT(busy->results, SizeIs(1));
            EXPECT_THAT(busy->events, ElementsAre("files.changed 0", "files.changed 1", "files.changed 2"));
        }
}

TEST_F(AttachmentTest, WritableInsideAHeldRequestsStreamDoesNotEndItTwice)
{
    busy->takes_streams = false;
    const agh_req id = running("read");
    stream(id);
    w.complete(id);
    w.poll(); // the result waits for the streams
    busy->act_in(Callback::stream, [this](BusyCaller& self) { w.dispatcher->writable(self); });
    busy->takes_streams = true;
    w.dispatcher->writable(*busy);
    w.poll();
    EXPECT_EQ(busy->streamed[1], "abc");
    EXPECT_THAT(busy->results, SizeIs(1));
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST_F(AttachmentTest, WritableInsideACallbackThatRefusesCounts)
{
    const agh_req id = running("read");
    stream(id);
    emit(2);
    const auto refuse_once = [this](BusyCaller& self) {
        self.takes_streams = self.takes_events = false;
        boost::asio::post(w.io, [&self] { self.takes_streams = self.takes_events = true; });
        w.dispatcher->writable(self);
    };
    busy->act_in(Callback::stream, refuse_once);
    w.poll();
    EXPECT_EQ(busy->streamed[1], "abc") << "no time has passed";
    EXPECT_THAT(busy->events, SizeIs(2));
    emit(2);
    busy->act_in(Callback::event, refuse_once);
    w.poll();
    EXPECT_THAT(busy->events,
                ElementsAre("files.changed 0", "files.changed 1", "files.changed 0", "files.changed 1"));
    w.complete(id);
    w.poll();
}

TEST_F(AttachmentTest, DetachInsideAnEventThatWaitedDiscardsTheOthers)
{
    busy->takes_events = false;
    emit(3);
    w.poll();
    busy->takes_events = true;
    detach_in(Callback::event);
    w.dispatcher->writable(*busy);
    w.poll();
    EXPECT_TRUE(watched.expired());
    const auto newer = std::make_shared<FakeCaller>("server");
    w.dispatcher->attach(newer);
    w.dispatcher->connected(*newer);
    emit(1);
    w.poll();
    EXPECT_THAT(newer->events, ElementsAre("files.changed 0"));
}

TEST_F(AttachmentTest, DetachOfAnotherCallerInsideABroadcast)
{
    const auto first = std::make_shared<FakeCaller>("a"), last = std::make_shared<FakeCaller>("z");
    w.dispatcher->attach(first);
    w.dispatcher->attach(last);
    busy->act_in(Callback::event, [&](BusyCaller&) {
        w.dispatcher->detach(*first);
        w.dispatcher->detach(*last);
    });
    emit(2, "*");
    w.poll();
    EXPECT_THAT(busy->events, SizeIs(2));
    EXPECT_LE(first->events.size() + last->events.size(), 2u) << "at most one event each, before the detach";
}

TEST_F(AttachmentTest, DetachInsideAnEarlyAnswer)
{
    detach_in(Callback::result);
    agh_req id = running("read", 1s);
    w.pass(1s); // TIMEOUT
    EXPECT_TRUE(watched.expired());
    w.complete(id);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));

    attach();
    detach_in(Callback::result);
    id = running("read");
    w.dispatcher->cancel(*busy, task);
    EXPECT_THAT(w.files.cancelled, ::testing::Contains(id));
    w.complete(id);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_TRUE(watched.expired());
}

TEST_F(AttachmentTest, DetachInsideAnAnswerWithoutARequest)
{
    for (const char* action : {"host.ping", "no.such.action"}) {
        SCOPED_TRACE(action);
        attach();
        detach_in(Callback::result);
        w.submit("1", action, "{}", {}, busy);
        w.poll();
        EXPECT_TRUE(watched.expired());
    }
}

TEST_F(AttachmentTest, DetachInsideTheResultOfAnInlinePlugin)
{
    w.files.on_invoke = [this](const agh_request& r, agh_error&) {
        w.complete(r.id);
        return AGH_PENDING;
    };
    detach_in(Callback::result);
    w.submit("1", "read", "{}", {}, busy);
    EXPECT_FALSE(watched.expired());
    w.poll();
    EXPECT_TRUE(watched.expired());
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST_F(AttachmentTest, DetachInsideTheFirstResultOfAPageLeavesTheOthersInTheOutbox)
{
    std::vector<agh_req> ids;
    for (const char* id : {"a", "b", "c"}) {
        w.submit(id, "write", "{}", {}, busy);
        ASSERT_TRUE(w.until([&] { return w.files.invoked.size() == ids.size() + 1; }));
        ids.push_back(w.files.invoked.back().id);
    }
    busy->here = false;
    for (const agh_req id : ids) w.complete(id);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    busy->here = true;
    detach_in(Callback::result);
    w.dispatcher->connected(*busy);
    ASSERT_TRUE(w.until([&] { return watched.expired(); }));
    const auto newer = std::make_shared<FakeCaller>("server");
    w.dispatcher->attach(newer);
    w.dispatcher->connected(*newer);
    ASSERT_TRUE(w.until([&] { return newer->results.size() >= 3; }));
    w.poll();
    EXPECT_THAT(newer->results, SizeIs(3));
}

TEST_F(AttachmentTest, DetachInsideAReplayedResult)
{
    w.complete(running("write"), reply("7"));
    ASSERT_TRUE(w.until([&] { return !busy->results.empty(); }));
    detach_in(Callback::result);
    w.submit("1", "write", "{}", {}, busy);
    ASSERT_TRUE(w.until([&] { return watched.expired(); }));
    EXPECT_EQ(w.in_flight(), 0u);
    EXPECT_THAT(w.files.invoked, SizeIs(1));
}

TEST_F(AttachmentTest, CancelInsideAReplayedResultComesTooLate)
{
    w.complete(running("write"), reply("7"));
    ASSERT_TRUE(w.until([&] { return !busy->results.empty(); }));
    busy->act_in(Callback::result, [this](BusyCaller& self) { w.dispatcher->cancel(self, task); });
    w.submit("1", "write", "{}", {}, busy);
    ASSERT_TRUE(w.until([&] { return busy->has_acted() && w.in_flight() == 0; }));
    EXPECT_THAT(busy->results, SizeIs(2)) << "one answer to each command";
    EXPECT_EQ(busy->last().data, "7");
}

TEST_F(AttachmentTest, CancelInsideAStreamEndsTheOutput)
{
    const agh_req id = running("read");
    stream(id);
    busy->act_in(Callback::stream, [this](BusyCaller& self) { w.dispatcher->cancel(self, task); });
    w.poll();
    ASSERT_THAT(busy->results, SizeIs(1));
    EXPECT_EQ(busy->last().code, "CANCELLED");
    EXPECT_EQ(busy->streamed[1], "a") << "nothing follows the answer";
    w.complete(id);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(busy->results, SizeIs(1));
}

// The record outlives the event that is being sent, though its last request ends meanwhile.
TEST_F(AttachmentTest, DetachInsideTheResultOfACommandSubmittedInsideAnEvent)
{
    w.files.on_invoke = [this](const agh_request& r, agh_error&) {
        w.complete(r.id);
        return AGH_PENDING;
    };
    busy->takes_events = false;
    emit(3);
    w.poll();
    busy->takes_events = true;
    busy->act_in(Callback::event, [this](BusyCaller& self) {
        detach_in(Callback::result);
        w.submit("1", "read", "{}", {}, &self);
    });
    w.dispatcher->writable(*busy);
    w.poll();
    EXPECT_TRUE(watched.expired());
    EXPECT_EQ(w.in_flight(), 0u);
}

} // namespace
