#include "fixture.hpp"

#include <chrono>
#include <thread>

using namespace agenthost::test;
using nlohmann::json;

namespace {

using HubRest = HubDaemon;

TEST_F(HubRest, ServesAnIndependentAgent)
{
    boot();
    const auto n1 = agent("n1");
    const auto info = command("n1", "storage.info");
    ASSERT_EQ(info.status, 200) << info.body;
    EXPECT_EQ(info.json["data"]["agent_id"], "n1");
    EXPECT_EQ(info.headers.at("content-type"), "application/json");
    EXPECT_EQ(command("n1", "info").json["data"], info.json["data"]);
    const auto unknown = command("n1", "no.such");
    ASSERT_EQ(unknown.status, 400);
    EXPECT_EQ(unknown.json["error"]["code"], "UNKNOWN_ACTION");
    EXPECT_EQ(command("nobody", "info").status, 404);
    EXPECT_EQ(command("n2", "info").status, 503);
    EXPECT_EQ(ask("GET", "/api/agents").json["agents"][0]["id"], "n1");
    EXPECT_EQ(ask("GET", "/api/tasks/" + info.json["id"].get<std::string>()).json["data"], info.json["data"]);
}

TEST_F(HubRest, ReportsErrorsAsJson)
{
    boot();
    EXPECT_EQ(curl({url_ + "/api/agents"}, false).status, 401);
    EXPECT_EQ(
        curl({"-H", "Authorization: Bearer nonsense", url_ + "/api/agents"}, false).json["error"]["code"],
        "AUTH_FAILED");
    EXPECT_EQ(ask("GET", "/api/unknown").json["error"]["code"], "NOT_FOUND");
    const auto method = ask("PATCH", "/api/agents/n1/files/f");
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(method.headers.at("allow"), "PUT, GET, HEAD, DELETE");
    const auto n1 = agent("n1");
    const auto malformed =
        curl({"-X", "POST", "--data-binary", "{\"action\":", url_ + "/api/agents/n1/commands"});
    EXPECT_EQ(malformed.status, 400);
    EXPECT_EQ(malformed.json["error"]["code"], "INVALID_REQUEST");
    write_file(dir_ / "large", std::string(600 << 10, 'x'));
    EXPECT_EQ(curl({"-X", "POST", "--data-binary", "@" + (dir_ / "large").string(),
                    url_ + "/api/agents/n1/commands"})
                  .status,
              413);
}

TEST_F(HubRest, AFileGoesThroughTheHubAndComesBack)
{
    boot();
    const auto n1 = agent("n1", "resume");
    const std::string content = random_bytes(3 << 20, 7);
    write_file(dir_ / "up", content);
    const auto up = put("n1", "f1?name=my%20file.bin&owner=u1", dir_ / "up",
                        {"-H", "X-Content-SHA256: " + sha256_hex(content)});
    ASSERT_EQ(up.status, 200) << up.body << n1->process().out();
    EXPECT_EQ(up.json["sha256"], sha256_hex(content));
    EXPECT_EQ(up.json["name"], "my file.bin");
    EXPECT_EQ(up.json["owner"], "u1");
    EXPECT_EQ(n1->wait("resumed"), (json{206, 206, "bytes 10-3145727/3145728"}));

    const auto down = curl({"-o", (dir_ / "down").string(), url_ + "/api/agents/n1/files/f1"});
    EXPECT_EQ(down.status, 200);
    EXPECT_EQ(down.headers.at("x-content-sha256"), sha256_hex(content));
    EXPECT_EQ(down.headers.at("content-length"), std::to_string(content.size()));
    EXPECT_EQ(sha256_hex(read_file(dir_ / "down")), sha256_hex(content));

    EXPECT_EQ(ask("DELETE", "/api/agents/n1/files/f1").json["files"], 0);
    EXPECT_EQ(ask("GET", "/api/agents/n1/files/f1").status, 404);
    EXPECT_EQ(ask("DELETE", "/api/agents/n1/files/f1").json["error"]["code"], "FILE_NOT_FOUND");
}

TEST_F(HubRest, TransfersAnEmptyFile)
{
    boot();
    const auto n1 = agent("n1");
    write_file(dir_ / "empty", "");
    EXPECT_EQ(put("n1", "e", dir_ / "empty").status, 200);
    const auto down = curl({"-o", (dir_ / "down").string(), url_ + "/api/agents/n1/files/e"});
    EXPECT_EQ(down.status, 200);
    EXPECT_EQ(down.headers.at("x-content-sha256"), sha256_hex(""));
    EXPECT_TRUE(!std::filesystem::exists(dir_ / "down") || read_file(dir_ / "down").empty());
}

TEST_F(HubRest, AcceptsChunkedBodies)
{
    boot();
    const auto n1 = agent("n1");
    const std::string content = random_bytes(300'000, 3);
    write_file(dir_ / "up", content);
    const auto up = put("n1", "f1", dir_ / "up", {"-H", "Transfer-Encoding: chunked"});
    EXPECT_EQ(up.status, 200) << up.body;
    EXPECT_EQ(up.json["sha256"], sha256_hex(content));
}

TEST_F(HubRest, OneTimeUrlsEndWithTheirTask)
{
    boot();
    const auto n1 = agent("n1");
    write_file(dir_ / "up", "twenty bytes of text");
    ASSERT_EQ(put("n1", "f1", dir_ / "up").status, 200);
    ASSERT_EQ(curl({"-o", (dir_ / "down").string(), url_ + "/api/agents/n1/files/f1"}).status, 200);
    const std::string download = n1->wait("command", 0)["download_url"],
                      upload = n1->wait("command", 1)["upload_url"];
    EXPECT_EQ(curl({download}, false).status, 404) << "used up";
    EXPECT_EQ(curl({"-T", (dir_ / "up").string(), upload}, false).status, 404) << "used up";
    EXPECT_EQ(curl({url_ + "/api/temp/download/" + std::string(64, '0')}, false).status, 404);
}

TEST_F(HubRest, OneTimeUrlsExpireWithTheirTask)
{
    boot("transfer_ttl: 1s");
    const auto n1 = agent("n1", "hold");
    write_file(dir_ / "up", "content");
    const auto up = put("n1", "f1", dir_ / "up");
    EXPECT_EQ(up.status, 504) << up.body;
    EXPECT_EQ(up.json["error"]["code"], "TIMEOUT");
    EXPECT_EQ(curl({n1->wait("command")["download_url"]}, false).status, 404);
}

TEST_F(HubRest, AOneTimeUrlServesRangesAndRetriesUntilTheTaskIsAnswered)
{
    boot();
    const auto n1 = agent("n1", "hold");
    write_file(dir_ / "up", "0123456789");
    std::thread caller{[&] { EXPECT_EQ(put("n1", "f1", dir_ / "up").status, 200); }};
    const std::string url = n1->wait("command")["download_url"];
    const auto whole = curl({url}, false);
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(whole.body, "0123456789");
    const std::string etag = whole.headers.at("etag");
    const auto part = curl({"-H", "Range: bytes=4-", "-H", "If-Range: " + etag, url}, false);
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "456789");
    EXPECT_EQ(part.headers.at("content-range"), "bytes 4-9/10");
    EXPECT_EQ(part.headers.at("content-length"), "6");
    const auto other = curl({"-H", "Range: bytes=4-", "-H", "If-Range: \"other\"", url}, false);
    EXPECT_EQ(other.status, 200);
    EXPECT_EQ(other.body, "0123456789");
    EXPECT_EQ(curl({"-H", "Range: bytes=10-", url}, false).status, 416);
    EXPECT_EQ(curl({"-X", "DELETE", url}, false).status, 401) << "no method of this route";
    EXPECT_EQ(command("n1", "test.release").status, 200);
    caller.join();
    EXPECT_EQ(curl({url}, false).status, 404);
}

TEST_F(HubRest, AnAgentMayRetryItsUpload)
{
    boot();
    const auto n1 = agent("n1", "hold");
    write_file(dir_ / "content", "the whole content");
    std::thread caller{[&] {
        const auto down = curl({url_ + "/api/agents/n1/files/f1"});
        EXPECT_EQ(down.status, 200);
        EXPECT_EQ(down.body, "the whole content");
    }};
    const std::string url = n1->wait("command")["upload_url"];
    // An attempt that dies on the way, one with another content than it says, one that is right.
    EXPECT_NE(run({"curl", "-sS", "--max-time", "1", "-X", "PUT", "-H", "Content-Length: 1000",
                   "--data-binary", "only this", url})
                  .code,
              0);
    EXPECT_EQ(
        curl({"-T", (dir_ / "content").string(), "-H", "X-Content-SHA256: " + sha256_hex("another"), url},
             false)
            .status,
        422);
    EXPECT_EQ(curl({"-T", (dir_ / "content").string(), "-H",
                    "X-Content-SHA256: " + sha256_hex("the whole content"), url},
                   false)
                  .status,
              200);
    EXPECT_EQ(command("n1", "test.release").status, 200);
    caller.join();
}

TEST_F(HubRest, AnswersAcceptedWhenTheAgentIsSlow)
{
    boot();
    const auto n1 = agent("n1");
    const auto late = command("n1", "test.silent", json::object(), 0.2);
    ASSERT_EQ(late.status, 202) << late.body;
    EXPECT_EQ(late.json["status"], "dispatched");
    EXPECT_EQ(ask("GET", late.headers.at("location")).json["status"], "dispatched");
}

TEST_F(HubRest, AHundredCommandsAtOnceEachGetTheirOwnAnswer)
{
    boot();
    const auto n1 = agent("n1");
    const auto n2 = agent("n2");
    std::vector<std::string> argv{"curl", "-sS", "--parallel", "--parallel-max", "100", "--max-time", "120"};
    for (int i = 0; i < 100; ++i) {
        const std::string body = json{{"action", "test.echo"}, {"params", {{"n", i}}}}.dump();
        if (i > 0) argv.emplace_back("--next");
        argv.insert(argv.end(), {"-sS", "-H", "Authorization: Bearer " + token_, "-o",
                                 (dir_ / ("out" + std::to_string(i))).string(), "--data-binary", body,
                                 url_ + "/api/agents/" + (i % 2 == 0 ? "n1" : "n2") + "/commands"});
    }
    const Ran ran = run(argv);
    EXPECT_EQ(ran.code, 0) << ran.err;
    for (int i = 0; i < 100; ++i) {
        const json answer = json::parse(read_file(dir_ / ("out" + std::to_string(i))), nullptr, false);
        EXPECT_EQ(answer["data"]["n"], i) << answer;
    }
}

TEST_F(HubRest, ACallMayWaitLongerThanTheListenersTimeout)
{
    boot();
    const auto n1 = agent("n1");
    const auto begin = std::chrono::steady_clock::now();
    const auto late = command("n1", "test.silent", json::object(), 32);
    EXPECT_EQ(late.status, 202) << late.body;
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds{32});
}

} // namespace
