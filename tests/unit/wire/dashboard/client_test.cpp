// Frames between dashboards and the hub: every golden vector of tests/wire/vectors/dashboard_client, read or
// written by the hub's side.
#include "tests/support/support.hpp"

#include "wire/dashboard/client.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <deque>
#include <filesystem>

namespace {

using Json = nlohmann::json;
using namespace agenthost::wire;
namespace fs = std::filesystem;

constexpr std::int64_t now = 1737626400000;

void set(Json& out, const char* key, std::string_view value)
{
    if (!value.empty()) out[key] = std::string{value};
}
void set(Json& out, const char* key, bool value)
{
    if (value) out[key] = true;
}

struct Describe {
    Json operator()(const Nothing&) const { return {{"type", "nothing"}}; }
    Json operator()(const dashboard_client::Bad& m) const
    {
        Json out{{"type", "bad"}, {"reason", m.reason}};
        set(out, "command_id", m.command_id);
        set(out, "request_id", m.request_id);
        return out;
    }
    Json operator()(const dashboard_client::Connect& m) const
    {
        return with_token("connect", m.token, m.request_id);
    }
    Json operator()(const dashboard_client::Refresh& m) const
    {
        return with_token("refresh", m.token, m.request_id);
    }
    Json operator()(const dashboard_client::Beat& m) const
    {
        return {{"type", "beat"}, {"sequence", std::string{m.sequence}}};
    }
    Json operator()(const dashboard_client::Ask& m) const
    {
        Json out{{"type", "ask"}, {"params", m.params}};
        set(out, "agent_id", m.agent_id);
        set(out, "request_id", m.request_id);
        set(out, "base64", m.base64);
        return out;
    }
    Json operator()(const dashboard_client::Interrupt& m) const
    {
        Json out = with_command("interrupt", m);
        set(out, "force", m.force);
        return out;
    }
    Json operator()(const dashboard_client::Input& m) const
    {
        Json out = with_command("input", m);
        set(out, "data", m.data);
        set(out, "base64", m.base64);
        set(out, "eof", m.eof);
        return out;
    }
    Json operator()(const dashboard_client::Resize& m) const
    {
        Json out = with_command("resize", m);
        out["columns"] = m.columns;
        out["rows"] = m.rows;
        return out;
    }
    Json operator()(const dashboard_client::Subscribe& m) const
    {
        Json out{{"type", m.on ? "subscribe" : "unsubscribe"}, {"topics", Json::array()}};
        set(out, "agent_id", m.agent_id);
        set(out, "server_id", m.server_id);
        set(out, "request_id", m.request_id);
        for (const std::string_view topic : m.topics) out["topics"].push_back(std::string{topic});
        return out;
    }
    static Json with_token(const char* type, std::string_view token, std::string_view request)
    {
        Json out{{"type", type}};
        set(out, "token", token);
        set(out, "request_id", request);
        return out;
    }
    static Json with_command(const char* type, const auto& m)
    {
        Json out{{"type", type}};
        set(out, "command_id", m.command_id);
        set(out, "request_id", m.request_id);
        return out;
    }
};

// Writes a message that a vector describes.
class Writer {
public:
    explicit Writer(const Json& message) : m_{message} {}

