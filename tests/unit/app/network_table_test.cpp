#include "host/app/network_table.hpp"
#include "host/observe/log.hpp"

#include <agenthost/ext/network.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace agenthost::host {
namespace {

TEST(NetworkTable, KnowsAServerAndItsOriginAcrossAReload)
{
    NetworkTable table;
    ServerConfig files;
    files.name = "files";
    files.proxy = "http://proxy:3128";
    table.set({files});
    table.set_origin("files", "https://files.example:443/");
    table.set_origin("gone", "https://gone.example:443/");
    table.set({files});
    EXPECT_NE(table.json_of("files")->find(R"("origin":"https://files.example:443/")"), std::string::npos);
    EXPECT_NE(table.json_of("files")->find(R"("proxy":"http://proxy:3128")"), std::string::npos);
    EXPECT_EQ(table.json_of("gone"), std::nullopt);
    table.set({});
    EXPECT_EQ(table.json_of("files"), std::nullopt); // its transfers must not bypass the proxy that it had
}

TEST(NetworkTable, HasNoSettingsForACallerThatIsNotAServer)
{
    NetworkTable table;
    table.set({});
    EXPECT_EQ(table.json_of("control"), "{}");
    EXPECT_EQ(table.json_of("plugin:hub"), "{}");
}

TEST(NetworkTable, DoesNotReadANoProxyThatIsTooLong)
{
    ServerConfig files;
    files.name = "files";
    const auto with = [&](const std::string& no_proxy) {
        ::setenv("NO_PROXY", no_proxy.c_str(), 1);
        NetworkTable table;
        table.set({files});
        return table.json_of("files").value_or("");
    };
    EXPECT_NE(with("near.example").find(R"("no_proxy":["near.example"])"), std::string::npos);
    constexpr std::size_t longest = 8 << 10;
    std::string most_entries;
    while (most_entries.size() < longest) most_entries += "x,";
    EXPECT_LT(with(most_entries).size(), std::size_t{AGH_NETWORK_BYTES});
    // JSON writes six bytes for each of these.
    EXPECT_LT(with(std::string(longest, '\1')).size(), std::size_t{AGH_NETWORK_BYTES});
    EXPECT_EQ(with(most_entries + "y").find("no_proxy"), std::string::npos);
    ::unsetenv("NO_PROXY");
}

} // namespace
} // namespace agenthost::host
