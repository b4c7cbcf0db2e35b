#include "fixture.hpp"

#include "host/dispatch/permissions.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::HasSubstr;

namespace {

struct PermissionsTest : ::testing::Test {
    PermissionsTest()
    {
        files.action("files.read");
        files.action("files.write", true);
        files.alias("storage", "read", "files.read");
        EXPECT_THAT(registry.add(files, files.shared()), ::testing::IsEmpty());
        policy.name = "server";
        policy.protocol = "storage";
    }
    [[nodiscard]] bool may(std::string_view action) const
    {
        return allowed(policy, *registry.resolve(action, {}, {}));
    }

    FakePlugin files{"files"};
    Registry registry;
    Policy policy;
};

TEST_F(PermissionsTest, AllowWhatTheProtocolAliasesWithoutAList)
{
    EXPECT_TRUE(may("files.read"));
    EXPECT_FALSE(may("files.write"));
    EXPECT_THAT(how_to_allow(policy, "files.write"), HasSubstr("the list replaces the defaults"));
}

TEST_F(PermissionsTest, AllowWhatTheListNamesAndNothingElse)
{
    policy.allow = {"files.write"};
    EXPECT_TRUE(may("files.write"));
    EXPECT_FALSE(may("files.read")) << "the list replaces the defaults";
    policy.allow = {"files.*"};
    EXPECT_TRUE(may("files.read"));
    EXPECT_THAT(how_to_allow(policy, "docker.run"), HasSubstr("Add \"docker.run\" to the allow list"));
}

TEST_F(PermissionsTest, AdmitAPluginThatHasAnAllowedAction)
{
    EXPECT_TRUE(admits_plugin(policy, registry, "files"));
    EXPECT_FALSE(admits_plugin(policy, registry, "docker"));
    policy.allow.emplace();
    EXPECT_FALSE(admits_plugin(policy, registry, "files"));
}

} // namespace
