#include "wire/session/delivery.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace agenthost::wire;

namespace {

std::vector<std::uint64_t> pong(Delivery& delivery, std::string_view payload)
{
    std::vector<std::uint64_t> rows;
    delivery.pong(payload, [&](std::uint64_t row) { rows.push_back(row); });
    return rows;
}

using Rows = std::vector<std::uint64_t>;

TEST(Delivery, ProvesOnlyWhatWasSentBeforeThePing)
{
    Delivery delivery;
    const std::string early = delivery.ping();
    delivery.sent(10);
    EXPECT_TRUE(!delivery.wants_ping()); // one is under way
    EXPECT_EQ(pong(delivery, early), Rows{});
    EXPECT_TRUE(delivery.wants_ping());
    const std::string proof = delivery.ping();
    delivery.sent(11);
    EXPECT_EQ(pong(delivery, proof), Rows{10});
    EXPECT_TRUE(delivery.waiting());
    EXPECT_EQ(pong(delivery, delivery.ping()), Rows{11});
    EXPECT_FALSE(delivery.waiting());
    EXPECT_FALSE(delivery.wants_ping());
}

TEST(Delivery, TakesOnePongForSeveralPings)
{
    Delivery delivery;
    delivery.sent(1);
    delivery.ping();
    delivery.sent(2);
    const std::string last = delivery.ping();
    EXPECT_EQ(pong(delivery, last), (Rows{1, 2})); // a peer may answer the latest ping only
}

TEST(Delivery, IsNotFooledByPongsOfItsOwnMaking)
{
    Delivery delivery;
    delivery.sent(1);
    for (const char* payload :
         {"", "1", "2", "0", "-1", "1x", "99999999999999999999999", "18446744073709551615"}) {
        EXPECT_EQ(pong(delivery, payload), Rows{}) << payload;
    }
    const std::string ping = delivery.ping();
    EXPECT_EQ(pong(delivery, "2"), Rows{}); // never sent
    EXPECT_EQ(pong(delivery, ping), Rows{1});
    EXPECT_EQ(pong(delivery, ping), Rows{}); // a second time
}

TEST(Delivery, KnowsTheLargestFrameThatIsNotProved)
{
    Delivery delivery;
    const auto largest = [&] { return std::pair{delivery.largest().bytes, delivery.largest().row}; };
    EXPECT_EQ(largest(), (std::pair<std::size_t, std::uint64_t>{0, 0}));
    delivery.sent_bytes(500, 1); // too small to be the cause of a 1009
    EXPECT_EQ(largest(), (std::pair<std::size_t, std::uint64_t>{0, 0}));
    delivery.sent_bytes(9000, 2);
    const std::string ping = delivery.ping();
    delivery.sent_bytes(3000, 3);
    delivery.sent_bytes(5000, 0);
    delivery.sent_bytes(4000, 5);
    EXPECT_EQ(largest(), (std::pair<std::size_t, std::uint64_t>{9000, 2}));
    pong(delivery, ping); // what was sent before it has arrived
    EXPECT_EQ(largest(), (std::pair<std::size_t, std::uint64_t>{5000, 0}));
    pong(delivery, delivery.ping());
    EXPECT_EQ(largest(), (std::pair<std::size_t, std::uint64_t>{0, 0}));
    delivery.sent_bytes(2000, 6);
    delivery.begin();
    EXPECT_EQ(largest(), (std::pair<std::size_t, std::uint64_t>{0, 0}));
}

TEST(Delivery, ForgetsWithTheConnection)
{
    Delivery delivery;
    delivery.sent(1);
    const std::string ping = delivery.ping();
    delivery.begin();
    EXPECT_EQ(pong(delivery, ping), Rows{});
    EXPECT_FALSE(delivery.waiting());
}

TEST(Delivery, TakesNoPongOfAnEarlierConnectionForProof)
{
    Delivery delivery;
    delivery.sent(1);
    const std::string earlier = delivery.ping();
    delivery.begin();
    delivery.sent(2);
    EXPECT_TRUE(delivery.wants_ping());
    const std::string later = delivery.ping();
    EXPECT_EQ(pong(delivery, earlier), Rows{});
    EXPECT_EQ(pong(delivery, later), Rows{2});
}

} // namespace
