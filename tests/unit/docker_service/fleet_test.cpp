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

TEST(DockerFleet, PublishesTheEngineBeforeTheWaitForItEnds)
{
    const test::TempDir dir;
    const test::FakeHttp engine{dir / "s", answer};
    boost::asio::io_context io;
    boost::asio::thread_pool disk{1};
    const Config config = parse_config(R"({"data_dir":")" + (dir / "data").string() + R"(","socket":")" +
                                       engine.socket() + R"("})");
    engine::Client client{io, {.socket = config.socket}};
    store::Opened opened = store::open_store((dir / "servers.db").string());
    std::unique_ptr<Fleet> fleet;
    std::optional<bool> waiting; // when the capabilities are published
    Fleet::Outputs outputs = quiet();
    outputs.publish = [&](std::string_view key, const std::string&) {
        if (key == "machine_capabilities") waiting = !fleet->trouble().message.empty();
    };
    fleet = std::make_unique<Fleet>(client, config, std::move(opened.store),
                                    Pools{disk.get_executor(), disk.get_executor()}, dir.path(),
                                    std::move(outputs));
    fleet->load(opened.content);
    fleet->start();
    ASSERT_TRUE(test::run_until(io, [&] { return fleet->trouble().message.empty(); }));
    EXPECT_EQ(waiting, true) << "a registration is sent when the wait ends";
    disk.join();
}

TEST(DockerFleet, ReportsAtOnceThatTheEngineIsAwayOrReturned)
{
    const test::TempDir dir;
    auto engine = std::make_unique<test::FakeHttp>(dir / "s", answer);
    boost::asio::io_context io;
    boost::asio::thread_pool disk{1};
    const Config config = parse_config(R"({"data_dir":")" + (dir / "data").string() + R"(","socket":")" +
                                       engine->socket() + R"("})");
    engine::Client client{io, {.socket = config.socket}};
    store::Opened opened = store::open_store((dir / "servers.db").string());
    std::vector<std::string> changes;
    Fleet::Outputs outputs = quiet();
    outputs.emit = [&](std::string_view topic, const std::string& json) {
        if (topic == "docker.engine_changed") changes.push_back(json);
    };
    Fleet fleet{client,
                config,
                std::move(opened.store),
                Pools{disk.get_executor(), disk.get_executor()},
                dir.path(),
                std::move(outputs)};
    fleet.load(opened.content);
    fleet.start();
    ASSERT_TRUE(test::run_until(io, [&] { return fleet.trouble().message.empty(); }));
    EXPECT_TRUE(changes.empty()) << "capabilities_changed has reported that it appeared";
    engine.reset();
    ASSERT_TRUE(test::run_until(io, [&] { return changes.size() == 1; }));
    EXPECT_NE(changes[0].find(R"("away":true)"), std::string::npos) << changes[0];
    engine = std::make_unique<test::FakeHttp>(dir / "s", answer);
    ASSERT_TRUE(test::run_until(io, [&] { return changes.size() == 2; }));
    EXPECT_NE(changes[1].find(R"("away":false)"), std::string::npos) << changes[1];
    disk.join();
}

TEST(DockerFleet, CreatesAServerAgainWhoseStoredConfigurationCannotBeRead)
{
    const test::TempDir dir;
    const std::string database = (dir / "servers.db").string();
    {
        store::StoredServer old;
        old.id = "mc1";
        old.spec = R"({"serverId":"mc1","eggConfig":{"ports":7}})";
        ASSERT_FALSE(store::open_store(database).store->add(old));
    }
    const test::FakeHttp engine{dir / "s", answer};
    boost::asio::io_context io;
    boost::asio::thread_pool disk{1};
    const Config config = parse_config(R"({"data_dir":")" + (dir / "data").string() + R"(","socket":")" +
                                       engine.socket() + R"(","allow_images":["docker.io/*"]})");
    engine::Client client{io, {.socket = config.socket}};
    store::Opened opened = store::open_store(database);
    auto fleet =
        std::make_unique<Fleet>(client, config, std::move(opened.store),
                                Pools{disk.get_executor(), disk.get_executor()}, dir.path(), quiet());
    fleet->load(opened.content);
    ASSERT_EQ(fleet->find("mc1"), nullptr);
    fleet->start();
    ASSERT_TRUE(test::run_until(io, [&] { return !fleet->away(); }));

    const std::string payload =
        R"({"serverId":"mc1","eggConfig":{"image":"docker.io/library/alpine:3","startup":"sleep 9"}})";
    std::optional<Problem> refused;
    Fleet::Creation creation{.spec = read_create_server(payload),
                             .payload = payload,
                             .power = {.id = "1", .action = server::Action::install},
                             .answer = [](const server::Answer&) {},
                             .refused = [&](const Problem& problem) { refused = problem; },
                             .exists = [](const ServerShell&) {}};
    fleet->create(std::move(creation));
    EXPECT_TRUE(test::run_until(io, [&] { return refused || fleet->find("mc1") != nullptr; }));
    EXPECT_FALSE(refused) << refused->message;
    disk.join();
    fleet.reset();
    EXPECT_EQ(store::open_store(database).content.servers.at(0).spec, payload);
}

