#include "plugins/docker/ledger/ledger.hpp"

#include "tests/unit/docker/spec/invariants.hpp"
#include "tests/unit/docker/spec/payloads.hpp"

#include <gmock/gmock.h>

#include <random>

using namespace agenthost::docker;
using namespace agenthost::docker::ledger;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

HostPort port(const std::string& written)
{
    const auto out = read_host_port(written);
    EXPECT_TRUE(out) << written;
    return out.value_or(HostPort{});
}

Claim claim(const std::string& server, const std::vector<std::string>& ports, std::uint64_t memory = 0,
            std::uint64_t disk = 0)
{
    Claim out{server, {}, memory, disk};
    for (const std::string& each : ports) out.ports.push_back(port(each));
    return out;
}

std::string said(const std::optional<Problem>& problem)
{
    return problem ? problem->code + ": " + problem->message : "granted";
}

TEST(Ledger, HostPortsAreReadAsTheyAreWritten)
{
    for (const char* written :
         {"0.0.0.0:25565/tcp", "[::]:19132/udp", "192.0.2.1:1/tcp", "[2001:db8::1]:65535/udp"})
        EXPECT_EQ(text(port(written)), written);
    for (const char* bad :
         {"", "/tcp", "0.0.0.0/tcp", "0.0.0.0:0/tcp", "0.0.0.0:1", "0.0.0.0:1/sctp", "x:1/tcp"})
        EXPECT_FALSE(read_host_port(bad)) << bad;
}

TEST(Ledger, TakesTheClaimOfAPlan)
{
    const ServerPlan plan = plan_server(read_create_server(agenthost::docker_test::document_payload().dump()),
                                        agenthost::docker_test::test_policy());
    EXPECT_EQ(claim_of(plan), claim("server_123", {"0.0.0.0:25565/tcp", "0.0.0.0:25454/udp"},
                                    std::uint64_t{2} << 30, std::uint64_t{5} << 30));
}

TEST(Ledger, APortIsTakenByAddressAndTransport)
{
    struct Row {
        const char *held, *asked;
        bool conflict;
    };
    const std::vector<Row> table{
        {"0.0.0.0:1/tcp", "0.0.0.0:1/tcp", true},
        {"0.0.0.0:1/tcp", "0.0.0.0:1/udp", false},
        {"0.0.0.0:1/tcp", "0.0.0.0:2/tcp", false},
        {"0.0.0.0:1/tcp", "192.0.2.1:1/tcp", true},
        {"192.0.2.1:1/tcp", "0.0.0.0:1/tcp", true},
        {"192.0.2.1:1/tcp", "192.0.2.2:1/tcp", false},
        {"[::]:1/udp", "192.0.2.1:1/udp", true},
        {"192.0.2.1:1/udp", "[::]:1/udp", true},
        {"[::]:1/tcp", "[2001:db8::1]:1/tcp", true},
        {"[2001:db8::1]:1/tcp", "[2001:db8::2]:1/tcp", false},
        {"127.0.0.1:1/tcp", "[::ffff:127.0.0.1]:1/tcp", true},
    };
    for (const Row& row : table) {
        Ledger ledger{{}};
        EXPECT_EQ(said(ledger.claim(claim("a", {row.held}))), "granted");
        const std::string answer = said(ledger.claim(claim("b", {row.asked})));
        if (!row.conflict) {
            EXPECT_EQ(answer, "granted") << row.held << " " << row.asked;
            continue;
        }
        EXPECT_THAT(answer, HasSubstr("PORT_CONFLICT: host port ")) << row.held << " " << row.asked;
        EXPECT_THAT(answer, HasSubstr(std::string{"is held by server a ("} + row.held + ")"));
        EXPECT_EQ(ledger.totals().servers, 1u);
    }
}

