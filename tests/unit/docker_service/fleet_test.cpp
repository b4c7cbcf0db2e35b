// All servers of a node, against a scripted engine that has no container.
#include "plugins/docker/service/fleet.hpp"
#include "plugins/docker/spec/egg.hpp"
#include "tests/support/asio_loop.hpp"
#include "tests/support/fake_http.hpp"

#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace agenthost;
using namespace agenthost::docker;
using namespace agenthost::docker::service;

namespace {

void answer(test::FakeHttp::Peer& peer, const test::FakeHttp::Request& request)
{
    if (request.target == "/_ping") return (void)peer.reply(200, "OK", "Api-Version: 1.41\r\n");
    if (request.target == "/v1.41/version")
        return (void)peer.reply(200, R"({"Version":"1","ApiVersion":"1.41"})");
    if (request.target == "/v1.41/info") return (void)peer.reply(200, R"({"ID":"engine"})");
    if (request.target.find("/events") != std::string::npos) {
        peer.begin_chunked();
        return peer.wait_closed();
    }
    if (request.target.find("/containers/json") != std::string::npos) return (void)peer.reply(200, "[]");
    peer.reply(404, R"({"message":"no such container"})");
}

Fleet::Outputs quiet()
{
    return {.emit = [](std::string_view, const std::string&) {},
            .publish = [](std::string_view, const std::string&) {},
            .log = [](Level, const std::string&) {},
            .deleted = [](const std::string&) {},
            .disk_use = [](const ServerShell&) { return std::optional<DiskUse>{}; }};
}

constexpr const char* payload =
    R"({"serverId":"mc1","eggConfig":{"image":"docker.io/library/alpine:3","startup":"sleep 9"}})";

class DockerFleet : public testing::Test {
protected:
    void TearDown() override { end(); }

    // An agent starts, and reaches the engine.
    void begin()
    {
        config_ = std::make_unique<Config>(parse_config(R"({"data_dir":")" + (dir_ / "data").string() +
                                                        R"(","socket":")" + engine_->socket() +
                                                        R"(","allow_images":["docker.io/*"]})"));
        client_ = std::make_unique<engine::Client>(io_, engine::Client::Options{.socket = config_->socket});
        store::Opened opened = store::open_store(database_);
        fleet_ = std::make_unique<Fleet>(*client_, *config_, std::move(opened.store),
                                         Pools{disk_.get_executor(), disk_.get_executor()}, dir_.path(),
                                         std::move(outputs_));
        fleet_->load(opened.content);
        fleet_->start();
        ASSERT_TRUE(test::run_until(io_, [&] { return fleet_->trouble().message.empty(); }));
    }
    void end()
    {
        disk_.join();
        fleet_.reset();
    }
    // The server mc1; what is answered is seen by refused_ and answered_.
    void create(bool then_start = false)
    {
        fleet_->create({.spec = read_create_server(payload),
                        .payload = payload,
                        .power = {.id = "1", .action = server::Action::install, .then_start = then_start},
                        .answer = [this](const server::Answer&) { answered_ = true; },
                        .refused = [this](const Problem& problem) { refused_ = problem; },
                        .exists = [](const ServerShell&) { ADD_FAILURE() << "it does not exist"; }});
    }

    const test::TempDir dir_;
    const std::string database_ = (dir_ / "servers.db").string();
    std::unique_ptr<test::FakeHttp> engine_ = std::make_unique<test::FakeHttp>(dir_ / "s", answer);
    boost::asio::io_context io_;
    boost::asio::thread_pool disk_{1};
    std::unique_ptr<Config> config_;
    std::unique_ptr<engine::Client> client_;
    Fleet::Outputs outputs_ = quiet(); // until begin()
    std::unique_ptr<Fleet> fleet_;
    std::optional<Problem> refused_;
    bool answered_ = false;
};

