#include "fixture.hpp"

using namespace agenthost::hub_test;

namespace {

TEST_F(HubTest, PutLetsTheAgentFetchTheBody)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = put("/api/agents/n1/files/f1", "hello world", bearer(), "name=a%20b.txt&owner=u1");
    const json wire = sent(n1, 1);
    EXPECT_EQ(wire["action"], "upload");
    EXPECT_EQ(wire["file_info"],
              (json{{"id", "f1"},
                    {"name", "a b.txt"},
                    {"owner_id", "u1"},
                    {"size", 11},
                    {"sha256", agenthost::kit::hex(agenthost::kit::sha256("hello world"))}}));
    const std::string url = wire["download_url"];
    EXPECT_THAT(url, HasSubstr("http://127.0.0.1:3001/api/temp/download/"));
    const auto whole = answer(host->listener.request("GET", path_of(url)));
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(whole.text, "hello world");
    const auto part = answer(host->listener.request(
        "GET", path_of(url), json{{"range", "bytes=6-"}, {"if-range", whole.headers["etag"]}}.dump()));
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.text, "world");
    EXPECT_EQ(answer(host->listener.request("POST", path_of(url))).status, 401)
        << "not a method of this route, and no credential";
    respond(n1, wire, {{"status", "success"}, {"data", {{"free_bytes", 5}}}});
    EXPECT_EQ(answer(rest).status, 200);
    EXPECT_EQ(answer(rest).body["free_bytes"], 5);
    EXPECT_EQ(answer(host->listener.request("GET", path_of(url))).status, 404) << "used up";
}

TEST_F(HubTest, PutChecksTheDeclaredHash)
{
    const agh_conn n1 = agent("n1");
    const std::string sum = agenthost::kit::hex(agenthost::kit::sha256("hello"));
    const auto headers = [](const std::string& value) {
        return json{{"authorization", "Bearer " + std::string{admin}}, {"x-content-sha256", value}}.dump();
    };
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hullo", headers(sum))).status, 422);
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hello", headers("nonsense"))).status, 400);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
    put("/api/agents/n1/files/f1", "hello", headers(sum));
    EXPECT_EQ(sent(n1, 1)["action"], "upload");
}

TEST_F(HubTest, PutRefusesWhatIsTooLargeOrDoesNotFit)
{
    boot({{"max_file", 100}, {"spool_bytes", 50}});
    const agh_conn n1 = agent("n1");
    EXPECT_EQ(answer(ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":101)")).status, 413);
    const auto full = answer(ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":51)"));
    EXPECT_EQ(full.status, 507);
    EXPECT_EQ(full.body["error"]["code"], "DISK_FULL");
    EXPECT_EQ(answer(ask("PUT", "/api/agents/n1/files/f1")).status, 411);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
}

TEST_F(HubTest, ABrokenPutLeavesNothing)
{
    boot({{"spool_bytes", 100}});
    const agh_conn n1 = agent("n1");
    for (int i = 0; i < 5; ++i) { // each reserves 60 of 100: a leak would refuse the second
        const agh_conn conn = ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":60)");
        ASSERT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving || e.status != 0; }));
        ASSERT_EQ(host->listener.exchange(conn).status, 0) << answer(conn).text;
        host->listener.body(conn, "only this", AGH_E_CLOSED);
        host->listener.closed(conn, 0);
    }
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
    EXPECT_TRUE(std::filesystem::is_empty(dir / "spool"));
}

TEST_F(HubTest, GetLetsTheAgentSendTheFile)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    const json wire = sent(n1, 1);
    EXPECT_EQ(wire["action"], "download");
    EXPECT_EQ(wire["file_id"], "f1");
    EXPECT_EQ(wire["method"], "PUT");
    const std::string path = path_of(wire["upload_url"]);
    // A first attempt breaks, a second has the wrong sum, a third is whole.
    const agh_conn broken = host->listener.request("PUT", path, "{}", {}, R"("length":4)");
    ASSERT_TRUE(host->listener.wait(broken, [](auto& e) { return e.receiving; }));
    host->listener.body(broken, "da", AGH_E_CLOSED);
    host->listener.closed(broken, 0);
    EXPECT_EQ(answer(put(path, "dada", json{{"x-content-sha256", std::string(64, 'a')}}.dump())).status, 422);
    EXPECT_EQ(answer(put(path, "data", "{}")).status, 200);
    EXPECT_EQ(host->listener.exchange(rest).status, 0);
    respond(n1, wire, {{"status", "success"}});
    const auto got = answer(rest);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.text, "data");
    EXPECT_EQ(got.headers["x-content-sha256"], agenthost::kit::hex(agenthost::kit::sha256("data")));
    EXPECT_EQ(answer(host->listener.request("PUT", path, "{}", {}, R"("length":4)")).status, 404)
        << "used up";
}

