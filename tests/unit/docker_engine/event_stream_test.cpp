#include "plugins/docker/engine/event_stream.hpp"
#include "tests/support/asio_loop.hpp"
#include "tests/support/fake_http.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace agenthost::docker::engine;
using agenthost::test::FakeHttp;
using agenthost::test::run_until;
using agenthost::test::TempDir;
using namespace std::chrono_literals;

std::string event(const char* action, std::int64_t time_ns)
{
    return std::string{R"({"Type":"container","Action":")"} + action +
           R"(","Actor":{"ID":"a","Attributes":{"agenthost.server":"7"}},"timeNano":)" +
           std::to_string(time_ns) + "}\n";
}

class FollowedEvents : public testing::Test {
protected:
    void engine(FakeHttp::Script on_events)
    {
        server_.reset(); // first: both have the same path
        server_ = std::make_unique<FakeHttp>(
            dir_ / "s", [on_events = std::move(on_events)](auto& peer, auto& request) {
                if (request.target == "/_ping") return (void)peer.reply(200, "OK", "Api-Version: 1.41\r\n");
                if (request.target == "/v1.41/version")
                    return (void)peer.reply(200, R"({"Version":"1","ApiVersion":"1.41"})");
                if (request.target == "/v1.41/info") return (void)peer.reply(200, R"({"ID":"engine"})");
                on_events(peer, request);
            });
    }
    void start()
    {
        client_ = std::make_unique<Client>(io_, Client::Options{.socket = (dir_ / "s").string()});
        stream_ = std::make_unique<EventStream>(
            *client_, "agenthost.server",
            EventStream::Handlers{
                .on_open = [this](const auto& opened) { opened_.push_back(opened); },
                .on_event = [this](const auto& e) { actions_.push_back(e.action); },
                .on_away = [this](const auto& error) { away_.push_back(error.text); },
                .on_silence = [this](const auto& error) { silence_.push_back(error ? error->text : ""); }});
        stream_->start();
    }
    bool until_opened(std::size_t times)
    {
        return run_until(io_, [&] { return opened_.size() >= times; });
    }

    TempDir dir_;
    boost::asio::io_context io_;
    std::unique_ptr<FakeHttp> server_;
    std::unique_ptr<Client> client_;
    std::unique_ptr<EventStream> stream_;
    std::vector<EventStream::Opened> opened_;
    std::vector<std::string> actions_, away_, silence_;
};

TEST_F(FollowedEvents, ComeAfterTheStreamIsOpen)
{
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        for (const char byte : event("start", 5'000'000'000) + event("die", 6'000'000'000))
            peer.chunk({&byte, 1});
        peer.wait_closed();
    });
    start();
    ASSERT_TRUE(run_until(io_, [&] { return actions_.size() == 2; }));
    EXPECT_EQ(actions_, (std::vector<std::string>{"start", "die"}));
    ASSERT_EQ(opened_.size(), 1u);
    EXPECT_TRUE(opened_[0].first);
    EXPECT_FALSE(opened_[0].restarted);
    EXPECT_EQ(opened_[0].facts.id, "engine");
    EXPECT_TRUE(away_.empty());
    EXPECT_NE(server_->requests().back().find("since="), std::string::npos);
}

// A stopped process keeps its socket and its connections.
TEST_F(FollowedEvents, ReportAnEngineThatAnswersNothingAndContinueWhenItDoes)
{
    std::atomic<bool> frozen{false};
    server_ = std::make_unique<FakeHttp>(dir_ / "s", [&](auto& peer, auto& request) {
        while (frozen) std::this_thread::sleep_for(5ms);
        if (request.target == "/_ping") return (void)peer.reply(200, "OK", "Api-Version: 1.41\r\n");
        if (request.target == "/v1.41/version")
            return (void)peer.reply(200, R"({"Version":"1","ApiVersion":"1.41"})");
        if (request.target == "/v1.41/info") return (void)peer.reply(200, R"({"ID":"engine"})");
        peer.begin_chunked();
        peer.wait_closed();
    });
    start();
    ASSERT_TRUE(until_opened(1));
    EXPECT_FALSE(run_until(
        io_, [&] { return !silence_.empty() || !away_.empty(); }, 2s)); // quiet is not silent
    frozen = true;
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(run_until(io_, [&] { return !silence_.empty(); }));
    EXPECT_LE(std::chrono::steady_clock::now() - begun, 1500ms);
    EXPECT_NE(silence_[0].find("has not answered for 1 s"), std::string::npos) << silence_[0];
    EXPECT_TRUE(stream_->open());
    ASSERT_TRUE(run_until(io_, [&] { return !away_.empty(); }));
    EXPECT_NE(away_[0].find("has not answered for 5 s"), std::string::npos) << away_[0];
    EXPECT_FALSE(stream_->open());
    ASSERT_TRUE(run_until(io_, [&] { return silence_.size() >= 6; }));
    EXPECT_EQ(away_.size(), 1u);
    frozen = false;
    ASSERT_TRUE(until_opened(2));
    EXPECT_FALSE(opened_[1].restarted);
    EXPECT_EQ(silence_.back(), "");
    EXPECT_FALSE(run_until(
        io_, [&] { return opened_.size() > 2 || away_.size() > 1; }, 1500ms));
}

