// The follower against a scripted engine: what it asks for after each kind of trouble.
#include "plugins/docker/console/follower.hpp"
#include "tests/support/asio_loop.hpp"
#include "tests/support/fake_http.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::console;
namespace engine = agenthost::docker::engine;
using agenthost::test::FakeHttp;
using agenthost::test::run_until;
using agenthost::test::TempDir;
using namespace std::chrono_literals;

std::int64_t now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// A message of the log, framed.
std::string message(std::int64_t stamp_ns, const std::string& text)
{
    const std::time_t seconds = stamp_ns / 1'000'000'000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char stamp[64];
    const auto size = std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(stamp + size, sizeof stamp - size, ".%09lldZ ",
                  static_cast<long long>(stamp_ns % 1'000'000'000));
    const std::string content = stamp + text + "\n";
    std::string out{'\x01', 0, 0, 0};
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(content.size() >> shift);
    return out + content;
}

class FollowedLog : public testing::Test {
protected:
    // `on_logs` answers the n-th request for the log, from 1 on.
    using OnLogs = std::function<void(FakeHttp::Peer&, const FakeHttp::Request&, int n)>;
    void engine(OnLogs on_logs)
    {
        server_ = std::make_unique<FakeHttp>(
            dir_ / "s", [this, on_logs = std::move(on_logs)](auto& peer, const auto& request) {
                if (request.target == "/_ping") return (void)peer.reply(200, "OK", "Api-Version: 1.41\r\n");
                if (request.target.find("/logs") == std::string::npos) {
                    if (gone_) return (void)peer.reply(404, R"({"message":"No such container: game"})");
                    return (void)peer.reply(
                        200, std::string{R"({"Id":"a","Name":"/game","State":{"Status":"x","Running":)"} +
                                 (running_ ? "true" : "false") + R"(},"Config":{"Tty":false}})");
                }
                if (request.target.find("tail=1&") != std::string::npos || request.target.ends_with("tail=1"))
                    return check(peer);
                const int n = ++logs_;
                peer.begin_chunked();
                on_logs(peer, request, n);
            });
        client_ = std::make_unique<engine::Client>(io_, engine::Client::Options{.socket = server_->socket()});
        follower_ = std::make_unique<Follower>(
            *client_, Follower::Handlers{.position = [this](const auto&) { return track_.position(); },
                                         .on_part =
                                             [this](const engine::LogPart& part) {
                                                 track_.record(part.stamp_ns);
                                                 lines_.emplace_back(part.text);
                                             },
                                         .on_gap =
                                             [this](auto) {
                                                 ++gaps_;
                                                 logs_at_gap_ = logs_;
                                             },
                                         .on_complete = [this] { ++complete_; }});
        follower_->follow("game");
    }
    // What every log begins with: older than any position.
    static std::string older() { return message(1'700'000'000'000'000'000, "older"); }
    // The engine's newest message.
    void check(FakeHttp::Peer& peer)
    {
        ++checks_;
        peer.begin_chunked();
        peer.chunk(message(newest_, "newest"));
        peer.chunk("");
    }
    static bool follows(const FakeHttp::Request& request)
    {
        return request.target.find("follow=1") != std::string::npos ||
               request.target.find("follow=true") != std::string::npos;
    }
    TempDir dir_;
    boost::asio::io_context io_;
    std::atomic<bool> running_{true}, gone_{false};
    std::atomic<int> logs_{0}, checks_{0};
    std::atomic<std::int64_t> newest_{0};
    std::unique_ptr<FakeHttp> server_;
    std::unique_ptr<engine::Client> client_;
    std::unique_ptr<Follower> follower_;
    engine::LogTrack track_;
    std::vector<std::string> lines_;
    int gaps_ = 0, complete_ = 0, logs_at_gap_ = 0;
};

using Lines = std::vector<std::string>;

TEST_F(FollowedLog, IsReadToItsEndThenFollowedThenReadOut)
{
    const auto first = now_ns() - 60'000'000'000;
    engine([this, first](auto& peer, const auto& request, int n) {
        EXPECT_EQ(follows(request), n == 2 || n == 4) << n;
        peer.chunk(older() + message(first, "one"));
        if (n == 2) newest_ = now_ns();
        if (n >= 2) peer.chunk(message(newest_, "two"));
        if (n == 2) return peer.wait_closed(); // what it has noticed is read
        if (n == 4) running_ = false;
        if (n > 4) peer.chunk(message(newest_ + 1, "three"));
        peer.chunk("");
    });
    ASSERT_TRUE(run_until(io_, [&] { return complete_ > 0; }));
    EXPECT_EQ(lines_, (Lines{"older", "one", "two", "three"}));
    EXPECT_EQ(logs_, 6);
    EXPECT_EQ(gaps_, 0);
    EXPECT_EQ(complete_, 1);
}

TEST_F(FollowedLog, IsLeftAloneInAFloodAndReadToItsEndAfterIt)
{
    constexpr int all = 3000; // more than a burst
    const auto begin = now_ns() - 60'000'000'000;
    const auto line = [begin](int i) { return message(begin + i * 1000, std::to_string(i)); };
    std::atomic<int> looks{0};
    engine([&, line](auto& peer, const auto& request, int) {
        if (request.target.find("tail=500") != std::string::npos) {
            ++looks;
            for (int i = all - 500; i < all; ++i) peer.chunk(line(i));
        } else {
            peer.chunk(older());
            for (int i = 0; i < all; ++i) peer.chunk(line(i));
            if (looks == 0 || follows(request)) return peer.wait_closed();
        }
        peer.chunk("");
    });
    ASSERT_TRUE(run_until(io_, [&] { return lines_.size() > all; }));
    EXPECT_EQ(looks, 2) << "in the flood, and when nothing new was printed";
    ASSERT_EQ(lines_.size(), all + 1u);
    for (int i = 0; i < all; ++i) ASSERT_EQ(lines_[i + 1u], std::to_string(i));
    EXPECT_EQ(gaps_, 0);
}

TEST_F(FollowedLog, IsReadWhenTheFollowerHasSkippedMessages)
{
    const auto first = now_ns();
    engine([first](auto& peer, const auto& request, int n) {
        peer.chunk(older() + message(first, "one"));
        if (n == 2) {
            // The log was rotated meanwhile: "two" is not here, and nothing says so.
            peer.chunk(message(first + 2, "three"));
            peer.wait_closed();
            return;
        }
        if (n == 3) {
            EXPECT_FALSE(follows(request));
            peer.chunk(message(first + 1, "two"));
            peer.chunk(message(first + 2, "three"));
        }
        if (n < 4) return (void)peer.chunk("");
        peer.wait_closed();
    });
    ASSERT_TRUE(run_until(io_, [&] { return logs_ >= 4; }));
    EXPECT_EQ(lines_, (Lines{"older", "one", "two", "three"}));
}

TEST_F(FollowedLog, IsReadWhenTheFollowerRepeatsMessages)
{
    const auto first = now_ns();
    engine([first](auto& peer, const auto&, int n) {
        peer.chunk(older() + message(first, "one"));
        if (n >= 2) peer.chunk(message(first + 1, "two") + message(first + 2, "three"));
        // The new file of a rotated log, from its beginning once more.
        if (n == 2) peer.chunk(message(first + 1, "two") + message(first + 2, "three"));
        if (n == 1 || n == 3) return (void)peer.chunk("");
        peer.wait_closed();
    });
    ASSERT_TRUE(run_until(io_, [&] { return logs_ >= 4; }));
    EXPECT_EQ(lines_, (Lines{"older", "one", "two", "three"}));
}

TEST_F(FollowedLog, IsReadWhenTheFollowerIsSilentWhileThereIsOutput)
{
    const auto first = now_ns();
    engine([this, first](auto& peer, const auto&, int n) {
        peer.chunk(older() + message(first, "one"));
        if (n == 2) {
            newest_ = first + 1; // in the file that the follower has missed
            peer.wait_closed();
            return;
        }
        if (n > 2) peer.chunk(message(first + 1, "two"));
        if (n < 4) return (void)peer.chunk("");
        peer.wait_closed();
    });
    ASSERT_TRUE(run_until(io_, [&] { return logs_ >= 4; }));
    EXPECT_EQ(lines_, (Lines{"older", "one", "two"}));
    EXPECT_GE(checks_, 1);
}

TEST_F(FollowedLog, AsksForMoreWhenTheNewestMessagesDoNotReachBack)
{
    const auto first = now_ns();
    engine([first](auto& peer, const auto& request, int n) {
        if (n == 1) {
            peer.chunk(older() + message(first, "one"));
        } else if (n == 2) { // more than the tail was printed before it could follow
            EXPECT_NE(request.target.find("tail=501"), std::string::npos) << request.target;
            peer.chunk(message(first + 2, "three"));
            peer.wait_closed();
            return;
        } else if (n == 3) {
            EXPECT_NE(request.target.find("tail=8001"), std::string::npos) << request.target;
            peer.chunk(older() + message(first, "one") + message(first + 1, "two") +
                       message(first + 2, "three"));
        }
        if (n < 4) return (void)peer.chunk("");
        peer.wait_closed();
    });
    ASSERT_TRUE(run_until(io_, [&] { return logs_ >= 4; }));
    EXPECT_EQ(lines_, (Lines{"older", "one", "two", "three"}));
    EXPECT_EQ(gaps_, 0);
}

// All messages are newer than the window around the position, so no reading begins before it.
TEST_F(FollowedLog, EndsWithTheContainerAlsoIfItIsShort)
{
    const auto first = now_ns() - 60'000'000'000;
    engine([this, first](auto& peer, const auto& request, int) {
        peer.chunk(message(first, "one") + message(first + 40'000'000, "two"));
        if (follows(request)) running_ = false;
        peer.chunk("");
    });
    ASSERT_TRUE(run_until(io_, [&] { return complete_ > 0; }));
    EXPECT_EQ(lines_, (Lines{"one", "two"}));
    EXPECT_LE(logs_, 8);
    EXPECT_EQ(gaps_, 0);
}

TEST_F(FollowedLog, ReportsWhatTheEngineHasDropped)
{
    const auto first = now_ns();
    engine([first](auto& peer, const auto&, int n) {
        peer.chunk(n == 1 ? older() + message(first, "one") : message(first + 2, "three"));
        if (n < 7) return (void)peer.chunk("");
        peer.wait_closed();
    });
    ASSERT_TRUE(run_until(io_, [&] { return gaps_ > 0; }));
    EXPECT_EQ(logs_at_gap_, 6); // twice for more of the newest messages, then for all, then for what is kept
    EXPECT_TRUE(run_until(io_, [&] { return logs_ >= 7; }));
    EXPECT_EQ(lines_, (Lines{"older", "one", "three"}));
    EXPECT_EQ(gaps_, 1);
}

TEST_F(FollowedLog, ContinuesAfterABreakAndEndsWithTheContainer)
{
    const auto first = now_ns();
    engine([this, first](auto& peer, const auto&, int n) {
        peer.chunk(older() + message(first, "one"));
        if (n == 2) return peer.close(); // as an engine dies
        if (n >= 3) peer.chunk(message(first + 1, "two"));
        if (n == 4) gone_ = true;
        peer.chunk("");
    });
    ASSERT_TRUE(run_until(io_, [&] { return complete_ > 0; }));
    EXPECT_EQ(lines_, (Lines{"older", "one", "two"}));
}

TEST_F(FollowedLog, IsLeftAlone)
{
    engine([](auto& peer, const auto&, int) { peer.wait_closed(); });
    ASSERT_TRUE(run_until(io_, [&] { return logs_ >= 1; }));
    follower_.reset();
    run_until(
        io_, [] { return false; }, 100ms);
    EXPECT_EQ(complete_, 0);
}

} // namespace
