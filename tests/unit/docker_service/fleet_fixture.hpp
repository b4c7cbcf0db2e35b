// A fleet of one server, mc1, on a scripted engine.
#pragma once

#include "plugins/docker/service/fleet.hpp"
#include "plugins/docker/spec/egg.hpp"
#include "tests/support/asio_loop.hpp"
#include "tests/unit/docker_service/scripted_engine.hpp"

#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::docker_test {

using namespace agenthost::docker;
using namespace agenthost::docker::service;
using nlohmann::json;

// Whom the folders of servers are given to: a plain user can give them to itself only.
inline std::string user(unsigned own) { return std::to_string(own == 0 ? 1000 : own); }

inline constexpr const char* payload =
    R"({"serverId":"mc1","eggConfig":{"image":"docker.io/library/alpine:3","startup":"sleep 9"}})";

class FleetTest : public testing::Test {
protected:
    void SetUp() override
    {
        std::filesystem::create_directories(dir_ / "data");
        engine_ = std::make_unique<ScriptedEngine>(dir_ / "s");
        config_ = std::make_unique<Config>(parse_config(R"({"data_dir":")" + (dir_ / "data").string() +
                                                        R"(","socket":")" + engine_->socket() +
                                                        R"(","uid":)" + user(::geteuid()) + R"(,"gid":)" +
                                                        user(::getegid()) + R"(,"allow_images":["*"]})"));
        client_ = std::make_unique<engine::Client>(io_, engine::Client::Options{.socket = config_->socket});
        begin();
    }
    void TearDown() override { end(); }

    // An agent starts, and ends.
    void begin()
    {
        disk_ = std::make_unique<boost::asio::thread_pool>(1);
        store::Opened opened = store::open_store((dir_ / "servers.db").string());
        Fleet::Outputs outputs{.emit =
                                   [this](std::string_view topic, const std::string& text) {
                                       if (topic == "docker.server_status_changed")
                                           events_.push_back(json::parse(text));
                                   },
                               .publish = [](std::string_view, const std::string&) {},
                               .log = [this](Level, const std::string& text) { log_ += text + "\n"; },
                               .deleted = [](const std::string&) {},
                               .disk_use = [](const ServerShell&) { return std::optional<DiskUse>{}; }};
        database_ = &opened.store->database();
        fleet_ = std::make_unique<Fleet>(*client_, *config_, std::move(opened.store),
                                         Pools{disk_->get_executor(), disk_->get_executor()}, dir_.path(),
                                         std::move(outputs));
        fleet_->load(opened.content);
        fleet_->start();
        ASSERT_TRUE(test::run_until(io_, [&] { return !fleet_->away(); }));
    }
    void end()
    {
        disk_->join();
        fleet_.reset();
    }

    // The engine reports no events. Not at once again: the machine looks whenever it is told of one.
    void poll()
    {
        const auto now = std::chrono::steady_clock::now();
        if (now < next_poll_) return;
        next_poll_ = now + std::chrono::milliseconds{100};
        if (ServerShell* const server = fleet_->find("mc1")) server->poll();
    }
    void create()
    {
        bool done = false;
        fleet_->create({.spec = read_create_server(payload),
                        .payload = payload,
                        .power = {.id = "create", .action = server::Action::install},
                        .answer = [&](const server::Answer&) { done = true; },
                        .refused = [](const Problem& problem) { FAIL() << problem.message; },
                        .exists = [](const ServerShell&) { FAIL(); }});
        ASSERT_TRUE(test::run_until(io_, [&] {
            poll();
            return done;
        }));
    }
    // Until it runs; a start is answered before.
    bool start()
    {
        const server::Answer answer = power(server::Action::start);
        EXPECT_EQ(answer.verdict, server::Verdict::ok) << answer.problem.message;
        return is(server::State::running);
    }
    [[nodiscard]] int running() const
    {
        const auto all = engine_->containers();
        return static_cast<int>(
            std::count_if(all.begin(), all.end(), [](const auto& each) { return each.second.running; }));
    }
    server::Answer power(server::Action action)
    {
        std::optional<server::Answer> out;
        server::Power power{"p" + std::to_string(++powers_), action};
        power.stop.timeout = server::milliseconds{0};
        fleet_->find("mc1")->power(power, [&](const server::Answer& answer) { out = answer; });
        EXPECT_TRUE(test::run_until(io_, [&] { return out.has_value(); }));
        return out.value_or(server::Answer{});
    }
    bool is(server::State state)
    {
        return test::run_until(io_, [&] {
            poll();
            ServerShell* const server = fleet_->find("mc1");
            return server != nullptr && server->state() == state;
        });
    }

    test::TempDir dir_;
    boost::asio::io_context io_;
    std::unique_ptr<ScriptedEngine> engine_;
    std::unique_ptr<Config> config_;
    std::unique_ptr<engine::Client> client_;
    std::unique_ptr<boost::asio::thread_pool> disk_;
    base::Database* database_ = nullptr; // of the store; for use while the fleet is idle
    std::unique_ptr<Fleet> fleet_;
    std::vector<json> events_; // server_status_changed
    std::string log_;
    int powers_ = 0;
    std::chrono::steady_clock::time_point next_poll_;
};

} // namespace agenthost::docker_test