TEST(Ledger, NamesOtherProgramsThatHoldAPort)
{
    Ledger ledger{{}};
    const std::vector<Stranger> strangers{{port("0.0.0.0:80/tcp"), "process nginx (pid 712)"},
                                          {port("127.0.0.1:3000/tcp"), "container grafana"}};
    EXPECT_EQ(
        said(ledger.claim(claim("a", {"192.0.2.1:80/tcp"}), strangers)),
        "PORT_CONFLICT: host port 192.0.2.1:80/tcp is held by process nginx (pid 712) (0.0.0.0:80/tcp). "
        "Choose another host port, or stop what holds it.");
    EXPECT_EQ(said(ledger.claim(claim("a", {"192.0.2.1:3000/tcp"}), strangers)), "granted");
}

TEST(Ledger, AServerMayClaimItsOwnPortsAgain)
{
    Ledger ledger{{1000, 1000, 2}};
    EXPECT_EQ(said(ledger.claim(claim("a", {"0.0.0.0:1/tcp"}, 800, 800))), "granted");
    EXPECT_EQ(said(ledger.claim(claim("a", {"0.0.0.0:1/tcp", "0.0.0.0:2/tcp"}, 1000, 900))), "granted");
    EXPECT_EQ(ledger.totals().memory, 1000u);
    EXPECT_EQ(ledger.totals().disk, 900u);
    // A refused claim keeps the previous one.
    EXPECT_THAT(said(ledger.claim(claim("a", {}, 1001, 1))), HasSubstr("INSUFFICIENT_RESOURCES"));
    EXPECT_TRUE(ledger.holder(port("192.0.2.1:2/tcp")));
    ledger.release("a");
    EXPECT_FALSE(ledger.holder(port("192.0.2.1:2/tcp")));
    EXPECT_EQ(ledger.totals().servers, 0u);
}

TEST(Ledger, ComparesTotalsWithTheNode)
{
    constexpr std::uint64_t gib = std::uint64_t{1} << 30;
    Ledger ledger{{8 * gib, 100 * gib, 3}};
    EXPECT_EQ(said(ledger.claim(claim("a", {}, 6 * gib, 60 * gib))), "granted");
    EXPECT_THAT(
        said(ledger.claim(claim("b", {}, 3 * gib, gib))),
        HasSubstr("INSUFFICIENT_RESOURCES: the server asks for 3GiB of memory, and 2GiB of the node's "
                  "8GiB are left. Ask for less"));
    EXPECT_THAT(said(ledger.claim(claim("b", {}, gib, 41 * gib))),
                HasSubstr("41GiB of disk, and 40GiB of the node's 100GiB are left"));
    EXPECT_THAT(said(ledger.claim(claim("b", {}, gib, 0))), HasSubstr("Give limits.disk."));
    EXPECT_THAT(said(ledger.claim(claim("b", {}, UINT64_MAX, 1))), HasSubstr("INSUFFICIENT_RESOURCES"));
    EXPECT_EQ(said(ledger.claim(claim("b", {}, gib, gib))), "granted");
    EXPECT_EQ(said(ledger.claim(claim("c", {}, gib, gib))), "granted");
    EXPECT_THAT(said(ledger.claim(claim("d", {}))), HasSubstr("the node has 3 servers, and its limit is 3"));

    Ledger unlimited{{}};
    EXPECT_EQ(said(unlimited.claim(claim("a", {}, UINT64_MAX, 0))), "granted");
    EXPECT_EQ(said(unlimited.claim(claim("b", {}, UINT64_MAX, UINT64_MAX))), "granted");
    EXPECT_EQ(unlimited.totals().memory, UINT64_MAX);
}

