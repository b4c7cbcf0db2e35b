#include "tests/unit/hub/fixture.hpp"
#include "tests/unit/hub/sum.hpp"

using namespace agenthost::hub_test;

namespace {

TEST_F(HubTest, PutLetsTheAgentFetchTheBody)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = put("/api/agents/n1/files/f1", "hello world", bearer(), "name=a%20b.txt&owner=u1");
    const json wire = sent(n1, 1);
    EXPECT_EQ(wire["action"], "upload");
    EXPECT_EQ(wire["file_info"], (json{{"id", "f1"},
                                       {"name", "a b.txt"},
                                       {"owner_id", "u1"},
                                       {"size", 11},
                                       {"sha256", sum("hello world")}}));
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
    const std::string hello = sum("hello");
    const auto headers = [](const std::string& value) {
        return json{{"authorization", "Bearer " + std::string{admin}}, {"x-content-sha256", value}}.dump();
    };
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hullo", headers(hello))).status, 422);
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hello", headers("nonsense"))).status, 400);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
    put("/api/agents/n1/files/f1", "hello", headers(hello));
    EXPECT_EQ(sent(n1, 1)["action"], "upload");
}

TEST_F(HubTest, PutRejectsBodiesThatAreTooLargeOrDoNotFit)
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
    // The first attempt breaks, the second has a wrong hash, the third is complete.
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
    EXPECT_EQ(got.headers["x-content-sha256"], sum("data"));
    EXPECT_EQ(answer(host->listener.request("PUT", path, "{}", {}, R"("length":4)")).status, 404)
        << "used up";
}

TEST_F(HubTest, HeadAsksTheAgentAboutTheFileAndTransfersNothing)
{
    const agh_conn n1 = agent("n1");
    std::size_t asked = 0;
    const auto head = [&](const json& agents, const char* range = "bytes=0-3") {
        const json headers{{"authorization", "Bearer " + std::string{admin}}, {"range", range}};
        const agh_conn rest = host->listener.request("HEAD", "/api/agents/n1/files/f1", headers.dump());
        const json wire = sent(n1, ++asked);
        EXPECT_EQ(wire["action"], "info");
        EXPECT_EQ(wire["file_id"], "f1");
        EXPECT_FALSE(wire.contains("upload_url"));
        respond(n1, wire, agents);
        return rest;
    };
    const auto success = [](const json& data) { return json{{"status", "success"}, {"data", data}}; };
    const std::uint64_t size = std::uint64_t{5} << 30;
    const agh_conn known = head(success({{"id", "f1"}, {"size", size}, {"sha256", sum("x")}, {"name", "a"}}));
    const auto got = answer(known);
    EXPECT_EQ(got.status, 200) << "parts are of GET only";
    EXPECT_EQ(got.text, "");
    EXPECT_EQ(got.headers, (json{{"content-type", "application/octet-stream"},
                                 {"accept-ranges", "bytes"},
                                 {"cache-control", "no-store"},
                                 {"etag", "\"" + sum("x") + "\""},
                                 {"x-content-sha256", sum("x")}}))
        << "as GET";
    ASSERT_TRUE(host->listener.wait(known, [](auto& e) { return e.ended; }));
    EXPECT_EQ(host->listener.exchange(known).length, size);
    const agh_conn plain = head(success({{"id", "f1"}, {"size", 0}}));
    EXPECT_EQ(answer(plain).status, 200);
    EXPECT_FALSE(answer(plain).headers.contains("etag"));
    EXPECT_EQ(answer(head({{"status", "error"}, {"message", "File not found"}})).status, 404);
    // Agents that answer about their disk, about another file, or with something that is not a size.
    for (const json& other :
         {json{{"files", 3}, {"bytes", 9}}, json{{"id", "f2"}, {"size", 1}}, json{{"id", "f1"}},
          json{{"id", "f1"}, {"size", -1}}, json{{"id", "f1"}, {"size", "1"}}, json{{"id", 1}, {"size", 1}}})
        EXPECT_EQ(answer(head(success(other))).status, 501) << other;
}

TEST_F(HubTest, GetTrustsTheBytesNotTheAgentsClaim)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    respond(n1, sent(n1, 1), {{"status", "success"}});
    EXPECT_EQ(answer(rest).status, 502);
    EXPECT_EQ(code(rest), "NETWORK_ERROR");
}

