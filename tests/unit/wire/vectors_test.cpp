// Every golden vector of tests/wire/vectors/<protocol>: read by one end, and where it says so written by the
// other. tests/wire/vectors/README.md explains the members of a vector.
#include "tests/unit/wire/environment.hpp"
#include "tests/unit/wire/messages.hpp"

#include "tests/support/support.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace agenthost::wire;
namespace fs = std::filesystem;

namespace {

// The folder of a protocol or a dialect of one: "panel", "panel_field".
std::string label(Protocol protocol)
{
    const ProtocolTraits& row = traits(protocol);
    return std::string{row.name} + (row.dialect.empty() ? "" : "_") + std::string{row.dialect};
}

// A protocol's vectors, by the name of their files.
std::map<std::string, Json> vectors(Protocol of)
{
    std::map<std::string, Json> all;
    const fs::path folder = agenthost::test::source_dir() / "tests/wire/vectors" / label(of);
    for (const auto& entry : fs::directory_iterator{folder}) {
        if (entry.path().extension() == ".json")
            all.emplace(entry.path().filename(), Json::parse(agenthost::test::read_file(entry.path())));
    }
    return all;
}

// What is told must be what is meant; of a reason, a part is enough.
void expect_same(Json told, const Json& meant)
{
    if (meant.at("type") == "malformed" || meant.at("type") == "refused") {
        ASSERT_EQ(told.at("type"), meant.at("type")) << told;
        EXPECT_NE(told.at("reason").get<std::string>().find(meant.at("reason").get<std::string>()),
                  std::string::npos)
            << told;
        told["reason"] = meant.at("reason");
    }
    EXPECT_EQ(told, meant);
}

// Both ends of one connection, as a vector's `setup` says.
class Ends {
public:
    Ends(Protocol protocol, const Json& setup, bool greet)
        : secret_{setup.value("secret", "")}, agent_id_{setup.value("agent_id", "")}
    {
        const std::int64_t now = setup.value("now", test_now);
        agents_environment_.set_now(now), servers_environment_.set_now(now);
        agent = agent_codec(protocol,
                            {.environment = agents_environment_.environment(), .nonces = &agents_nonces_});
        ServerSetup servers{.environment = servers_environment_.environment(),
                            .agent_id = setup.value("proved", ""),
                            .secret_of = {},
                            .nonces = &servers_nonces_};
        servers.secret_of = [id = agent_id_, secret = secret_](std::string_view asked) {
            return asked == id ? std::optional{secret} : std::nullopt;
        };
        server = server_codec(protocol, std::move(servers));
        if (greet && !agent_id_.empty()) {
            Hello hello;
            hello.agent_id = agent_id_;
            hello.credential = secret_;
            (void)agent->opening(hello);
            (void)agent->hello(hello);
            agents_environment_.count_uuids_anew();
        }
        for (const Json& nonce : setup.value("nonces_seen", Json::array())) {
            agents_nonces_.admit(agent_id_, nonce.get<std::string>(), now);
            servers_nonces_.admit(agent_id_, nonce.get<std::string>(), now);
        }
        agents_nonces_.full = servers_nonces_.full = setup.value("nonces_full", false);
    }

    // What happened earlier on the connection: a frame was read by its receiver, a meaning was written by its
    // sender.
    void play(const Json& step)
    {
        const bool down = step.at("direction") == "server_to_agent";
        if (step.contains("meaning")) {
            std::string written;
            const Message message{step.at("meaning")};
            EXPECT_TRUE(down ? write(*server, message, written) : write(*agent, message, written)) << step;
        }
        if (step.contains("frame")) {
            if (down)
                (void)agent->decode(step.at("frame").get<std::string>(), step.value("authenticating", false));
            else
                (void)server->decode(step.at("frame").get<std::string>());
        }
    }

