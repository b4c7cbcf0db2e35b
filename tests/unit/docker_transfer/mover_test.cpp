// Complete transfers against scripted servers: what ends one, what is left, what is refused.
#include "plugins/docker/transfer/mover.hpp"
#include "tests/support/proxy.hpp"
#include "tests/unit/docker_files/files_fixture.hpp"

#include <gmock/gmock.h>

#include <thread>

using namespace agenthost;
using namespace agenthost::docker;
using namespace agenthost::test;
using namespace std::chrono_literals;
using netclient::Clock;
using testing::HasSubstr;
using transfer::Declared;
using transfer::Mover;
using transfer::Settings;

namespace {

Settings local_settings()
{
    Settings settings;
    settings.policy.allow_private_networks = true;
    settings.idle_timeout = 2s;
    return settings;
}

class Move : public testing::Test {
protected:
    transfer::Order order(const std::string& url, Clock::time_point deadline = Clock::time_point::max())
    {
        std::string why;
        const auto parsed = netclient::parse_url(url, why);
        if (!parsed) throw std::runtime_error{why};
        return {*parsed, network_, {cancel_, deadline}, [this](std::uint64_t done, std::uint64_t) {
                    progress_.push_back(done);
                }};
    }
    std::string download(const std::string& url, const Declared& declared = {},
                         Clock::time_point deadline = Clock::time_point::max())
    {
        return code_of(
            [&] { moved_ = mover_.download(*box_.root, path("a"), {}, declared, order(url, deadline)); },
            &text_);
    }
    std::string upload(const std::string& url)
    {
        return code_of([&] { moved_ = mover_.upload(*box_.root, path("a"), order(url)); }, &text_);
    }

