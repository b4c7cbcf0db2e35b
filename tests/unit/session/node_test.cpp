// The same against a WebSocket server that is not Beast: node's ws.
#include "fixture.hpp"

namespace agenthost::test {
namespace {

class NodePeer : public SessionTest, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(PlainAndTls, NodePeer, testing::Bool(),
                         [](const auto& info) { return info.param ? "Tls" : "Plain"; });

TEST_P(NodePeer, IsServed)
{
    const bool tls = GetParam();
    const std::string script = agenthost::test::source_dir().string() + "/tests/unit/session/node_peer.js";
    std::vector<std::string> argv{"node", script, "300"};
    if (tls) {
        argv.push_back((certificates() / "server.pem").string());
        argv.push_back((certificates() / "server.key").string());
    }
    Process node{{.argv = argv, .env = {{"NODE_PATH", "/usr/share/nodejs"}}}};
    ASSERT_TRUE(wait_for([&] { return node.out().find('\n') != std::string::npos || !node.running(); }));
    const std::string port = node.out().substr(0, node.out().find('\n'));
    ASSERT_FALSE(port.empty()) << "node with the ws package is needed (apt install nodejs node-ws): "
                               << node.err();

    auto to_node = config((tls ? "wss://localhost:" : "ws://localhost:") + port + "/agent");
    to_node.tls.ca = (certificates() / "ca.pem").string();
    connect(to_node);
    ASSERT_TRUE(until([&] { return !node.running(); })) << problem();
    ASSERT_EQ(node.wait(), 0) << node.err();
    const Json seen = Json::parse(node.out().substr(port.size() + 1));
    EXPECT_EQ(seen["hello"], (Json{{"action", "auth"}, {"token", "good-token"}, {"agent_id", "agent-7"}}));
    EXPECT_EQ(seen["answers"], 300);
    EXPECT_EQ(seen["wrong"], Json::array()) << seen;
    EXPECT_GE(seen["pings"], 1);
    EXPECT_EQ(seen["pongs"], 1);
    EXPECT_EQ(seen["code"], 1000);
}

} // namespace
} // namespace agenthost::test
