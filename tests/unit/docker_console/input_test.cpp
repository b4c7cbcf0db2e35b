#include "plugins/docker/console/input.hpp"
#include "tests/support/asio_loop.hpp"
#include "tests/support/fake_http.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace {

using namespace agenthost::docker::console;
namespace engine = agenthost::docker::engine;
using agenthost::test::FakeHttp;
using agenthost::test::run_until;
using agenthost::test::TempDir;
using namespace std::chrono_literals;

class ConsoleInput : public testing::Test {
protected:
    // `on_attached` runs after the upgrade.
    void engine(std::function<void(FakeHttp::Peer&)> on_attached)
    {
        server_ = std::make_unique<FakeHttp>(
            dir_ / "s", [this, on_attached = std::move(on_attached)](auto& peer, const auto& request) {
                if (request.target == "/_ping") return (void)peer.reply(200, "OK", "Api-Version: 1.41\r\n");
                EXPECT_EQ(request.target, "/v1.41/containers/game/attach?stream=1&stdin=1");
                ++attached_;
                peer.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
                on_attached(peer);
                ++detached_;
            });
        client_ = std::make_unique<engine::Client>(io_, engine::Client::Options{.socket = server_->socket()});
        input_ = std::make_unique<Input>(*client_);
    }
    void read_all(FakeHttp::Peer& peer)
    {
        for (std::string more; !(more = peer.receive()).empty();) {
            const std::lock_guard lock{mutex_};
            received_ += more;
        }
    }
    std::string received()
    {
        const std::lock_guard lock{mutex_};
        return received_;
    }
    // What became of it.
    std::string send(const std::string& line)
    {
        std::optional<std::string> out;
        input_->send(line, [&](const std::string& why) { out = why; });
        EXPECT_FALSE(out); // later
        EXPECT_TRUE(run_until(io_, [&] { return out.has_value(); }));
        return out.value_or("no answer");
    }

    TempDir dir_;
    boost::asio::io_context io_;
    std::mutex mutex_;
    std::string received_;
    std::atomic<int> attached_{0}, detached_{0};
    std::unique_ptr<FakeHttp> server_;
    std::unique_ptr<engine::Client> client_;
    std::unique_ptr<Input> input_;
};

TEST_F(ConsoleInput, IsAttachedForTheFirstLineAndKept)
{
    engine([this](auto& peer) { read_all(peer); });
    EXPECT_NE(send("early").find("not running"), std::string::npos);
    input_->open("game");
    EXPECT_EQ(attached_, 0);
    EXPECT_EQ(send("one"), "");
    EXPECT_EQ(send("two"), "");
    EXPECT_TRUE(run_until(io_, [&] { return received() == "one\ntwo\n"; }));
    EXPECT_EQ(attached_, 1);
}

TEST_F(ConsoleInput, IsDetachedWhenTheContainerEnds)
{
    engine([this](auto& peer) { read_all(peer); });
    input_->open("game");
    EXPECT_EQ(send("one"), "");
    input_->close();
    EXPECT_TRUE(run_until(io_, [&] { return detached_ == 1; }));
    EXPECT_NE(send("late").find("not running"), std::string::npos);
    input_->open("game"); // it was started again
    EXPECT_EQ(send("two"), "");
    EXPECT_TRUE(run_until(io_, [&] { return received() == "one\ntwo\n"; }));
    EXPECT_EQ(attached_, 2);
}

TEST_F(ConsoleInput, IsAttachedAgainAfterABreak)
{
    engine([this](auto& peer) {
        const std::string got = peer.receive();
        const std::lock_guard lock{mutex_};
        received_ += got;
        peer.close();
    });
    input_->open("game");
    EXPECT_EQ(send("one"), "");
    EXPECT_TRUE(run_until(io_, [&] { return detached_ == 1; }));
    run_until(
        io_, [] { return false; }, 20ms); // the end arrives
    EXPECT_EQ(send("two"), "");
    EXPECT_TRUE(run_until(io_, [&] { return received() == "one\ntwo\n"; }));
}

TEST_F(ConsoleInput, RefusesLinesThatAreNotOne)
{
    engine([this](auto& peer) { read_all(peer); });
    input_->open("game");
    EXPECT_NE(send("a\nb"), "");
    EXPECT_NE(send("a\rb"), "");
    EXPECT_NE(send(std::string{"a\0b", 3}), "");
    EXPECT_NE(send(std::string(Input::max_line + 1, 'x')), "");
    EXPECT_EQ(attached_, 0);
}

TEST_F(ConsoleInput, BoundsWhatAServerDoesNotRead)
{
    std::promise<void> over;
    engine([end = over.get_future().share()](auto&) { end.wait(); }); // reads nothing
    input_->open("game");
    const std::string line(Input::max_line, 'x');
    int refused = 0, answered = 0;
    for (int i = 0; i < 1000; ++i) {
        input_->send(line, [&](const std::string& why) {
            ++answered;
            refused += why.find("does not read") != std::string::npos ? 1 : 0;
        });
        io_.restart();
        io_.run_for(1ms);
    }
    EXPECT_GT(refused, 500);
    EXPECT_LT(answered, 1000); // some wait for their deadline
    input_->close();
    EXPECT_TRUE(run_until(io_, [&] { return answered == 1000; }));
    over.set_value();
}

} // namespace
