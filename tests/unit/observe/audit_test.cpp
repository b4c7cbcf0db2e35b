// The audit: which commands leave a line, what stands in it, what happens when it cannot be written.
#include "host/observe/audit.hpp"
#include "host/observe/log.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <sstream>

using namespace agenthost::host;
using namespace agenthost::test;
using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
namespace wire = agenthost::wire;
namespace fs = std::filesystem;

namespace {

AuditEntry entry(bool effects, std::string_view id = "t-1")
{
    return {.caller = "files",
            .protocol = "storage",
            .action = "storage.upload",
            .id = id,
            .code = "DISK_FULL",
            .outcome = wire::Outcome::error,
            .took = 12'345'678ns,
            .effects = effects,
            .audited = effects};
}

std::vector<json> lines_of(const fs::path& file)
{
    std::vector<json> out;
    std::istringstream lines{read_file(file)};
    for (std::string line; std::getline(lines, line);) out.push_back(json::parse(line, nullptr, false));
    return out;
}

TEST(AuditLine, HasCallerActionAndOutcome)
{
    EXPECT_EQ(
        audit_line(entry(true), 1763660640123),
        R"({"time":"2025-11-20T17:44:00.123Z","caller":"server","server":"files","protocol":"storage",)"
        R"("action":"storage.upload","id":"t-1","effects":true,"outcome":"error","code":"DISK_FULL","took_ms":12.346})");
}

TEST(AuditLine, DistinguishesServersControlAndPlugins)
{
    auto e = entry(false);
    e.caller = "control";
    e.protocol = {};
    e.code = {};
    e.outcome = wire::Outcome::success;
    auto line = json::parse(audit_line(e, 0));
    EXPECT_EQ(line["caller"], "control");
    EXPECT_FALSE(line.contains("server") || line.contains("protocol") || line.contains("code"));
    EXPECT_EQ(line["outcome"], "success");
    e.caller = "plugin:telemetry";
    line = json::parse(audit_line(e, 0));
    EXPECT_EQ(line["caller"], "plugin");
    EXPECT_EQ(line["plugin"], "telemetry");
}

TEST(AuditLine, IsOneLineOfJsonForAnyInput)
{
    auto e = entry(true);
    const std::string id = "a\"\n\x01\xff" + std::string(5000, 'i'), action(5000, 'a');
    e.id = id;
    e.action = action;
    const auto line = audit_line(e, 0);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_TRUE(json::accept(line));
    EXPECT_LT(line.size(), 1000u);
}

struct AuditFile : testing::Test {
    TempDir dir;
    fs::path file = dir / "audit.jsonl";
    std::string problem;
    Audit::Options options(std::uint32_t sample = 100)
    {
        return {.file = file, .sample = sample, .before_write = {}};
    }
};

TEST_F(AuditFile, ContainsEveryEffectAndASampleOfTheRest)
{
    {
        Audit audit{options(10), problem};
        ASSERT_EQ(problem, "");
        for (int i = 0; i < 100; ++i) audit.record(entry(false, "read"));
        for (int i = 0; i < 7; ++i) audit.record(entry(true, "write"));
        AuditEntry minted = entry(false, "mint"); // its manifest asks for a line of each
        minted.audited = true;
        for (int i = 0; i < 5; ++i) audit.record(minted);
    }
    const auto is_mint = [](const json& line) { return line["id"] == "mint" && line["effects"] == false; };
    EXPECT_EQ(std::ranges::count_if(lines_of(file), is_mint), 5);
    int reads = 0, writes = 0;
    for (const auto& line : lines_of(file)) {
        if (line["id"] != "mint") ++(line["id"] == "read" ? reads : writes);
    }
    EXPECT_EQ(reads, 10);
    EXPECT_EQ(writes, 7);
    struct stat info {};
    ASSERT_EQ(::stat(file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(AuditFile, SamplesNoneOrAllOfTheRest)
{
    {
        Audit audit{options(0), problem};
        for (int i = 0; i < 10; ++i) audit.record(entry(false));
        audit.set_sample(1);
        for (int i = 0; i < 10; ++i) audit.record(entry(false));
    }
    EXPECT_EQ(lines_of(file).size(), 10u);
}

TEST_F(AuditFile, AppendsToExistingContent)
{
    write_file(file, "{\"old\":1}\n");
    {
        Audit audit{options(), problem};
        audit.record(entry(true));
    }
    EXPECT_EQ(lines_of(file).size(), 2u);
}

TEST_F(AuditFile, SurvivesRotationWithoutASignal)
{
    Audit audit{options(), problem};
    audit.record(entry(true, "1"));
    ASSERT_TRUE(wait_for([&] { return audit.stats().written == 1; }));
    fs::rename(file, dir / "audit.jsonl.1");
    audit.record(entry(true, "2"));
    ASSERT_TRUE(wait_for([&] { return audit.stats().written == 2; }));
    EXPECT_EQ(lines_of(file).at(0)["id"], "2");
    EXPECT_EQ(lines_of(dir / "audit.jsonl.1").size(), 1u);
}

TEST_F(AuditFile, NeverWaitsForTheDiskAndReportsLosses)
{
    std::mutex mutex;
    std::condition_variable changed;
    bool blocked = true, inside = false;
    auto slow = options();
    slow.before_write = [&] {
        std::unique_lock lock{mutex};
        inside = true;
        changed.notify_all();
        changed.wait(lock, [&] { return !blocked; });
    };
    {
        Audit audit{slow, problem};
        audit.record(entry(true, "first"));
        {
            std::unique_lock lock{mutex};
            changed.wait(lock, [&] { return inside; });
        }
        for (std::size_t i = 0; i < Audit::max_waiting + 25; ++i) audit.record(entry(true));
        EXPECT_EQ(audit.stats().dropped, 25u);
        EXPECT_EQ(audit.stats().waiting, Audit::max_waiting);
        const std::scoped_lock lock{mutex};
        blocked = false;
        changed.notify_all();
    }
    const auto lines = lines_of(file);
    ASSERT_EQ(lines.size(), 1 + 1 + Audit::max_waiting);
    EXPECT_EQ(lines[1]["dropped"], 25);
}

TEST_F(AuditFile, ReportsAFileThatCannotBeOpened)
{
    file = dir / "no/such/folder/audit";
    Audit audit{options(), problem};
    EXPECT_THAT(problem, HasSubstr("audit.file: cannot write"));
    EXPECT_THAT(problem, HasSubstr("No such file or directory"));
    fs::create_directory(dir / "folder");
    file = dir / "folder";
    Audit folder{options(), problem};
    EXPECT_THAT(problem, HasSubstr("audit.file"));
    ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
    file = dir / "fifo";
    Audit fifo{options(), problem};
    EXPECT_THAT(problem, HasSubstr("audit.file"));
    fs::create_symlink("/dev/null", dir / "link");
    file = dir / "link";
    Audit link{options(), problem};
    EXPECT_THAT(problem, HasSubstr("audit.file"));
}

TEST_F(AuditFile, ContinuesWhenItsFolderIsBack)
{
    fs::create_directory(dir / "logs");
    file = dir / "logs/audit.jsonl";
    Audit audit{options(), problem};
    ASSERT_EQ(problem, "");
    fs::remove_all(dir / "logs");
    audit.record(entry(true, "lost"));
    ASSERT_TRUE(wait_for([&] { return audit.stats().dropped == 1; }));
    fs::create_directory(dir / "logs");
    audit.record(entry(true, "kept"));
    ASSERT_TRUE(wait_for([&] { return audit.stats().written == 1; }));
    const auto lines = lines_of(file);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0]["dropped"], 1);
    EXPECT_EQ(lines[1]["id"], "kept");
}

TEST(AuditLog, GoesToTheLogWithoutAFile)
{
    std::string problem;
    Audit audit{{.file = {}, .sample = 2, .before_write = {}}, problem};
    ASSERT_EQ(problem, "");
    std::uint64_t position = UINT64_MAX, lost = 0; // from now on
    (void)log::read_tail(log::Level::trace, "", position, 32768, lost);
    audit.record(entry(true));
    auto e = entry(false);
    e.outcome = wire::Outcome::success;
    e.code = {};
    audit.record(e);
    audit.record(e); // the second of two
    const auto text = log::read_tail(log::Level::trace, "", position, 32768, lost);
    EXPECT_THAT(
        text,
        HasSubstr(
            R"("source":"audit","message":"storage.upload for files: DISK_FULL","fields":{"caller":"server")"));
    EXPECT_THAT(text, HasSubstr("storage.upload for files: success"));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
    EXPECT_EQ(audit.stats().written, 2u);
}

} // namespace
