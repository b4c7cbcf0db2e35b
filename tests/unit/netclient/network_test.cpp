#include "netclient/network.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::netclient;

Url url(const std::string& text)
{
    std::string why;
    return parse_url(text, why).value();
}

TEST(NoProxy, NamesDomainsAddressesRangesAndPorts)
{
    const auto list = split_no_proxy("  files.example, .corp ,10.0.0.0/8,[::1],192.0.2.1:8080, other:81,,");
    EXPECT_EQ(list.size(), 6u);
    for (const char* direct : {"https://files.example/x", "https://a.files.example", "http://x.corp",
                               "http://corp", "http://10.1.2.3", "http://192.0.2.1:8080", "http://other:81"})
        EXPECT_TRUE(in_no_proxy(list, url(direct))) << direct;
    for (const char* proxied : {"https://notfiles.example", "http://files.example.org", "http://11.0.0.1",
                                "http://192.0.2.1", "http://other", "http://10.example"})
        EXPECT_FALSE(in_no_proxy(list, url(proxied))) << proxied;
    EXPECT_TRUE(in_no_proxy(split_no_proxy("::1"), url("http://[::1]:3")));
    EXPECT_TRUE(in_no_proxy(split_no_proxy("[::1]:3"), url("http://[::1]:3")));
    EXPECT_FALSE(in_no_proxy(split_no_proxy("[::1]:3"), url("http://[::1]:4")));
    EXPECT_TRUE(in_no_proxy(split_no_proxy("*"), url("http://any")));
    EXPECT_FALSE(in_no_proxy({}, url("http://any")));
}

Network settings()
{
    Network network;
    network.origin = url("https://files.example:8443");
    std::string why;
    network.proxy = parse_proxy("http://p:3128", why);
    network.no_proxy = {"files.example", "near.example"};
    network.tls = {.ca = "/ca",
                   .certificate = "/c",
                   .key = "/k",
                   .server_name = "n",
                   .pin_sha256 = {"p"},
                   .verify = false};
    return network;
}

TEST(Network, UsesTheSessionsProxyAndTlsForItsOrigin)
{
    const auto network = settings();
    const auto origin = url("https://files.example:8443/a?b");
    EXPECT_FALSE(network.proxy_for(origin)); // NO_PROXY names it, and the session is direct, too
    const auto tls = network.tls_for(origin, {.more_ca = {"/own"}, .system_too = true});
    EXPECT_EQ(tls.certificate, "/c");
    EXPECT_EQ(tls.server_name, "n");
    EXPECT_EQ(tls.pin_sha256.size(), 1u);
    EXPECT_FALSE(tls.verify);
    EXPECT_FALSE(tls.system_too); // `ca` replaces the system's authorities
    EXPECT_EQ(tls.more_ca, std::vector<std::string>{"/own"});
}

TEST(Network, UsesOnlyTheProxyAndTheCaForOtherHosts)
{
    const auto network = settings();
    for (const char* text :
         {"https://far.example/", "https://files.example/", "http://files.example:8443/"}) {
        const auto tls = network.tls_for(url(text), {.more_ca = {"/own"}, .system_too = true});
        EXPECT_EQ(tls, (TlsClientConfig{.more_ca = {"/own", "/ca"}, .system_too = true})) << text;
    }
    EXPECT_TRUE(network.proxy_for(url("https://far.example/")));
    EXPECT_FALSE(network.proxy_for(url("https://a.near.example/")));
    EXPECT_FALSE(network.proxy_for(url("https://files.example/")));
}

TEST(Network, APrivateOriginIsTrustedOnlyIfDnsCannotRedirectIt)
{
    Network network;
    const auto trusted = [&](const std::string& origin, const std::string& target) {
        network.origin = url(origin);
        return network.trusts_address_of(url(target));
    };
    EXPECT_TRUE(trusted("https://hub.example:1", "https://hub.example:1/x"));
    EXPECT_TRUE(trusted("http://10.0.0.1:1", "http://10.0.0.1:1/x"));
    EXPECT_TRUE(trusted("http://localhost:1", "http://localhost:1/x"));
    EXPECT_FALSE(trusted("http://hub.example:1", "http://hub.example:1/x"));
    EXPECT_FALSE(trusted("http://10.0.0.1:1", "http://10.0.0.1:2/x"));
    EXPECT_FALSE(trusted("https://hub.example:1", "https://other.example:1/x"));
    network.tls.verify = false; // anyone may answer
    EXPECT_FALSE(trusted("https://hub.example:1", "https://hub.example:1/x"));
    EXPECT_TRUE(trusted("https://10.0.0.1:1", "https://10.0.0.1:1/x"));
    network.tls.pin_sha256 = {"x"}; // checked without `verify` too
    EXPECT_TRUE(trusted("https://hub.example:1", "https://hub.example:1/x"));
}

TEST(Network, ReadsBackWhatItWrites)
{
    const NetworkSettings written{"files",
                                  "https://files.example:8443/",
                                  "http://me:s%40@p:3128",
                                  {"a", "b"},
                                  {.ca = "/ca", .pin_sha256 = {"x"}, .verify = false}};
    std::string why;
    const auto read = parse_network(network_json(written), why);
    ASSERT_TRUE(read) << why;
    EXPECT_EQ(read->origin, url("https://files.example:8443/"));
    EXPECT_EQ(read->proxy->shown(), "p:3128");
    EXPECT_EQ(read->no_proxy, written.no_proxy);
    EXPECT_EQ(read->tls, written.tls);
    EXPECT_EQ(parse_network("{}", why), Network{});
    for (const char* bad : {"", "[]", R"({"proxy":"socks5://me:secret@p"})", R"({"origin":"nowhere"})"}) {
        EXPECT_FALSE(parse_network(bad, why)) << bad;
        EXPECT_EQ(why.find("secret"), std::string::npos) << why;
    }
}

} // namespace