TEST_F(FollowedEvents, ContinueBeforeTheLastOneAndAreNotRepeated)
{
    std::atomic<int> streams{0};
    engine([&](auto& peer, auto& request) {
        peer.begin_chunked();
        peer.chunk(event("start", 5'000'000'000));
        if (++streams == 1) return (void)(peer.chunk(""), peer.close());
        EXPECT_NE(request.target.find("since=3.000000000"), std::string::npos) << request.target;
        peer.chunk(event("die", 6'000'000'000));
        peer.wait_closed();
    });
    start();
    ASSERT_TRUE(run_until(io_, [&] { return actions_.size() >= 2; }));
    EXPECT_EQ(actions_, (std::vector<std::string>{"start", "die"}));
    EXPECT_EQ(opened_.size(), 2u);
    EXPECT_EQ(away_.size(), 1u);
    EXPECT_FALSE(opened_[1].first);
    EXPECT_FALSE(opened_[1].restarted); // the same process
}

TEST_F(FollowedEvents, WaitForAnEngineThatIsAbsentAtStart)
{
    start();
    ASSERT_TRUE(run_until(io_, [&] { return !away_.empty(); }));
    run_until(
        io_, [] { return false; }, 400ms); // more attempts, no more words
    EXPECT_EQ(away_.size(), 1u);
    EXPECT_FALSE(stream_->open());
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        peer.wait_closed();
    });
    ASSERT_TRUE(until_opened(1));
    EXPECT_TRUE(opened_[0].first);
    EXPECT_TRUE(stream_->open());
}

TEST_F(FollowedEvents, SurviveGarbageInTheStream)
{
    std::atomic<int> streams{0};
    engine([&](auto& peer, auto&) {
        peer.begin_chunked();
        if (++streams == 1) {
            peer.chunk("not json\n" + event("start", 5'000'000'000));
            const std::string piece(64 * 1024, 'x');
            while (peer.chunk(piece)) {} // a line without an end
            return;
        }
        peer.chunk(event("die", 6'000'000'000));
        peer.wait_closed();
    });
    start();
    ASSERT_TRUE(run_until(io_, [&] { return actions_.size() >= 2; }));
    EXPECT_EQ(actions_, (std::vector<std::string>{"start", "die"}));
    ASSERT_EQ(away_.size(), 1u);
    EXPECT_NE(away_[0].find("1 MiB"), std::string::npos);
}

TEST_F(FollowedEvents, AreChosenByLabelWhereTheEngineDoesNotDoIt)
{
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        peer.chunk(R"({"Type":"container","Action":"start","Actor":{"ID":"b","Attributes":{}},"timeNano":1})"
                   "\n" +
                   event("die", 2));
        peer.wait_closed();
    });
    start();
    ASSERT_TRUE(run_until(io_, [&] { return !actions_.empty(); }));
    EXPECT_EQ(actions_, std::vector<std::string>{"die"});
}

TEST_F(FollowedEvents, EndWithTheirOwner)
{
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        while (peer.chunk(event("start", 1))) {}
    });
    start();
    ASSERT_TRUE(until_opened(1));
    stream_.reset();
    const auto count = actions_.size();
    run_until(
        io_, [] { return false; }, 50ms);
    EXPECT_EQ(actions_.size(), count);
    EXPECT_EQ(away_.size(), 0u);
}

} // namespace