TEST_F(HubTest, FileCallsReturnTheAgentsErrors)
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

TEST_F(HubTest, AFileCallEndsIfItsAgentDisconnectedDuringTheBody)
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

TEST_F(HubTest, AFileCallContinuesWhenItsAgentReconnects)
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

TEST_F(HubTest, ReportsThatTheBodyCouldNotBeWritten)
{
    const agh_conn n1 = agent("n1");
    const agh_conn conn = ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":60)");
    ASSERT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving; }));
    host->listener.body(conn, "only this", AGH_E_INTERNAL);
    EXPECT_EQ(answer(conn).status, 507);
    EXPECT_EQ(code(conn), "DISK_ERROR") << "the hub's own attempt to write succeeds: this disk is not full";
    EXPECT_THAT(answer(conn).text, HasSubstr((dir / "spool").string()));
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
}

TEST_F(HubTest, ASlowPutHoldsLittleOfTheSpool)
{
    boot({{"spool_bytes", 10 << 20}});
    agent("n1");
    agent("n2");
    const auto begins = [&](const std::string& path, int length) {
        const agh_conn conn = ask("PUT", path, {}, "\"length\":" + std::to_string(length));
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving || e.status != 0; }));
        return conn;
    };
    const agh_conn slow = begins("/api/agents/n1/files/f1", 8 << 20);
    ASSERT_TRUE(host->listener.exchange(slow).receiving);
    EXPECT_EQ(host->listener.part(slow, "a few bytes"), AGH_OK);
    const agh_conn other = begins("/api/agents/n2/files/f2", 6 << 20);
    EXPECT_TRUE(host->listener.exchange(other).receiving) << "announced bytes that do not come take no space";
    // Now the body arrives: as much as its share allows, and not one piece more.
    EXPECT_EQ(host->listener.part(other, std::string(6 << 20, 'x')), AGH_OK);
    agh_status status = AGH_OK;
    for (int i = 0; i < 7 && status == AGH_OK; ++i)
        status = host->listener.part(slow, std::string(1 << 20, 'y'));
    EXPECT_NE(status, AGH_OK);
    host->listener.body(slow, {}, AGH_E_INTERNAL);
    EXPECT_EQ(answer(slow).status, 507);
    EXPECT_THAT(answer(slow).text, HasSubstr("spool_bytes"));
    host->listener.closed(slow, 507);
    const agh_conn next = begins("/api/agents/n1/files/f3", 1 << 20);
    EXPECT_TRUE(host->listener.exchange(next).receiving);
}

