#include "plugins/docker/engine/api_version.hpp"
#include "plugins/docker/engine/facts.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace agenthost::docker::engine;

TEST(ApiVersion, TakesTheHighestThatBothSidesKnow)
{
    std::string why;
    EXPECT_EQ(choose_api("1.41", "1.12", why)->text(), "1.41");
    EXPECT_EQ(choose_api("1.55", "1.44", why)->text(), newest_api.text());
    EXPECT_EQ(choose_api("1.40", "", why)->text(), "1.40");
}

TEST(ApiVersion, RefusesWithBothNumbers)
{
    std::string why;
    EXPECT_FALSE(choose_api("1.24", "1.12", why));
    EXPECT_NE(why.find("1.24"), std::string::npos);
    EXPECT_NE(why.find(oldest_api.text()), std::string::npos);
    EXPECT_FALSE(choose_api("1.99", "1.90", why));
    EXPECT_NE(why.find("1.90"), std::string::npos);
    EXPECT_NE(why.find(newest_api.text()), std::string::npos);
    for (const char* bad : {"", "1", "1.", ".4", "1.x", "1.41.2", "-1.4", "99999999999.1", "one"})
        EXPECT_FALSE(choose_api(bad, "1.12", why)) << bad;
}

TEST(Facts, TellDockerFromPodman)
{
    const auto docker = read_engine(
        R"({"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64",
                        "Components":[{"Name":"Engine"}]})",
        R"({"ID":"AB:CD","CgroupVersion":"1","CgroupDriver":"cgroupfs","Driver":"vfs","NCPU":2,
                        "MemTotal":8589934592,"SwapLimit":false,"SecurityOptions":["name=seccomp,profile=default",
                        "name=rootless"]})");
    ASSERT_TRUE(docker);
    EXPECT_FALSE(docker->podman);
    EXPECT_EQ(docker->version, "20.10.24");
    EXPECT_EQ(docker->cgroup_version, 1);
    EXPECT_TRUE(docker->rootless);
    EXPECT_FALSE(docker->selinux);
    EXPECT_EQ(docker->memory, 8589934592u);
    EXPECT_EQ(docker->cores, 2);
    ASSERT_EQ(docker->warnings.size(), 1u);
    EXPECT_NE(docker->warnings[0].find("swap"), std::string::npos);

    const auto podman =
        read_engine(R"({"Version":"4.3.1","ApiVersion":"1.41","Components":[{"Name":"Podman Engine"}]})",
                    R"({"ID":"x"})");
    ASSERT_TRUE(podman);
    EXPECT_TRUE(podman->podman);
    EXPECT_TRUE(podman->warnings.empty());
}

TEST(Facts, RejectAnswersThatAreNotAnEngines)
{
    for (const char* bad : {"", "{", "[]", "null", "{\"ApiVersion\":7}", "<html>"})
        EXPECT_FALSE(read_engine(bad, "{}")) << bad;
    EXPECT_FALSE(read_engine(R"({"ApiVersion":"1.41"})", "[]"));
    EXPECT_FALSE(read_container("{}"));
    EXPECT_FALSE(read_container(R"({"Id":"x","State":"running"})"));
    EXPECT_FALSE(read_containers("{}"));
    EXPECT_FALSE(read_image("[]"));
    EXPECT_FALSE(read_disk_use("7"));
    EXPECT_FALSE(read_created(R"({"Warnings":[]})"));
    EXPECT_FALSE(read_exit(R"({"StatusCode":"0"})"));
    EXPECT_FALSE(read_container(std::string(1'000'000, '[')));
}

TEST(Facts, ReadAContainer)
{
    const auto facts = read_container(
        R"({"Id":"abc","Name":"/agenthost-7","Created":"2026-11-30T08:00:00Z","Image":"sha256:1","RestartCount":0,
            "State":{"Status":"exited","Running":false,"Paused":false,"OOMKilled":true,"Dead":false,"Pid":0,
                     "ExitCode":137,"Error":"","StartedAt":"2026-11-30T08:00:00.5Z",
                     "FinishedAt":"0001-01-01T00:00:00Z"},
            "HostConfig":{"LogConfig":{"Type":"local"},"CgroupParent":""},
            "Config":{"Tty":true,"OpenStdin":true,"Image":"game:1","Labels":{"agenthost.server":"7"}},
            "NetworkSettings":{"Ports":{"25565/tcp":[{"HostIp":"0.0.0.0","HostPort":"30000"}],"9/udp":null}}})");
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->name, "agenthost-7");
    EXPECT_EQ(facts->status, "exited");
    EXPECT_TRUE(facts->oom_killed);
    EXPECT_EQ(facts->exit_code, 137);
    EXPECT_EQ(facts->started_ns, 1796025600'500000000);
    EXPECT_EQ(facts->finished_ns, 0);
    EXPECT_TRUE(facts->tty);
    EXPECT_TRUE(facts->open_stdin);
    EXPECT_EQ(facts->labels.at("agenthost.server"), "7");
    ASSERT_EQ(facts->ports.size(), 1u);
    EXPECT_EQ(facts->ports[0], (Port{25565, 30000, "tcp", "0.0.0.0"}));
    EXPECT_EQ(facts->log_driver, "local");
}

TEST(Facts, ReadAListAndLeaveBrokenRowsOut)
{
    const auto rows = read_containers(
        R"([{"Id":"a","Names":["/one"],"State":"running","Labels":{"agenthost.server":"1"},"Created":1700000000,
             "Ports":[{"IP":"0.0.0.0","PrivatePort":1,"PublicPort":2,"Type":"tcp"},{"PrivatePort":3,"Type":"udp"}]},
            {"Names":[]}, 7, {"Id":"b","Labels":null,"Ports":null,"Names":null}])");
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 2u);
    EXPECT_EQ((*rows)[0].name, "one");
    EXPECT_EQ((*rows)[0].ports.size(), 1u);
    EXPECT_EQ((*rows)[0].created_ns, 1700000000'000000000);
    EXPECT_EQ((*rows)[1].id, "b");
}

TEST(Facts, ReadTheSmallAnswers)
{
    EXPECT_EQ(read_created(R"({"Id":"a","Warnings":["no swap"]})")->warnings.at(0), "no swap");
    EXPECT_EQ(read_exit(R"({"Error":null,"StatusCode":137})")->code, 137);
    EXPECT_EQ(read_exit(R"({"Error":{"Message":"gone"},"StatusCode":-1})")->error, "gone");
    const auto use = read_disk_use(R"({"LayersSize":10,"Containers":[{"Id":"a","SizeRw":3},{"Id":"b"}],
                                       "Volumes":[{"UsageData":{"Size":-1}}],"BuildCache":null})");
    ASSERT_TRUE(use);
    EXPECT_EQ(use->images, 10u);
    EXPECT_EQ(use->containers, 3u);
    EXPECT_EQ(use->volumes, 0u);
    EXPECT_EQ(use->writable.at("b"), 0u);
    const auto image =
        read_image(R"({"Id":"sha256:1","RepoTags":["a:1"],"Size":5,"Config":{"Cmd":["sh"],"User":"9"}})");
    ASSERT_TRUE(image);
    EXPECT_EQ(image->command, std::vector<std::string>{"sh"});
    EXPECT_EQ(image->user, "9");
}

} // namespace