    FilesFixture box_;
    base::Cancel cancel_;
    std::shared_ptr<const netclient::Network> network_;
    const Settings settings_ = local_settings();
    Mover mover_{settings_};
    transfer::Moved moved_;
    std::string text_;
    std::vector<std::uint64_t> progress_;
};

TEST_F(Move, FetchesAFileAndReportsItsChecksum)
{
    const std::string content = random_bytes(3'000'000, 7);
    HttpServer server{[&](const HttpRequest&) { return http_answer("200 OK", content); }};
    ASSERT_EQ(download(server.url()), "") << text_;
    EXPECT_EQ(box_.get("a"), content);
    EXPECT_EQ(moved_.size, content.size());
    EXPECT_EQ(moved_.sha256, sha256_hex(content));
    EXPECT_FALSE(progress_.empty());
    EXPECT_EQ(box_.leftovers(), 0u);
}

TEST_F(Move, KeepsTheOldFileAndLeavesNothingWhenATransferFails)
{
    box_.put("a", "old");
    HttpServer gone{[](const HttpRequest&) { return http_answer("404 Not Found", "no"); }};
    EXPECT_EQ(download(gone.url()), "NETWORK_ERROR");
    EXPECT_THAT(text_, HasSubstr("answered 404"));
    HttpServer other{[](const HttpRequest&) { return http_answer("200 OK", "new"); }};
    EXPECT_EQ(download(other.url(), {std::nullopt, std::string(64, 'a')}), "NETWORK_ERROR");
    HttpServer endless{[](const HttpRequest&) { return "HTTP/1.1 200 OK\r\n\r\nnew"; }};
    EXPECT_EQ(download(endless.url()), "NETWORK_ERROR") << "its end could not be told from a cut";
    EXPECT_EQ(box_.get("a"), "old");
    EXPECT_EQ(box_.leftovers(), 0u);
    EXPECT_EQ(download(endless.url(), {3, {}}), "") << text_;
    EXPECT_EQ(box_.get("a"), "new");
}

TEST_F(Move, ShowsNoPartOfTheUrlThatMayBeSecret)
{
    HttpServer gone{[](const HttpRequest&) { return http_answer("403 Forbidden", "no"); }};
    EXPECT_EQ(download(gone.url("/one-time/abcdef?token=abcdef")), "NETWORK_ERROR");
    EXPECT_THAT(text_, testing::Not(HasSubstr("abcdef")));
    box_.put("a", "x");
    EXPECT_EQ(upload(gone.url("/one-time/abcdef?token=abcdef")), "NETWORK_ERROR");
    EXPECT_THAT(text_, testing::Not(HasSubstr("abcdef")));
}

TEST_F(Move, EndsByACancelOrTheDeadlineAtOnce)
{
    box_.put("a", "old");
    std::atomic<bool> end{false};
    HttpServer stalls{[&](const HttpRequest&) {
        wait_for([&] { return end.load(); });
        return std::string{};
    }};
    const auto began = Clock::now();
    EXPECT_EQ(download(stalls.url(), {}, began + 200ms), "TIMEOUT");
    std::thread canceller{[&] {
        wait_for([&] { return stalls.connections() == 2; });
        cancel_.set();
    }};
    EXPECT_EQ(download(stalls.url()), "CANCELLED");
    canceller.join();
    EXPECT_LT(Clock::now() - began, 1800ms);
    end = true;
    EXPECT_EQ(box_.get("a"), "old");
    EXPECT_EQ(box_.leftovers(), 0u);
}

TEST_F(Move, RefusesPrivateAddressesUnlessTheyAreAllowedOrTheServersOwn)
{
    HttpServer server{[](const HttpRequest&) { return http_answer("200 OK", "new"); }};
    const Settings strict;
    Mover mover{strict};
    const auto fetch = [&] {
        return code_of([&] { mover.download(*box_.root, path("a"), {}, {}, order(server.url())); }, &text_);
    };
    EXPECT_EQ(fetch(), "DENIED");
    EXPECT_THAT(text_, HasSubstr("allow_private_networks"));
    EXPECT_EQ(server.connections(), 0);
    auto network = std::make_shared<netclient::Network>();
    std::string why;
    network->origin = netclient::parse_url(server.url(), why);
    network_ = network;
    EXPECT_EQ(fetch(), "") << text_;
    network->origin->port = static_cast<std::uint16_t>(server.port() ^ 1);
    EXPECT_EQ(fetch(), "DENIED") << "another port of the same host";
}

TEST_F(Move, SendsTheWholeFileByPut)
{
    const std::string content = random_bytes(3'000'000, 8);
    box_.put("a", content);
    HttpServer server{[](const HttpRequest&) { return http_answer("201 Created", ""); }};
    ASSERT_EQ(upload(server.url("/in/a")), "") << text_;
    EXPECT_EQ(moved_.size, content.size());
    EXPECT_EQ(moved_.status, 201);
    const HttpRequest sent = server.requests().at(0);
    EXPECT_EQ(sent.method(), "PUT");
    EXPECT_EQ(sent.header("content-length"), std::to_string(content.size()));
    EXPECT_EQ(sent.body, content);
}

TEST_F(Move, SendsOnlyRegularFilesOfTheFolder)
{
    HttpServer server{[](const HttpRequest&) { return http_answer("201 Created", ""); }};
    EXPECT_EQ(upload(server.url()), "FILE_NOT_FOUND");
    fs::create_symlink(box_.out("secret"), box_.in("a"));
    EXPECT_EQ(upload(server.url()), "DENIED");
    fs::remove(box_.in("a"));
    ASSERT_EQ(::mkfifo(box_.in("a").c_str(), 0600), 0);
    EXPECT_EQ(upload(server.url()), "DENIED");
    EXPECT_EQ(server.connections(), 0);
}

TEST_F(Move, SaysThatTheServerMadeTheFileShorter)
{
    box_.put("a", std::string(32 << 20, 'x'));
    std::atomic<bool> cut{false};
    const HttpServer server{[](const HttpRequest&) { return http_answer("201 Created", ""); }};
    Proxy slow{server.port(), {{.gate = &cut}}}; // takes nothing until the gate opens
    std::thread game{[&] {
        wait_for([&] { return slow.connections() == 1; }); // the size was taken before
        fs::resize_file(box_.in("a"), 1000);
        cut = true;
    }};
    EXPECT_EQ(upload(slow.url()), "BUSY") << text_;
    game.join();
    EXPECT_THAT(text_, HasSubstr("shorter"));
}

} // namespace
