// What goes wrong between us and the other end: cut, reset, stalled, garbled, refused, redirected. Whatever
// happens, a file is whole or it is not there.
#include "../../support/nginx.hpp"
#include "../../support/proxy.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::test;
using namespace std::chrono_literals;

class Faults : public ::testing::Test {
protected:
    static void SetUpTestSuite()
    {
        nginx_ = std::make_unique<Nginx>();
        content_ = random_bytes(1'000'000, 42);
        write_file(nginx_->www() / "file", content_, 0644);
        // nginx's Last-Modified is a strong validator only when it is older than the answer.
        std::filesystem::last_write_time(nginx_->www() / "file",
                                         std::filesystem::file_time_type::clock::now() - 1h);
    }
    static void TearDownTestSuite() { nginx_.reset(); }
    static std::unique_ptr<Nginx> nginx_;
    static std::string content_;
};
std::unique_ptr<Nginx> Faults::nginx_;
std::string Faults::content_;

TEST_F(Faults, ResumesAfterEveryCut)
{
    Box box;
    for (const std::uint64_t offset :
         {1u, 100u, 250u, 400u, 5000u, 262144u, 262500u, 524288u, 999'000u, 1'000'200u}) {
        for (const Fault::Kind kind : {Fault::Kind::cut, Fault::Kind::reset}) {
            SCOPED_TRACE(offset);
            Proxy proxy{nginx_->port(), {{kind, offset}}};
            const auto reply = box.upload("f", proxy.url("/file"), {{"size", content_.size()}});
            ASSERT_TRUE(reply.ok()) << reply.json;
            EXPECT_EQ(data_of(reply)["sha256"], sha256_hex(content_));
            EXPECT_EQ(proxy.connections(), 2);
        }
    }
    EXPECT_EQ(box.verify()["whole"], 1);
    EXPECT_TRUE(box.clean());
}

TEST_F(Faults, RequestsOnlyTheRestAfterABreak)
{
    Box box;
    std::atomic<int> asked{0};
    HttpServer server{[&](const HttpRequest& request) {
        if (asked++ == 0)
            return "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 1000000\r\n\r\n" +
                   content_.substr(0, 600'000);
        return "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes " +
               request.header("range").substr(6) + "999999/1000000\r\n" + "Content-Length: 400000\r\n\r\n" +
               content_.substr(600'000);
    }};
    const auto reply = box.upload("f", server.url());
    ASSERT_TRUE(reply.ok()) << reply.json;
    EXPECT_EQ(data_of(reply)["sha256"], sha256_hex(content_));
    const auto second = server.requests().at(1);
    EXPECT_EQ(second.header("range"), "bytes=600000-");
    EXPECT_EQ(second.header("if-range"), "\"v1\"");
}

TEST_F(Faults, StartsOverWhenTheSourceChanged)
{
    Box box;
    const std::string other = random_bytes(500'000, 43);
    std::atomic<int> asked{0};
    HttpServer server{[&](const HttpRequest&) {
        if (asked++ == 0)
            return "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 1000000\r\n\r\n" +
                   content_.substr(0, 600'000);
        return http_answer("200 OK", other, "ETag: \"v2\"\r\n"); // If-Range did not match
    }};
    const auto reply = box.upload("f", server.url());
    ASSERT_TRUE(reply.ok()) << reply.json;
    EXPECT_EQ(data_of(reply)["sha256"], sha256_hex(other));
    EXPECT_EQ(data_of(reply)["size"], 500'000);
    EXPECT_EQ(std::filesystem::file_size(box.files("files").at(0)), 500'000u);
}

TEST_F(Faults, StartsOverWithoutAStrongValidator)
{
    Box box;
    std::atomic<int> asked{0};
    HttpServer server{[&](const HttpRequest& request) {
        EXPECT_TRUE(request.header("range").empty()); // no validator: a range could be of another version
        if (asked++ == 0)
            return "HTTP/1.1 200 OK\r\nETag: W/\"weak\"\r\nContent-Length: 1000000\r\n\r\n" +
                   content_.substr(0, 600'000);
        return http_answer("200 OK", content_);
    }};
    EXPECT_EQ(data_of(box.upload("f", server.url()))["sha256"], sha256_hex(content_));
}

TEST_F(Faults, ReadsChunkedBodiesOfAnyChunkSize)
{
    Box box;
    for (const std::size_t piece : {1u, 7u, 4096u, 65536u, 300'000u}) {
        SCOPED_TRACE(piece);
        const std::string content = content_.substr(0, piece == 1 ? 2000 : content_.size());
        HttpServer server{[&](const HttpRequest&) { return http_chunked(content, piece); }};
        const auto reply = box.upload("f", server.url());
        ASSERT_TRUE(reply.ok()) << reply.json;
        EXPECT_EQ(data_of(reply)["sha256"], sha256_hex(content));
    }
}

TEST_F(Faults, DoesNotAcceptATruncatedChunkedBody)
{
    Box box;
    const std::string whole = http_chunked(content_.substr(0, 50'000), 1000);
    HttpServer server{[&](const HttpRequest&) { return whole.substr(0, whole.size() - 3); }};
    EXPECT_EQ(code_of(box.upload("f", server.url())), "NETWORK_ERROR");
    HttpServer until_close{[&](const HttpRequest&) { return "HTTP/1.1 200 OK\r\n\r\n" + content_; }};
    EXPECT_EQ(code_of(box.upload("f", until_close.url())), "NETWORK_ERROR");
    EXPECT_TRUE(box.upload("f", until_close.url(), {{"size", content_.size()}}).ok()); // now the end is known
    EXPECT_TRUE(box.clean());
}

TEST_F(Faults, StopsASourceThatSendsMoreThanDeclared)
{
    Box box;
    HttpServer server{[&](const HttpRequest&) { return http_chunked(content_, 65536); }};
    EXPECT_EQ(code_of(box.upload("f", server.url(), {{"size", 500'000}})), "NETWORK_ERROR");
    EXPECT_EQ(server.connections(), 1); // and does not try again
    EXPECT_TRUE(box.clean());
}

TEST_F(Faults, GivesUpAfterTheIdleTimeout)
{
    Box box{{{"idle_timeout", "300ms"}}};
    Proxy proxy{nginx_->port(), {{Fault::Kind::stall, 300'000}}, {Fault::Kind::stall, 0}};
    const auto began = std::chrono::steady_clock::now();
    const auto reply = box.upload("f", proxy.url("/file"));
    EXPECT_EQ(reply.message(), "Network error");
    EXPECT_GE(proxy.connections(), 5);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
    Proxy once{nginx_->port(), {{Fault::Kind::stall, 300'000}}};
    EXPECT_TRUE(box.upload("f", once.url("/file")).ok()); // the second attempt goes on
    EXPECT_TRUE(box.clean());
}

TEST_F(Faults, EndsATransferBelowTheMinimumRate)
{
    Box box{{{"min_rate", 2000}, {"min_rate_window", "500ms"}, {"idle_timeout", "5s"}}};
    Fault slow;
    slow.trickle = 400; // the head of the answer comes in one piece, so that only the body is slow
    slow.trickle_every = 400ms;
    Proxy proxy{nginx_->port(), {}, slow};
    const auto down = box.upload("f", proxy.url("/file"));
    EXPECT_EQ(down.code(), "NETWORK_ERROR");
    EXPECT_NE(data_of(down).dump().find("least rate"), std::string::npos) << down.json;
    EXPECT_EQ(proxy.connections(), 1); // trying again would be no faster
    EXPECT_TRUE(wait_for([&] { return box.clean(); }));
}

TEST_F(Faults, GivesUpOnASourceThatBreaksOffEveryFewBytes)
{
    Box box{{{"min_rate", 20'000}, {"min_rate_window", "500ms"}}};
    Proxy proxy{nginx_->port(), {}, {Fault::Kind::cut, 400}};
    EXPECT_EQ(box.upload("f", proxy.url("/file")).code(), "NETWORK_ERROR");
    EXPECT_LT(proxy.connections(), 50);
}

TEST_F(Faults, GivesUpOnATricklingResponseHead)
{
    Box box{{{"idle_timeout", "400ms"}, {"min_rate", 0}}};
    Fault slow;
    slow.trickle = 1; // each byte well within the idle time
    slow.trickle_every = 100ms;
    Proxy proxy{nginx_->port(), {}, slow};
    EXPECT_EQ(box.upload("f", proxy.url("/file")).code(), "NETWORK_ERROR");
    EXPECT_EQ(proxy.connections(), 5); // a head takes 20 s and more at this pace
}

TEST_F(Faults, ContinuesASlowTransferAndReportsItsProgress)
{
    Box box{{{"idle_timeout", "400ms"}}};
    write_file(nginx_->www() / "small", content_.substr(0, 20'000), 0644);
    Fault slow;
    slow.trickle = 200;
    slow.trickle_every = 10ms;
    Proxy proxy{nginx_->port(), {}, slow};
    const auto id = box.host().invoke(
        "storage.upload", Box::upload_params("f", proxy.url("/small"), {{"size", 20'000}}).dump());
    EXPECT_TRUE(box.wait(id).ok());
    const auto progress = box.host().progress(id);
    ASSERT_GE(progress.size(), 2u);
    EXPECT_EQ(Json::parse(progress.back())["total"], 20'000);
    EXPECT_EQ(proxy.connections(), 1);
}

TEST_F(Faults, RetriesAfterGarbageAndServerErrorsButNotAfterARefusal)
{
    Box box;
    Proxy garbage{nginx_->port(), {{Fault::Kind::garbage, 0}, {Fault::Kind::garbage, 0}}};
    EXPECT_TRUE(box.upload("f", garbage.url("/file")).ok());
    EXPECT_EQ(garbage.connections(), 3);
    std::atomic<int> asked{0};
    HttpServer shaky{[&](const HttpRequest&) {
        return asked++ < 2 ? http_answer("503 Busy", "no") : http_answer("200 OK", "yes");
    }};
    EXPECT_TRUE(box.upload("f", shaky.url()).ok());
    for (const char* status :
         {"400 Bad Request", "401 Unauthorized", "404 Not Found", "410 Gone", "429 Too Many Requests"}) {
        HttpServer refusing{[&](const HttpRequest&) { return http_answer(status, "no"); }};
        const auto reply = box.upload("g", refusing.url("/secret-token?sig=abc"));
        EXPECT_EQ(reply.message(), "Network error");
        EXPECT_EQ(refusing.connections(), 1) << status;
        EXPECT_EQ(reply.json.find("secret-token"), std::string::npos) << reply.json;
        EXPECT_EQ(code_of(box.download("f", refusing.url())), "NETWORK_ERROR");
        EXPECT_EQ(refusing.connections(), 2) << status;
    }
    for (const auto& line : box.host().logs())
        EXPECT_EQ((line.message + line.fields).find("secret-token"), std::string::npos);
    EXPECT_TRUE(box.clean());
}

TEST_F(Faults, GivesUpAfterFiveAttempts)
{
    Box box;
    HttpServer broken{[](const HttpRequest&) { return http_answer("500 Oops", ""); }};
    EXPECT_EQ(code_of(box.upload("f", broken.url())), "NETWORK_ERROR");
    EXPECT_EQ(broken.connections(), 5);
}

TEST_F(Faults, RetriesWhenSendingBreaks)
{
    Box box;
    ASSERT_TRUE(box.upload("f", nginx_->url("/file")).ok());
    for (const std::uint64_t offset : {1u, 5000u, 300'000u}) {
        Fault fault;
        fault.cut_request = offset;
        Proxy proxy{nginx_->port(), {fault}};
        const std::string name = "/sent-" + std::to_string(offset);
        const auto reply = box.download("f", proxy.url(name));
        ASSERT_TRUE(reply.ok()) << reply.json;
        EXPECT_EQ(sha256_hex(read_file(nginx_->www() / name.substr(1))), sha256_hex(content_));
        EXPECT_EQ(proxy.connections(), 2);
    }
}

TEST_F(Faults, AcceptsAResponseBeforeTheBodyIsSent)
{
    Box box;
    const std::string large = random_bytes(20'000'000, 3);
    write_file(nginx_->www() / "large", large, 0644);
    ASSERT_TRUE(box.upload("f", nginx_->url("/large")).ok());
    HttpServer refusing{[](const HttpRequest&) { return http_answer("413 Too Large", "no"); }, false};
    const auto reply = box.download("f", refusing.url());
    EXPECT_EQ(code_of(reply), "NETWORK_ERROR");
    EXPECT_NE(reply.json.find("413"), std::string::npos) << reply.json;
    EXPECT_EQ(refusing.connections(), 1);
}

TEST_F(Faults, FollowsRedirectsWithinABoundAndChecksEachTarget)
{
    Box box;
    EXPECT_TRUE(box.upload("f", nginx_->url("/moved/file")).ok());
    HttpServer loop{[](const HttpRequest& r) {
        return "HTTP/1.1 302 Found\r\nLocation: " + r.target() + "x\r\nContent-Length: 0\r\n\r\n";
    }};
    EXPECT_EQ(code_of(box.upload("g", loop.url())), "NETWORK_ERROR");
    EXPECT_EQ(loop.connections(), 6);
    HttpServer inward{[](const HttpRequest&) {
        return "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: "
               "0\r\n\r\n";
    }};
    EXPECT_EQ(code_of(box.upload("g", inward.url())), "DENIED");
    Box strict{{{"allow_hosts", {"127.0.0.1"}}}};
    HttpServer away{[&](const HttpRequest&) {
        return "HTTP/1.1 302 Found\r\nLocation: http://localhost:" + std::to_string(nginx_->port()) +
               "/file\r\nContent-Length: 0\r\n\r\n";
    }};
    EXPECT_EQ(code_of(strict.upload("g", away.url())), "DENIED");
    EXPECT_TRUE(box.upload("g", away.url()).ok());
    EXPECT_TRUE(box.clean());
}

TEST_F(Faults, FollowsARedirectOfABodyOnlyWhenTheMethodIsKept)
{
    Box box;
    ASSERT_TRUE(box.upload("f", nginx_->url("/file")).ok());
    std::string status = "307 Temporary Redirect";
    HttpServer server{[&](const HttpRequest&) {
        return "HTTP/1.1 " + status + "\r\nLocation: " + nginx_->url("/redirected") +
               "\r\nContent-Length: 0\r\n\r\n";
    }};
    EXPECT_TRUE(box.download("f", server.url()).ok());
    EXPECT_EQ(sha256_hex(read_file(nginx_->www() / "redirected")), sha256_hex(content_));
    status = "302 Found";
    EXPECT_EQ(code_of(box.download("f", server.url())), "NETWORK_ERROR");
}

TEST_F(Faults, RefusesForbiddenAddressesInEveryNotation)
{
    Box closed{{{"allow_private_networks", false}}};
    const std::string port = ":" + std::to_string(nginx_->port());
    for (const std::string host : {"127.0.0.1",
                                   "localhost",
                                   "2130706433",
                                   "0x7f000001",
                                   "0177.0.0.1",
                                   "127.1",
                                   "[::1]",
                                   "[::ffff:127.0.0.1]",
                                   "[::ffff:7f00:1]",
                                   "[64:ff9b::127.0.0.1]",
                                   "[2002:7f00:1::]",
                                   "10.0.0.1",
                                   "192.168.1.1",
                                   "172.16.0.1",
                                   "100.64.0.1",
                                   "[fd00::1]",
                                   "0.0.0.0",
                                   "[::]",
                                   "169.254.169.254",
                                   "[fe80::1]",
                                   "[64:ff9b::a9fe:a9fe]",
                                   "224.0.0.1",
                                   "255.255.255.255",
                                   "100.100.100.200",
                                   "168.63.129.16"}) {
        const auto reply = closed.upload("f", "http://" + host + port + "/file");
        EXPECT_EQ(code_of(reply), "DENIED") << host << " " << reply.json;
    }
    Box open; // private networks admitted
    for (const std::string host : {"169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]",
                                   "[fd00:ec2::254]", "224.0.0.1", "0.0.0.0", "100.100.100.200"})
        EXPECT_EQ(code_of(open.upload("f", "http://" + host + port + "/file")), "DENIED") << host;
    EXPECT_TRUE(open.upload("f", "http://localhost" + port + "/file").ok());
    EXPECT_EQ(code_of(open.upload("f", "http://user:pw@127.0.0.1" + port + "/file")), "INVALID_REQUEST");
    EXPECT_EQ(code_of(open.upload("f", "file:///etc/passwd")), "INVALID_REQUEST");
}

} // namespace
