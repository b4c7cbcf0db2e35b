// Against a real nginx: what goes up comes down the same, plain and under TLS, and what fails leaves nothing
// behind.
#include "../../support/nginx.hpp"
#include "../../support/proxy.hpp"
#include "base/sqlite.hpp"
#include "box.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace {

using namespace agenthost::test;

class Transfer : public ::testing::Test {
protected:
    static void SetUpTestSuite() { nginx_ = std::make_unique<Nginx>(); }
    static void TearDownTestSuite() { nginx_.reset(); }
    static Nginx& nginx() { return *nginx_; }
    static void serve(const std::string& name, const std::string& content)
    {
        write_file(nginx().www() / name, content, 0644);
    }
    static std::unique_ptr<Nginx> nginx_;
};
std::unique_ptr<Nginx> Transfer::nginx_;

TEST(NginxOfATest, EndsItsWorkerToo)
{
    auto nginx = std::make_unique<Nginx>();
    const std::string master = std::to_string(nginx->pid());
    pid_t worker = 0;
    ASSERT_TRUE(wait_for([&] {
        worker = std::atoi(read_file("/proc/" + master + "/task/" + master + "/children").c_str());
        return worker > 0;
    }));
    nginx.reset();
    EXPECT_EQ(::kill(worker, 0), -1);
}

TEST_F(Transfer, StoresAFileAndSendsItBackUnchanged)
{
    Box box;
    for (const std::size_t size : {0u, 1u, 255u, 65536u, 262144u, 262145u, 5000000u}) {
        SCOPED_TRACE(size);
        const std::string content = random_bytes(size, static_cast<unsigned>(size));
        serve("in", content);
        const auto stored = box.upload("f", nginx().url("/in"), {{"size", size}});
        ASSERT_TRUE(stored.ok()) << stored.json;
        EXPECT_EQ(data_of(stored)["sha256"], sha256_hex(content));
        EXPECT_EQ(data_of(stored)["size"], size);
        EXPECT_GT(data_of(stored)["free_bytes"], 0);
        const auto sent = box.download("f", nginx().url("/out"));
        ASSERT_TRUE(sent.ok()) << sent.json;
        EXPECT_EQ(sha256_hex(read_file(nginx().www() / "out")), sha256_hex(content));
    }
    EXPECT_EQ(box.info()["files"], 1);
    EXPECT_EQ(box.info()["bytes"], 5000000);
    EXPECT_TRUE(box.clean());
    EXPECT_TRUE(box.remove("f").ok());
    EXPECT_EQ(box.info()["files"], 0);
    EXPECT_TRUE(box.files("files").empty());
    EXPECT_TRUE(box.host().mistakes().empty());
}

TEST_F(Transfer, WorksTheSameUnderTls)
{
    Box box{{{"tls_ca", nginx().ca_file()}}};
    const std::string content = random_bytes(3'000'001, 7);
    serve("tls-in", content);
    const auto stored = box.upload("f", nginx().tls_url("/tls-in"),
                                   {{"size", content.size()}, {"sha256", sha256_hex(content)}});
    ASSERT_TRUE(stored.ok()) << stored.json;
    ASSERT_TRUE(box.download("f", nginx().tls_url("/tls-out", "localhost")).ok());
    EXPECT_EQ(sha256_hex(read_file(nginx().www() / "tls-out")), sha256_hex(content));
}

TEST_F(Transfer, ReportsAnEarlyRefusalUnderTls)
{
    Box box{{{"tls_ca", nginx().ca_file()}}};
    serve("early", random_bytes(20'000'000, 8));
    ASSERT_TRUE(box.upload("f", nginx().tls_url("/early")).ok());
    for (const auto& url : {nginx().tls_url("/small/x"), nginx().url("/small/x")}) {
        const auto reply = box.download("f", url);
        EXPECT_EQ(reply.code(), "NETWORK_ERROR");
        EXPECT_NE(reply.json.find("413"), std::string::npos) << reply.json;
    }
}

