#include "fixture.hpp"

#include "host/cli/call.hpp"

#include <nlohmann/json.hpp>

using namespace agenthost::host::test;
using agenthost::host::cli::progress_text;
using nlohmann::json;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

struct Call : Command {
    json body() const { return json::parse(asked.substr(asked.find("\r\n\r\n") + 4)); }
    static FakeDaemon::Pieces success(const std::string& data)
    {
        return FakeDaemon::lines({R"({"result":{"status":"success","data":)" + data + "}}"});
    }
};

TEST_F(Call, PrintsTheResult)
{
    const Ran ran = against(success(R"({"files":2})"), {"call", "storage.info"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, "{\"files\":2}\n");
    EXPECT_EQ(ran.err, "");
    EXPECT_THAT(asked, StartsWith("POST /v1/call HTTP/1.1\r\n"));
    EXPECT_EQ(body(), json::parse(R"({"action":"storage.info","params":{}})"));
    EXPECT_EQ(against(success("null"), {"call", "a.b"}).out, "");
    EXPECT_EQ(against(success("null"), {"--json", "call", "a.b"}).out, "null\n");
}

TEST_F(Call, TakesParametersFromArgumentFileAndStandardInput)
{
    against(success("1"), {"call", "a.b", "{}"});
    EXPECT_EQ(body()["params"], json::object());
    against(success("1"), {"call", "a.b", R"({"x":[1,"]"]})", "--id", "t-1", "--timeout", "1.5s"});
    EXPECT_EQ(body(), json::parse(R"({"action":"a.b","params":{"x":[1,"]"]},"id":"t-1","timeout_ms":1500})"));
    write_file(dir / "p.json", R"({"y":2})");
    against(success("1"), {"call", "a.b", "@" + (dir / "p.json").string()});
    EXPECT_EQ(body()["params"], json::parse(R"({"y":2})"));
    against(success("1"), {"call", "a.b", "-"}, R"({"z":3})");
    EXPECT_EQ(body()["params"], json::parse(R"({"z":3})"));
}

TEST_F(Call, RejectsParametersThatAreNotAnObject)
{
    const Ran broken = run({"call", "a.b", "{key: 1}"});
    EXPECT_EQ(broken.code, 2);
    EXPECT_EQ(broken.err, "agenthost: the parameters are not JSON (wrong at byte 2). In a shell, quote them: "
                          "agenthost call a.b "
                          "'{\"key\": \"value\"}', or give @FILE\n");
    EXPECT_EQ(run({"call", "a.b", "[1]"}).code, 2);
    EXPECT_EQ(run({"call", "a.b", "@/nonexistent"}).err,
              "agenthost: /nonexistent: No such file or directory\n");
    EXPECT_EQ(run({"call", "a.b", "--timeout", "soon"}).code, 2);
    EXPECT_EQ(run({"call", "a.b", "--timeout", "5"}).code, 2);
}

TEST_F(Call, ReportsErrors)
{
    const auto error = FakeDaemon::lines(
        {R"({"result":{"status":"error","code":"FILE_NOT_FOUND","message":"File not found","data":{"id":"x"}}})"});
    const Ran ran = against(error, {"call", "storage.delete", R"({"id":"x"})"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "storage.delete: File not found (FILE_NOT_FOUND)\n  {\"id\":\"x\"}\n");
    const Ran as_json = against(error, {"--json", "call", "storage.delete", "{}"});
    EXPECT_EQ(as_json.code, 1);
    EXPECT_EQ(json::parse(as_json.out)["code"], "FILE_NOT_FOUND");
}

TEST_F(Call, ListsEveryValueThatViolatesASchema)
{
    const auto error = FakeDaemon::lines(
        {R"({"result":{"status":"error","code":"INVALID_REQUEST","message":"params do not fit",
        "detail":"/file_info/id: expected text, not a number\n/size: missing"}})"});
    // a chunk may hold several lines, and a line may have several chunks: here it has a line break inside
    // JSON, which is two lines
    const Ran cut = against(error, {"call", "storage.upload"});
    EXPECT_EQ(cut.code, 1);
    const auto whole = FakeDaemon::lines(
        {R"({"result":{"status":"error","code":"INVALID_REQUEST","message":"params do not fit","detail":"/file_info/id: expected text, not a number\n/size: missing"}})"});
    EXPECT_EQ(against(whole, {"call", "storage.upload"}).err,
              "storage.upload: params do not fit (INVALID_REQUEST)\n  /file_info/id: expected text, not a "
              "number\n  /size: missing\n"
              "  `agenthost plugin info storage` shows what the action takes.\n");
}

