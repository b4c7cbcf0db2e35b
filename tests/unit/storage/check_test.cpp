// What `agenthost config check` says of the store: everything that its start would refuse or warn of.
#include "plugins/storage/check.hpp"
#include "plugins/storage/mark.hpp"
#include "plugins/storage/store.hpp"
#include "tests/support/support.hpp"

#include <agenthost/testing/check_reports.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace {

using namespace agenthost::storage;
using agenthost::test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

namespace fs = std::filesystem;

struct StoreCheck : testing::Test {
    TempDir dir;
    Config config;
    std::string state = (dir / "state").string();

    StoreCheck() { config.storage_path = (dir / "store").string(); }

    // As the service does.
    void use_store()
    {
        fs::create_directories(state);
        const KnownStores known{state};
        Store store{config.storage_path, known.find(config.storage_path), known.file()};
        agenthost::test::write_file(store.index_file(), std::string(512, 'x')); // the least that is one
        ASSERT_FALSE(store.sign());
        ASSERT_EQ(known.remember(config.storage_path, store.id()), 0);
    }
    // "error KEY: TEXT" or "warning KEY: TEXT", each.
    std::vector<std::string> check()
    {
        return agenthost::testing::collect_reports({}, [&](const agh_check& raw) {
            agenthost::Check report{raw};
            check_config(config, state, report);
        });
    }
};

TEST_F(StoreCheck, FindsNothingAndMakesNothingForAStoreThatIsNew)
{
    EXPECT_THAT(check(), IsEmpty());
    EXPECT_FALSE(fs::exists(config.storage_path));
    EXPECT_FALSE(fs::exists(state));
}

TEST_F(StoreCheck, FindsNothingForAStoreInUse)
{
    use_store();
    const KnownStores known{state};
    const Store running{config.storage_path, known.find(config.storage_path), known.file()};
    EXPECT_THAT(check(), IsEmpty());
}

TEST_F(StoreCheck, WarnsOfAReserveThatIsTooSmall)
{
    config.reserve_free = min_reserve;
    EXPECT_THAT(check(), IsEmpty());
    config.reserve_free = 1 << 20;
    EXPECT_THAT(check(), ElementsAre(AllOf(StartsWith("warning reserve_free: 1MiB is below 16MiB"),
                                           HasSubstr("16MiB stay free"))));
    config.reserve_free = 0;
    EXPECT_THAT(check(), ElementsAre(StartsWith("warning reserve_free: ")));
}

TEST_F(StoreCheck, SaysThatTheDiskIsNotMounted)
{
    use_store();
    fs::remove_all(config.storage_path);
    EXPECT_THAT(check(),
                ElementsAre(AllOf(StartsWith("error storage_path: "), HasSubstr("Is its disk mounted?"))));
    EXPECT_FALSE(fs::exists(config.storage_path));
    fs::create_directory(config.storage_path);
    EXPECT_THAT(check(), ElementsAre(HasSubstr("Is its disk mounted?")));
}

TEST_F(StoreCheck, SaysThatItIsAnotherStore)
{
    use_store();
    fs::rename(config.storage_path, dir / "first");
    fs::remove_all(state);
    use_store();
    fs::remove_all(config.storage_path);
    fs::rename(dir / "first", config.storage_path);
    EXPECT_THAT(check(), ElementsAre(HasSubstr("this is not the store that was used here")));
}

TEST_F(StoreCheck, SaysThatAPartOfTheStoreIsGone)
{
    use_store();
    fs::rename(dir / "store/index.db", dir / "index.db");
    EXPECT_THAT(check(), ElementsAre(HasSubstr("the index is gone")));
    fs::rename(dir / "index.db", dir / "store/index.db");
    fs::remove_all(dir / "store/files");
    EXPECT_THAT(check(), ElementsAre(HasSubstr("the folder files is not the store's")));
}

TEST_F(StoreCheck, SaysThatNoFolderCanBeMadeThere)
{
    agenthost::test::write_file(dir / "store", "a file");
    EXPECT_THAT(check(), ElementsAre(HasSubstr("is not a folder")));
    config.storage_path += "/below/it";
    EXPECT_THAT(check(), ElementsAre(HasSubstr((dir / "store").string() + " is not a folder")));
}

} // namespace
