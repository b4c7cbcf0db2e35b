// The pure parts: accounting, order, start-up decisions, configuration, parameters.
#include "plugins/storage/config.hpp"
#include "plugins/storage/ledger.hpp"
#include "plugins/storage/params.hpp"
#include "plugins/storage/reconcile.hpp"
#include "plugins/storage/schedule.hpp"

#include <gtest/gtest.h>

#include <random>

namespace {

using namespace agenthost::storage;
using namespace std::chrono_literals;

TEST(Ledger, RefusesWhatTheQuotaDoesNotHold)
{
    Ledger ledger{{1000, 0}, 400};
    Ledger::Claim a, b;
    EXPECT_EQ(ledger.raise(a, 500, 1 << 20), "");
    EXPECT_NE(ledger.raise(b, 101, 1 << 20).find("quota"), std::string::npos);
    EXPECT_EQ(ledger.raise(b, 100, 1 << 20), "");
    ledger.give_up(a);
    Ledger::Claim c;
    EXPECT_EQ(ledger.raise(c, 500, 1 << 20), "");
}

TEST(Ledger, CountsAReplacementOnlyAsFarAsItGrows)
{
    Ledger ledger{{1000, 0}, 900};
    Ledger::Claim claim{0, 600, 0};
    EXPECT_NE(ledger.raise(claim, 701, 1 << 20), "");
    EXPECT_EQ(ledger.raise(claim, 700, 1 << 20), "");
    ledger.settle(claim, 700);
    EXPECT_EQ(ledger.used(), 1000u);
}

TEST(Ledger, KeepsTheReserveFree)
{
    Ledger ledger{{0, 100}};
    Ledger::Claim a, b;
    EXPECT_NE(ledger.raise(a, 901, 1000).find("reserve_free"), std::string::npos);
    EXPECT_EQ(ledger.raise(a, 600, 1000), "");
    EXPECT_NE(ledger.raise(b, 301, 1000), ""); // the disk does not show a's bytes yet
    ledger.allocated(a, 600);                  // now it does
    EXPECT_NE(ledger.raise(b, 301, 400), "");
    EXPECT_EQ(ledger.raise(b, 300, 400), "");
}

TEST(Ledger, EndsAtZeroWhateverHappens)
{
    std::mt19937 random{1};
    Ledger ledger{{10'000, 10}};
    std::vector<Ledger::Claim> open;
    std::uint64_t stored = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto dice = random() % 4;
        if (dice == 0 || open.empty()) open.emplace_back();
        auto& claim = open[random() % open.size()];
        if (dice == 1) ledger.raise(claim, claim.size + random() % 500, 1'000'000);
        if (dice == 2) ledger.allocated(claim, random() % 600);
        if (dice == 3) {
            if (random() % 2) {
                stored += claim.size;
                ledger.settle(claim, claim.size);
            } else {
                ledger.give_up(claim);
            }
            std::swap(claim, open.back());
            open.pop_back();
        }
    }
    for (auto& claim : open) ledger.give_up(claim);
    EXPECT_EQ(ledger.used(), stored);
    EXPECT_LE(stored, 10'000u);
    ledger.removed(stored);
    Ledger::Claim all;
    EXPECT_EQ(ledger.raise(all, 10'000, 1'000'000), ""); // nothing is left claimed
}

TEST(Ledger, SurvivesNumbersThatWouldWrap)
{
    Ledger ledger{{~0ull, ~0ull}, ~0ull - 5};
    Ledger::Claim claim;
    EXPECT_NE(ledger.raise(claim, ~0ull, ~0ull), "");
    EXPECT_NE(ledger.raise(claim, 10, ~0ull), "");
}

Schedule::Job job(const char* caller, const char* file, Schedule::Access access = Schedule::Access::write,
                  bool slot = true)
{
    return {caller, file, access, slot};
}

TEST(Schedule, GivesCallersTurns)
{
    Schedule schedule{1, 100};
    std::vector<Ticket> greedy;
    for (int i = 0; i < 3; ++i) greedy.push_back(*schedule.add(job("greedy", std::to_string(i).c_str())));
    const auto modest = *schedule.add(job("modest", "m"));
    std::vector<Ticket> order;
    while (const auto next = schedule.next()) {
        order.push_back(*next);
        schedule.finished(*next);
    }
    EXPECT_EQ(order, (std::vector<Ticket>{greedy[0], modest, greedy[1], greedy[2]}));
}

TEST(Schedule, StartsACallersFirstTransferWhateverOthersRun)
{
    Schedule schedule{2, 16};
    for (int i = 0; i < 18; ++i) {
        if (i >= 2) {
            ASSERT_TRUE(schedule.add(job("greedy", std::to_string(i).c_str()))) << i;
        }
        if (i < 2) {
            ASSERT_TRUE(schedule.add(job("greedy", std::to_string(i).c_str())));
            ASSERT_TRUE(schedule.next());
        }
    }
    EXPECT_EQ(schedule.add(job("greedy", "x")), std::nullopt); // the queue is full
    EXPECT_EQ(schedule.next(), std::nullopt);
    const auto modest = schedule.add(job("modest", "m"));
    ASSERT_TRUE(modest);
    EXPECT_EQ(schedule.next(), modest);
    EXPECT_EQ(schedule.running_slots(), 3u);
}

// Random arrivals of modest callers beside one greedy caller whose transfers never end. A transfer waits only
// for those of its own caller.
TEST(Schedule, NobodyWaitsForAnotherCallersTransfers)
{
    for (unsigned seed = 0; seed < 100; ++seed) {
        std::mt19937 random{seed};
        Schedule schedule{1 + static_cast<unsigned>(random() % 6), 64};
        std::map<Ticket, std::string> owner;
        std::map<Ticket, int> ends;
        std::map<std::string, int> running, waiting;
        int file = 0;
        for (int now = 0; now < 1500; ++now) {
            for (auto at = ends.begin(); at != ends.end();) {
                if (at->second > now) {
                    ++at;
                    continue;
                }
                schedule.finished(at->first);
                --running[owner[at->first]];
                at = ends.erase(at);
            }
            (void)schedule.add(job("greedy", std::to_string(++file).c_str()));
            const std::string caller = "modest" + std::to_string(random() % 5);
            if (random() % 3 == 0)
                if (const auto added =
                        schedule.add({caller, std::to_string(++file), Schedule::Access::write, true}))
                    owner[*added] = caller, ++waiting[caller];
            while (const auto next = schedule.next()) {
                const auto known = owner.find(*next);
                if (known == owner.end()) continue; // greedy: never ends
                --waiting[known->second];
                ++running[known->second];
                ends[*next] = now + 1 + static_cast<int>(random() % 30);
            }
            for (const auto& [name, jobs] : waiting)
                if (jobs > 0) {
                    ASSERT_GT(running[name], 0) << name << " waits for others, seed " << seed;
                }
        }
    }
}

TEST(Schedule, SharesSlotsButLetsOthersPass)
{
    Schedule schedule{1, 100};
    const auto first = *schedule.add(job("c", "a"));
    const auto second = *schedule.add(job("c", "b"));
    const auto quick = *schedule.add(job("c", "d", Schedule::Access::write, false));
    EXPECT_EQ(schedule.next(), first);
    EXPECT_EQ(schedule.next(), quick);
    EXPECT_EQ(schedule.next(), std::nullopt);
    schedule.finished(first);
    EXPECT_EQ(schedule.next(), second);
    EXPECT_EQ(schedule.running_slots(), 1u);
}

TEST(Schedule, KeepsTheOrderOnOneFile)
{
    using Access = Schedule::Access;
    Schedule schedule{10, 100};
    const auto write = *schedule.add(job("a", "f"));
    const auto read1 = *schedule.add(job("b", "f", Access::read));
    const auto read2 = *schedule.add(job("c", "f", Access::read));
    const auto remove = *schedule.add(job("d", "f", Access::write, false));
    const auto read3 = *schedule.add(job("e", "f", Access::read));
    EXPECT_EQ(schedule.next(), write);
    EXPECT_EQ(schedule.next(), std::nullopt);
    schedule.finished(write);
    EXPECT_EQ(schedule.next(), read1);
    EXPECT_EQ(schedule.next(), read2);
    EXPECT_EQ(schedule.next(), std::nullopt);
    schedule.opened(read1);
    EXPECT_EQ(schedule.next(), std::nullopt);
    schedule.opened(read2); // both have their descriptors
    EXPECT_EQ(schedule.next(), remove);
    EXPECT_EQ(schedule.next(), std::nullopt);
    schedule.finished(remove);
    EXPECT_EQ(schedule.next(), read3);
}

TEST(Schedule, ForgetsWhatIsWithdrawn)
{
    Schedule schedule{1, 2};
    const auto a = *schedule.add(job("c", "f"));
    const auto b = *schedule.add(job("c", "f"));
    EXPECT_EQ(schedule.add(job("c", "g")), std::nullopt); // full
    EXPECT_TRUE(schedule.withdraw(a));
    EXPECT_FALSE(schedule.withdraw(a));
    EXPECT_EQ(schedule.next(), b);
    EXPECT_FALSE(schedule.withdraw(b)); // it runs
    EXPECT_EQ(schedule.waiting(), 0u);
}

TEST(Schedule, RunsEveryJobOnceAndNeverTwoWritersOfAFile)
{
    std::mt19937 random{7};
    Schedule schedule{3, 10'000};
    std::map<Ticket, std::string> running, all;
    std::size_t done = 0;
    for (int i = 0; i < 2000; ++i) {
        if (random() % 2 == 0) {
            const std::string file = std::to_string(random() % 5);
            const auto ticket = *schedule.add(
                {std::to_string(random() % 4), file, Schedule::Access::write, random() % 3 != 0});
            all[ticket] = file;
        }
        if (const auto next = schedule.next()) {
            for (const auto& [ticket, file] : running) ASSERT_NE(file, all[*next]);
            running[*next] = all[*next];
        }
        if (!running.empty() && random() % 3 == 0) {
            schedule.finished(running.begin()->first);
            running.erase(running.begin());
            ++done;
        }
    }
    for (;;) {
        while (const auto next = schedule.next()) running[*next] = all[*next];
        if (running.empty()) break;
        schedule.finished(running.begin()->first);
        running.erase(running.begin());
        ++done;
    }
    EXPECT_EQ(done, all.size());
    EXPECT_EQ(schedule.running_slots(), 0u);
}

TEST(Reconcile, DecidesForEveryCase)
{
    const auto plan = reconcile(
        {{"whole", {"id1", 5}}, {"short", {"id2", 5}}, {"gone", {"id3", 5}}}, {"trashed", "already-gone"},
        {{"whole", 5}, {"short", 3}, {"trashed", 9}, {"orphan1", 1}, {"orphan2", 2}}, 1);
    EXPECT_EQ(plan.damaged, std::vector<std::string>{"id2"});
    EXPECT_EQ(plan.missing, std::vector<std::string>{"id3"});
    EXPECT_EQ(plan.unlink, std::vector<std::string>{"trashed"});
    ASSERT_EQ(plan.quarantine.size(), 1u);
    EXPECT_EQ(plan.quarantine[0].blob, "orphan1");
    ASSERT_EQ(plan.left.size(), 1u); // no space: stays, and is counted
    EXPECT_EQ(plan.left[0].blob, "orphan2");
}

// Files that were away at one start, with a disk or a backup, are back at the next.
TEST(Reconcile, TakesBackFilesThatWereAway)
{
    const auto plan = reconcile({{"away", {"id1", 5, FileState::missing, true}},
                                 {"still", {"id2", 5, FileState::missing, true}},
                                 {"short", {"id3", 5, FileState::missing, true}},
                                 {"bad", {"id4", 5, FileState::damaged, true}},
                                 {"grown", {"id5", 5, FileState::damaged, false}},
                                 {"lost", {"id6", 5, FileState::damaged, true}}},
                                {}, {{"away", 5}, {"short", 4}, {"bad", 5}, {"grown", 5}}, 10);
    EXPECT_EQ(plan.back, (std::vector<std::string>{"id1", "id5"}));
    EXPECT_EQ(plan.missing, (std::vector<std::string>{"id6", "id2"}));
    EXPECT_EQ(plan.damaged, std::vector<std::string>{"id3"});
}

TEST(Reconcile, BelievesARowMoreThanTheTrash)
{
    const auto plan = reconcile({{"b", {"id", 5}}}, {"b"}, {{"b", 5}}, 10);
    EXPECT_TRUE(plan.unlink.empty());
    EXPECT_TRUE(plan.missing.empty());
}

TEST(Config, ReadsSizesAndDurationsAsTheWholeFileDoes)
{
    const Config config =
        parse_config(R"({"quota":"1.5GiB","reserve_free":65536,"idle_timeout":"1d"})", "/s");
    EXPECT_EQ(config.quota, 3ull << 29);
    EXPECT_EQ(config.reserve_free, 65536u);
    EXPECT_EQ(config.idle_timeout, 24h);
    for (const char* bad : {R"({"quota":"lots"})", R"({"quota":"1XB"})", R"({"quota":-1})",
                            R"({"idle_timeout":5})", R"({"idle_timeout":"0s"})", R"({"idle_timeout":"-1s"})"})
        EXPECT_THROW(parse_config(bad, "/s"), std::runtime_error) << bad;
}

TEST(Config, ReadsTheExampleAndKeepsDefaults)
{
    const auto config = parse_config(
        R"({"storage_path":"/s","quota":"100GiB","reserve_free":1073741824,"max_transfers":4,"checksum":"declared",
                                         "allow_hosts":["*.example.com"],"allow_private_networks":true,"idle_timeout":"3s"})",
        "");
    EXPECT_EQ(config.quota, 100ull << 30);
    EXPECT_EQ(config.reserve_free, 1ull << 30);
    EXPECT_FALSE(config.checksum_always);
    EXPECT_TRUE(config.allow_private_networks);
    EXPECT_EQ(config.idle_timeout, 3s);
    const auto defaults = parse_config("{}", "/state/files");
    EXPECT_EQ(defaults.storage_path, "/state/files");
    EXPECT_TRUE(defaults.checksum_always);
    EXPECT_FALSE(defaults.allow_private_networks);
    EXPECT_EQ(defaults.max_transfers, 4u);
}

TEST(Config, ReadsTheLeastRate)
{
    EXPECT_EQ(parse_config("{}", "/d").min_rate, 128u);
    EXPECT_EQ(parse_config("{}", "/d").min_rate_window, 60s);
    const auto config = parse_config(R"({"min_rate":"1KiB","min_rate_window":"10s"})", "/d");
    EXPECT_EQ(config.min_rate, 1024u);
    EXPECT_EQ(config.min_rate_window, 10s);
    EXPECT_EQ(parse_config(R"({"min_rate":0})", "/d").min_rate, 0u);
}

// The host's schema checker takes 3.0 and 3e6 for integers, so they arrive here.
TEST(Config, TakesIntegersHoweverTheyAreWritten)
{
    const auto config =
        parse_config(R"({"quota":3e6,"max_transfers":4.0,"queue":1e2,"idle_timeout":"5.0s"})", "/d");
    EXPECT_EQ(config.quota, 3'000'000u);
    EXPECT_EQ(config.max_transfers, 4u);
    EXPECT_EQ(config.queue, 100u);
    EXPECT_EQ(config.idle_timeout, 5s);
}

TEST(Config, SaysWhichKeyIsWrong)
{
    for (const auto& [json, key] : {std::pair{R"({"quota":"lots"})", "quota"},
                                    {R"({"max_transfers":0})", "max_transfers"},
                                    {R"({"storage_path":"rel"})", "storage_path"},
                                    {R"({"idle_timeout":"soon"})", "idle_timeout"}}) {
        try {
            parse_config(json, "/d");
            FAIL() << json;
        } catch (const std::runtime_error& e) {
            EXPECT_EQ(std::string{e.what()}.find(key), 0u) << e.what();
        }
    }
}

TEST(Params, ReadTheDocumentsExampleAndIgnoreUnknownFields)
{
    const auto parsed = parse_upload(
        R"({"file_info":{"id":"file_555","name":"document.pdf","owner_id":"user_1","size":102400,"new":1},
                                         "download_url":"https://server.com/api/temp/download/token123","other":{}})");
    const auto& params = std::get<UploadParams>(parsed);
    EXPECT_EQ(params.id, "file_555");
    EXPECT_EQ(params.declared.size, 102400u);
    EXPECT_EQ(params.url.host, "server.com");
}

TEST(Params, TakeIntegersHoweverTheyAreWritten)
{
    const auto size = [](const std::string& number) {
        const auto parsed =
            parse_upload(R"({"file_info":{"id":"a","size":)" + number + R"(},"download_url":"http://h/"})");
        return std::get<UploadParams>(parsed).declared.size;
    };
    EXPECT_EQ(size("3.0"), 3u);
    EXPECT_EQ(size("3e6"), 3'000'000u);
    EXPECT_EQ(size("-0.0"), 0u);
    EXPECT_EQ(std::get<Index::Query>(parse_query(R"({"limit":2.0})")).limit, 2u);
    const auto page = [](const std::string& number) {
        return std::get<Index::Query>(parse_query(R"({"max_bytes":)" + number + "}")).max_bytes;
    };
    EXPECT_EQ(page("4096"), 4096u);
    EXPECT_EQ(page("4096.0"), 4096u);
    EXPECT_EQ(page("4.096e3"), 4096u);
    EXPECT_EQ(page("1"), 1024u);
    EXPECT_EQ(page("0"), 1024u);
    EXPECT_EQ(page("9007199254740993"), 16u << 20) << "beyond 2^53";
    EXPECT_EQ(page("9223372036854775807"), 16u << 20);
    EXPECT_EQ(page("1e18"), 16u << 20);
}

TEST(Params, RefuseAPageSizeThatIsNotAWholeNumber)
{
    for (const char* number : {"-1", "-4096", "4096.5", "-4096.0", R"("4096")", "true", "null", "[4096]",
                               "9223372036854775808", "18446744073709551615", "1e19", "1e300"})
        EXPECT_TRUE(
            std::holds_alternative<Problem>(parse_query(R"({"max_bytes":)" + std::string{number} + "}")))
            << number;
}

TEST(Params, RefuseWhatCannotBeMeant)
{
    for (const char* json :
         {R"({"download_url":"http://h/"})", R"({"file_info":{"id":""},"download_url":"http://h/"})",
          R"({"file_info":{"id":"a\u0000b"},"download_url":"http://h/"})",
          R"({"file_info":{"id":"a","size":-1},"download_url":"http://h/"})",
          R"({"file_info":{"id":"a","size":1.5},"download_url":"http://h/"})",
          R"({"file_info":{"id":"a","sha256":"zz"},"download_url":"http://h/"})",
          R"({"file_info":{"id":"a"},"download_url":"ftp://secret/"})", R"({"file_info":{"id":"a"}})"}) {
        const auto parsed = parse_upload(json);
        ASSERT_TRUE(std::holds_alternative<Problem>(parsed)) << json;
        EXPECT_EQ(std::get<Problem>(parsed).code, "INVALID_REQUEST");
        EXPECT_EQ(std::get<Problem>(parsed).detail.find("secret"), std::string::npos);
    }
}

TEST(Params, PostIsTheMethodUnlessPutIsNamed)
{
    const auto method = [](const char* json) {
        return std::get<DownloadParams>(parse_download(json)).method;
    };
    EXPECT_EQ(method(R"({"file_id":"f","upload_url":"http://h/"})"), "POST");
    EXPECT_EQ(method(R"({"file_id":"f","upload_url":"http://h/","method":"PUT"})"), "PUT");
    EXPECT_EQ(method(R"({"file_id":"f","upload_url":"http://h/","method":"post"})"), "POST");
}

} // namespace
