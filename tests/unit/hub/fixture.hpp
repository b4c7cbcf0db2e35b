// The hub's library as it is shipped, in a FakeHost: the test plays agents, REST callers and the daemon.
#pragma once

#include "base/hash.hpp"
#include "tests/support/support.hpp"

#include <agenthost/testing/fake_host.hpp>
#include <agenthost/testing/load.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <thread>

namespace agenthost::hub_test {

using agenthost::test::wait_for;
using agenthost::test::write_file;
using agenthost::testing::FakeHost;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

inline constexpr const char* admin = "admin-token-of-the-test";

class HubTest : public ::testing::Test {
protected:
    void SetUp() override { boot(); }

    void boot(const json& more = json::object())
    {
        write_file(dir / "admin", std::string{admin} + "\n");
        write_file(dir / "agents.yaml",
                   "agents:\n  - {id: n1, secret: secret-of-n1}\n  - {id: n2, secret: secret-of-n2}\n");
        json config{{"admin_token", {{"file", (dir / "admin").string()}}},
                    {"credentials", (dir / "agents.yaml").string()},
                    {"database", (dir / "hub.db").string()},
                    {"spool", (dir / "spool").string()},
                    {"reserve_free", 0}};
        config.update(more);
        host.reset();
        host = std::make_unique<FakeHost>(
            agenthost::testing::load_entry((agenthost::test::plugin_dir() / "hub.so").string()),
            config.dump());
        const auto started = host->start();
        ASSERT_TRUE(started.ok()) << started.text;
    }

    // --- an agent ---
    agh_conn dial(const std::string& id, const std::string& token)
    {
        const agh_conn conn = host->listener.websocket("/ws/storage");
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.upgraded(); }));
        host->listener.frame(conn, json{{"action", "auth"}, {"token", token}, {"agent_id", id}}.dump());
        return conn;
    }
    agh_conn agent(const std::string& id)
    {
        const agh_conn conn = dial(id, "secret-of-" + id);
        EXPECT_EQ(sent(conn, 0)["status"], "ok");
        return conn;
    }
    // The n-th frame the hub sent on it.
    json sent(agh_conn conn, std::size_t n)
    {
        EXPECT_TRUE(host->listener.wait(conn, [n](auto& e) { return e.sent.size() > n; }));
        const auto seen = host->listener.exchange(conn).sent;
        return n < seen.size() ? json::parse(seen[n].bytes) : json{};
    }
    int close_code(agh_conn conn) // waits until the hub has closed it
    {
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.close_code != 0; }));
        return host->listener.exchange(conn).close_code;
    }
    void respond(agh_conn conn, const json& command, json answer)
    {
        answer["action"] = "response";
        answer["request_id"] = command["request_id"];
        host->listener.frame(conn, answer.dump());
    }

    // --- a REST caller ---
    static std::string bearer(std::string_view token = admin)
    {
        return json{{"authorization", "Bearer " + std::string{token}}}.dump();
    }
    agh_conn ask(std::string_view method, std::string_view path, std::string_view query = {},
                 std::string_view more = {})
    {
        return host->listener.request(method, path, bearer(), query, more);
    }
    agh_conn command(const std::string& agent_id, const json& body)
    {
        const std::string text = body.dump();
        const agh_conn conn = ask("POST", "/api/agents/" + agent_id + "/commands", {},
                                  "\"length\":" + std::to_string(text.size()));
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving || e.status != 0; }));
        if (host->listener.exchange(conn).receiving) host->listener.body(conn, text);
        return conn;
    }
    struct Answered {
        int status;
        json headers, body;
        std::string text;
    };
    Answered answer(agh_conn conn)
    {
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.status != 0; })) << "no answer";
        const auto e = host->listener.exchange(conn);
        return {e.status, json::parse(e.headers.empty() ? "{}" : e.headers),
                json::parse(e.body, nullptr, false), e.body};
    }
    std::string code(agh_conn conn) { return answer(conn).body["error"]["code"]; }

    // A PUT whose body the agent is now told to fetch.
    agh_conn put(const std::string& path, const std::string& content, const std::string& headers = bearer(),
                 std::string_view query = {})
    {
        const agh_conn conn = host->listener.request("PUT", path, headers, query,
                                                     "\"length\":" + std::to_string(content.size()));
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving || e.status != 0; }));
        if (host->listener.exchange(conn).receiving) host->listener.body(conn, content);
        return conn;
    }
    static std::string path_of(const std::string& url) { return url.substr(url.find("/api/")); }

    agenthost::test::TempDir dir;
    std::unique_ptr<FakeHost> host;
};

} // namespace agenthost::hub_test