TEST_F(Call, StreamsOutputToStdoutAndStderr)
{
    const Ran ran = against(FakeDaemon::lines({R"({"progress":{"done":1,"total":4}})",
                                               R"({"stream":{"channel":1,"offset":0,"base64":"b25lCg=="}})",
                                               R"({"stream":{"channel":2,"offset":0,"base64":"ZXJyCg=="}})",
                                               R"({"stream":{"channel":1,"offset":4,"base64":"dHdvAAo="}})",
                                               R"({"result":{"status":"success","data":{"exit":0}}})"}),
                            {"call", "terminal.run"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out, std::string("one\ntwo\0\n", 9)); // only the command's own bytes
    EXPECT_EQ(ran.err, "err\n");                        // no progress without a terminal
}

TEST_F(Call, ExitsWithTheExitCodeOfTheCommand)
{
    const Ran ran = against(
        FakeDaemon::lines({R"({"result":{"status":"success","data":{"exit_code":42,"reason":"exit"}}})"}),
        {"call", "terminal.run"});
    EXPECT_EQ(ran.code, 42);
    EXPECT_EQ(ran.out, "");                // the program said nothing
    for (const char* code : {"256", "-1"}) // not what a process can exit with
        EXPECT_EQ(
            against(FakeDaemon::lines({std::string{R"({"result":{"status":"success","data":{"exit_code":)"} +
                                       code + "}}}"}),
                    {"call", "a.b"})
                .code,
            1);
    EXPECT_EQ(against(FakeDaemon::lines({R"({"result":{"status":"success","data":{"exit_code":"7"}}})"}),
                      {"call", "a.b"})
                  .code,
              0);
}

TEST_F(Call, ReportsThatTheDaemonIsGone)
{
    const Ran before = against({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}, {"call", "a.b"});
    EXPECT_EQ(before.code, 1);
    EXPECT_EQ(before.err,
              "agenthost: the daemon closed the connection in the middle of its answer (was it stopped?)\n");
    const Ran no_result = against(FakeDaemon::lines({}), {"call", "a.b"});
    EXPECT_EQ(no_result.code, 1);
    EXPECT_EQ(no_result.err, "agenthost: the daemon ended the call without a result; its log says why\n");
    const Ran busy = against(
        FakeDaemon::json(
            503, R"({"error":{"code":"BUSY","message":"64 calls are running: wait for one to end"}})"),
        {"call", "a.b"});
    EXPECT_EQ(busy.code, 1);
    EXPECT_EQ(busy.err, "agenthost: 64 calls are running: wait for one to end\n");
}

TEST_F(Call, ClosesItsConnectionWhenInterrupted)
{
    FakeDaemon daemon{socket, [](const std::string&) {
                          return FakeDaemon::Pieces{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"};
                      }};
    daemon.hold = true;
    Process command{
        {.argv = {self(), "--control-socket", socket, "-c", config, "call", "a.b"}, .env = environment()}};
    ASSERT_TRUE(wait_for([&] { return daemon.requests().size() == 1; }));
    command.signal(SIGINT);
    EXPECT_EQ(command.wait(), 128 + SIGINT);
    EXPECT_TRUE(wait_for([&] { return daemon.peers_gone == 1; })); // the daemon cancels the command then
}

TEST(Progress, IsABarWhenThereIsATotal)
{
    EXPECT_EQ(progress_text(json::parse(R"({"done":1048576,"total":4194304})"), 44),
              "####-------------  25%  1.0 MiB of 4.0 MiB");
    EXPECT_EQ(progress_text(json::parse(R"({"done":3,"total":4,"unit":"layers"})"), 10),
              "  75%  3 layers of 4 layers");
    EXPECT_EQ(progress_text(json::parse(R"({"done":2048})"), 80), "2.0 KiB");
    EXPECT_EQ(progress_text(json::parse(R"({"phase":"pulling"})"), 80), R"({"phase":"pulling"})");
    EXPECT_EQ(progress_text(json::parse(R"({"done":9,"total":3})"), 80).find("100%") != std::string::npos,
              true);
    EXPECT_EQ(progress_text(json::parse("[]"), 80), "[]");
}

} // namespace
