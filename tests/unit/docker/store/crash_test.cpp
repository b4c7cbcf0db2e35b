// Damage, kills and power cuts.
#include "tests/unit/docker/store/rows.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>

using namespace agenthost;
using namespace agenthost::docker_test;
using testing::HasSubstr;

namespace {

// Kept aside ----------------------------------------------------------------------------------------------

TEST(DockerStoreDamage, AFileThatIsNotADatabaseIsKeptAside)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    test::write_file(file, std::string(10'000, 'x'));
    {
        Opened opened = open_store(file);
        EXPECT_THAT(opened.degraded, HasSubstr("is kept as " + file + ".damaged-1"));
        EXPECT_THAT(opened.degraded, HasSubstr("restore the file from a backup"));
        EXPECT_TRUE(opened.content.servers.empty());
        EXPECT_EQ(opened.store->add(stored("a")), std::nullopt);
    }
    EXPECT_EQ(test::read_file(file + ".damaged-1"), std::string(10'000, 'x'));
    EXPECT_EQ(open_store(file).content.servers, std::vector{stored("a")});
}

TEST(DockerStoreDamage, AnOverwrittenPageNeverYieldsAServerThatWasNotStored)
{
    const test::TempDir dir;
    const std::string good = dir / "good.db";
    std::vector<StoredServer> servers;
    {
        Opened opened = open_store(good);
        for (int i = 10; i < 20; ++i) {
            servers.push_back(stored("s" + std::to_string(i)));
            servers.back().spec += std::string(6000, ' ');
            EXPECT_EQ(opened.store->add(servers.back()), std::nullopt);
        }
    }
    const std::string content = test::read_file(good);
    ASSERT_GT(content.size(), 10u * 4096);
    std::size_t found = 0, damaged_specs = 0;
    const auto overwrite = [&](std::size_t from, std::size_t to) {
        for (std::size_t page = 0; page + 4096 <= content.size(); page += 4096) {
            std::string bad = content;
            for (std::size_t i = from; i < to; ++i) bad[page + i] = static_cast<char>(i * 37);
            const std::string file = dir / "bad.db";
            for (const char* part : {"", "-wal", "-shm", ".damaged-1", ".damaged-1-wal"})
                std::filesystem::remove(file + part);
            test::write_file(file, bad);
            const Opened opened = open_store(file);
            for (const StoredServer& each : opened.content.servers)
                EXPECT_EQ(std::count(servers.begin(), servers.end(), each), 1) << "page " << page / 4096;
            if (opened.degraded.empty()) { // the page held text of a specification, not structure
                EXPECT_EQ(opened.content.servers.size() + opened.content.unreadable.size(), servers.size());
                damaged_specs += opened.content.unreadable.size();
                continue;
            }
            ++found;
            EXPECT_EQ(test::read_file(file + ".damaged-1"), bad);
        }
    };
    overwrite(0, 4096);
    overwrite(1500, 1600); // inside a text, where SQLite sees no damage
    EXPECT_GT(found, 5u);
    EXPECT_GE(damaged_specs, 8u);
}

TEST(DockerStoreDamage, NineDamagedFilesAreKept)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    for (int i = 1; i <= 12; ++i) {
        test::write_file(file, "damage " + std::to_string(i) + std::string(5000, '.'));
        EXPECT_NE(open_store(file).degraded, "");
    }
    EXPECT_THAT(test::read_file(file + ".damaged-1"), HasSubstr("damage 1."));
    EXPECT_THAT(test::read_file(file + ".damaged-9"), HasSubstr("damage 12."));
    EXPECT_FALSE(std::filesystem::exists(file + ".damaged-10"));
}

// Killed --------------------------------------------------------------------------------------------------

// Adds servers and counts up in each record; a byte through the pipe for each change that returned.
[[noreturn]] void work(const std::string& file, int report)
{
    Opened opened = open_store(file);
    std::vector<std::pair<std::string, Record>> records;
    for (const StoredServer& server : opened.content.servers) records.emplace_back(server.id, server.record);
    for (;;) {
        if (records.size() < 8) {
            StoredServer next = stored("s" + std::to_string(records.size()));
            next.record.judged_run = "0";
            if (opened.store->add(next)) std::abort();
            records.emplace_back(next.id, next.record);
        } else {
            for (auto& [id, record] : records) {
                record.judged_run = std::to_string(std::stoi(record.judged_run) + 1);
                record.wants_running = !record.wants_running;
            }
            opened.store->save(records);
        }
        if (::write(report, "x", 1) != 1) ::_exit(1);
    }
}

TEST(DockerStoreCrash, WhatWasAcknowledgedSurvivesKills)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    std::mt19937 random{3};
    std::size_t acknowledged = 0; // since the eighth server, one for each save
    for (int round = 0; round < 25; ++round) {
        int pipe[2];
        ASSERT_EQ(::pipe(pipe), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) work(file, pipe[1]);
        ::close(pipe[1]);
        const std::size_t enough = 1 + random() % 12;
        std::size_t acks = 0;
        for (char byte = 0; acks < enough && ::read(pipe[0], &byte, 1) == 1;) ++acks;
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        for (char byte = 0; ::read(pipe[0], &byte, 1) == 1;) ++acks;
        ::close(pipe[0]);
        ASSERT_GE(acks, enough);
        acknowledged += acks;

        const Opened opened = open_store(file);
        ASSERT_EQ(opened.degraded, "");
        const auto& servers = opened.content.servers;
        const std::size_t saves = servers.size() < 8 ? 0 : std::stoul(servers.at(0).record.judged_run);
        for (const StoredServer& each : servers) {
            EXPECT_EQ(each.record.judged_run, servers.at(0).record.judged_run) << "half a commit";
            EXPECT_EQ(each.record.wants_running, saves % 2 == 1);
        }
        const std::size_t done = servers.size() + saves;
        EXPECT_GE(done, acknowledged);
        EXPECT_LE(done, acknowledged + 1); // the one that was not acknowledged may be there
        acknowledged = done;
    }
}

// A power cut may keep only the beginning of the log: the state is then exactly one of those that were saved.
TEST(DockerStoreCrash, ALogThatWasCutGivesAStateThatWasSaved)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db", wal = file + "-wal";
    std::string main, log;
    std::size_t acknowledged_size = 0;
    {
        Opened opened = open_store(file);
        opened.store->database().exec("PRAGMA wal_checkpoint(TRUNCATE)");
        for (int i = 0; i < 6; ++i) {
            EXPECT_EQ(opened.store->add(stored("s" + std::to_string(i))), std::nullopt);
            if (i == 3) acknowledged_size = std::filesystem::file_size(wal);
        }
        main = test::read_file(file);
        log = test::read_file(wal);
    }
    ASSERT_GT(log.size(), 10'000u);
    std::size_t last = 0;
    for (std::size_t size = 0; size <= log.size(); size += 1361) {
        const test::TempDir other;
        const std::string copy = other / "servers.db";
        test::write_file(copy, main);
        test::write_file(copy + "-wal", log.substr(0, size));
        const Opened opened = open_store(copy);
        ASSERT_EQ(opened.degraded, "") << size;
        const auto& servers = opened.content.servers;
        for (std::size_t i = 0; i < servers.size(); ++i)
            EXPECT_EQ(servers[i], stored("s" + std::to_string(i))) << "cut at " << size;
        EXPECT_GE(servers.size(), last);
        EXPECT_TRUE(size < acknowledged_size || servers.size() >= 4) << "cut at " << size;
        last = servers.size();
    }
    EXPECT_GE(last, 5u);
}

} // namespace
