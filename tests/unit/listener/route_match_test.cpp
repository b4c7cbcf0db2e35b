#include "host/listener/route_match.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::host::listener;

constexpr const char* upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

class RouteMatchTest : public testing::Test {
protected:
    RouteMatchTest()
    {
        for (const auto& key : {RouteKey{"web", "/page", false}, RouteKey{"web", "/both", false},
                                RouteKey{"web", "/both", true}, RouteKey{"web", "/socket", true}}) {
            auto route = std::make_shared<Route>();
            route->owner = owner;
            EXPECT_EQ(routes.add(key, std::move(route)), AGH_OK);
        }
    }
    RouteMatch match(const std::string& path, const std::string& fields = {})
    {
        const RequestHead head = parse_request("GET " + path + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
        EXPECT_FALSE(head.refusal);
        RouteMatch found = match_route(routes, "web", head);
        EXPECT_EQ(owner->live, found.route ? 1U : 0U) << "a refused request counts for nobody";
        if (found.route) Routes::release(*found.route);
        return found;
    }
    int status(const std::string& path, const std::string& fields = {})
    {
        const RouteMatch found = match(path, fields);
        return found.refusal ? found.refusal->status : 0;
    }

    Routes routes;
    std::shared_ptr<Owner> owner = routes.owner("test");
};

TEST_F(RouteMatchTest, FindsPagesAndWebSockets)
{
    EXPECT_FALSE(match("/page").websocket);
    EXPECT_TRUE(match("/socket", upgrade).websocket);
    EXPECT_FALSE(match("/both").websocket);
    EXPECT_TRUE(match("/both", upgrade).websocket);
    EXPECT_FALSE(match("/page", upgrade).websocket) << "a page may be asked for with an offer to upgrade";
}

TEST_F(RouteMatchTest, RefusesWithTheRightStatus)
{
    EXPECT_EQ(status("/none"), 404);
    EXPECT_EQ(status("/socket"), 426);
    EXPECT_EQ(match("/socket").refusal->header, "Upgrade: websocket\r\n");
    EXPECT_EQ(status("/socket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"),
              400);
    EXPECT_EQ(status("/socket", std::string{upgrade} + "Content-Length: 5\r\n"), 400) << "with a body";
    EXPECT_EQ(status("/page"), 0);
}

} // namespace
