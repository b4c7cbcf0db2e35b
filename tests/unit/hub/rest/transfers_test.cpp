// Places for file transfers: one token or one agent cannot take them all.
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;
namespace wire = agenthost::wire;

namespace {

class TransfersTest : public PartsTest {
protected:
    TransfersTest()
    {
        for (const char* agent : {"a", "b", "c"}) join(agent, "storage");
    }
    Conn get(const std::string& caller, const std::string& agent)
    {
        const Conn conn = ++last;
        enter([&] {
            call(few.routes(), "GET", file_path, exchanges.open(conn), Head{},
                 {agent, "f" + std::to_string(conn)}, {.subject = caller});
        });
        later.run();
        return conn;
    }
    // The number of its GETs that were not rejected.
    std::size_t begins(const std::string& caller, const std::string& agent, std::size_t tries)
    {
        std::size_t begun = 0;
        for (std::size_t i = 0; i < tries; ++i) begun += answered(get(caller, agent)) ? 0 : 1;
        return begun;
    }

    Conn last = 1'000;
    Files few{core, calls, commands, nullptr, 100};
};

TEST_F(TransfersTest, RefusesATokenAtItsShareAndServesAnother)
{
    EXPECT_EQ(begins("greedy", "a", 60) + begins("greedy", "b", 60), 80U);
    const Conn refused = get("greedy", "c");
    EXPECT_EQ(status(refused), 503);
    EXPECT_EQ(body(refused)["error"]["code"], "BUSY");
    EXPECT_THAT(body(refused)["error"]["message"].get<std::string>(),
                testing::HasSubstr("This token has its share of the hub's 100 file transfers"));
    EXPECT_FALSE(answered(get("other", "c")));
}

TEST_F(TransfersTest, RefusesAnAgentAtItsShareAndServesAnother)
{
    EXPECT_EQ(begins("t1", "a", 45) + begins("t2", "a", 45), 80U);
    const Conn refused = get("t3", "a");
    EXPECT_EQ(status(refused), 503);
    EXPECT_THAT(body(refused)["error"]["message"].get<std::string>(),
                testing::HasSubstr("Agent a has its share of the hub's 100 file transfers"));
    EXPECT_FALSE(answered(get("t3", "b")));
}

TEST_F(TransfersTest, AnEndedTransferReleasesItsPlace)
{
    EXPECT_EQ(begins("t", "a", 90), 80U);
    const auto sent = fanout.sent; // each answer may send another
    for (const auto& command : sent)
        result("a", {.id = command.id,
                     .outcome = wire::Outcome::error,
                     .error = {.code = "FILE_NOT_FOUND", .message = "no such file"}});
    EXPECT_GE(begins("t", "a", 90), sent.size());
}

} // namespace