    std::string write()
    {
        std::string out;
        const std::string type = m_.at("type");
        if (type == "ack") dashboard_client::write_ack(out, now, text("connection_id"));
        if (type == "list") dashboard_client::write_list(out, now, agents(), number("left_out"));
        if (type == "agent_status")
            dashboard_client::write_agent_status(out, now, agent(m_.at("agents").at(0)));
        if (type == "queue") dashboard_client::write_queue(out, now, text("agent_id"), text("queue"));
        if (type == "heartbeat") dashboard_client::write_heartbeat(out, now, text("sequence"));
        if (type == "error") dashboard_client::write_error(out, now, fault(text("request_id")));
        if (type == "response") dashboard_client::write_response(out, now, text("request_id"), fault({}));
        if (type == "status") dashboard_client::write_status(out, now, status());
        if (type == "event") {
            dashboard_client::write_event(out, now,
                                          {.agent_id = text("agent_id"),
                                           .server_id = text("server_id"),
                                           .topic = text("topic"),
                                           .data = text("data"),
                                           .task_id = text("task_id")});
        }
        if (type == "event_dropped")
            dashboard_client::write_events_dropped(out, now, text("agent_id"), number("dropped"));
        if (type == "output") {
            dashboard_client::write_output(out, now, output());
            if (number("dropped") > 0) out = dashboard_client::with_dropped(out, number("dropped"));
        }
        return out;
    }

private:
    std::string_view text(const Json& from, const char* key)
    {
        return kept_.emplace_back(from.value(key, ""));
    }
    std::string_view text(const char* key) { return text(m_, key); }
    [[nodiscard]] std::uint64_t number(const char* key) const { return m_.value(key, std::uint64_t{0}); }
    dashboard_client::Agent agent(const Json& from)
    {
        return {.id = text(from, "id"),
                .name = text(from, "name"),
                .version = text(from, "version"),
                .platform = text(from, "platform"),
                .capabilities = text(from, "capabilities"),
                .online = from.value("online", false),
                .last_seen = from.value("last_seen", std::int64_t{0})};
    }
    std::string agents()
    {
        std::string list;
        agenthost::base::JsonWriter json{list};
        json.array();
        for (const Json& each : m_.at("agents")) dashboard_client::write_agent(json, agent(each));
        json.end();
        return list;
    }
    dashboard_client::Fault fault(std::string_view request_id)
    {
        return {.code = text("code"),
                .message = text("message"),
                .command_id = text("command_id"),
                .request_id = request_id,
                .detail = text("detail")};
    }
    dashboard_client::Status status()
    {
        dashboard_client::Status s{.command_id = text("command_id"),
                                   .request_id = text("request_id"),
                                   .agent_id = text("agent_id"),
                                   .status = text("status"),
                                   .position = number("position"),
                                   .exit_code = {},
                                   .reason = text("reason"),
                                   .signal = text("signal"),
                                   .code = text("code"),
                                   .message = text("message")};
        if (m_.contains("exit_code")) s.exit_code = m_.at("exit_code").get<int>();
        return s;
    }
    dashboard_client::Output output()
    {
        return {.command_id = text("command_id"),
                .data = text("data"),
                .channel = static_cast<std::uint32_t>(number("channel")),
                .sequence = number("sequence"),
                .offset = number("offset"),
                .base64 = m_.value("base64", false)};
    }

    const Json& m_;
    // What the messages' views point to.
    std::deque<std::string> kept_;
};

TEST(DashboardClient, ReadsAndWritesEveryGoldenVector)
{
    std::size_t read = 0, written = 0;
    // One for all, as in the hub.
    dashboard_client::Reader reader;
    for (const auto& entry :
         fs::directory_iterator{agenthost::test::source_dir() / "tests/wire/vectors/dashboard_client"}) {
        SCOPED_TRACE(entry.path().filename().string());
        const Json vector = Json::parse(agenthost::test::read_file(entry.path()));
        const std::string frame = vector.at("frame");
        const Json& meaning = vector.at("meaning");
        if (vector.at("direction") == "dashboard_to_hub") {
            ++read;
            Json told = std::visit(Describe{}, reader.read(frame));
            if (meaning.at("type") == "bad" && told.contains("reason")) {
                EXPECT_FALSE(told["reason"].get<std::string>().empty());
                EXPECT_NE(told["reason"].get<std::string>().find(meaning["reason"].get<std::string>()),
                          std::string::npos)
                    << told;
                told["reason"] = meaning["reason"];
            }
            EXPECT_EQ(told, meaning);
        } else {
            ++written;
            EXPECT_EQ(Writer{meaning}.write(), frame);
        }
    }
    EXPECT_GE(read, 50U);
    EXPECT_GE(written, 25U);
}

TEST(DashboardClient, EveryFieldHasABound)
{
    dashboard_client::Reader reader;
    const auto refused = [&](const std::string& payload, const char* type = "command:request") {
        const auto said = reader.read("{\"type\":\"" + std::string{type} + "\",\"payload\":" + payload + "}");
        return std::holds_alternative<dashboard_client::Bad>(said);
    };
    const auto of = [](std::size_t n) { return "\"" + std::string(n, 'x') + "\""; };
    EXPECT_FALSE(refused("{\"agentId\":" + of(256) + ",\"command\":" + of(131'072) + "}"));
    EXPECT_TRUE(refused("{\"agentId\":" + of(257) + ",\"command\":\"x\"}"));
    EXPECT_TRUE(refused("{\"agentId\":\"a\",\"command\":" + of(131'073) + "}"));
    EXPECT_TRUE(refused("{\"agentId\":\"a\",\"command\":\"x\",\"cwd\":" + of(4097) + "}"));
    EXPECT_TRUE(refused("{\"agentId\":\"a\",\"command\":\"x\",\"requestId\":" + of(257) + "}"));
    EXPECT_TRUE(refused("{\"token\":" + of(8193) + "}", "token:refresh"));
    EXPECT_TRUE(refused("{\"commandId\":\"c\",\"data\":" + of(262'145) + "}", "terminal:input"));
    EXPECT_TRUE(refused("{\"sequence\":" + std::string(65, '1') + "}", "heartbeat"));
}

} // namespace