TEST(Ledger, RefusesWhatTheMachineDoesNotHave)
{
    constexpr std::uint64_t gib = std::uint64_t{1} << 30;
    Ledger ledger{{.machine_memory = 8 * gib, .machine_disk = 100 * gib}};
    EXPECT_EQ(said(ledger.claim(claim("a", {}, 8 * gib, 100 * gib))), "granted");
    EXPECT_EQ(said(ledger.claim(claim("b", {}, 8 * gib, 0))), "granted")
        << "all servers together may get more";
    EXPECT_THAT(said(ledger.claim(claim("c", {}, 9 * gib, 0))),
                HasSubstr("INSUFFICIENT_RESOURCES: the server asks for 9GiB of memory, and the whole machine "
                          "has 8GiB"));
    EXPECT_THAT(said(ledger.claim(claim("c", {}, gib, 101 * gib))),
                HasSubstr("101GiB of disk, and the whole"));
    // The configured limits are the administrator's: memory may include swap.
    Ledger configured{
        {.memory = 16 * gib, .disk = 200 * gib, .machine_memory = 8 * gib, .machine_disk = gib}};
    EXPECT_EQ(said(configured.claim(claim("a", {}, 9 * gib, 101 * gib))), "granted");
}

TEST(Ledger, RestoresWhatNoLongerFitsAndSaysSo)
{
    Ledger ledger{{10, 10, 1}};
    EXPECT_THAT(ledger.restore(claim("a", {"0.0.0.0:1/tcp"}, 100, 100)), IsEmpty());
    const auto conflicts = ledger.restore(claim("b", {"192.0.2.1:1/tcp"}, 100, 100));
    ASSERT_EQ(conflicts.size(), 1u);
    EXPECT_THAT(conflicts[0], HasSubstr("192.0.2.1:1/tcp is claimed by the servers b and a"));
    EXPECT_EQ(ledger.totals().servers, 2u);
}

TEST(Ledger, ReadsTheNodesLimits)
{
    const NodePolicy policy = read_policy(R"({"data_dir": "/srv", "uid": 1, "gid": 1, "total_memory": "64GiB",
        "total_disk": "1TiB", "max_servers": 20})");
    const NodeLimits limits = limits_of(policy);
    EXPECT_EQ(limits.memory, std::uint64_t{64} << 30);
    EXPECT_EQ(limits.disk, std::uint64_t{1} << 40);
    EXPECT_EQ(limits.servers, 20u);
}

// Random claims and releases against a list that is searched by hand.
TEST(Ledger, AgreesWithAModel)
{
    std::mt19937 random{1};
    const auto below = [&](unsigned n) { return random() % n; };
    const char* const addresses[] = {"0.0.0.0", "192.0.2.1", "192.0.2.2", "[::]", "[2001:db8::1]"};
    Ledger ledger{{100, 0, 6}};
    std::map<std::string, Claim> model;
    int granted = 0, refused = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::string server = "s" + std::to_string(below(8));
        if (below(5) == 0) {
            ledger.release(server);
            model.erase(server);
            continue;
        }
        Claim wanted = claim(server, {}, below(40));
        for (unsigned ports = below(3); ports > 0; --ports)
            wanted.ports.push_back(port(std::string{addresses[below(5)]} + ":" +
                                        std::to_string(1 + below(6)) + (below(2) == 0 ? "/tcp" : "/udp")));
        bool fits = true;
        std::uint64_t memory = wanted.memory;
        std::size_t others = 0;
        for (const auto& [name, other] : model) {
            if (name == server) continue;
            ++others;
            memory += other.memory;
            for (const HostPort& mine : wanted.ports)
                for (const HostPort& theirs : other.ports) fits = fits && !excludes(mine, theirs);
        }
        for (std::size_t a = 0; a < wanted.ports.size(); ++a)
            for (std::size_t b = 0; b < a; ++b) fits = fits && !excludes(wanted.ports[a], wanted.ports[b]);
        fits = fits && memory <= 100 && others < 6;
        ASSERT_EQ(!ledger.claim(wanted), fits) << i;
        if (fits) model[server] = wanted;
        ++(fits ? granted : refused);
    }
    EXPECT_GT(granted, 1000);
    EXPECT_GT(refused, 1000);
}

} // namespace