TEST_F(Transfer, RefusesACertificateItCannotVerify)
{
    Box box; // knows nothing of the test CA
    serve("x", "content");
    const auto reply = box.upload("f", nginx().tls_url("/x"));
    EXPECT_EQ(code_of(reply), "NETWORK_ERROR");
    EXPECT_NE(reply.json.find("certificate"), std::string::npos) << reply.json;
    Box other{{{"tls_ca", nginx().ca_file()}}};
    ASSERT_TRUE(other.upload("f", nginx().tls_url("/x")).ok());
    const auto mismatch = other.upload("f", nginx().tls_url("/x", "127.0.0.2")); // not in the certificate
    EXPECT_EQ(code_of(mismatch), "NETWORK_ERROR");
    EXPECT_NE(mismatch.json.find("certificate"), std::string::npos) << mismatch.json;
    EXPECT_TRUE(box.clean());
}

TEST_F(Transfer, KeepsTheOldFileWhenTheNewOneIsShort)
{
    Box box;
    serve("old", "the old content");
    serve("new", "new");
    ASSERT_TRUE(box.upload("f", nginx().url("/old")).ok());
    const auto reply = box.upload("f", nginx().url("/new"), {{"size", 100}});
    EXPECT_EQ(reply.message(), "Network error");
    EXPECT_EQ(code_of(box.upload("f", nginx().url("/new"), {{"sha256", sha256_hex("other")}})),
              "NETWORK_ERROR");
    EXPECT_EQ(code_of(box.upload("f", nginx().url("/new"), {{"size", 2}})), "NETWORK_ERROR");
    ASSERT_TRUE(box.download("f", nginx().url("/back")).ok());
    EXPECT_EQ(read_file(nginx().www() / "back"), "the old content");
    EXPECT_TRUE(box.clean());
}

TEST_F(Transfer, ReplacesTheContentAndFreesTheOld)
{
    Box box;
    serve("a", "first");
    serve("b", "second!");
    ASSERT_TRUE(box.upload("f", nginx().url("/a")).ok());
    ASSERT_TRUE(box.upload("f", nginx().url("/b"), {{"name", "renamed"}, {"owner_id", "user_2"}}).ok());
    EXPECT_EQ(box.info()["bytes"], 7);
    const Json file = box.list()["files"][0];
    EXPECT_EQ(file["name"], "renamed");
    EXPECT_EQ(file["owner_id"], "user_2");
    EXPECT_TRUE(box.clean());
}

