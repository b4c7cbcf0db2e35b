// kill -9 at random points, and power cuts. AGENTHOST_PROOF=1 does ten times as much.
#include "../../support/powercut.hpp"
#include "history.hpp"

#include <gtest/gtest.h>

#include <random>

namespace {

using namespace agenthost::test;
using namespace std::chrono_literals;

std::string driver() { return (binary_dir() / "tests/storage_driver").string(); }

TEST(Kill, LeavesEveryAcknowledgedFileWholeAndNoPartialOne)
{
    const TempDir dir;
    const auto folder = dir / "storage";
    const HttpServer server{serve_random};
    std::random_device entropy;
    const unsigned seed = entropy();
    SCOPED_TRACE(seed);
    std::mt19937 random{seed};
    History history;
    std::size_t quarantined = 0;
    for (int round = 0; round < (long_proof() ? 200 : 20); ++round) {
        SCOPED_TRACE(round);
        const auto sayings = dir / ("said-" + std::to_string(round));
        Process process{
            {.argv = {driver(), folder.string(), "http://127.0.0.1:" + std::to_string(server.port()),
                      sayings.string(), std::to_string(random()), "0"}}};
        ASSERT_TRUE(wait_for([&] {
            return std::filesystem::exists(sayings) && read_file(sayings).find("ack") != std::string::npos;
        })) << process.err();
        std::this_thread::sleep_for(std::chrono::microseconds{random() % 150'000}); // the random point
        process.signal(SIGKILL);
        ASSERT_EQ(process.wait(), 128 + SIGKILL) << process.err();
        history.add_lines(read_file(sayings));
        Box box{Json::object(), folder};
        history.settle(history.check(box));
        quarantined = box.info()["quarantined"];
        if (HasFailure()) break;
    }
    EXPECT_GT(history.acknowledged(), 0u);
    RecordProperty("quarantined", static_cast<int>(quarantined));
}

// Runs the driver under the shim; the log of what it did.
Powercut recorded(const TempDir& dir, std::vector<std::string> args)
{
    std::filesystem::create_directories(dir / "storage");
    args.insert(args.begin(), driver());
    const Ran ran = run(std::move(args), {{"LD_PRELOAD", (binary_dir() / "tests/powercut_shim.so").string()},
                                          {"POWERCUT_DIR", (dir / "storage").string()},
                                          {"POWERCUT_LOG", (dir / "log").string()},
                                          {"ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0"}});
    EXPECT_EQ(ran.code, 0) << ran.err;
    return Powercut{dir / "log"};
}

TEST(PowerCut, LosesNoAcknowledgedFileAndLeavesNoPartialOne)
{
    const TempDir dir;
    const HttpServer server{serve_random};
    const Powercut log =
        recorded(dir, {(dir / "storage").string(), "http://127.0.0.1:" + std::to_string(server.port()),
                       (dir / "said").string(), "11", "25"});
    ASSERT_GT(log.events().size(), 500u);
    std::random_device entropy;
    const unsigned seed = entropy();
    SCOPED_TRACE(seed);
    std::mt19937_64 random{seed};
    std::size_t acknowledged = 0;
    for (int sample = 0; sample < (long_proof() ? 1000 : 40); ++sample) {
        SCOPED_TRACE(sample);
        const std::size_t cut = sample == 0 ? log.events().size() : random() % log.events().size();
        const TempDir after;
        log.make(cut, random, after / "storage");
        History history;
        for (const auto& mark : log.marks(cut)) history.add(mark);
        acknowledged += history.acknowledged();
        Box box{Json::object(), after / "storage"};
        history.check(box);
        if (HasFailure()) break;
    }
    EXPECT_GT(acknowledged, 0u);
}

// The shim and its model are worth something only if they catch a program that does not sync.
std::size_t losses(const char* kind)
{
    const TempDir dir;
    const Powercut log = recorded(dir, {"--plain", kind, (dir / "storage").string(), "20"});
    std::mt19937_64 random{1};
    std::size_t lost = 0;
    for (int sample = 0; sample < 200; ++sample) {
        const TempDir after;
        const std::size_t cut = random() % (log.events().size() + 1);
        log.make(cut, random, after / "storage");
        for (const auto& mark : log.marks(cut)) {
            std::istringstream in{mark};
            std::string verb, name, sha;
            in >> verb >> name >> sha;
            lost += sha256_hex(read_file(after.path() / "storage" / name)) != sha;
        }
    }
    return lost;
}
TEST(PowerCut, TheModelDetectsMissingSyncs) { EXPECT_GT(losses("careless"), 100u); }
TEST(PowerCut, TheModelAcceptsCorrectSyncs) { EXPECT_EQ(losses("careful"), 0u); }

} // namespace
