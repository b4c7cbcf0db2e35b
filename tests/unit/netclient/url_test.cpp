#include "netclient/url.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::netclient;

std::string parsed(std::string_view text)
{
    std::string why;
    const auto url = parse_url(text, why);
    return url ? (url->tls ? "tls " : "plain ") + url->host + " " + std::to_string(url->port) + " " +
                     url->target
               : "refused";
}

TEST(Url, ParsesValidUrls)
{
    EXPECT_EQ(parsed("https://server.com/api/temp/download/token123"),
              "tls server.com 443 /api/temp/download/token123");
    EXPECT_EQ(parsed("HTTP://Server.COM:8080"), "plain server.com 8080 /");
    EXPECT_EQ(parsed("http://h?a=1&b=%20#frag"), "plain h 80 /?a=1&b=%20");
    EXPECT_EQ(parsed("http://[2001:DB8::1]:81/x"), "plain 2001:db8::1 81 /x");
    EXPECT_EQ(parsed("https://host./x"), "tls host 443 /x");
    EXPECT_EQ(parsed("http://h:/x"), "plain h 80 /x");
    EXPECT_EQ(parsed("http://h/a/../b/./c//d"), "plain h 80 /b/c//d");
    EXPECT_EQ(parsed("http://h/../../x/"), "plain h 80 /x/");
    EXPECT_EQ(parsed("http://h/a/.."), "plain h 80 /");
}

TEST(Url, RejectsUrlsThatParsersReadDifferently)
{
    for (const char* text : {"",
                             "server.com",
                             "/path",
                             "//h/x",
                             "ftp://h/",
                             "file:///etc/passwd",
                             "http://",
                             "http:///x",
                             "http://user@h/",
                             "http://user:pw@h/",
                             "http://h@evil/",
                             "http://h\\@evil/",
                             "http://h:0/",
                             "http://h:65536/",
                             "http://h:8a/",
                             "http://h:+80/",
                             "http://h:80:90/",
                             "http://[::1/",
                             "http://[::g]/",
                             "http://h/a b",
                             "http://h/\r\nHost: x",
                             "http://h/%zz",
                             "http://h/%4",
                             "http://h\x01/",
                             "http://h\xc3\xa4/",
                             "http://-h/",
                             "http://a..b/",
                             "http://h/\xff",
                             "http://h%41/",
                             "http://[::1%25eth0]/"})
        EXPECT_EQ(parsed(text), "refused") << text;
    EXPECT_EQ(parsed("http://h/" + std::string(9000, 'a')), "refused");
}

TEST(Url, HidesThePathFromPeople)
{
    std::string why;
    EXPECT_EQ(parse_url("https://h.example:444/secret?token=1", why)->redacted(), "https://h.example:444");
}

TEST(Url, ResolvesALocationAgainstItsBase)
{
    std::string why;
    const auto base = *parse_url("https://h:444/a/b?q=1", why);
    const auto to = [&](std::string_view location) {
        const auto url = resolve_url(base, location, why);
        return url ? url->redacted() + url->target : "refused";
    };
    EXPECT_EQ(to("/x"), "https://h:444/x");
    EXPECT_EQ(to("c"), "https://h:444/a/c");
    EXPECT_EQ(to("../c?z"), "https://h:444/c?z");
    EXPECT_EQ(to("?z=2"), "https://h:444/a/b?z=2");
    EXPECT_EQ(to("//other/x"), "https://other/x");
    EXPECT_EQ(to("http://other/x#f"), "http://other/x");
    EXPECT_EQ(to("x?u=http://y"), "https://h:444/a/x?u=http://y");
    EXPECT_EQ(to("javascript:alert(1)"), "refused");
    EXPECT_EQ(to("/a b"), "https://h:444/a%20b"); // as browsers do
    EXPECT_EQ(to("/a\\b"), "refused");
}

TEST(ServerUrl, IsTakenApart)
{
    std::string why;
    const auto plain = parse_server_url("ws://localhost", why);
    ASSERT_TRUE(plain);
    EXPECT_EQ(std::tie(plain->tls, plain->host, plain->port, plain->target),
              std::make_tuple(false, std::string{"localhost"}, 80, std::string{"/"}));
    EXPECT_EQ(plain->authority(), "localhost");
    const auto full = parse_server_url("wss://files.example.com:8443/a/b?x=1&y=/2#part", why);
    ASSERT_TRUE(full);
    EXPECT_EQ(full->target, "/a/b?x=1&y=/2");
    EXPECT_EQ(full->authority(), "files.example.com:8443");
    EXPECT_EQ(parse_server_url("WSS://H", why)->redacted(), "https://h");
    const auto six = parse_server_url("wss://[2001:db8::1]:443?x", why);
    ASSERT_TRUE(six);
    EXPECT_EQ(six->host, "2001:db8::1");
    EXPECT_EQ(six->authority(), "[2001:db8::1]");
    EXPECT_EQ(six->target, "/?x");
}

