#include "pair.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "host/config/config.hpp"
#include "netclient/tls_renewal.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::test {
namespace {

namespace asio = boost::asio;
using namespace host;
using net::error_code;

struct Ended {
    error_code client, server;
    std::string problem;
    std::string spki;
};

Ended shake(const TlsClientConfig& client, const TlsServerConfig& server, const std::string& host)
{
    asio::io_context io{1};
    const auto [left, right] = socket_pair();
    net::Stream a{io.get_executor(), left}, b{io.get_executor(), right};
    const auto client_context = netclient::make_client_context(client);
    const auto server_context = netclient::make_server_context(server);
    EXPECT_TRUE(client_context.context) << client_context.problem;
    EXPECT_TRUE(server_context.context) << server_context.problem;
    Ended ended;
    int done = 0;
    a.async_handshake(client_context.context, host, [&](error_code ec) {
        ended.client = ec;
        ended.problem = a.problem();
        ++done;
        if (ec) a.close();
    });
    b.async_handshake(server_context.context, {}, [&](error_code ec) {
        ended.server = ec;
        ended.spki = b.peer_spki();
        ++done;
        if (ec) b.close();
    });
    EXPECT_TRUE(run_until(io, [&] { return done == 2; }));
    return ended;
}

class Tls : public testing::Test {
protected:
    const Certificates& c = certificates();
    TlsServerConfig server{.certificate = c("server.pem"), .key = c("server.key")};
};

TEST_F(Tls, AcceptsTheRightNameAndAddress)
{
    EXPECT_FALSE(shake({.ca = c("ca.pem")}, server, "localhost").client);
    EXPECT_FALSE(shake({.ca = c("ca.pem")}, server, "127.0.0.1").client);
    EXPECT_FALSE(shake({.ca = c("ca.pem"), .server_name = "localhost"}, server, "elsewhere.example").client);
}

TEST_F(Tls, RefusesAnotherNameAndSaysSo)
{
    const auto ended = shake({.ca = c("ca.pem")}, server, "files.example.com");
    EXPECT_EQ(ended.client, net::StreamError::tls);
    EXPECT_NE(ended.problem.find("ostname mismatch"), std::string::npos) << ended.problem;
    const auto address = shake({.ca = c("ca.pem")}, server, "127.0.0.2");
    EXPECT_EQ(address.client, net::StreamError::tls);
}

TEST_F(Tls, RefusesAnUnknownAuthorityUnlessToldNotToVerify)
{
    EXPECT_EQ(shake({}, server, "localhost").client, net::StreamError::tls);
    EXPECT_FALSE(shake({.verify = false}, server, "anything").client);
}

TEST_F(Tls, HoldsThePeerToItsPinnedKey)
{
    const auto pin_of = run({"/bin/sh", "-c",
                             "openssl x509 -in \"$0\" -noout -pubkey | openssl pkey -pubin -outform DER | "
                             "openssl dgst -sha256 -binary | openssl base64 -A",
                             c("server.pem")});
    ASSERT_EQ(pin_of.code, 0);
    EXPECT_FALSE(shake({.ca = c("ca.pem"), .pin_sha256 = {"other", pin_of.out}}, server, "localhost").client);
    const auto ended =
        shake({.ca = c("ca.pem"), .pin_sha256 = {base::base64(std::string(32, 'x'))}}, server, "localhost");
    EXPECT_EQ(ended.client, net::StreamError::pin);
    EXPECT_NE(ended.problem.find(pin_of.out), std::string::npos) << ended.problem;
}

TEST_F(Tls, AsksForAClientCertificateWhenAnAuthorityIsSet)
{
    server.client_ca = c("ca.pem");
    const auto with = shake({.ca = c("ca.pem"), .certificate = c("client.pem"), .key = c("client.key")},
                            server, "localhost");
    EXPECT_FALSE(with.server) << with.server.message();
    EXPECT_EQ(with.spki.size(), 32u);
    const auto without = shake({.ca = c("ca.pem")}, server, "localhost");
    EXPECT_TRUE(without.server);
    EXPECT_TRUE(without.spki.empty());
}

TEST_F(Tls, TrustsAnIntermediateCertificateThatIsNamedAsTheAuthority)
{
    const TlsServerConfig below{.certificate = c("below.pem"), .key = c("server.key")};
    EXPECT_FALSE(shake({.ca = c("middle.pem")}, below, "localhost").client);
    EXPECT_EQ(shake({.ca = c("middle.pem")}, server, "localhost").client,
              net::StreamError::tls); // the root signed it
    // Clients' certificates are judged the same way.
    server.client_ca = c("middle.pem");
    EXPECT_FALSE(
        shake({.ca = c("ca.pem"), .certificate = c("below.pem"), .key = c("server.key")}, server, "localhost")
            .server);
    EXPECT_TRUE(shake({.ca = c("ca.pem"), .certificate = c("client.pem"), .key = c("client.key")}, server,
                      "localhost")
                    .server);
}

TEST_F(Tls, TrustsMoreAuthoritiesBesideTheOthers)
{
    EXPECT_FALSE(shake({.more_ca = {c("ca.pem")}, .system_too = true}, server, "localhost").client);
    EXPECT_FALSE(shake({.ca = c("middle.pem"), .more_ca = {c("ca.pem")}}, server, "localhost").client);
    EXPECT_NE(
        netclient::make_client_context({.more_ca = {"/nowhere.pem"}}).problem.find("/nowhere.pem: No such"),
        std::string::npos);
}

class RenewedTls : public Tls {
protected:
    void put(const char* from, const char* to)
    {
        std::filesystem::copy_file(c(from), dir / "new", std::filesystem::copy_options::overwrite_existing);
        std::filesystem::rename(dir / "new", dir / to);
    }
    TempDir dir;
};

TEST_F(RenewedTls, ARenewedFileReplacesTheContextAndHalfOfOneDoesNot)
{
    put("server.pem", "cert");
    put("server.key", "key");
    const auto tls = netclient::RenewedTls::of(
        TlsServerConfig{.certificate = (dir / "cert").string(), .key = (dir / "key").string()});
    EXPECT_FALSE(tls->last());
    const auto first = tls->current();
    ASSERT_TRUE(first.context) << first.problem;
    EXPECT_EQ(tls->check().context, first.context); // nothing has changed
    put("client.pem", "cert");
    const auto half = tls->check();
    EXPECT_EQ(half.context, first.context);
    EXPECT_NE(half.problem.find("is not the key of"), std::string::npos) << half.problem;
    EXPECT_EQ(tls->check().problem, ""); // said once
    EXPECT_EQ(tls->problem(), half.problem) << "and known until it is over";
    put("client.key", "key");
    const auto renewed = tls->check();
    EXPECT_TRUE(renewed.renewed);
    EXPECT_NE(renewed.context, first.context);
    EXPECT_EQ(tls->last(), renewed.context);
    EXPECT_EQ(tls->problem(), "");
    test::write_file(dir / "cert", "garbage");
    EXPECT_EQ(tls->check().context, renewed.context);
    EXPECT_NE(tls->problem().find((dir / "cert").string()), std::string::npos) << tls->problem();
    std::filesystem::remove(dir / "cert");
    EXPECT_EQ(tls->check().context, renewed.context);
    EXPECT_NE(tls->problem().find("No such file"), std::string::npos) << tls->problem();
    put("client.pem", "cert");
    EXPECT_TRUE(tls->check().context);
    EXPECT_EQ(tls->problem(), "");
}

TEST_F(RenewedTls, UnchangedFilesAreTriedAgainWhileThereIsAProblem)
{
    bool works = true;
    put("server.pem", "cert");
    netclient::RenewedTls tls{{(dir / "cert").string()}, [&] {
                                  return works ? netclient::make_server_context(server)
                                               : netclient::TlsResult{{}, "too many open files"};
                              }};
    ASSERT_TRUE(tls.check().context);
    works = false;
    put("server.pem", "cert");
    EXPECT_EQ(tls.check().problem, "too many open files");
    EXPECT_EQ(tls.check().problem, "") << "said once";
    EXPECT_EQ(tls.problem(), "too many open files");
    works = true;
    EXPECT_TRUE(tls.check().renewed);
    EXPECT_EQ(tls.problem(), "");
}

TEST_F(RenewedTls, AContextThatCouldNotBeMadeIsTriedAgain)
{
    const auto tls = netclient::RenewedTls::of(TlsClientConfig{.ca = (dir / "ca").string()});
    EXPECT_NE(tls->current().problem.find("No such file"), std::string::npos);
    put("ca.pem", "ca");
    EXPECT_TRUE(tls->current().context);
}

TEST_F(RenewedTls, OneCallerInASecondLooksAtTheFiles)
{
    const auto tls = netclient::RenewedTls::of(server);
    EXPECT_TRUE(tls->claim_check());
    EXPECT_FALSE(tls->claim_check());
}

TEST_F(Tls, SaysWhichFileIsWrongAndWhatToDo)
{
    const auto problem = [](const TlsServerConfig& config) {
        return netclient::make_server_context(config).problem;
    };
    EXPECT_NE(problem({.certificate = "/nowhere/c.pem", .key = "k"}).find("/nowhere/c.pem: No such file"),
              std::string::npos);
    EXPECT_NE(problem({.certificate = c("server.pem"), .key = c("other.key")}).find("is not the key of"),
              std::string::npos);
    EXPECT_NE(problem({.certificate = c("server.key"), .key = c("server.key")}).find("It must be a PEM file"),
              std::string::npos);
    EXPECT_NE(problem({.certificate = c("server.pem"), .key = c("server.key"), .client_ca = "/nowhere"})
                  .find("tls.client_ca /nowhere"),
              std::string::npos);
    EXPECT_NE(
        netclient::make_client_context({.ca = "/nowhere/ca.pem"}).problem.find("tls.ca /nowhere/ca.pem"),
        std::string::npos);
}

TEST_F(Tls, TellsATruncatedStreamFromAFinishedOne)
{
    Pair pair{true};
    error_code seen;
    char c;
    pair.b->async_read_some(asio::buffer(&c, 1), [&](error_code ec, std::size_t) { seen = ec; });
    ::shutdown(pair.a->native_handle(), SHUT_WR); // FIN without close_notify
    ASSERT_TRUE(run_until(pair.io, [&] { return bool(seen); }));
    EXPECT_EQ(seen, net::StreamError::truncated);
}

// Cuts and trickles below TLS: a forwarder that hands on `most` bytes in pieces of `piece`, then closes.
struct Forwarder {
    Forwarder(asio::io_context& io, int from, int to, std::size_t piece, std::size_t most)
        : in{io.get_executor(), from}, out{io.get_executor(), to}, piece{piece}, left{most}
    {
        next();
    }
    void next()
    {
        in.async_read_some(asio::buffer(buffer, std::min(piece, std::max<std::size_t>(left, 1))),
                           [this](error_code ec, std::size_t n) {
                               if (ec || left == 0) return cut();
                               left -= n;
                               ASSERT_TRUE(out.write({buffer, n}));
                               out.async_flush([this](error_code e) {
                                   if (e) return;
                                   if (left == 0) return cut();
                                   next();
                               });
                           });
    }
    void cut()
    {
        ::shutdown(out.native_handle(), SHUT_RDWR);
    } // the other direction's dup() must not keep it open
    net::Stream in, out;
    std::size_t piece, left;
    char buffer[4096];
};

struct Result {
    error_code client, server;
    std::string got;
};

Result through(std::size_t piece, std::size_t most)
{
    asio::io_context io{1};
    const auto [client_end, near_end] = socket_pair();
    const auto [far_end, server_end] = socket_pair();
    const auto& c = certificates();
    net::Stream a{io.get_executor(), client_end}, b{io.get_executor(), server_end};
    Forwarder up{io, near_end, far_end, piece, most};
    Forwarder down{io, ::dup(far_end), ::dup(near_end), piece, SIZE_MAX};
    Result result;
    bool over = false;
    const std::string text(40'000, 't');
    std::string buffer(1000, '\0');
    std::function<void()> read = [&] {
        b.async_read_some(asio::buffer(buffer), [&](error_code ec, std::size_t n) {
            result.got.append(buffer, 0, n);
            if (!ec) return read();
            result.server = ec;
            over = true;
        });
    };
    a.async_handshake(netclient::make_client_context({.ca = c("ca.pem")}).context, "localhost",
                      [&](error_code ec) {
                          result.client = ec;
                          if (ec) return a.close();
                          a.write(text);
                          a.async_shutdown([](error_code) {});
                      });
    b.async_handshake(
        netclient::make_server_context({.certificate = c("server.pem"), .key = c("server.key")}).context, {},
        [&](error_code ec) {
            if (!ec) return read();
            result.server = ec;
            over = true;
        });
    EXPECT_TRUE(run_until(io, [&] { return over; }));
    return result;
}

TEST_F(Tls, LivesWithBytesThatTrickle)
{
    const auto whole = through(7, SIZE_MAX);
    EXPECT_EQ(whole.server, asio::error::eof) << whole.server.message();
    EXPECT_EQ(whole.got, std::string(40'000, 't'));
}

TEST_F(Tls, ReportsACutAtAnyByteAndNeverInventsData)
{
    for (std::size_t most : {1u, 100u, 400u, 700u, 2000u, 20'000u, 39'999u}) {
        SCOPED_TRACE(most);
        const auto cut = through(512, most);
        EXPECT_TRUE(cut.server);
        EXPECT_NE(cut.server, asio::error::eof);
        EXPECT_LT(cut.got.size(), 40'000u);
        EXPECT_EQ(cut.got, std::string(cut.got.size(), 't'));
    }
}

// A file of its own is named by the environment, as OpenSSL knows it, so that the test leaves the system's
// alone.
TEST_F(Tls, TrustsTheSystemInOneCopyUntilItChanges)
{
    TempDir dir;
    const auto bundle = (dir.path() / "bundle.pem").string();
    std::filesystem::copy_file(c("ca.pem"), bundle);
    const char* const before = std::getenv("SSL_CERT_FILE");
    const std::string kept = before ? before : "";
    ::setenv("SSL_CERT_FILE", bundle.c_str(), 1);
    const auto store = [] {
        const auto made = netclient::make_client_context({});
        return std::pair{made.context, SSL_CTX_get_cert_store(made.context->get())};
    };
    const auto first = store(), second = store();
    EXPECT_EQ(first.second, second.second);
    EXPECT_FALSE(shake({}, {.certificate = c("server.pem"), .key = c("server.key")}, "localhost").client);
    std::filesystem::last_write_time(bundle,
                                     std::filesystem::file_time_type::clock::now() + std::chrono::hours{1});
    EXPECT_NE(store().second, first.second);
    if (kept.empty())
        ::unsetenv("SSL_CERT_FILE");
    else
        ::setenv("SSL_CERT_FILE", kept.c_str(), 1);
}

} // namespace
} // namespace agenthost::test
