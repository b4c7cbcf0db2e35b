// A hub's dashboards with a test clock and one agent, d1. With real sockets: tests/integration/hub.
#pragma once

#include "tests/unit/hub/parts.hpp"

#include "plugins/hub/dashboard/dashboards.hpp"

#include <gtest/gtest.h>

namespace agenthost::hub_test {

class DashboardsTest : public PartsTest {
protected:
    DashboardsTest()
    {
        utc = 1'000'000'000'000;
        std::string why;
        jwt = Jwt::of_secret("a-secret-of-the-test-0123456789abcdef", why);
        credentials.agents.set_jwt(jwt);
        join_agent("d1");
    }
    void join_agent(const std::string& id)
    {
        join(id, "dashboard");
        enter([&] { dashboards.agent_changed(*fanout.find(id), true); });
    }
    std::string token(const std::string& sub = "ops", std::optional<std::vector<std::string>> agents = {},
                      Role role = Role::dashboard, std::int64_t lives_s = 3600, const std::string& jti = "j")
    {
        return jwt->sign({.sub = sub,
                          .role = role,
                          .agents = std::move(agents),
                          .iat = utc / 1000,
                          .exp = utc / 1000 + lives_s,
                          .jti = jti});
    }
    Conn dial(const std::string& jwt_text)
    {
        const Conn conn = ++last_conn;
        Head head;
        head.method = "GET";
        head.path = "/ws/dashboard";
        head.query = "token=" + jwt_text;
        enter([&] { dashboards.request(conn, head); });
        return conn;
    }
    Conn open_dashboard(std::optional<std::vector<std::string>> agents = {}, const std::string& sub = "ops")
    {
        const Conn conn = dial(token(sub, std::move(agents)));
        EXPECT_TRUE(daemon.upgraded.contains(conn));
        return conn;
    }
    void say(Conn conn, const std::string& type, const json& payload)
    {
        raw(conn,
            json{{"version", "1.0.0"}, {"type", type}, {"timestamp", utc}, {"payload", payload}}.dump());
    }
    void raw(Conn conn, const std::string& text)
    {
        enter([&] { dashboards.frame(conn, AGH_WS_TEXT, text); });
    }
    // The frames sent to it since the last call.
    std::vector<json> heard(Conn conn)
    {
        std::vector<json> frames;
        for (const std::string& text : std::exchange(daemon.sent[conn], {})) {
            json frame = json::parse(text);
            EXPECT_EQ(frame.at("version"), "1.0.0");
            EXPECT_LE(frame.at("timestamp").get<std::int64_t>(), utc);
            EXPECT_GT(frame.at("timestamp").get<std::int64_t>(), utc - 120'000);
            frames.push_back(std::move(frame));
        }
        return frames;
    }
    static std::vector<std::string> types(const std::vector<json>& frames)
    {
        std::vector<std::string> names;
        for (const json& f : frames) {
            std::string name = f["type"];
            if (f["payload"].contains("status") && name == "command:status")
                name += " " + std::string{f["payload"]["status"]};
            if (f["payload"].contains("code") && name == "error")
                name += " " + std::string{f["payload"]["code"]};
            names.push_back(name);
        }
        return names;
    }
    json only(Conn conn)
    {
        const auto frames = heard(conn);
        EXPECT_EQ(frames.size(), 1U) << json(frames);
        return frames.empty() ? json{} : frames.back();
    }
    std::string code(Conn conn)
    {
        const json frame = only(conn);
        EXPECT_EQ(frame["type"], "error");
        return frame["payload"].value("code", "");
    }
    std::string start(Conn conn, const json& more = json::object(), const std::string& agent = "d1")
    {
        json payload{{"agentId", agent}, {"command", "ls -la"}};
        if (more.is_object()) payload.update(more);
        const std::size_t before = fanout.sent.size();
        say(conn, "command:request", payload);
        EXPECT_EQ(fanout.sent.size(), before + 1);
        return fanout.sent.back().id;
    }
    void running(const std::string& id, const std::string& agent = "d1")
    {
        enter([&] { runs.events().progress(agent, {.id = id, .json = R"({"status":"running"})"}); });
    }
    void print(const std::string& id, std::uint64_t offset, std::string_view bytes, std::uint32_t channel = 1)
    {
        enter([&] {
            runs.events().stream("d1", {.id = id, .channel = channel, .offset = offset, .bytes = bytes});
        });
    }
    void exits(const std::string& id, const std::string& data = R"({"exit_code":0,"reason":"exit"})")
    {
        result("d1", {.id = id, .data = data});
    }
    void fails(const std::string& id, std::string_view why)
    {
        result("d1", {.id = id, .outcome = wire::Outcome::error, .error = {.code = why, .message = "why"}});
    }
    using Names = std::vector<std::string>;

    std::shared_ptr<const Jwt> jwt;
    Dashboards dashboards{core, exchanges, credentials.callers, fanout, runs};
    Conn last_conn = 1000;
};

} // namespace agenthost::hub_test