// A panel may ping because of an event; the answer counts the servers as the event left them.
TEST(DockerFleet, PublishesTheCountOfActiveServersBeforeTheEventThatChangesIt)
{
    const test::TempDir dir;
    const test::FakeHttp engine{dir / "s", answer};
    boost::asio::io_context io;
    boost::asio::thread_pool disk{1};
    const Config config = parse_config(R"({"data_dir":")" + (dir / "data").string() + R"(","socket":")" +
                                       engine.socket() + R"(","allow_images":["docker.io/*"]})");
    engine::Client client{io, {.socket = config.socket}};
    store::Opened opened = store::open_store((dir / "servers.db").string());
    std::string count;
    std::vector<std::string> seen; // status and count at each event
    Fleet::Outputs outputs = quiet();
    outputs.publish = [&](std::string_view key, const std::string& json) {
        if (key == "active_servers") count = json;
    };
    outputs.emit = [&](std::string_view topic, const std::string& json) {
        if (topic == "docker.server_status_changed")
            seen.push_back(nlohmann::json::parse(json).at("currentStatus").get<std::string>() + " " + count);
        if (topic == "docker.server_deleted") seen.push_back("deleted " + count);
    };
    Fleet fleet{client,
                config,
                std::move(opened.store),
                Pools{disk.get_executor(), disk.get_executor()},
                dir.path(),
                std::move(outputs)};
    fleet.load(opened.content);
    fleet.start();
    ASSERT_TRUE(test::run_until(io, [&] { return !fleet.away(); }));
    const std::string payload =
        R"({"serverId":"mc1","eggConfig":{"image":"docker.io/library/alpine:3","startup":"sleep 9"}})";
    fleet.create({.spec = read_create_server(payload),
                  .payload = payload,
                  .power = {.id = "1", .action = server::Action::install, .then_start = true},
                  .answer = [](const server::Answer&) {},
                  .refused = [](const Problem& problem) { ADD_FAILURE() << problem.message; },
                  .exists = [](const ServerShell&) {}});
    // The engine has no image and gives none, so the start fails.
    ASSERT_TRUE(test::run_until(io, [&] {
        return std::ranges::find(seen, "starting 1") != seen.end() && !seen.empty() &&
               seen.back() == "crashed 0";
    })) << testing::PrintToString(seen);
    for (const std::string& event : seen)
        EXPECT_EQ(event.ends_with(" 1"), event.starts_with("starting")) << event;
    disk.join();
}

// While the engine is asked who holds the ports of a new server.
TEST(DockerFleet, CreatesNothingWhenTheAgentIsToldToStopMeanwhile)
{
    const test::TempDir dir;
    const test::FakeHttp engine{dir / "s", answer};
    boost::asio::io_context io;
    boost::asio::thread_pool disk{1};
    const Config config = parse_config(R"({"data_dir":")" + (dir / "data").string() + R"(","socket":")" +
                                       engine.socket() + R"(","allow_images":["docker.io/*"]})");
    engine::Client client{io, {.socket = config.socket}};
    store::Opened opened = store::open_store((dir / "servers.db").string());
    Fleet fleet{client,     config, std::move(opened.store), Pools{disk.get_executor(), disk.get_executor()},
                dir.path(), quiet()};
    fleet.load(opened.content);
    fleet.start();
    ASSERT_TRUE(test::run_until(io, [&] { return !fleet.away(); }));
    std::optional<Problem> refused;
    const std::string payload =
        R"({"serverId":"mc1","eggConfig":{"image":"docker.io/library/alpine:3","startup":"sleep 9"}})";
    fleet.create({.spec = read_create_server(payload),
                  .payload = payload,
                  .power = {.id = "1", .action = server::Action::install},
                  .answer = [](const server::Answer&) { ADD_FAILURE() << "it was begun"; },
                  .refused = [&](const Problem& problem) { refused = problem; },
                  .exists = [](const ServerShell&) { ADD_FAILURE(); }});
    EXPECT_FALSE(refused) << "its ports are asked for";
    fleet.drain();
    EXPECT_TRUE(test::run_until(io, [&] { return refused.has_value(); }));
    EXPECT_EQ(refused ? refused->code : "", "BUSY");
    EXPECT_EQ(fleet.find("mc1"), nullptr);
    EXPECT_EQ(fleet.ledger().totals().servers, 0u);
    disk.join();
}

} // namespace
