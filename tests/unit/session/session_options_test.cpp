#include "host/session/session_options.hpp"

#include <gtest/gtest.h>

using namespace agenthost;
using namespace agenthost::host;
using namespace std::chrono_literals;

namespace {

ServerConfig config(const std::string& protocol, const std::string& section = "{}")
{
    ServerConfig made;
    made.name = "files";
    made.protocol = protocol;
    made.url = "wss://files.example/agent?token=secret";
    made.protocol_json = section;
    return made;
}

const std::string registration =
    R"({"register_url":"https://panel.example/api/agents/register","refresh_ms":1000})";

TEST(SessionOptions, HaveTheBackoffOfTheProtocolUnlessItIsConfigured)
{
    ServerConfig made = config("dashboard");
    const auto usual = machine_options(made, traits_of(made));
    EXPECT_EQ(usual.acceptance, wire::Acceptance::answer);
    EXPECT_EQ(usual.backoff.initial, 1s);
    EXPECT_EQ(usual.backoff.max, 30s);
    EXPECT_TRUE(usual.backoff.first_at_once);
    made.reconnect = {.initial = 5s, .max = 1min, .factor = 3.0, .jitter = 0.0};
    const auto configured = machine_options(made, traits_of(made));
    EXPECT_EQ(configured.backoff.initial, 5s);
    EXPECT_EQ(configured.backoff.max, 1min);
    EXPECT_EQ(configured.backoff.factor, 3.0);
    EXPECT_EQ(configured.backoff.jitter, 0.0);
    EXPECT_FALSE(configured.backoff.first_at_once) << "who names the first delay means it";
    EXPECT_NO_THROW((void)machine_options(config("unknown"), nullptr));
}

TEST(SessionOptions, RenewOnlyARegistration)
{
    const ServerConfig registered = config("panel", registration), configured = config("panel");
    EXPECT_EQ(machine_options(registered, traits_of(registered)).renewals, 2);
    EXPECT_EQ(refresh_interval(registered), 1s);
    EXPECT_EQ(machine_options(configured, traits_of(configured)).renewals, 0);
    EXPECT_EQ(refresh_interval(configured), 0s);
}

TEST(SessionOptions, ShowAUrlWithoutItsSecrets)
{
    EXPECT_EQ(host::shown_url(config("storage")), "wss://files.example/agent");
    ServerConfig registered = config("panel", registration);
    registered.url.clear();
    EXPECT_EQ(host::shown_url(registered), "https://panel.example/api/agents/register");
}

TEST(SessionOptions, SignWhereTheProtocolHasAWindow)
{
    const ServerConfig with = config("signed"), without = config("storage");
    EXPECT_TRUE(signs(traits_of(with)));
    EXPECT_FALSE(signs(traits_of(without)));
    EXPECT_FALSE(signs(nullptr));
}

TEST(SessionOptions, PutTheOpeningOfTheProtocolBeforeConfiguredHeaders)
{
    ServerConfig made = config("dashboard");
    made.headers = {{"X-Region", "eu"}};
    Prepared prepared;
    prepared.url.host = "files.example";
    prepared.url.target = "/agent?a=1";
    wire::Opening opening;
    opening.query = "token=jwt";
    opening.headers = {{"Authorization", "Bearer jwt"}};
    const auto options = link_options(made, prepared, opening, "1.2.3");
    EXPECT_EQ(options.url.target, "/agent?a=1&token=jwt");
    ASSERT_EQ(options.headers.size(), 2u);
    EXPECT_EQ(options.headers[0].first, "Authorization");
    EXPECT_EQ(options.headers[1].first, "X-Region");
    EXPECT_EQ(options.user_agent, "agenthost/1.2.3");
    prepared.url.target = "/";
    EXPECT_EQ(link_options(made, prepared, opening, "1").url.target, "/?token=jwt");
}

TEST(SessionOptions, AskTheServersOriginForTheTimeAndNothingElse)
{
    Prepared prepared;
    prepared.url.tls = true;
    prepared.url.host = "files.example";
    prepared.url.port = 8443;
    prepared.url.target = "/agent?token=secret";
    const HttpCall call = date_call(config("signed"), prepared);
    EXPECT_EQ(call.url, "https://files.example:8443/");
    EXPECT_EQ(call.method, "GET");
    EXPECT_TRUE(call.headers.empty());
    EXPECT_TRUE(call.head_only);
}

} // namespace
