#include "plugins/hub/credentials/keys.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>

using namespace agenthost::hub;

namespace {

// A new key in its place would reject signed agents and JWTs without an explanation.
TEST(HubRootKey, ReportsANeededKeyThatIsMissing)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "hub.db.key").string();
    try {
        const RootKey lost{path, "hub.db has credentials that were made with it"};
        FAIL() << "another one was made";
    } catch (const std::runtime_error& e) {
        const std::string why = e.what();
        EXPECT_NE(why.find(path + ": is missing, and hub.db has credentials"), why.npos) << why;
        EXPECT_NE(why.find("Restore it"), why.npos) << why;
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    const RootKey made{path};
    const RootKey found{path, "hub.db has credentials that were made with it"};
    EXPECT_EQ(found.derive("jwt"), made.derive("jwt"));
}

TEST(HubRootKey, RefusesAKeyThatIsReadableByOthersOrNotAKey)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "key").string();
    const RootKey made{path};
    struct stat st {};
    ASSERT_EQ(::stat(path.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600U);
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    EXPECT_THROW(RootKey{path}, std::runtime_error);
    agenthost::test::write_file(dir / "short", "abc", 0600);
    EXPECT_THROW(RootKey{(dir / "short").string()}, std::runtime_error);
    EXPECT_THROW(RootKey{(dir / "none" / "key").string()}, std::runtime_error);
}

} // namespace
