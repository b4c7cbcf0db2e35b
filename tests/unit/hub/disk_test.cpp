// A failing disk: callers whose data had to be saved get an error, everything else continues, and waiting
// data is written when the disk has recovered. The disk is full only for this process: its files may not grow
// (RLIMIT_FSIZE), which needs no root.
#include "fixture.hpp"

#include <csignal>
#include <filesystem>
#include <sys/resource.h>

using namespace agenthost::hub_test;

namespace {

class FullDisk {
public:
    FullDisk()
    {
        ::signal(SIGXFSZ, SIG_IGN); // the write fails with EFBIG instead
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit none = before_;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_FSIZE, &none);
    }
    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

private:
    rlimit before_{};
};

TEST_F(HubTest, ADiskFailureIsReportedAndNoAnsweredTaskIsLost)
{
    const agh_conn n1 = agent("n1");
    std::string answered_id, kept_id;
    json accepted_error, health;
    int late_status = 0, done_status = 0;
    {
        const FullDisk full;
        // A caller that needs a saved task gets an error.
        const agh_conn late = command("n1", {{"action", "info"}, {"timeout", 0}});
        late_status = answer(late).status;
        accepted_error = answer(late).body["error"];
        // A caller that waits gets the agent's answer, which needs no disk.
        const agh_conn rest = command("n1", {{"action", "info"}});
        kept_id = sent(n1, 1)["request_id"];
        const json asked = sent(n1, 2);
        answered_id = asked["request_id"];
        respond(n1, asked, {{"status", "success"}, {"data", {{"files", 3}}}});
        done_status = answer(rest).status;
        EXPECT_TRUE(agenthost::test::wait_for([&] { return !host->health().ok(); }));
        health = host->health().text;
    }
    EXPECT_EQ(late_status, 507);
    EXPECT_EQ(accepted_error["code"], "DISK_FULL");
    EXPECT_THAT(accepted_error["message"].get<std::string>(), HasSubstr("ulimit -f"))
        << "what the disk refused, not that it did";
    EXPECT_EQ(done_status, 200);
    EXPECT_THAT(health.get<std::string>(), HasSubstr("writing its database failed"));

    EXPECT_TRUE(agenthost::test::wait_for([&] { return host->health().ok(); })) << "it tries again by itself";
    respond(n1, {{"request_id", kept_id}}, {{"status", "success"}});
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + kept_id)).body["status"], "success");
    boot();
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + answered_id)).body["data"]["files"], 3)
        << "written when it could be";
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + kept_id)).body["status"], "success");
}

// Health was healthy while every transfer was refused.
TEST_F(HubTest, HealthNamesATransferFolderThatIsGone)
{
    EXPECT_TRUE(host->health().ok());
    std::filesystem::remove_all(dir / "spool");
    EXPECT_FALSE(host->health().ok());
    EXPECT_THAT(host->health().text, HasSubstr("file transfers are refused: " + (dir / "spool").string()));
    std::filesystem::create_directory(dir / "spool");
    EXPECT_TRUE(host->health().ok());
}

TEST_F(HubTest, HealthNamesADatabaseThatIsGone)
{
    std::filesystem::remove(dir / "hub.db");
    EXPECT_FALSE(host->health().ok());
    EXPECT_THAT(host->health().text, HasSubstr("hub.db: the file was deleted"));
}

} // namespace
