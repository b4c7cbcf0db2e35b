// The parts of Sessions, one at a time: the log of failed attempts, the takeover policy, admission, one
// agent's session.
#include "peers.hpp"

#include "plugins/hub/agents/admission.hpp"
#include "plugins/hub/agents/takeover_policy.hpp"
#include "plugins/hub/credentials/credentials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::hub_test;
using namespace std::chrono_literals;
using agenthost::wire::Protocol;
using testing::ElementsAre;
using testing::HasSubstr;
namespace base = agenthost::base;

namespace {

struct SessionParts : testing::Test {
    SessionParts()
    {
        core.utc = [this] { return utc; };
        core.now = [this] { return now; };
        credentials.agents.set_listed({{"n1", {"secret-of-n1", base::sha256("secret-of-n1")}}});
    }
    void enter(const std::function<void()>& work) { core.strand.run(work); }
    void pass(std::chrono::seconds time)
    {
        utc += std::chrono::milliseconds{time}.count();
        now += time;
        enter([this] { core.timers.run(now); });
    }

    std::int64_t utc = 1'800'000'000'000;
    Timers::Time now = Timers::Time{1h};
    Peers daemon;
    Core core{Config{}, daemon};
    Credentials credentials;
    NoNonces nonces;
    Exchanges exchanges{core, daemon};
    AttemptLog attempts{core};
};

// ---- AttemptLog ----

TEST_F(SessionParts, LogsTheFirstSecondAndFourthFailureOfAnAgent)
{
    for (int i = 0; i < 5; ++i)
        enter([&] { attempts.failed({"n1", "storage", "10.0.0.1:5"}, "refused: ", "wrong token"); });
    EXPECT_THAT(daemon.logged, ElementsAre("refused: wrong token", "refused: wrong token; 2 times so far",
                                           "refused: wrong token; 4 times so far"));
    ASSERT_EQ(attempts.attempts().all().size(), 1U);
    EXPECT_EQ(attempts.attempts().all()[0].count, 5U);
    EXPECT_EQ(daemon.counted[Metric::auth_failures], 0);
    enter([&] { attempts.refused({"n1", "storage", "10.0.0.1:5"}, "refused: ", "wrong token"); });
    EXPECT_EQ(daemon.counted[Metric::auth_failures], 1);
    enter([&] { attempts.connected("n1"); });
    EXPECT_TRUE(attempts.attempts().all().empty());
}

// ---- TakeoverPolicy ----

TEST_F(SessionParts, RefusesTheNewcomerOnceTwoMachinesShareAnIdentity)
{
    TakeoverPolicy policy{core};
    const auto meet = [&] {
        TakeoverPolicy::Decision decision;
        enter([&] { decision = policy.decide("n1", "10.0.0.2:1", "10.0.0.1:1"); });
        return decision;
    };
    const AgentRecord older{.id = "n1", .protocol = "storage", .peer = "10.0.0.1:1"};
    for (std::size_t i = 0; i < IdentityConflicts::threshold; ++i) {
        const auto decision = meet();
        EXPECT_TRUE(decision.admitted) << i;
        EXPECT_EQ(decision.reason, "replaced by a newer session of this agent");
        enter([&] { policy.was_alive(older, "10.0.0.2:1"); });
    }
    EXPECT_THAT(daemon.logged.back(), HasSubstr("two machines use this identity"));
    const auto decision = meet();
    EXPECT_FALSE(decision.admitted);
    EXPECT_EQ(decision.reason, "identity in use: another machine is connected as this agent; retry in 30 s");
    pass(31s);
    EXPECT_TRUE(meet().admitted) << "one takeover stays possible after each hold";
}

// ---- Admission ----

struct AdmissionTest : SessionParts {
    std::unique_ptr<AgentSession> request(Protocol protocol,
                                          const std::map<std::string, std::string>& headers = {})
    {
        Head head{.method = "GET", .peer = "10.0.0.1:5"};
        for (const auto& [name, value] : headers) head.headers.emplace(name, value);
        std::unique_ptr<AgentSession> admitted;
        enter([&] { admitted = admission.request(1, head, protocol); });
        return admitted;
    }
    std::unique_ptr<AgentSession> frame(const std::string& text, int opcode = AGH_WS_TEXT)
    {
        std::unique_ptr<AgentSession> admitted;
        enter([&] { admitted = admission.frame(1, opcode, text); });
        return admitted;
    }

