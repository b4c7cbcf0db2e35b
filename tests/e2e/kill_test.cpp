// kill -9 of the agent at random points while the hub sends files: what was acknowledged is whole, what was
// not is absent or whole, nothing is half. 20 rounds, 200 with AGENTHOST_PROOF.
#include "hub.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <random>
#include <thread>

using namespace agenthost::test;

namespace {

TEST(Kill9, LosesNoAcknowledgedFileAndLeavesNoPartialOne)
{
    const int rounds = std::getenv("AGENTHOST_PROOF") ? 200 : 20;
    Hub hub{false};
    TempDir dir;
    const auto secret = hub.add_agent("node-01");
    const auto yaml = agent_yaml(hub, dir / "a", secret);
    std::mt19937 random{4711};
    std::map<std::string, std::string> sent; // id -> sha256
    std::map<std::string, bool> acknowledged;
    int number = 0;
    for (int round = 0; round < rounds; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        Daemon agent{{.yaml = yaml, .log_level = "info", .dir = dir / "agent"}};
        ASSERT_TRUE(agent.wait_ready()) << agent.log();
        ASSERT_TRUE(wait_for([&] { return hub.online("node-01"); })) << agent.log();

        // Everything acknowledged before is whole now.
        const auto verify = hub.request("POST", "/api/agents/node-01/commands",
                                        R"({"action":"storage.verify","params":{},"timeout":60})");
        ASSERT_EQ(verify.status, 200) << verify.body;
        if (!acknowledged.empty()) {
            auto at = acknowledged.begin();
            std::advance(at, static_cast<long>(random() % acknowledged.size()));
            const auto got = hub.get_file("node-01", at->first, dir / "back");
            ASSERT_EQ(got.status, 200) << at->first << " was acknowledged and is gone" << agent.log();
            ASSERT_EQ(sha256_hex(read_file(dir / "back")), sent[at->first]) << at->first << " is not whole";
        }

        std::atomic<bool> stop{false};
        std::thread sender{[&] {
            while (!stop) {
                const auto id = "f" + std::to_string(number++);
                const auto content = random_bytes(64 << 10, static_cast<unsigned>(number));
                write_file(dir / "up", content);
                sent[id] = sha256_hex(content);
                if (hub.put_file("node-01", id, dir / "up").status / 100 == 2) acknowledged[id] = true;
            }
        }};
        // The kill's moment is the test's input, not a wait for a result.
        std::this_thread::sleep_for(std::chrono::milliseconds{random() % 150});
        agent.kill9();
        stop = true;
        // The sender's last PUT waits for the agent: the next round's agent would answer it, but here the hub
        // gives up by itself or is answered by a short-lived one.
        Daemon helper{{.yaml = yaml, .log_level = "info", .dir = dir / "agent"}};
        ASSERT_TRUE(helper.wait_ready()) << helper.log();
        sender.join();
        ASSERT_EQ(helper.stop(), 0) << helper.log();
    }
    // In the end every file the agent lists is whole.
    Daemon agent{{.yaml = yaml, .log_level = "info", .dir = dir / "agent"}};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    ASSERT_TRUE(wait_for([&] { return hub.online("node-01"); })) << agent.log();
    EXPECT_FALSE(acknowledged.empty());
    for (const auto& [id, yes] : acknowledged) {
        const auto got = hub.get_file("node-01", id, dir / "back");
        ASSERT_EQ(got.status, 200) << id;
        ASSERT_EQ(sha256_hex(read_file(dir / "back")), sent[id]) << id;
    }
}

} // namespace
