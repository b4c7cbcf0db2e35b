#include "fixture.hpp"

using namespace agenthost::host;
using namespace agenthost::host::test;
using agenthost::test::TempDir;
using agenthost::test::write_file;
using Kind = agenthost::host::SecretSource::Kind;

namespace {

std::string read(const SecretSource& source)
{
    std::string why;
    const auto secret = read_secret(source, why);
    return secret ? "got " + *secret : why;
}

TEST(Secret, ComesFromAFileWithoutItsLineEnd)
{
    const TempDir dir;
    write_file(dir / "a", "s3cret \n\r\n");
    EXPECT_EQ(read({Kind::file, dir / "a"}), "got s3cret ");
    write_file(dir / "a", "changed");
    EXPECT_EQ(read({Kind::file, dir / "a"}), "got changed"); // read each time
}

TEST(Secret, RefusesAWorldReadableFile)
{
    const TempDir dir;
    const std::string file = dir / "a";
    write_file(file, "s3cret", 0604);
    EXPECT_EQ(read({Kind::file, file}), "everyone on this machine may open " + file +
                                            ". Make it private: chmod 0600 " + file +
                                            "; for a container's secret write {file: PATH, mode: any}");
}

TEST(Secret, ExplainsWhyItCannotBeRead)
{
    const TempDir dir;
    const std::string file = dir / "a";
    EXPECT_EQ(read({}), "no credential is configured");
    EXPECT_EQ(read({Kind::file, file}),
              file + ": No such file or directory. Create it with mode 0600 and the secret in it");
    write_file(file, "\n");
    EXPECT_THAT(read({Kind::file, file}), testing::HasSubstr(file + " is empty"));
    write_file(file, std::string(70'000, 'x'));
    EXPECT_EQ(read({Kind::file, file}), file + ": longer than 64 KiB; this is not a secret");
    EXPECT_EQ(read({Kind::file, dir.path()}),
              dir.path().string() + " is a directory, not a file with a secret");
}

TEST(Secret, ComesFromTheEnvironment)
{
    const Environment variable{"AGENTHOST_TEST_SECRET", "abc"};
    EXPECT_EQ(read({Kind::env, "AGENTHOST_TEST_SECRET"}), "got abc");
    EXPECT_EQ(read({Kind::env, "AGENTHOST_TEST_NONE"}),
              "environment variable AGENTHOST_TEST_NONE is not set for the daemon");
}

TEST(Secret, ComesFromSystemd)
{
    const TempDir dir;
    write_file(dir / "ops", "xyz\n", 0400);
    EXPECT_EQ(read({Kind::systemd, "ops"}), "systemd credential ops: the daemon was given no credentials. "
                                            "Add LoadCredential=ops:PATH to its unit");
    const Environment variable{"CREDENTIALS_DIRECTORY", dir.path().string()};
    EXPECT_EQ(read({Kind::systemd, "ops"}), "got xyz");
    EXPECT_EQ(read({Kind::systemd, "../ops"}), "systemd credential ../ops: a name must not contain \"/\"");
}

} // namespace