    std::unique_ptr<AgentCodec> agent;
    std::unique_ptr<ServerCodec> server;

private:
    std::string secret_, agent_id_;
    TestEnvironment agents_environment_, servers_environment_;
    TestNonces agents_nonces_, servers_nonces_;
};

void expect_opening(AgentCodec& agent, const Json& vector)
{
    const Message message{vector.value("written", Json{}).is_object() ? vector.at("written")
                                                                      : vector.at("meaning")};
    const Opening opening = agent.opening(message.hello);
    Json headers = Json::array();
    for (const auto& [key, value] : opening.headers) headers.push_back({key, value});
    EXPECT_EQ(headers, vector.at("opening").value("headers", Json::array()));
    EXPECT_EQ(opening.query, vector.at("opening").value("query", ""));
}

void expect_same_at_both_ends(Protocol protocol, const Json& vector)
{
    const Json& meaning = vector.at("meaning");
    const bool down = vector.at("direction") == "server_to_agent";
    if (!down) {
        ASSERT_EQ(vector.at("direction"), "agent_to_server");
    }
    Ends ends{protocol, vector.value("setup", Json::object()), meaning.at("type") != "hello"};
    ASSERT_TRUE(ends.agent && ends.server);
    for (const Json& step : vector.value("before", Json::array())) ends.play(step);

    if (vector.contains("opening")) expect_opening(*ends.agent, vector);
    const bool no_words = vector.value("no_words", false);
    const std::string frame = no_words ? "" : vector.at("frame").get<std::string>();
    const std::string binary = from_hex(vector.value("binary_hex", ""));
    if (!binary.empty()) { // the frame announces it
        EXPECT_EQ(describe(ends.agent->decode(frame, false)), Json({{"type", "nothing"}}));
        const auto message = ends.agent->decode_binary(binary);
        ASSERT_TRUE(message);
        expect_same(describe(*message), meaning);
    } else if (!frame.empty() || meaning.at("type") == "malformed") {
        expect_same(down ? describe(ends.agent->decode(frame, vector.value("authenticating", false)))
                         : describe(ends.server->decode(frame)),
                    meaning);
    }
    if (vector.contains("beat")) { // what the server's settings asked for
        const Json& beat = vector.at("beat");
        EXPECT_EQ(ends.agent->heartbeat_due(), beat.value("due", false));
        EXPECT_EQ(ends.agent->heartbeat_interval().value_or(milliseconds{0}).count(),
                  beat.value("interval_ms", 0));
    }

    const Json says = no_words ? Json(true) : vector.value("written", Json(false));
    if (says.is_boolean() && !says.get<bool>()) return;
    const Message message{says.is_object() ? says : meaning};
    std::string written;
    EXPECT_EQ(down ? write(*ends.server, message, written) : write(*ends.agent, message, written), !no_words);
    EXPECT_EQ(written, frame);
    if (down) EXPECT_EQ(ends.server->take_binary(), binary);
}

void expect_a_reason_when_damaged(Protocol protocol, const Json& vector)
{
    const std::string frame = vector.value("frame", "");
    const bool down = vector.at("direction") == "server_to_agent";
    Ends ends{protocol, vector.value("setup", Json::object()), true};
    ASSERT_TRUE(ends.agent && ends.server);
    for (const Json& step : vector.value("before", Json::array())) ends.play(step);
    const bool broken = vector.at("meaning").at("type") == "malformed"; // a part of it may be whole
    const auto read = [&](const std::string& damaged) {
        const Json told = down ? describe(ends.agent->decode(damaged, vector.value("authenticating", false)))
                               : describe(ends.server->decode(damaged));
        EXPECT_NE(told.value("reason", "none"), "") << damaged;
        return told.at("type").get<std::string>();
    };
    for (std::size_t cut = 0; cut < frame.size(); ++cut) {
        const std::string type = read(frame.substr(0, cut));
        if (!broken) {
            EXPECT_TRUE(type == "malformed" || type == "refused") << cut;
        }
    }
    std::mt19937 random{11};
    for (std::size_t i = 0; i < frame.size(); ++i) {
        std::string damaged = frame;
        damaged[i] = static_cast<char>(random());
        read(damaged);
        damaged[i] = static_cast<char>(frame[i] ^ (1 << random() % 8));
        read(damaged);
    }
}

// One test a protocol, not a vector: each test is a process of its own in the suite, and there are hundreds
// of vectors.
class Vectors : public testing::TestWithParam<Protocol> {};

TEST_P(Vectors, MeanTheSameAtBothEnds)
{
    for (const auto& [file, vector] : vectors(GetParam())) {
        SCOPED_TRACE(file);
        expect_same_at_both_ends(GetParam(), vector);
    }
}

// Cut anywhere, with any byte changed: a message or a reason, never an exception. (Reading outside is found
// by the sanitizers.)
TEST_P(Vectors, AreReadOrRefusedWithAReasonWhenDamaged)
{
    for (const auto& [file, vector] : vectors(GetParam())) {
        SCOPED_TRACE(file);
        expect_a_reason_when_damaged(GetParam(), vector);
    }
}

TEST_P(Vectors, AreThere) { EXPECT_GE(vectors(GetParam()).size(), 50u); }

std::vector<Protocol> all_protocols()
{
    std::vector<Protocol> all;
    for (const ProtocolTraits& row : protocols()) all.push_back(row.protocol);
    return all;
}

INSTANTIATE_TEST_SUITE_P(Wire, Vectors, testing::ValuesIn(all_protocols()),
                         [](const auto& info) { return label(info.param); });

} // namespace
