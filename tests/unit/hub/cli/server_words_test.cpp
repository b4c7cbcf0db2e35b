// The command line of `agenthost hub server`.
#include "plugins/hub/cli/server_words.hpp"

#include "tests/support/support.hpp"
#include "tests/unit/hub/cli/parsed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::hub::cli;
using agenthost::test::TempDir;
using agenthost::test::write_file;
using nlohmann::json;
using ::testing::HasSubstr;

namespace {

template <class Work> std::string refused(const Work& work)
{
    try {
        work();
    } catch (const Usage& e) {
        return e.what();
    }
    return {};
}

TEST(ServerWords, ReadsTheOptions)
{
    const Arguments args = parsed({"server", "logs", "mc1", "-f", "--tail", "7", "--agent=n1"});
    EXPECT_TRUE(args.follow);
    EXPECT_EQ(args.tail, 7U);
    EXPECT_EQ(args.agent, "n1");
    EXPECT_THAT(refused([] {
                    parsed({"server", "logs", "mc1", "--tail", "0"});
                }),
                HasSubstr("from 1 to 1000"));
    EXPECT_THAT(refused([] {
                    parsed({"server", "logs", "mc1", "--tail", "many"});
                }),
                HasSubstr("--tail many"));
}

TEST(ServerWords, NamesServers)
{
    EXPECT_EQ(server_named({}, "mc1"), (json{{"server", "mc1"}}));
    EXPECT_EQ(server_named({}, "n1/mc1"), (json{{"server", "mc1"}, {"agent", "n1"}}));
    EXPECT_EQ(server_named(parsed({"--agent", "n1"}), "mc1"), (json{{"server", "mc1"}, {"agent", "n1"}}));
    EXPECT_THAT(refused([] {
                    server_named(parsed({"--agent", "n2"}), "n1/mc1");
                }),
                HasSubstr("name two agents"));
    EXPECT_THAT(refused([] { server_named({}, "n1/"); }), HasSubstr("id is missing"));
}

TEST(ServerWords, BuildsAConfigurationFromOptions)
{
    const auto params = create_params(parsed(
        {"server", "create", "mc1",       "--image",     "ghcr.io/x/y:1", "--memory", "2g",
         "--cpu",  "1.5",    "--disk=5g", "-p",          "25565:25565",   "--port",   "19132:19133/udp",
         "-e",     "A=b=c",  "--startup", "java -jar x", "--name",        "Lobby",    "--start"}));
    EXPECT_EQ(json(params), (json{{"name", "Lobby"},
                                  {"start", true},
                                  {"eggConfig",
                                   {{"image", "ghcr.io/x/y:1"},
                                    {"startup", "java -jar x"},
                                    {"limits", {{"memory", "2g"}, {"cpu", "1.5"}, {"disk", "5g"}}},
                                    {"ports", {{"25565", 25565}, {"19133/udp", 19132}}},
                                    {"environment", {{"A", "b=c"}}}}}}));
    EXPECT_THAT(refused([] {
                    create_params(parsed({"server", "create", "mc1"}));
                }),
                HasSubstr("--image IMAGE or --file"));
}

TEST(ServerWords, KeepsTheOrderOfAnEggFileAndReplacesItsMembers)
{
    TempDir dir;
    write_file(
        dir / "egg.json",
        R"({"meta":{"version":"PTDL_v2"},"docker_images":{"Java 21":"b","Java 17":"a"},"limits":{"memory":"1g"}})");
    const auto params = create_params(parsed({"--file", (dir / "egg.json").string(), "--memory", "3g"}));
    EXPECT_EQ(
        params.dump(),
        R"({"eggConfig":{"meta":{"version":"PTDL_v2"},"docker_images":{"Java 21":"b","Java 17":"a"},"limits":{"memory":"3g"}}})");
    write_file(dir / "whole.json", R"({"serverId":"x","name":"N","eggConfig":{"image":"i"}})");
    EXPECT_EQ(create_params(parsed({"--file", (dir / "whole.json").string()})).dump(),
              R"({"name":"N","eggConfig":{"image":"i"}})")
        << "the command line names the server";
    write_file(dir / "list.json", "[]");
    EXPECT_THAT(refused([&] {
                    create_params(parsed({"--file", (dir / "list.json").string()}));
                }),
                HasSubstr("not a JSON object"));
    EXPECT_THAT(refused([&] {
                    create_params(parsed({"--file", (dir / "none").string()}));
                }),
                HasSubstr("cannot read"));
    EXPECT_THAT(refused([&] { create_params(parsed({"--file", "/dev/zero"})); }), HasSubstr("regular file"));
    EXPECT_THAT(refused([&] { create_params(parsed({"--file", "/tmp"})); }), HasSubstr("regular file"));
}

TEST(ServerWords, ReadsPorts)
{
    nlohmann::ordered_json ports;
    add_port("80", ports);
    add_port("8080:81", ports);
    add_port("192.0.2.1:8081:82/tcp", ports);
    add_port("[::1]:8082:83/udp", ports);
    EXPECT_EQ(ports.dump(), R"({"80":80,"81":8080,"82":"192.0.2.1:8081","83/udp":"[::1]:8082"})");
    for (const char* wrong :
         {"", "x", "80:", ":80", "0:80", "70000:80", "80:80/sctp", "80:80:", "1.2.3.4:x:80"})
        EXPECT_THAT(refused([&] { add_port(wrong, ports); }), HasSubstr("--port")) << wrong;
}

TEST(ServerWords, WritesTablesAndSizes)
{
    EXPECT_EQ(table({{"A", "B"}, {"long", ""}, {"x", "y"}}), "A     B\nlong\nx     y\n");
    EXPECT_EQ(table({{"A", "B"}, {"\x1b[31mx\n", "y"}}), "A              B\n\\x1b[31mx\\x0a  y\n")
        << "no name forges a row";
    EXPECT_EQ(short_size(512), "512 B");
    EXPECT_EQ(short_size(1536), "1.5 KiB");
    EXPECT_EQ(short_size(2147483648.0), "2.0 GiB");
    EXPECT_EQ(short_size(107374182400.0), "100 GiB");
}

} // namespace