TEST_F(DockerFleet, PublishesTheEngineBeforeTheWaitForItEnds)
{
    std::optional<bool> waiting; // when the capabilities are published
    outputs_.publish = [&](std::string_view key, const std::string&) {
        if (key == "machine_capabilities") waiting = !fleet_->trouble().message.empty();
    };
    begin();
    EXPECT_EQ(waiting, true) << "a registration is sent when the wait ends";
}

TEST_F(DockerFleet, ReportsAtOnceThatTheEngineIsAwayOrReturned)
{
    std::vector<std::string> changes;
    outputs_.emit = [&](std::string_view topic, const std::string& json) {
        if (topic == "docker.engine_changed") changes.push_back(json);
    };
    begin();
    EXPECT_TRUE(changes.empty()) << "capabilities_changed has reported that it appeared";
    engine_.reset();
    ASSERT_TRUE(test::run_until(io_, [&] { return changes.size() == 1; }));
    EXPECT_NE(changes[0].find(R"("away":true)"), std::string::npos) << changes[0];
    engine_ = std::make_unique<test::FakeHttp>(dir_ / "s", answer);
    ASSERT_TRUE(test::run_until(io_, [&] { return changes.size() == 2; }));
    EXPECT_NE(changes[1].find(R"("away":false)"), std::string::npos) << changes[1];
    end();
}

TEST_F(DockerFleet, CreatesAServerAgainWhoseStoredConfigurationCannotBeRead)
{
    {
        store::StoredServer old;
        old.id = "mc1";
        old.spec = R"({"serverId":"mc1","eggConfig":{"ports":7}})";
        ASSERT_FALSE(store::open_store(database_).store->add(old));
    }
    begin();
    ASSERT_EQ(fleet_->find("mc1"), nullptr);
    create();
    EXPECT_TRUE(test::run_until(io_, [&] { return refused_ || fleet_->find("mc1") != nullptr; }));
    EXPECT_FALSE(refused_) << refused_->message;
    end();
    EXPECT_EQ(store::open_store(database_).content.servers.at(0).spec, payload);
}

// A panel may ping because of an event; the answer counts the servers as the event left them.
TEST_F(DockerFleet, PublishesTheCountOfActiveServersBeforeTheEventThatChangesIt)
{
    std::string count;
    std::vector<std::string> seen; // status and count at each event
    outputs_.publish = [&](std::string_view key, const std::string& json) {
        if (key == "active_servers") count = json;
    };
    outputs_.emit = [&](std::string_view topic, const std::string& json) {
        if (topic == "docker.server_status_changed")
            seen.push_back(nlohmann::json::parse(json).at("currentStatus").get<std::string>() + " " + count);
        if (topic == "docker.server_deleted") seen.push_back("deleted " + count);
    };
    begin();
    create(true);
    // The engine has no image and gives none, so the start fails.
    ASSERT_TRUE(test::run_until(io_, [&] {
        return std::ranges::find(seen, "starting 1") != seen.end() && seen.back() == "crashed 0";
    })) << testing::PrintToString(seen);
    EXPECT_FALSE(refused_) << refused_->message;
    for (const std::string& event : seen)
        EXPECT_EQ(event.ends_with(" 1"), event.starts_with("starting")) << event;
    end();
}

// While the engine is asked who holds the ports of a new server.
TEST_F(DockerFleet, CreatesNothingWhenTheAgentIsToldToStopMeanwhile)
{
    begin();
    create();
    EXPECT_FALSE(refused_) << "its ports are asked for";
    fleet_->drain();
    EXPECT_TRUE(test::run_until(io_, [&] { return refused_.has_value(); }));
    EXPECT_EQ(refused_ ? refused_->code : "", "BUSY");
    EXPECT_FALSE(answered_) << "it was begun";
    EXPECT_EQ(fleet_->find("mc1"), nullptr);
    EXPECT_EQ(fleet_->ledger().totals().servers, 0u);
}

} // namespace
