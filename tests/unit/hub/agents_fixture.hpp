// A hub whose JWT key the test knows, and agents of all five protocols.
#pragma once

#include "fixture.hpp"

#include "plugins/hub/credentials/jwt.hpp"
#include "plugins/hub/credentials/keys.hpp"

#include "base/uuid.hpp"

#include <chrono>

namespace agenthost::hub_test {

inline const std::string jwt_secret = "jwt-secret-of-the-test-0123456789abcdef";
inline constexpr const char* enroll = "enroll-token-of-the-test";

inline std::int64_t now_s() { return std::time(nullptr); }

class AgentsTest : public HubTest {
protected:
    void SetUp() override
    {
        write_file(dir / "jwt", jwt_secret);
        write_file(dir / "enroll", enroll);
        reboot();
    }
    void reboot(const json& more = json::object())
    {
        json config{{"jwt_secret", {{"file", (dir / "jwt").string()}}},
                    {"enroll_token", {{"file", (dir / "enroll").string()}}}};
        config.update(more);
        boot(config);
    }

    static std::string token(const std::string& sub, hub::Role role = hub::Role::agent,
                             std::int64_t lives = 600, const std::string& secret = jwt_secret)
    {
        std::string why;
        return hub::Jwt::of_secret(secret, why)
            ->sign({.sub = sub,
                    .role = role,
                    .iat = now_s(),
                    .exp = now_s() + lives,
                    .jti = agenthost::base::random_uuid()});
    }

    // --- agents; the caller checks the outcome ---
    agh_conn panel(const std::string& id, const std::string& jwt, const json& more = json::object())
    {
        json headers{{"x-agent-id", id}};
        if (!jwt.empty()) headers["authorization"] = "Bearer " + jwt;
        headers.update(more);
        return host->listener.websocket("/ws/agents", headers.dump());
    }
    agh_conn dashboard(const std::string& jwt)
    {
        return host->listener.websocket("/ws/agent", "{}", jwt.empty() ? "" : "token=" + jwt);
    }
    agh_conn print(const json& headers) { return host->listener.websocket("/print-agent", headers.dump()); }

    bool upgraded(agh_conn conn)
    {
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.status != 0; }));
        return host->listener.exchange(conn).upgraded();
    }
    // 401 before the 101, with the document's code.
    bool unauthorized(agh_conn conn)
    {
        const auto a = answer(conn);
        return a.status == 401 && a.body["error"]["code"] == "AUTH_FAILED" &&
               a.headers["www-authenticate"] == "Bearer";
    }
    std::string status(const std::string& id)
    {
        return answer(ask("GET", "/api/agents/" + id)).body.value("status", "");
    }

    // --- POST with a body ---
    agh_conn post(const std::string& path, const json& body, const std::string& bearer_token = {},
                  const std::string& peer = {})
    {
        const std::string text = body.is_string() ? body.get<std::string>() : body.dump();
        const std::string headers =
            bearer_token.empty()
                ? "{\"host\":\"hub.test:3001\"}"
                : json{{"authorization", "Bearer " + bearer_token}, {"host", "hub.test:3001"}}.dump();
        const agh_conn conn = host->listener.request("POST", path, headers, {},
                                                     "\"length\":" + std::to_string(text.size()) +
                                                         (peer.empty() ? "" : ",\"peer\":\"" + peer + "\""));
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving || e.status != 0; }));
        if (host->listener.exchange(conn).receiving) host->listener.body(conn, text);
        return conn;
    }
    json enrolled(const std::string& name = "node-01")
    {
        const auto a = answer(post("/api/agents/register", {{"name", name}}, enroll));
        EXPECT_EQ(a.status, 200) << a.text;
        return a.body.value("agent", json::object());
    }
    Answered refresh(const std::string& refresh_token, const std::string& peer = {})
    {
        return answer(post("/api/agents/refresh", {{"refreshToken", refresh_token}}, {}, peer));
    }
};

} // namespace agenthost::hub_test
