// Where a new server goes: a table of cases, and properties that hold for any fleet.
#include "plugins/hub/servers/image_rules.hpp"
#include "plugins/hub/servers/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace agenthost::hub;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

Node node(const std::string& id, std::uint64_t memory_gib = 16, std::uint32_t cores = 8)
{
    Node n{.agent = id};
    n.capacity.memory = memory_gib * gib;
    n.capacity.milli_cpus = cores * 1000;
    return n;
}

ServerNeeds needs(std::uint64_t memory_gib = 2, std::uint32_t milli_cpus = 1000,
                  std::vector<HostPort> ports = {})
{
    return {.id = "s",
            .name = "s",
            .image = "ghcr.io/pelican-eggs/yolks:java_21",
            .limits = {.memory = memory_gib * gib, .disk = {}, .milli_cpus = milli_cpus},
            .ports = std::move(ports)};
}

struct Case {
    const char* name;
    ServerNeeds needs;
    std::vector<Node> nodes;
    std::string agent;                                        // empty: refused
    std::vector<std::pair<std::string, std::string>> refused; // agent, code
    std::string code;                                         // of the refusal
    std::string text;                                         // a part of a reason or of why
};

Node with(Node n, void (*change)(Node&))
{
    change(n);
    return n;
}

Node busy_node()
{
    return with(node("a"), [](Node& n) { n.memory = 12 * gib; });
}

Node offline_node()
{
    return with(node("b"), [](Node& n) { n.online = false; });
}

// Which of several that fit.
std::vector<Case> cases_of_order()
{
    const Node busy = busy_node();
    return {
        {"the least loaded", needs(), {busy, node("b")}, "b", {}, "", "the least loaded of 2 agents"},
        {"equal: fewer servers",
         needs(),
         {with(node("a"), [](Node& n) { n.servers = 3; }), node("b")},
         "b",
         {},
         "",
         ""},
        {"equal: the smaller id", needs(), {node("b"), node("a")}, "a", {}, "", ""},
        {"unknown load comes last", needs(), {Node{.agent = "0"}, busy}, "a", {}, "", ""},
        {"skips what does not fit",
         needs(8),
         {busy, node("c")},
         "c",
         {{"a", "INSUFFICIENT_RESOURCES"}},
         "",
         ""},
        {"reported load counts",
         needs(),
         {with(node("0"), [](Node& n) { n.load.cpu = 97.0; }), busy},
         "a",
         {},
         "",
         ""},
    };
}

// What the agent is and offers.
std::vector<Case> cases_of_agents()
{
    const Node busy = busy_node();
    const Node offline = offline_node();
    const Node other = with(node("b"), [](Node& n) { n.serves = false; });
    const Node ill = with(node("b"), [](Node& n) { n.degraded = "its heartbeat says degraded"; });
    const Node strict = with(
        node("b"), [](Node& n) { n.capacity.images = std::vector<std::string>{"docker.io/library/redis"}; });
    return {
        {"no agent", needs(), {}, "", {}, "AGENT_OFFLINE", "no agent that offers game servers"},
        {"offline", needs(), {offline}, "", {{"b", "AGENT_OFFLINE"}}, "AGENT_OFFLINE", "not connected"},
        {"no docker",
         needs(),
         {other},
         "",
         {{"b", "UNSUPPORTED"}},
         "UNSUPPORTED",
         "enable the plugin docker"},
        {"degraded", needs(), {ill}, "", {{"b", "BUSY"}}, "BUSY", "its heartbeat says degraded"},
        {"image",
         needs(),
         {strict},
         "",
         {{"b", "CONFIG_INVALID"}},
         "CONFIG_INVALID",
         "does not allow the image"},
        {"different reasons",
         needs(8),
         {busy, offline},
         "",
         {{"a", "INSUFFICIENT_RESOURCES"}, {"b", "AGENT_OFFLINE"}},
         "INSUFFICIENT_RESOURCES",
         "fits on none of 2 agents"},
    };
}

