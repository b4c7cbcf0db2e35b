// Disk limits on a disk of the test's own: the kernel enforces them if it has project quotas, else the agent
// falls back to counting, which is checked as well. tests/support/on_quota_kernel brings a kernel with
// quotas.
#include "rig.hpp"

#include "plugins/docker/files/project_quota.hpp"
#include "plugins/docker/service/project_ids.hpp"

#include "base/fd.hpp"
#include "tests/support/quota_disk.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>

using namespace agenthost::test;
using agenthost::docker::files::ProjectQuota;
using nlohmann::json;
using testing::HasSubstr;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint32_t first = agenthost::docker::service::default_first_project;

class QuotaPanel : public DockerPanel {
protected:
    void SetUp() override
    {
        DockerPanel::SetUp();
        if (IsSkipped()) return;
        disk_ = std::make_unique<QuotaDisk>(dir_ / "servers");
        std::filesystem::create_directories(dir_ / "servers");
        const agenthost::base::Fd servers = opened(dir_ / "servers");
        kernel_ = ProjectQuota{servers.get(), first}.unavailable().empty();
        if (!kernel_) std::cout << "checks the fall-back: " << disk_->missing() << "\n";
    }
    void TearDown() override
    {
        DockerPanel::TearDown();
        if (disk_) {
            EXPECT_TRUE(wait_for([&] { return disk_->unmount(); }));
        }
    }
    // A slow machine's engine may answer after the agent is ready.
    void start(const std::string& more = {})
    {
        start_agent(more);
        ASSERT_TRUE(wait_for([&] {
            const json list = panel_->call("list_servers", "")["data"];
            return list.is_object() && list.contains("engine") && list["engine"]["away"] == false;
        })) << agent_->log();
    }
    static agenthost::base::Fd opened(const std::filesystem::path& folder)
    {
        return agenthost::base::Fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    }
    [[nodiscard]] ProjectQuota::Numbers kernel(std::uint32_t project) const
    {
        const agenthost::base::Fd servers = opened(dir_ / "servers");
        return ProjectQuota{servers.get(), project}.numbers().value_or(ProjectQuota::Numbers{});
    }
    [[nodiscard]] std::string used(std::uint32_t project) const
    {
        return std::to_string(kernel(project).used / mebibyte) + "m";
    }
    // A game that writes 10 MiB into its folder before it is ready, or as much as it can.
    static json greedy(const char* limit)
    {
        return {{"limits", {{"memory", "128m"}, {"disk", limit}}},
                {"shell", true},
                {"startup", "/bin/busybox dd if=/dev/zero of=big bs=65536 count=160; exec /bin/game"}};
    }
    [[nodiscard]] std::uint64_t size_of_big(const char* id) const
    {
        return std::filesystem::file_size(dir_ / "servers" / id / "big");
    }
    json disk_of(const std::string& id)
    {
        const json now = status(id);
        if (!now.contains("resources") || !now["resources"].contains("disk")) return json::object();
        return now["resources"]["disk"];
    }
    json write(const char* id, const char* path)
    {
        return panel_->call("write_file", id, {{"path", path}, {"content", std::string(400'000, 'x')}});
    }
    // Without quotas this takes until the agent counts again.
    bool refuses(const char* id)
    {
        return wait_for([&] {
            const json answer = write(id, "more");
            return answer.contains("error") && answer["error"]["code"] == "DISK_FULL";
        });
    }
    json fact()
    {
        const json shown = agent_->status();
        if (!shown.is_object() || !shown["facts"].contains("docker")) return json::object();
        return shown["facts"]["docker"].value("disk_limits", json::object());
    }

    std::unique_ptr<QuotaDisk> disk_;
    bool kernel_ = false;
};

TEST_F(QuotaPanel, AGameIsStoppedByTheKernelAtItsLimitAndAPanelByTheAgent)
{
    start();
    run_server("s1", greedy("4m"));
    run_server("s2", greedy("32m"));
    EXPECT_EQ(size_of_big("s2"), 10 * mebibyte) << "the limit of one server is not that of another";
    EXPECT_TRUE(refuses("s1"));
    EXPECT_TRUE(write("s2", "more").value("success", false));
    EXPECT_EQ(status("s1")["status"], "running") << "a server at its limit goes on";
    const std::string counter = kernel_ ? "kernel" : "agent";
    EXPECT_TRUE(wait_for([&] { return disk_of("s1").value("countedBy", "") == counter; })) << status("s1");
    EXPECT_EQ(disk_of("s1")["available"], "4m");
    EXPECT_EQ(fact().value("countedBy", ""), counter);
    if (kernel_) {
        EXPECT_FALSE(std::filesystem::exists(dir_ / "servers/s1/more"));
        EXPECT_LE(size_of_big("s1"), 4 * mebibyte);
        EXPECT_GT(size_of_big("s1"), 3 * mebibyte);
        EXPECT_TRUE(says("s1", "quota exceeded"));
        EXPECT_EQ(kernel(first).limit, 4 * mebibyte);
        EXPECT_EQ(kernel(first + 1).used / mebibyte, 10u);
        for (const std::uint32_t number : {0u, 1u}) {
            const std::string id = "s" + std::to_string(number + 1);
            EXPECT_TRUE(wait_for([&] { return disk_of(id)["used"] == used(first + number); })) << status(id);
        }
    } else {
        EXPECT_EQ(size_of_big("s1"), 10 * mebibyte);
        EXPECT_THAT(fact().value("reason", ""), HasSubstr("prjquota"));
        EXPECT_THAT(agent_->log(), HasSubstr("the agent counts the disk limits of servers"));
    }
}

TEST_F(QuotaPanel, ALimitOutlivesTheAgentAndAReinstallationAndEndsWithTheServer)
{
    start();
    json more = greedy("4m");
    more["install"] = {{"image", "panelgame:1"}, {"entrypoint", "sh"}, {"script", "echo ok"}};
    run_server("s1", more);
    kill_agent();
    start();
    const std::string counter = kernel_ ? "kernel" : "agent";
    EXPECT_TRUE(wait_for([&] { return disk_of("s1").value("countedBy", "") == counter; })) << status("s1");
    ASSERT_TRUE(panel_->call("stop_server", "s1").value("success", false));
    ASSERT_TRUE(panel_->call("reinstall_server", "s1").value("success", false));
    ASSERT_TRUE(is("s1", "offline")) << status("s1");
    if (kernel_) {
        EXPECT_EQ(kernel(first).limit, 4 * mebibyte);
    }
    EXPECT_TRUE(refuses("s1"));
    ASSERT_TRUE(panel_->call("delete_server", "s1").value("success", false));
    EXPECT_TRUE(wait_for([&] { return !std::filesystem::exists(dir_ / "servers/s1"); }));
    if (kernel_) {
        EXPECT_TRUE(wait_for([&] { return kernel(first).limit == 0; }));
    }
    run_server("s3", {{"limits", {{"memory", "128m"}, {"disk", "2m"}}}});
    if (kernel_) {
        EXPECT_EQ(kernel(first).limit, 2 * mebibyte) << "the project of s1 is free";
    }
}

TEST_F(QuotaPanel, ServersOfAnAgentThatDidNotUseQuotasAreAdopted)
{
    start(", quota_first_project: 0, default_disk: 20m");
    run_server("s1", {{"limits", {{"memory", "128m"}}}});
    EXPECT_TRUE(write("s1", "world").value("success", false));
    EXPECT_TRUE(wait_for([&] { return disk_of("s1").value("countedBy", "") == "agent"; }));
    EXPECT_EQ(kernel(first).used, 0u);
    kill_agent();
    start(", default_disk: 16m");
    const std::string counter = kernel_ ? "kernel" : "agent";
    EXPECT_TRUE(wait_for([&] {
        const json disk = disk_of("s1");
        return disk.value("countedBy", "") == counter && disk["available"] == "16m";
    })) << status("s1");
    EXPECT_EQ(status("s1")["status"], "running");
    if (!kernel_) return;
    EXPECT_GE(kernel(first).used, 400'000u);
    EXPECT_EQ(kernel(first).limit, 16 * mebibyte);
}

} // namespace