TEST_F(Transfer, SkipsTheTransferWhenTheContentIsAlreadyStored)
{
    Box box;
    const std::string content = random_bytes(1000, 1);
    HttpServer server{[&](const HttpRequest&) { return http_answer("200 OK", content); }};
    const Json declared{{"sha256", sha256_hex(content)}, {"size", content.size()}};
    ASSERT_TRUE(box.upload("f", server.url(), declared).ok());
    Json renamed = declared;
    renamed["name"] = "other";
    const auto again = box.upload("f", server.url(), renamed);
    EXPECT_EQ(data_of(again)["unchanged"], true);
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(box.list()["files"][0]["name"], "other");
    std::filesystem::resize_file(box.files("files").at(0), 10); // not the same any more
    EXPECT_TRUE(box.upload("f", server.url(), declared).ok());
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(Transfer, ReportsFileNotFoundForAnUnknownId)
{
    Box box;
    for (const auto& reply : {box.download("nope", nginx().url("/x")), box.remove("nope")}) {
        EXPECT_EQ(reply.message(), "File not found");
        EXPECT_EQ(reply.code(), "FILE_NOT_FOUND");
    }
}

TEST_F(Transfer, InfoDescribesAFileThatCouldBeSent)
{
    Box box;
    serve("i", "body");
    ASSERT_TRUE(box.upload("f", nginx().url("/i")).ok());
    const auto info = [&box](const std::string& id) {
        return box.wait(box.host().invoke("storage.info", Json{{"file_id", id}}.dump()));
    };
    Json file = data_of(info("f"));
    EXPECT_EQ(file, box.list()["files"][0]);
    EXPECT_EQ(file["size"], 4);
    EXPECT_EQ(file["sha256"], sha256_hex("body"));
    EXPECT_EQ(info("g").code(), "FILE_NOT_FOUND");
    EXPECT_FALSE(box.info().contains("id")) << "without file_id it is about the store";
    const auto content = box.files("files").at(0);
    std::filesystem::rename(content, content.string() + ".away");
    EXPECT_EQ(info("f").code(), "FILE_NOT_FOUND") << "as GET would say";
    EXPECT_EQ(box.list()["files"][0]["state"], "missing");
    std::filesystem::rename(content.string() + ".away", content);
    EXPECT_EQ(data_of(info("f")), file) << "it is back";
    std::filesystem::resize_file(content, 2);
    EXPECT_EQ(info("f").code(), "FILE_NOT_FOUND");
    EXPECT_EQ(info("").code(), "INVALID_REQUEST");
}

TEST_F(Transfer, UsesPostUnlessPutIsRequested)
{
    Box box;
    serve("p", "body of the post");
    ASSERT_TRUE(box.upload("f", nginx().url("/p")).ok());
    HttpServer server{[](const HttpRequest&) { return http_answer("201 Created", "thanks"); }};
    const auto reply = box.host().wait_reply(box.host().invoke(
        "storage.download", Json{{"file_id", "f"}, {"upload_url", server.url("/t?token=1")}}.dump()));
    ASSERT_TRUE(reply.ok()) << reply.json;
    EXPECT_EQ(data_of(reply)["http_status"], 201);
    const auto request = server.requests().at(0);
    EXPECT_EQ(request.method(), "POST");
    EXPECT_EQ(request.target(), "/t?token=1");
    EXPECT_EQ(request.body, "body of the post");
    EXPECT_EQ(request.header("content-type"), "application/octet-stream");
    EXPECT_EQ(request.header("content-length"), "16");
    EXPECT_EQ(request.header("x-content-sha256"), sha256_hex("body of the post"));
}

TEST_F(Transfer, ListsByOwnerAndNamePageByPage)
{
    Box box;
    serve("l", "x");
    for (int i = 0; i < 7; ++i)
        ASSERT_TRUE(
            box.upload("id" + std::to_string(i), nginx().url("/l"),
                       {{"owner_id", i % 2 ? "odd" : "even"}, {"name", "doc" + std::to_string(i) + ".pdf"}})
                .ok());
    EXPECT_EQ(box.list({{"owner_id", "odd"}})["files"].size(), 3u);
    EXPECT_EQ(box.list({{"name", "doc4.pdf"}})["files"].size(), 1u);
    EXPECT_EQ(box.list({{"name", "doc*"}, {"owner_id", "even"}})["files"].size(), 4u);
    EXPECT_EQ(box.list({{"name", "doc[4].pdf"}})["files"].size(), 0u);
    std::vector<std::string> ids;
    Json page = box.list({{"limit", 3}});
    for (;; page = box.list({{"limit", 3}, {"cursor", page["next_cursor"]}})) {
        for (const auto& file : page["files"]) ids.push_back(file["id"]);
        if (!page.contains("next_cursor")) break;
    }
    EXPECT_EQ(ids, (std::vector<std::string>{"id0", "id1", "id2", "id3", "id4", "id5", "id6"}));
}

// A page must fit into one message of its server, however long the names are.
TEST_F(Transfer, BoundsAPageBySizeToo)
{
    Box box;
    serve("l", "x");
    for (int i = 0; i < 7; ++i)
        ASSERT_TRUE(
            box.upload("id" + std::to_string(i), nginx().url("/l"), {{"name", std::string(1000, 'n')}}).ok());
    std::vector<std::string> ids;
    std::size_t pages = 0;
    Json page = box.list({{"max_bytes", 4096}});
    for (;; page = box.list({{"max_bytes", 4096}, {"cursor", page["next_cursor"]}})) {
        ++pages;
        EXPECT_LE(page.dump().size(), 4096u + 64); // the cursor comes after
        for (const auto& file : page["files"]) ids.push_back(file["id"]);
        if (!page.contains("next_cursor")) break;
    }
    EXPECT_EQ(pages, 3u);
    EXPECT_EQ(ids, (std::vector<std::string>{"id0", "id1", "id2", "id3", "id4", "id5", "id6"}));
    EXPECT_EQ(box.list({{"max_bytes", 1024}})["files"].size(), 1u); // one at least
}

TEST_F(Transfer, VerifyFindsLostAndChangedFiles)
{
    Box box;
    serve("v", "0123456789");
    for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(box.upload(id, nginx().url("/v")).ok());
    EXPECT_EQ(box.verify()["whole"], 3);
    auto files = box.files("files");
    std::filesystem::remove(files.at(0));
    write_file(files.at(1), "0123456780");
    const Json found = box.verify();
    EXPECT_EQ(found["checked"], 3);
    EXPECT_EQ(found["whole"], 1);
    EXPECT_EQ(found["missing"].size(), 1u);
    EXPECT_EQ(found["damaged"].size(), 1u);
    EXPECT_EQ(code_of(box.download(found["missing"][0], nginx().url("/never"))), "FILE_NOT_FOUND");
    EXPECT_EQ(code_of(box.download(found["damaged"][0], nginx().url("/never"))), "FILE_NOT_FOUND");
    EXPECT_FALSE(std::filesystem::exists(nginx().www() / "never"));
    EXPECT_EQ(box.host().health().status, AGH_E_BUSY);
    for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(box.upload(id, nginx().url("/v")).ok()); // sent again
    EXPECT_EQ(box.verify()["whole"], 3);
    EXPECT_TRUE(box.host().health().ok());
    EXPECT_TRUE(box.clean());
}

TEST_F(Transfer, ComputesNoChecksumWhenOnlyDeclaredOnesAreWanted)
{
    Box box{{{"checksum", "declared"}}};
    serve("n", "content");
    const auto plain = box.upload("f", nginx().url("/n"));
    EXPECT_FALSE(data_of(plain).contains("sha256"));
    const auto declared = box.upload("g", nginx().url("/n"), {{"sha256", sha256_hex("content")}});
    EXPECT_EQ(data_of(declared)["sha256"], sha256_hex("content"));
    EXPECT_EQ(box.verify()["unverifiable"], 1);
}

TEST_F(Transfer, KeepsEverythingOverARestart)
{
    Box box;
    serve("r", "kept");
    ASSERT_TRUE(box.upload("f", nginx().url("/r")).ok());
    ASSERT_TRUE(box.upload("g", nginx().url("/r")).ok());
    ASSERT_TRUE(box.remove("g").ok());
    box.restart();
    EXPECT_EQ(box.info()["files"], 1);
    ASSERT_TRUE(box.download("f", nginx().url("/r2")).ok());
    EXPECT_EQ(read_file(nginx().www() / "r2"), "kept");
    EXPECT_TRUE(box.clean());
}

TEST_F(Transfer, RefusesAndReportsWhenItsFoldersAreGone)
{
    serve("g", "content");
    for (const char* part : {"", "files", "incoming", "index.db"}) {
        Box box;
        ASSERT_TRUE(box.upload("f", nginx().url("/g")).ok());
        ASSERT_TRUE(box.host().health().ok());
        const auto what = *part == '\0' ? box.folder() : box.folder() / part;
        const auto away = box.folder().parent_path() / "away";
        std::filesystem::rename(what, away);
        EXPECT_EQ(box.host().health().status, AGH_E_INTERNAL) << part;
        EXPECT_EQ(code_of(box.upload("new", nginx().url("/g"))), "DISK_ERROR") << part;
        EXPECT_EQ(code_of(box.download("f", nginx().url("/never"))), "DISK_ERROR") << part;
        EXPECT_EQ(code_of(box.remove("f")), "DISK_ERROR") << part;
        std::filesystem::rename(away, what);
        EXPECT_TRUE(box.host().health().ok()) << part;
        EXPECT_EQ(box.verify()["whole"], 1) << part; // nothing was marked missing meanwhile
        EXPECT_TRUE(box.remove("f").ok()) << part;
    }
}

TEST_F(Transfer, ReportsAnIndexThatAnotherProgramLocks)
{
    serve("l", "content");
    Box box;
    ASSERT_TRUE(box.upload("f", nginx().url("/l")).ok());
    agenthost::base::Database other{(box.folder() / "index.db").string()};
    {
        const agenthost::base::Transaction lock{other};
        const auto refused = box.remove("f");
        EXPECT_EQ(code_of(refused), "DISK_ERROR");
        EXPECT_NE(refused.json.find("lock"), std::string::npos) << refused.json;
        const auto health = box.host().health();
        EXPECT_EQ(health.status, AGH_E_INTERNAL);
        EXPECT_NE(health.text.find("index.db"), std::string::npos) << health.text;
    }
    EXPECT_TRUE(box.host().health().ok());
    EXPECT_TRUE(box.remove("f").ok());
}

// The state directory remembers which store was used; FakeHost keeps it over a destroy.
TEST_F(Transfer, DoesNotStartOnTheEmptyFolderOfADiskThatIsNotMounted)
{
    serve("mounted", "content");
    Box box;
    ASSERT_TRUE(box.upload("f", nginx().url("/mounted")).ok());
    const auto away = box.folder().parent_path() / "away";
    box.host().destroy();
    std::filesystem::rename(box.folder(), away);
    std::filesystem::create_directory(box.folder()); // the mount point
    const auto began = box.host().start();
    EXPECT_FALSE(began.ok());
    EXPECT_NE(began.text.find("mounted"), std::string::npos) << began.text;
    EXPECT_TRUE(std::filesystem::is_empty(box.folder()));
    box.host().destroy();
    std::filesystem::remove(box.folder());
    std::filesystem::rename(away, box.folder());
    ASSERT_TRUE(box.host().start().ok());
    EXPECT_EQ(box.info()["files"], 1);
}

TEST_F(Transfer, RestoresFilesThatWereMissingAtOneStart)
{
    serve("away", "content");
    Box box;
    ASSERT_TRUE(box.upload("f", nginx().url("/away")).ok());
    const auto file = box.files("files").at(0);
    const auto kept = box.folder() / "kept";
    std::filesystem::rename(file, kept);
    box.restart();
    ASSERT_TRUE(wait_for([&] { return box.info()["missing"] == 1; }));
    std::filesystem::rename(kept, file);
    box.restart();
    EXPECT_TRUE(wait_for([&] { return box.info()["missing"] == 0; }));
    EXPECT_TRUE(box.host().health().ok());
}

TEST_F(Transfer, RefusesASecondDaemonInTheSameFolder)
{
    Box box;
    try {
        Box second{Json::object(), box.folder()};
        FAIL() << "the second one started";
    } catch (const std::runtime_error& e) {
        EXPECT_NE(std::string{e.what()}.find("in use"), std::string::npos) << e.what();
    }
}

// Other threads of the daemon spawn commands: a child holds copies of all descriptors until it executes its
// program.
TEST_F(Transfer, StartsAgainWhileAForkedChildHoldsCopiesOfItsDescriptors)
{
    Box box;
    const pid_t child = ::fork();
    if (child == 0)
        for (;;) ::pause();
    EXPECT_NO_THROW(box.restart());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

TEST_F(Transfer, PublishesFactsAndMetrics)
{
    Box box;
    serve("fact", "12345");
    ASSERT_TRUE(box.upload("f", nginx().url("/fact")).ok());
    ASSERT_TRUE(box.host().wait(
        [&] { return box.host().facts()["storage"].find("\"bytes\":5") != std::string::npos; }));
    EXPECT_TRUE(box.host().wait(
        [&] { return box.host().metrics()["files"] == 1 && box.host().metrics()["bytes"] == 5; }));
    EXPECT_EQ(box.host().metrics()["transfers_total"], 1);
}

} // namespace