TEST_F(HubTest, GetBelievesBytesNotWords)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    respond(n1, sent(n1, 1), {{"status", "success"}});
    EXPECT_EQ(answer(rest).status, 502);
    EXPECT_EQ(code(rest), "NETWORK_ERROR");
}

TEST_F(HubTest, FileCallsPassTheAgentsErrorsOn)
{
    const agh_conn n1 = agent("n1");
    const agh_conn get = ask("GET", "/api/agents/n1/files/f1");
    const json wire = sent(n1, 1);
    respond(n1, wire, {{"status", "error"}, {"message", "File not found"}});
    EXPECT_EQ(answer(get).status, 404);
    EXPECT_EQ(
        answer(host->listener.request("PUT", path_of(wire["upload_url"]), "{}", {}, R"("length":4)")).status,
        404);
    const agh_conn del = ask("DELETE", "/api/agents/n1/files/f2");
    EXPECT_EQ(sent(n1, 2)["file_id"], "f2");
    respond(n1, sent(n1, 2), {{"status", "success"}, {"data", {{"free_bytes", 1}}}});
    EXPECT_EQ(answer(del).body["free_bytes"], 1);
}

TEST_F(HubTest, OneTimeUrlsHaveADirection)
{
    const agh_conn n1 = agent("n1");
    put("/api/agents/n1/files/f1", "abc");
    std::string download = path_of(sent(n1, 1)["download_url"]);
    std::string swapped = download;
    swapped.replace(swapped.find("download"), 8, "upload");
    EXPECT_EQ(answer(host->listener.request("PUT", swapped, "{}", {}, R"("length":4)")).status, 404);
    download.back() = download.back() == '0' ? '1' : '0';
    EXPECT_EQ(answer(host->listener.request("GET", download)).status, 404);
}

TEST_F(HubTest, AFileCallEndsWhenItsAgentStaysAway)
{
    boot({{"agent_grace", "50ms"}});
    const agh_conn n1 = agent("n1");
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    sent(n1, 1);
    host->listener.closed(n1);
    EXPECT_EQ(answer(rest).status, 503);
    EXPECT_EQ(code(rest), "AGENT_OFFLINE");
}

TEST_F(HubTest, AFileCallEndsWhenItsAgentLeftWhileTheBodyCame)
{
    boot({{"agent_grace", "50ms"}});
    const agh_conn n1 = agent("n1");
    const agh_conn rest = ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":4)");
    ASSERT_TRUE(host->listener.wait(rest, [](auto& e) { return e.receiving; }));
    host->listener.closed(n1);
    host->listener.body(rest, "data");
    EXPECT_EQ(answer(rest).status, 503);
    EXPECT_EQ(code(rest), "AGENT_OFFLINE");
}

TEST_F(HubTest, AFileCallGoesOnWhenItsAgentComesBack)
{
    const agh_conn first = agent("n1");
    const agh_conn rest = ask("DELETE", "/api/agents/n1/files/f1");
    const json wire = sent(first, 1);
    host->listener.closed(first);
    const agh_conn second = agent("n1");
    EXPECT_EQ(sent(second, 1), wire);
    respond(second, wire, {{"status", "success"}});
    EXPECT_EQ(answer(rest).status, 200);
}

TEST_F(HubTest, SaysWhenTheDiskTookNotTheBody)
{
    const agh_conn n1 = agent("n1");
    const agh_conn conn = ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":60)");
    ASSERT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving; }));
    host->listener.body(conn, "only this", AGH_E_INTERNAL);
    EXPECT_EQ(answer(conn).status, 507);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
}

} // namespace