TEST(ServerUrl, IsRefusedWithAReasonAndWithoutItsQuery)
{
    for (const char* bad : {"", "files.example.com", "ftp://x/", "ws://", "ws://:80/", "ws://x:0/",
                            "ws://x:70000/", "ws://x:8a/", "ws://[::1/", "ws://[::1]x/",
                            "ws://user:secret@x/", "ws://x/a b", "ws://x/\r\nY: z"}) {
        std::string why;
        EXPECT_FALSE(parse_server_url(std::string{bad}, why)) << bad;
        EXPECT_FALSE(why.empty());
        EXPECT_EQ(why.find("secret"), std::string::npos) << why;
    }
    std::string why;
    EXPECT_FALSE(parse_server_url("ws://x:0/?token=secret", why));
    EXPECT_EQ(why.find("secret"), std::string::npos) << why;
}

TEST(Url, IsShownWithoutSecrets)
{
    EXPECT_EQ(shown_url("wss://u:secret@h:1/p?token=secret#x"), "wss://h:1/p");
    EXPECT_EQ(shown_url("wss://h/p@q"), "wss://h/p@q");
    EXPECT_EQ(shown_url("wss://h?token=a/b"), "wss://h");
    EXPECT_EQ(printable("a\nb\x7f"
                        "c",
                        4),
              "a?b?");
}

TEST(Url, IsListedWithItsSecretsMasked)
{
    EXPECT_EQ(redact_url("wss://u:p@h/x?token=abc&b&c=d"), "wss://***@h/x?token=***&b&c=***");
    EXPECT_EQ(redact_url("wss://h/a@b"), "wss://h/a@b");
    EXPECT_EQ(redact_url("nothing"), "nothing");
}

// What a password must percent-encode and often does not.
TEST(Url, HidesAPasswordThatHasASlash)
{
    for (const std::string password : {"se/cret", "1/secret", "s@x/secret", "s?ecret=1", "s#ecret", "/secret",
                                       "secret/", "a/b:c/secret"}) {
        const std::string url = "http://user:" + password + "@proxy:3128/";
        EXPECT_EQ(redact_url(url), "http://***@proxy:3128/") << password;
        EXPECT_EQ(shown_url(url), "http://proxy:3128/") << password;
        EXPECT_EQ(redact_url("user:" + password + "@proxy"), "***@proxy") << password;
    }
    EXPECT_EQ(redact_url("https://us/er:secret@proxy"), "https://***@proxy");
    EXPECT_EQ(redact_url("wss://user:se/cret@host/p"), "wss://***@host/p");
}

TEST(Url, ShowsAnAtSignThatIsNotOfAUser)
{
    EXPECT_EQ(shown_url("wss://h:8443/p@q"), "wss://h:8443/p@q");
    EXPECT_EQ(redact_url("wss://[::1]:8443/p@q?mail=a@b"), "wss://[::1]:8443/p@q?mail=***");
    EXPECT_EQ(redact_url("https://h/a@b"), "https://h/a@b");
}

TEST(Url, MasksTheQueryThatHasAnAtSign)
{
    EXPECT_EQ(redact_url("https://panel:8443/register?owner=ops@corp&key=secret"),
              "https://panel:8443/register?owner=***&key=***");
    EXPECT_EQ(shown_url("https://panel:8443/register?owner=ops@corp&key=secret"),
              "https://panel:8443/register");
    EXPECT_EQ(redact_url("https://panel/register?at=12:30&owner=a@b&key=secret"),
              "https://panel/register?at=***&owner=***&key=***");
    EXPECT_EQ(redact_url("wss://u:p@h/x?mail=a@b&key=secret"), "wss://***@h/x?mail=***&key=***");
    EXPECT_EQ(shown_url("https://reg.example.com:5000/@scope/x"), "https://reg.example.com:5000/@scope/x");
    for (const std::string url :
         {"http://panel:8080/r?owner=ops@corp&key=secret", "panel:1/?a=b@c&key=secret"}) {
        EXPECT_EQ(redact_url(url).find("secret"), std::string::npos);
        EXPECT_EQ(shown_url(url).find("secret"), std::string::npos);
    }
}

TEST(Url, HasAScheme)
{
    EXPECT_EQ(scheme_of("WSS://u:p@[::1]:8443/a"), "wss");
    EXPECT_EQ(scheme_of("files.example.com"), "");
    EXPECT_EQ(scheme_of("://h"), "");
    EXPECT_EQ(scheme_of("h/a?token=secret&next=https://x"), "");
}

} // namespace
