#include "base/secret.hpp"

#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace agenthost::base {

using agenthost::test::TempDir;
using agenthost::test::write_file;
using testing::HasSubstr;
using Kind = SecretSource::Kind;
using Verdict = SecretFile::Verdict;

namespace {

// An environment variable for the length of a test.
struct Environment {
    Environment(const char* name, const std::string& value) : name{name} { ::setenv(name, value.c_str(), 1); }
    ~Environment() { ::unsetenv(name); }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    const char* name;
};

// "=SECRET", or why there is none.
std::string read(std::string_view content, SecretForm form = SecretForm::line)
{
    const TempDir dir;
    const std::string file = dir / "secret";
    write_file(file, content, 0600);
    std::string why;
    const auto secret = read_secret({Kind::file, file}, why, form);
    return secret ? "=" + *secret : why.substr(file.size());
}

TEST(Secret, IsTheOnlyNonBlankLine)
{
    EXPECT_EQ(read("s3cret"), "=s3cret");
    EXPECT_EQ(read("s3cret\n"), "=s3cret");
    EXPECT_EQ(read("s3cret\r\n"), "=s3cret");
    EXPECT_EQ(read("\xef\xbb\xbfs3cret\r\n"), "=s3cret");
    EXPECT_EQ(read("\n \n\r\ns3cret\n\n\t\n"), "=s3cret");
    EXPECT_EQ(read(" s 3 \n"), "= s 3 ") << "spaces may be part of a password";
}

TEST(Secret, WithTwoLinesIsAnExplainedError)
{
    for (const char* two : {"one\ntwo", "one\r\ntwo\r\n", "one\rtwo", "\none\n\ntwo\n"})
        EXPECT_EQ(read(two), " has 2 lines that are not blank. A secret is one line: remove the others")
            << two;
}

TEST(Secret, WithControlCharactersIsAnError)
{
    EXPECT_THAT(read(""), HasSubstr("is empty"));
    EXPECT_THAT(read(" \r\n\n"), HasSubstr("is empty"));
    EXPECT_THAT(read("\xef\xbb\xbf"), HasSubstr("is empty"));
    EXPECT_THAT(read(std::string_view{"s\0cret", 6}), HasSubstr("control character"));
    EXPECT_THAT(read("s\x1b[0mcret"), HasSubstr("control character"));
    EXPECT_THAT(read(std::string_view{"\xff\xfes\0", 4}), HasSubstr("UTF-16"));
    EXPECT_THAT(read(std::string(70'000, 'x')), HasSubstr("longer than 64 KiB"));
}

TEST(Secret, AcceptsAMultilinePrivateKey)
{
    const char* const pem = "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----";
    EXPECT_EQ(read(std::string{"\xef\xbb\xbf\n"} + pem + "\n\n", SecretForm::text), std::string{"="} + pem);
    EXPECT_THAT(read("\n", SecretForm::text), HasSubstr("is empty"));
}

TEST(Secret, ReadableByEveryoneIsRefusedExceptInAContainersFolder)
{
    const TempDir dir;
    const std::string folder = dir / "secrets", file = folder + "/token";
    std::filesystem::create_directories(folder + "/..data");
    write_file(folder + "/..data/token", "s3cret\n", 0444);
    std::filesystem::create_symlink("..data/token", file); // as Kubernetes does
    EXPECT_EQ(look_at_secret_file({Kind::file, file}, {}).verdict, Verdict::refused);
    EXPECT_THAT(look_at_secret_file({Kind::file, file}, {}).text, HasSubstr("{file: PATH, mode: any}"));
    EXPECT_EQ(look_at_secret_file({Kind::file, file}, {folder}).verdict, Verdict::good);
    EXPECT_EQ(look_at_secret_file({Kind::file, file}, {folder + "/..da"}).verdict, Verdict::refused)
        << "a name that only begins like the folder";
    ::chmod((folder + "/..data/token").c_str(), 0446);
    EXPECT_EQ(look_at_secret_file({Kind::file, file}, {folder}).verdict, Verdict::refused)
        << "one that everyone may change is refused anywhere";
}

TEST(Secret, IgnoresTheFileModeWithModeAny)
{
    const TempDir dir;
    const std::string file = dir / "token";
    write_file(file, "s3cret\n", 0444);
    std::string why;
    EXPECT_FALSE(read_secret({Kind::file, file}, why));
    EXPECT_THAT(why, HasSubstr("everyone on this machine may open " + file));
    EXPECT_EQ(read_secret({Kind::file, file, true}, why), "s3cret");
    EXPECT_EQ(look_at_secret_file({Kind::file, file, true}).verdict, Verdict::good);
    EXPECT_FALSE(read_secret({Kind::file, dir.path().string(), true}, why));
}

TEST(Secret, AcceptsAWorldReadableSystemdCredential)
{
    const TempDir dir;
    write_file(dir / "ops", "xyz\n", 0444);
    const Environment variable{"CREDENTIALS_DIRECTORY", dir.path().string()};
    std::string why;
    EXPECT_EQ(read_secret({Kind::systemd, "ops"}, why), "xyz") << why;
    write_file(dir / "two", "a\nb\n", 0400);
    EXPECT_FALSE(read_secret({Kind::systemd, "two"}, why));
    EXPECT_EQ(
        why,
        "systemd credential two has 2 lines that are not blank. A secret is one line: remove the others");
    EXPECT_FALSE(read_secret({Kind::systemd, "../ops"}, why));
}

TEST(Secret, ChecksEnvironmentVariablesLikeFiles)
{
    const Environment variable{"AGENTHOST_TEST_SECRET", "\nabc\r\n"};
    std::string why;
    EXPECT_EQ(read_secret({Kind::env, "AGENTHOST_TEST_SECRET"}, why), "abc");
}

} // namespace
} // namespace agenthost::base