// Ports.
std::vector<Case> cases_of_ports()
{
    const Node ranged = with(node("b"), [](Node& n) { n.capacity.ports = {{25'565, 25'600}}; });
    const Node taken = with(node("b"), [](Node& n) { n.used = {{{25'565, false, ""}, "mc1"}}; });
    const Node foreign = with(node("b"), [](Node& n) { n.used = {{{25'565, false, "192.0.2.1"}, ""}}; });
    const std::vector<HostPort> game{{25'565, false, ""}}, udp{{25'565, true, ""}},
        bound{{25'565, false, "192.0.2.2"}};
    return {
        {"port range",
         needs(2, 1000, {{80, false, ""}}),
         {ranged},
         "",
         {{"b", "CONFIG_INVALID"}},
         "CONFIG_INVALID",
         "may not use port 80/tcp"},
        {"port taken",
         needs(2, 1000, game),
         {taken},
         "",
         {{"b", "PORT_CONFLICT"}},
         "PORT_CONFLICT",
         "in use by server mc1"},
        {"other transport", needs(2, 1000, udp), {taken}, "b", {}, "", "the only agent"},
        {"other address", needs(2, 1000, bound), {foreign}, "b", {}, "", ""},
        {"every address",
         needs(2, 1000, game),
         {foreign},
         "",
         {{"b", "PORT_CONFLICT"}},
         "PORT_CONFLICT",
         "another program"},
    };
}

// What is left of its machine.
std::vector<Case> cases_of_room()
{
    const Node busy = busy_node();
    const Node disk = with(node("b"), [](Node& n) { n.capacity.disk_free = gib; });
    const auto wants_disk = with(node("b"), [](Node&) {});
    ServerNeeds large = needs();
    large.limits.disk = 5 * gib;
    return {
        {"memory",
         needs(8),
         {busy},
         "",
         {{"a", "INSUFFICIENT_RESOURCES"}},
         "INSUFFICIENT_RESOURCES",
         "only 4GiB of 16GiB is free"},
        {"exactly full", needs(4), {busy}, "a", {}, "", "100 % of its memory"},
        {"cores",
         needs(1, 9000),
         {node("a")},
         "",
         {{"a", "INSUFFICIENT_RESOURCES"}},
         "INSUFFICIENT_RESOURCES",
         "needs 9 cores"},
        {"free disk",
         large,
         {disk},
         "",
         {{"b", "INSUFFICIENT_RESOURCES"}},
         "INSUFFICIENT_RESOURCES",
         "only 1GiB is free on that file system"},
        {"unknown disk is not checked", large, {wants_disk}, "b", {}, "", ""},
    };
}

void expect_placement(const Case& c)
{
    SCOPED_TRACE(c.name);
    const Placement p = place(c.needs, c.nodes);
    EXPECT_EQ(p.agent, c.agent) << p.why;
    std::vector<std::pair<std::string, std::string>> refused;
    std::string text = p.why;
    for (const Refusal& r : p.refused) {
        refused.emplace_back(r.agent, r.code);
        text += "; " + r.reason;
    }
    EXPECT_EQ(refused, c.refused);
    EXPECT_EQ(p.agent.empty() ? p.code : "", c.code);
    EXPECT_THAT(text, HasSubstr(c.text));
}

TEST(Placement, FollowsTheTables)
{
    for (const auto& table : {cases_of_order(), cases_of_agents(), cases_of_ports(), cases_of_room()})
        for (const Case& c : table) expect_placement(c);
}

TEST(Placement, TheLoadIsTheLargestShare)
{
    Node n = node("a");
    n.load = {.cpu = 30.0, .memory = 20.0, .disk = 90.0};
    EXPECT_EQ(load_after(needs(), n).of, "machine's disk");
    n.load.disk = 5.0;
    EXPECT_EQ(load_after(needs(), n).of, "processor");
    n.memory = 10 * gib;
    EXPECT_EQ(load_after(needs(), n).of, "memory");
    EXPECT_DOUBLE_EQ(load_after(needs(), n).share, 0.75);
    n.milli_cpus = 6'500;
    EXPECT_EQ(load_after(needs(), n).of, "cores");
    EXPECT_TRUE(load_after(needs(), {.agent = "b"}).of.empty());
}

class Fleet {
public:
    explicit Fleet(unsigned seed) : random_{seed} {}

    std::uint64_t below(std::uint64_t n)
    {
        return std::uniform_int_distribution<std::uint64_t>{0, n - 1}(random_);
    }
    std::vector<Node> nodes()
    {
        std::vector<Node> out;
        for (std::uint64_t i = 0, count = below(8); i < count; ++i) {
            Node n{.agent = "n" + std::to_string(i)};
            n.online = below(8) != 0;
            n.serves = below(8) != 0;
            if (below(8) == 0) n.degraded = "ill";
            if (below(4) != 0) n.capacity.memory = (1 + below(32)) * gib;
            if (below(4) != 0) n.capacity.milli_cpus = static_cast<std::uint32_t>(1 + below(16)) * 1000;
            if (below(4) != 0) n.capacity.disk = (1 + below(100)) * gib;
            if (below(4) == 0) n.capacity.disk_free = below(100) * gib;
            if (below(4) == 0) n.capacity.ports = {{1000, 1010}};
            if (below(4) == 0) n.load.cpu = double(below(101));
            out.push_back(std::move(n));
        }
        return out;
    }
    ServerNeeds server()
    {
        ServerNeeds out = needs();
        out.limits = {};
        if (below(4) != 0) out.limits.memory = below(9) * gib;
        if (below(4) != 0) out.limits.milli_cpus = static_cast<std::uint32_t>(below(5'000));
        if (below(2) != 0) out.limits.disk = below(30) * gib;
        for (std::uint64_t i = 0, count = below(3); i < count; ++i)
            out.ports.push_back({static_cast<std::uint16_t>(1000 + below(14)), below(2) == 0, ""});
        return out;
    }
    static void take(Node& n, const ServerNeeds& s)
    {
        n.memory += s.limits.memory.value_or(0);
        n.disk += s.limits.disk.value_or(0);
        n.milli_cpus += s.limits.milli_cpus.value_or(0);
        ++n.servers;
        for (const HostPort& port : s.ports) n.used.push_back({port, "s"});
    }
    void shuffle(std::vector<Node>& nodes) { std::shuffle(nodes.begin(), nodes.end(), random_); }

private:
    std::mt19937 random_;
};

// Written independently of placement.cpp.
bool oracle_fits(const ServerNeeds& s, const Node& n)
{
    if (!n.online || !n.serves || !n.degraded.empty()) return false;
    const auto exceeds = [](auto total, auto used, auto want) {
        return total && want && used + *want > *total;
    };
    if (exceeds(n.capacity.memory, n.memory, s.limits.memory)) return false;
    if (exceeds(n.capacity.disk, n.disk, s.limits.disk)) return false;
    if (exceeds(n.capacity.milli_cpus, n.milli_cpus, s.limits.milli_cpus)) return false;
    if (n.capacity.disk_free && s.limits.disk && *s.limits.disk > *n.capacity.disk_free) return false;
    for (const HostPort& p : s.ports) {
        if (!n.capacity.ports.empty() && (p.port < 1000 || p.port > 1010)) return false;
        for (const UsedPort& u : n.used)
            if (u.port.port == p.port && u.port.udp == p.udp) return false;
    }
    return true;
}

TEST(Placement, HoldsItsPropertiesForAnyFleet)
{
    for (unsigned seed = 0; seed < 500; ++seed) {
        Fleet fleet{seed};
        std::vector<Node> nodes = fleet.nodes();
        for (int step = 0; step < 30; ++step) {
            const ServerNeeds s = fleet.server();
            const Placement p = place(s, nodes);
            std::size_t fits = 0;
            for (const Node& n : nodes) {
                const bool fit = oracle_fits(s, n);
                fits += fit ? 1 : 0;
                const bool refused = std::any_of(p.refused.begin(), p.refused.end(),
                                                 [&](const Refusal& r) { return r.agent == n.agent; });
                ASSERT_EQ(refused, !fit) << "seed " << seed << ": each agent fits or has its reason";
            }
            ASSERT_EQ(p.agent.empty(), fits == 0) << "seed " << seed;
            for (const Refusal& r : p.refused) ASSERT_FALSE(r.reason.empty() || r.code.empty());
            std::vector<Node> other = nodes;
            fleet.shuffle(other);
            ASSERT_EQ(place(s, other).agent, p.agent) << "seed " << seed << ": the order does not matter";
            if (p.agent.empty()) continue;
            const auto chosen =
                std::find_if(nodes.begin(), nodes.end(), [&](const Node& n) { return n.agent == p.agent; });
            const NodeLoad load = load_after(s, *chosen);
            for (const Node& n : nodes) {
                if (!oracle_fits(s, n)) continue;
                const NodeLoad there = load_after(s, n);
                ASSERT_FALSE(load.of.empty() && !there.of.empty())
                    << "seed " << seed << ": known before unknown";
                if (load.of.empty() == there.of.empty())
                    ASSERT_LE(load.share, there.share) << "seed " << seed;
            }
            Fleet::take(*chosen, s);
            if (chosen->capacity.memory)
                ASSERT_LE(chosen->memory, *chosen->capacity.memory) << "seed " << seed;
            if (chosen->capacity.milli_cpus) ASSERT_LE(chosen->milli_cpus, *chosen->capacity.milli_cpus);
        }
    }
}

TEST(Placement, SpreadsEqualServersEvenly)
{
    std::vector<Node> nodes{node("a"), node("b"), node("c")};
    for (int i = 0; i < 9; ++i) {
        const Placement p = place(needs(1), nodes);
        Fleet::take(
            *std::find_if(nodes.begin(), nodes.end(), [&](const Node& n) { return n.agent == p.agent; }),
            needs(1));
    }
    for (const Node& n : nodes) EXPECT_EQ(n.servers, 3U) << n.agent;
}

TEST(ImageRules, MatchAsTheAgentsListDoes)
{
    struct {
        const char *pattern, *image;
        bool allowed;
    } const table[] = {
        {"*", "anything:at-all", true},
        {"ghcr.io/pelican-eggs/yolks", "ghcr.io/pelican-eggs/yolks:java_21", true},
        {"ghcr.io/pelican-eggs/yolks:java_*", "ghcr.io/pelican-eggs/yolks:java_21", true},
        {"ghcr.io/pelican-eggs/yolks:java_*", "ghcr.io/pelican-eggs/yolks:node_20", false},
        {"ghcr.io/pelican-eggs/yolks:java_*", "ghcr.io/pelican-eggs/yolks:java_21@sha256:00", false},
        {"ghcr.io/pelican-eggs/yolks@sha256:00", "ghcr.io/pelican-eggs/yolks@sha256:00", true},
        {"ghcr.io/pelican-eggs/yolks@sha256:00", "ghcr.io/pelican-eggs/yolks@sha256:11", false},
        {"ghcr.io/pelican-eggs/yolks@sha256:00", "ghcr.io/pelican-eggs/yolks:java_21", false},
        {"ghcr.io/pelican-eggs/*", "ghcr.io/pelican-eggs/yolks", true},
        {"ghcr.io/pelican-eggs/*", "ghcr.io/pelican-eggs/a/b", false},
        {"ghcr.io/pelican-eggs/**", "ghcr.io/pelican-eggs/a/b", true},
        {"ghcr.io/pelican-eggs/**", "ghcr.io/pelican-eggs", false},
        {"ghcr.io/pelican-eggs/*", "ghcr.io.evil.com/pelican-eggs/x", false},
        {"itzg/minecraft-server", "itzg/minecraft-server:latest", true},
        {"itzg/minecraft-server", "docker.io/itzg/minecraft-server", true},
        {"redis", "docker.io/library/redis:7", true},
        {"redis:latest", "redis", true},
        {"localhost:5000/game", "localhost:5000/game:1", true},
        {"localhost:5000/game", "localhost:5001/game:1", false},
    };
    for (const auto& row : table)
        EXPECT_EQ(image_allowed({row.pattern}, row.image), row.allowed) << row.pattern << " " << row.image;
    EXPECT_FALSE(image_allowed({}, "x")) << "an empty list allows nothing";
}

TEST(ServerNeeds, AreReadFromTheDocumentsExample)
{
    std::string why;
    const auto n = read_needs(R"({"serverId":"server_123","eggConfig":{"name":"minecraft-java",
        "image":"ghcr.io/pterodactyl/yolks:java_17","ports":{"25565":25565},"environment":{"A":"b"},
        "limits":{"memory":"2048m","cpu":"2","disk":"5g"},"startup":"java"}})",
                              why);
    ASSERT_TRUE(n) << why;
    EXPECT_EQ(n->id, "server_123");
    EXPECT_EQ(n->name, "minecraft-java");
    EXPECT_EQ(n->image, "ghcr.io/pterodactyl/yolks:java_17");
    EXPECT_EQ(n->limits.memory, 2 * gib);
    EXPECT_EQ(n->limits.disk, 5 * gib);
    EXPECT_EQ(n->limits.milli_cpus, 2'000U);
    EXPECT_THAT(n->ports, ElementsAre(HostPort{25'565, false, ""}));
}

TEST(ServerNeeds, AreReadFromEggFiles)
{
    std::string why;
    const auto egg = read_needs(R"({"eggConfig":{"egg":{"meta":{"version":"PTDL_v2"},"name":"Vanilla",
        "docker_images":{"Java 21":"ghcr.io/x:21","Java 17":"ghcr.io/x:17"}},"ports":{"19132/udp":"192.0.2.1:19132"}}})",
                                why);
    ASSERT_TRUE(egg) << why;
    EXPECT_EQ(egg->image, "ghcr.io/x:21") << "the first one";
    EXPECT_EQ(egg->name, "Vanilla");
    EXPECT_THAT(egg->ports, ElementsAre(HostPort{19'132, true, "192.0.2.1"}));
    const auto label = read_needs(R"({"eggConfig":{"image":"Java 17","meta":{"version":"PTDL_v2"},
        "docker_images":{"Java 21":"ghcr.io/x:21","Java 17":"ghcr.io/x:17"},"ports":[]}})",
                                  why);
    ASSERT_TRUE(label) << why;
    EXPECT_EQ(label->image, "ghcr.io/x:17");
    const auto spans = read_needs(
        R"({"eggConfig":{"image":"i","ports":{"7000-7002":8000,"9000":{"port":9001,"bind":"::1"}}}})", why);
    ASSERT_TRUE(spans) << why;
    EXPECT_THAT(spans->ports, ElementsAre(HostPort{8000, false, ""}, HostPort{8001, false, ""},
                                          HostPort{8002, false, ""}, HostPort{9001, false, "::1"}));
}

TEST(ServerNeeds, SayWhatIsWrong)
{
    struct {
        const char *params, *reason;
    } const table[] = {
        {R"([])", "not an object"},
        {R"({)", "invalid JSON"},
        {R"({"eggConfig":5})", "eggConfig is missing"},
        {R"({"eggConfig":{}})", "eggConfig.image is missing"},
        {R"({"serverId":"../x","eggConfig":{"image":"i"}})", "serverId"},
        {R"({"serverId":7,"eggConfig":{"image":"i"}})", "serverId"},
        {R"({"eggConfig":{"image":"i","limits":{"memory":"lots"}}})", "eggConfig.limits.memory: \"lots\""},
        {R"({"eggConfig":{"image":"i","limits":{"cpu":"-1"}}})", "eggConfig.limits.cpu"},
        {R"({"eggConfig":{"image":"i","limits":7}})", "eggConfig.limits is not an object"},
        {R"({"eggConfig":{"image":"i","ports":{"1":0}}})", "is not a port from 1 to 65535"},
        {R"({"eggConfig":{"image":"i","ports":{"1":70000}}})", "is not a port"},
        {R"({"eggConfig":{"image":"i","ports":{"1/sctp":1}}})", "neither tcp nor udp"},
        {R"({"eggConfig":{"image":"i","ports":7}})", "eggConfig.ports is not an object"},
    };
    for (const auto& row : table) {
        std::string why;
        EXPECT_FALSE(read_needs(row.params, why)) << row.params;
        EXPECT_THAT(why, HasSubstr(row.reason)) << row.params;
    }
}

} // namespace
