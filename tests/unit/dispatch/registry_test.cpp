#include "fixture.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace {

struct RegistryTest : ::testing::Test {
    RegistryTest()
    {
        files.action("files.read");
        files.action("files.write", true);
        files.alias("storage", "read", "files.read");
        EXPECT_THAT(registry.add(files, files.shared()), IsEmpty());
    }
    FakePlugin files{"files"};
    Registry registry;
    std::map<std::string, std::string> no_words;
};

TEST(Matches, AdmitsByNameByPrefixOrEverything)
{
    EXPECT_TRUE(matches("files.read", "files.read"));
    EXPECT_TRUE(matches("files.*", "files.read"));
    EXPECT_TRUE(matches("*", "files.read"));
    EXPECT_FALSE(matches("files.*", "filesystem.read"));
    EXPECT_FALSE(matches("files.read", "files.read.more"));
    EXPECT_FALSE(matches("file", "files.read"));
    EXPECT_FALSE(matches("", "files.read"));
}

TEST_F(RegistryTest, AsksTheOwnMapThenTheProtocolThenTheName)
{
    EXPECT_EQ(registry.resolve("read", "storage", no_words)->name, "files.read");
    EXPECT_EQ(registry.resolve("files.read", "storage", no_words)->name, "files.read");
    EXPECT_EQ(registry.resolve("read", "panel", no_words), nullptr);
    EXPECT_EQ(registry.resolve("read", "storage", {{"read", "files.write"}})->name, "files.write");
    EXPECT_EQ(registry.resolve("read", "storage", {{"read", "gone.read"}}), nullptr)
        << "the administrator's word counts, even when it leads nowhere";
    EXPECT_EQ(registry.resolve("", "", no_words), nullptr);
}

TEST_F(RegistryTest, RefusesWhatIsTakenAndAddsNothingThen)
{
    FakePlugin other{"other"};
    other.action("other.read");
    other.action("files.steal");
    other.alias("storage", "read", "other.read");
    other.alias("storage", "nowhere", "other.gone");
    const auto problems = registry.add(other, other.shared());
    EXPECT_THAT(problems, ::testing::UnorderedElementsAre(HasSubstr("outside its name space"),
                                                          HasSubstr("belongs to plugin files"),
                                                          HasSubstr("not an action of this plugin")));
    EXPECT_EQ(registry.resolve("other.read", "", no_words), nullptr);

    FakePlugin twin{"files"};
    twin.action("files.read");
    EXPECT_THAT(registry.add(twin, twin.shared()), ElementsAre(HasSubstr("belongs to plugin files already")));
    FakePlugin host{"host"};
    EXPECT_THAT(registry.add(host, host.shared()), ElementsAre(HasSubstr("the host's own")));
    FakePlugin stutter{"stutter"};
    stutter.action("stutter.a");
    stutter.action("stutter.a");
    EXPECT_THAT(registry.add(stutter, stutter.shared()), ElementsAre(HasSubstr("is listed twice")));
}

TEST_F(RegistryTest, ForgetsAPluginWithItsAliases)
{
    registry.remove(files);
    EXPECT_EQ(registry.resolve("read", "storage", no_words), nullptr);
    EXPECT_EQ(registry.resolve("files.read", "storage", no_words), nullptr);
    EXPECT_THAT(registry.all(), IsEmpty());
    EXPECT_THAT(registry.add(files, files.shared()), IsEmpty()) << "and takes it again";
}

TEST_F(RegistryTest, AdmitsByDefaultWhatIsAliasedAndTheHostsOwn)
{
    registry.add_builtin({.name = "host.ping"});
    EXPECT_THAT(registry.default_allow("storage"), ElementsAre("host.*", "files.read"));
    EXPECT_THAT(registry.default_allow("panel"), ElementsAre("host.*"));
    EXPECT_TRUE(Registry::allowed_by_default(*registry.resolve("read", "storage", no_words), "storage"));
    EXPECT_FALSE(
        Registry::allowed_by_default(*registry.resolve("files.write", "storage", no_words), "storage"));
    EXPECT_TRUE(Registry::allowed_by_default(*registry.resolve("host.ping", "storage", no_words), "panel"));
}

TEST_F(RegistryTest, KnowsProtocolsWordsForTheHostsOwn)
{
    registry.add_builtin({.name = "host.ping"});
    registry.alias_builtin("print", "task_ping", "host.ping");
    ASSERT_NE(registry.resolve("task_ping", "print", no_words), nullptr);
    EXPECT_EQ(registry.resolve("task_ping", "print", no_words)->name, "host.ping");
    EXPECT_EQ(registry.resolve("task_ping", "storage", no_words), nullptr) << "another protocol's word";
    EXPECT_EQ(registry.resolve("task_ping", "print", {{"task_ping", "files.read"}})->name, "files.read")
        << "the server's own words come first";
    FakePlugin thief{"thief"};
    thief.action("thief.ping");
    thief.alias("print", "task_ping", "thief.ping");
    EXPECT_THAT(registry.add(thief, thief.shared()),
                ElementsAre(HasSubstr("belongs to plugin host already")));
    registry.remove(files);
    EXPECT_NE(registry.resolve("task_ping", "print", no_words), nullptr) << "plugins come and go";
    registry.alias_builtin("print", "x", "host.nothing");
    EXPECT_EQ(registry.resolve("x", "print", no_words), nullptr);
}

TEST_F(RegistryTest, ListsByName)
{
    registry.add_builtin({.name = "host.ping"});
    registry.add_builtin({.name = "host.ping", .summary = "anew"});
    std::vector<std::string> names;
    for (const Action* a : registry.all()) names.push_back(a->name);
    EXPECT_THAT(names, ElementsAre("files.read", "files.write", "host.ping"));
    EXPECT_EQ(registry.resolve("host.ping", "", no_words)->manifest->summary, "anew");
}

} // namespace