    const Proof* live = nullptr;
    Admission admission{core,   exchanges, credentials.agents,
                        nonces, attempts,  [this](std::string_view) { return live; }};
};

TEST_F(AdmissionTest, ReturnsTheSessionOnceItsFirstFrameAuthenticates)
{
    EXPECT_EQ(request(Protocol::storage), nullptr);
    EXPECT_EQ(daemon.peers[1].status, 101);
    EXPECT_FALSE(admission.empty());
    const auto session = frame(R"({"action":"auth","token":"secret-of-n1","agent_id":"n1"})");
    ASSERT_NE(session, nullptr);
    EXPECT_EQ(session->agent.id, "n1");
    EXPECT_FALSE(session->ready) << "it starts later";
    EXPECT_TRUE(admission.empty());
    EXPECT_TRUE(daemon.peers[1].sent.empty()) << "the welcome is not sent here";
    pass(60s);
    EXPECT_EQ(daemon.peers[1].close_code, 0) << "the deadline is over";
}

TEST_F(AdmissionTest, ClosesWhatDoesNotAuthenticate)
{
    for (const char* text :
         {R"({"action":"auth","token":"wrong","agent_id":"n1"})", R"({"action":"list"})", "not json"}) {
        EXPECT_EQ(request(Protocol::storage), nullptr);
        EXPECT_EQ(frame(text), nullptr);
        EXPECT_EQ(daemon.peers[1].close_code, 1008) << text;
        EXPECT_EQ(frame(R"({"action":"auth","token":"secret-of-n1","agent_id":"n1"})"), nullptr)
            << "too late";
        enter([&] { admission.closed(1, 1008); });
        EXPECT_TRUE(admission.empty());
    }
    EXPECT_EQ(daemon.counted[Metric::auth_failures], 3);
}

TEST_F(AdmissionTest, DoesNotLetATrustedShopClaimAnAuthenticatedId)
{
    credentials.agents.trust_shops(true);
    const Proof proof{.kind = Proof::Kind::secret};
    live = &proof;
    EXPECT_EQ(request(Protocol::print, {{"x-shop-id", "shop"}}), nullptr);
    EXPECT_EQ(daemon.peers[1].status, 401);
    live = nullptr;
    (void)request(Protocol::print, {{"x-shop-id", "shop"}});
    EXPECT_EQ(daemon.peers[1].status, 101);
}

// ---- AgentSession ----

struct AgentSessionTest : SessionParts {
    AgentSessionTest()
    {
        session.agent = {.id = "p1", .protocol = "panel"};
        session.use(Protocol::panel, {.environment = {}, .agent_id = "p1", .secret_of = {}});
    }
    AgentSession session{core, 1};
    Listener observer;
};

TEST_F(AgentSessionTest, ReportsWhatTheAgentSends)
{
    enter([&] {
        session.serve(session.decode(R"({"id":"c1","type":"response","success":true,"data":{}})"), observer);
    });
    EXPECT_THAT(observer.heard, ElementsAre("result p1 c1"));
    for (int i = 0; i < 3; ++i) enter([&] { session.serve(session.decode("[]"), observer); });
    EXPECT_THAT(daemon.logged, ElementsAre(HasSubstr("not of its protocol"), HasSubstr("; 2 so far")));
}

TEST_F(AgentSessionTest, PingsUntilItIsClosed)
{
    enter([&] { session.start_pings(); });
    pass(30s);
    pass(30s);
    EXPECT_EQ(daemon.peers[1].sent.size(), 2U);
    enter([&] { session.close(close_code::policy_violation, "revoked"); });
    EXPECT_TRUE(session.closing());
    pass(60s);
    EXPECT_EQ(daemon.peers[1].sent.size(), 2U);
    EXPECT_EQ(daemon.peers[1].close_code, 1008);
}

TEST_F(AgentSessionTest, HasNoFrameForAWordThatTheProtocolReserves)
{
    enter([&] {
        EXPECT_TRUE(session.encode({.id = "c1", .action = "host.ping", .params = "{}"}));
        session.use(Protocol::storage, {});
        EXPECT_TRUE(session.encode({.id = "c1", .action = "host.ping", .params = "{}"}));
        EXPECT_FALSE(session.encode({.id = "c1", .action = "auth", .params = "{}"}));
    });
}

} // namespace
