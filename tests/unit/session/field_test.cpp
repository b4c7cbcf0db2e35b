// Servers as they are in the field, on node's ws and http: no Date in the 101, HTTP errors after it.
#include "fixture.hpp"

namespace agenthost::test {
namespace {

class FieldServer : public SessionTest {
protected:
    void run(const std::string& script, std::vector<std::string> arguments)
    {
        std::vector<std::string> argv{"node", source_dir().string() + "/tests/unit/session/" + script};
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        node = std::make_unique<Process>(
            Process::Options{.argv = argv, .env = {{"NODE_PATH", "/usr/share/nodejs"}}});
        ASSERT_TRUE(
            wait_for([&] { return node->out().find('\n') != std::string::npos || !node->running(); }));
        port = node->out().substr(0, node->out().find('\n'));
        ASSERT_FALSE(port.empty()) << "node with the ws package is needed (apt install nodejs node-ws): "
                                   << node->err();
    }
    host::ServerConfig to_node(const std::string& protocol)
    {
        auto made = config("ws://127.0.0.1:" + port + "/agent");
        made.protocol = protocol;
        return made;
    }
    void connect_signed()
    {
        write_file(dir / "token", "hmac-secret");
        auto made = to_node("signed");
        made.protocol_json = R"({"metrics_interval_ms":3600000})";
        connect(made);
    }
    // What the server has said about each auth.
    std::vector<Json> auths()
    {
        std::vector<Json> all;
        std::istringstream lines{node->out()};
        std::string line;
        std::getline(lines, line); // the port
        while (std::getline(lines, line))
            if (line.ends_with('}')) all.push_back(Json::parse(line));
        return all;
    }
    std::unique_ptr<Process> node;
    std::string port;
};

TEST_F(FieldServer, TakesTheTimeFromAPlainGetWhereTheUpgradeHasNoDate)
{
    run("node_signed.js", {"date", "400000"});
    connect_signed();
    ASSERT_TRUE(ready()) << problem();
    ASSERT_EQ(auths().size(), 1u) << node->out();
    EXPECT_EQ(auths()[0]["reason"], "");
    const auto status = session->status();
    ASSERT_TRUE(status.clock_offset_ms);
    EXPECT_NEAR(static_cast<double>(*status.clock_offset_ms), 400'000.0, 30'000.0);
    EXPECT_NE(status.notice.find("s ahead of the server's"), std::string::npos) << status.notice;
}

TEST_F(FieldServer, SignsFurtherBackAtEachRefusalWhereNothingTellsTheTime)
{
    run("node_signed.js", {"no-date", "1500"});
    connect_signed();
    ASSERT_TRUE(ready()) << problem();
    const auto all = auths();
    ASSERT_EQ(all.size(), 3u) << node->out(); // signed 0, 1 and 2 s in the past
    EXPECT_EQ(all[0]["reason"], "invalid_timestamp");
    EXPECT_EQ(all[1]["reason"], "invalid_timestamp");
    EXPECT_EQ(all[2]["reason"], "");
    EXPECT_FALSE(session->status().clock_offset_ms) << "unknown, not zero";
    EXPECT_NE(said.find("sends no HTTP Date, so the difference between the clocks is unknown. The next "
                        "attempt signs 1 s"),
              std::string::npos)
        << said;
    EXPECT_EQ(said.find("differ by less than"), std::string::npos) << said;
}

TEST_F(FieldServer, ConnectsAlthoughAPlainGetIsNeverAnswered)
{
    run("node_signed.js", {"nothing", "0"});
    connect_signed();
    ASSERT_TRUE(ready()) << problem();
    EXPECT_FALSE(session->status().clock_offset_ms);
}

class HttpAfterUpgrade : public FieldServer, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(When, HttpAfterUpgrade, testing::Values("at once", "later"), [](const auto& info) {
    return std::string{info.param} == "later" ? "Later" : "AtOnce";
});

TEST_P(HttpAfterUpgrade, IsSaidToBeOne)
{
    run("node_http_error.js", {GetParam()});
    connect(to_node("storage"));
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find("accepted the upgrade with 101 and then wrote an HTTP error (400 Bad Request)"),
              std::string::npos)
        << problem();
}

} // namespace
} // namespace agenthost::test
