// The database cannot be read: every answer that needs it says so. An empty list or a 404 would be a lie, and
// a caller that trusts it sends its command again.
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;

namespace {

class UnreadableTest : public PartsTest {
protected:
    UnreadableTest()
    {
        join("n1", "storage");
        join("kitchen", "print");
        leave("n1");
        task =
            body(ask("POST", "/api/agents/kitchen/commands", R"({"action":"host.ping","timeout":0})"))["id"];
        result("kitchen", {.id = task, .data = "{}"});
    }
    std::string task;
};

TEST_F(UnreadableTest, NoAnswerIsEmptyOrNotFound)
{
    const std::vector<std::pair<std::string, std::string>> reads{{"/api/agents", ""},
                                                                 {"/api/agents/n1", ""},
                                                                 {"/api/agents/n1/health", ""},
                                                                 {"/api/agents/n1/metrics", ""},
                                                                 {"/api/agents/n1/events", ""},
                                                                 {"/api/agents/n1/logs", ""},
                                                                 {"/api/agents/n1/files/f", ""},
                                                                 {"/api/tasks/" + task, ""},
                                                                 {"/api/agent-tasks/" + task, ""},
                                                                 {"/api/agent-heartbeat", ""},
                                                                 {"/api/agent-heartbeat", "shopId=kitchen"}};
    for (const auto& [path, query] : reads) EXPECT_NE(status(ask("GET", path, {}, query)), 507) << path;
    tables.unreadable = true;
    for (const auto& [path, query] : reads) {
        const Conn conn = ask("GET", path, {}, query);
        EXPECT_EQ(status(conn), 507) << path << query;
        EXPECT_EQ(body(conn)["error"]["code"], "DISK_ERROR") << path << query;
        EXPECT_THAT(body(conn)["error"]["message"].get<std::string>(),
                    testing::HasSubstr("could not read its database"));
    }
}

TEST_F(UnreadableTest, ACommandForAnAgentThatIsOfflineIsNotRefusedAsUnknown)
{
    tables.unreadable = true;
    EXPECT_EQ(status(ask("POST", "/api/agents/n1/commands", R"({"action":"host.ping","timeout":0})")), 507);
    EXPECT_EQ(status(ask("DELETE", "/api/tasks/" + task)), 507);
}

} // namespace