TEST_F(HubTest, GetSendsArrivedBytesAndTheLastByteAfterVerification)
{
    boot({{"stream_after", "0s"}});
    const agh_conn n1 = agent("n1");
    std::string content;
    for (int i = 0; i < 100'000; ++i) content += std::to_string(i);
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    const json wire = sent(n1, 1);
    const std::string path = path_of(wire["upload_url"]);
    const auto upload = [&](const std::string& sha) {
        const agh_conn conn = host->listener.request("PUT", path, json{{"x-content-sha256", sha}}.dump(), {},
                                                     "\"length\":" + std::to_string(content.size()));
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving; }));
        return conn;
    };
    const auto has = [&](std::size_t size) {
        return host->listener.wait(rest, [size](auto& e) { return e.body.size() == size; });
    };
    const agh_conn first = upload(sum(content));
    host->listener.part(first, content.substr(0, 300'000));
    ASSERT_TRUE(has(300'000));
    const auto begun = host->listener.exchange(rest);
    EXPECT_EQ(begun.status, 200);
    EXPECT_TRUE(begun.streaming);
    EXPECT_EQ(begun.length, content.size());
    EXPECT_EQ(json::parse(begun.headers)["x-content-sha256"], sum(content));
    // The agent's connection breaks; its second attempt has the same content, so the caller is not affected.
    host->listener.body(first, {}, AGH_E_CLOSED);
    host->listener.closed(first, 0);
    const agh_conn second = upload(sum(content));
    host->listener.part(second, content.substr(0, 400'000));
    ASSERT_TRUE(has(400'000));
    host->listener.part(second, content.substr(400'000));
    ASSERT_TRUE(has(content.size() - 1)) << "the last byte waits for the SHA-256";
    EXPECT_FALSE(host->listener.exchange(rest).ended);
    host->listener.body(second, {});
    EXPECT_EQ(answer(second).status, 200);
    ASSERT_TRUE(host->listener.wait(rest, [](auto& e) { return e.ended; }));
    EXPECT_EQ(host->listener.exchange(rest).body, content);
    respond(n1, wire, {{"status", "success"}});
    EXPECT_EQ(host->listener.exchange(rest).close_code, 0);
}

TEST_F(HubTest, AReaderIsCutOffIfTheContentIsWrongOrMissing)
{
    boot({{"stream_after", "0s"}});
    const agh_conn n1 = agent("n1");
    const std::string content(300'000, 'c');
    for (int round = 0; round < 2; ++round) {
        const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
        const json wire = sent(n1, static_cast<std::size_t>(1 + round));
        const agh_conn upload = host->listener.request("PUT", path_of(wire["upload_url"]),
                                                       json{{"x-content-sha256", sum("other")}}.dump(), {},
                                                       "\"length\":" + std::to_string(content.size()));
        ASSERT_TRUE(host->listener.wait(upload, [](auto& e) { return e.receiving; }));
        host->listener.part(upload, content.substr(0, 200'000));
        ASSERT_TRUE(host->listener.wait(rest, [](auto& e) { return e.body.size() == 200'000; }));
        if (round == 0) host->listener.body(upload, content.substr(200'000));
        respond(n1, wire, {{"status", round == 0 ? "success" : "error"}, {"message", "Network error"}});
        EXPECT_TRUE(host->listener.wait(rest, [](auto& e) { return e.close_code != 0; })) << round;
        EXPECT_FALSE(host->listener.exchange(rest).ended);
        if (round == 1) host->listener.body(upload, {}, AGH_E_CLOSED);
        host->listener.closed(upload, 0);
        host->listener.closed(rest, 0);
    }
}

TEST_F(HubTest, AShortGetIsAnsweredAsAWhole)
{
    const agh_conn n1 = agent("n1"); // stream_after is 10 s
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    const json wire = sent(n1, 1);
    EXPECT_EQ(answer(put(path_of(wire["upload_url"]), "data", "{}")).status, 200);
    respond(n1, wire, {{"status", "success"}});
    EXPECT_EQ(answer(rest).text, "data");
    EXPECT_FALSE(host->listener.exchange(rest).streaming);
}

TEST_F(HubTest, APutAnswersWithItsTaskWhenAsked)
{
    boot({{"agent_grace", "20ms"}});
    const agh_conn n1 = agent("n1");
    const agh_conn impatient = ask("DELETE", "/api/agents/n1/files/f9");
    sent(n1, 1);
    json headers = json::parse(bearer());
    headers["prefer"] = "respond-async";
    const auto accepted = answer(put("/api/agents/n1/files/f1", "hello", headers.dump()));
    EXPECT_EQ(accepted.status, 202);
    const std::string id = accepted.body["id"];
    EXPECT_EQ(accepted.headers["location"], "/api/tasks/" + id);
    const json wire = sent(n1, 2);
    EXPECT_EQ(wire["request_id"], id);
    // No connected caller waits for it: it survives its agent's absence, which ends the call of a waiting
    // one.
    host->listener.closed(n1);
    EXPECT_EQ(code(impatient), "AGENT_OFFLINE");
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + id)).body["status"], "pending");
    const agh_conn back = agent("n1");
    const json again = sent(back, 1);
    EXPECT_EQ(answer(host->listener.request("GET", path_of(again["download_url"]))).text, "hello");
    respond(back, again, {{"status", "success"}, {"data", {{"free_bytes", 5}}}});
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + id)).body["data"]["free_bytes"], 5);
    EXPECT_EQ(answer(put("/api/agents/n1/files/f2", "x", bearer(), "timeout=0")).status, 202);
    EXPECT_EQ(answer(put("/api/agents/n1/files/f2", "x", bearer(), "timeout=soon")).status, 400);
}

TEST_F(HubTest, ARepeatedPutIsNotStoredTwice)
{
    const agh_conn n1 = agent("n1");
    const agh_conn first = put("/api/agents/n1/files/f1", "hello");
    const json wire = sent(n1, 1);
    const agh_conn second = put("/api/agents/n1/files/f1", "hello");
    host->listener.closed(first, 0); // the proxy gave up on it
    respond(n1, wire, {{"status", "success"}, {"data", {{"n", 1}}}});
    EXPECT_EQ(answer(second).body["n"], 1) << "it joined the one that ran";
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hello")).body["n"], 1) << "and this one comes after it";
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 2U) << "the welcome, and one command";
    // Another name or content is another PUT, and so is one after a DELETE.
    put("/api/agents/n1/files/f1", "hello", bearer(), "name=b");
    respond(n1, sent(n1, 2), {{"status", "success"}});
    put("/api/agents/n1/files/f1", "other");
    respond(n1, sent(n1, 3), {{"status", "success"}});
    const agh_conn gone = ask("DELETE", "/api/agents/n1/files/f1");
    respond(n1, sent(n1, 4), {{"status", "success"}});
    EXPECT_EQ(answer(gone).status, 200);
    const agh_conn failing = put("/api/agents/n1/files/f1", "other");
    respond(n1, sent(n1, 5), {{"status", "error"}, {"message", "Disk full"}});
    EXPECT_EQ(answer(failing).status, 507);
    put("/api/agents/n1/files/f1", "other");
    EXPECT_EQ(sent(n1, 6)["action"], "upload") << "a failure is not remembered";
}

TEST_F(HubTest, AnIdempotencyKeyIsBoundToOneContent)
{
    const agh_conn n1 = agent("n1");
    json headers = json::parse(bearer());
    headers["idempotency-key"] = "k-1";
    put("/api/agents/n1/files/f1", "hello", headers.dump());
    sent(n1, 1);
    const agh_conn other = put("/api/agents/n1/files/f1", "other", headers.dump());
    EXPECT_EQ(answer(other).status, 409);
    EXPECT_EQ(code(other), "ID_REUSED");
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 2U);
}

TEST_F(HubTest, APutIsSentAgainAfterACommandThatMayHaveChangedTheFile)
{
    const agh_conn n1 = agent("n1");
    put("/api/agents/n1/files/f1", "hello");
    respond(n1, sent(n1, 1), {{"status", "success"}});
    const agh_conn reads = command("n1", {{"action", "storage.info"}});
    respond(n1, sent(n1, 2), {{"status", "success"}});
    EXPECT_EQ(answer(reads).status, 200);
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hello")).status, 200) << "reading changes nothing";
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 3U);
    const agh_conn deletes = command("n1", {{"action", "storage.delete"}, {"params", {{"file_id", "f1"}}}});
    respond(n1, sent(n1, 3), {{"status", "success"}});
    EXPECT_EQ(answer(deletes).status, 200);
    put("/api/agents/n1/files/f1", "hello");
    EXPECT_EQ(sent(n1, 4)["action"], "upload");
}

TEST_F(HubTest, APutDoesNotJoinOneThatRanBeforeACommandThatMayChangeTheFile)
{
    const agh_conn n1 = agent("n1");
    const agh_conn first = put("/api/agents/n1/files/f1", "hello");
    const json upload = sent(n1, 1);
    const agh_conn deletes = command("n1", {{"action", "storage.delete"}, {"params", {{"file_id", "f1"}}}});
    const json removal = sent(n1, 2);
    const agh_conn second = put("/api/agents/n1/files/f1", "hello");
    const json again = sent(n1, 3);
    EXPECT_EQ(again["action"], "upload");
    respond(n1, upload, {{"status", "success"}, {"data", {{"n", 1}}}});
    EXPECT_EQ(answer(first).body["n"], 1) << "who waits for the first is answered";
    respond(n1, removal, {{"status", "success"}});
    EXPECT_EQ(answer(deletes).status, 200);
    EXPECT_EQ(host->listener.exchange(second).status, 0);
    respond(n1, again, {{"status", "success"}, {"data", {{"n", 2}}}});
    EXPECT_EQ(answer(second).body["n"], 2);
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hello")).body["n"], 2);
}

} // namespace
