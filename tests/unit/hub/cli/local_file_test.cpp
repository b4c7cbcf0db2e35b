#include "plugins/hub/cli/daemon.hpp"
#include "plugins/hub/cli/local_file.hpp"

#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace {

using agenthost::hub::cli::Failed;
using agenthost::hub::cli::read_local;
using ::testing::HasSubstr;

std::string problem(const std::string& path)
{
    try {
        read_local(path, 4096);
        return {};
    } catch (const Failed& e) {
        return e.what();
    }
}

TEST(LocalFile, IsARegularFileOfABoundedSize)
{
    const agenthost::test::TempDir dir;
    agenthost::test::write_file(dir / "good", std::string(4096, 'x'));
    agenthost::test::write_file(dir / "large", std::string(4097, 'x'));
    ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(read_local(dir / "good", 4096).size(), 4096u);
    EXPECT_THAT(problem(dir / "large"), HasSubstr("larger than 4 KiB"));
    EXPECT_THAT(problem(dir / "none"), HasSubstr("No such file"));
    for (const std::string& odd : {(dir / "fifo").string(), std::string{"/dev/zero"}, std::string{"/tmp"}})
        EXPECT_THAT(problem(odd), HasSubstr("not a regular file")) << odd;
}

TEST(LocalFile, TextThatIsNotUtf8IsNotSentAsSomethingElse)
{
    EXPECT_EQ(agenthost::hub::cli::request_text({{"path", "caf\xc3\xa9"}}), "{\"path\":\"caf\xc3\xa9\"}");
    EXPECT_THROW(agenthost::hub::cli::request_text({{"path", "/a\xff"}}), Failed);
}

} // namespace
