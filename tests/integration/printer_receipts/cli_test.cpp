// `agenthost print render` as people and scripts call it.
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using agenthost::test::program;
using agenthost::test::Ran;
using agenthost::test::read_file;
using agenthost::test::write_file;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::string_literals;

namespace {

struct PrintCommand : testing::Test {
    Ran print(std::vector<std::string> words, const std::string& input = {})
    {
        words.insert(words.begin(), {program("agenthost").string(), "print"});
        return agenthost::test::run(std::move(words), {}, input);
    }
    agenthost::test::TempDir dir;
    const std::string job = "\x1b@\x1b"
                            "a\x01SHOP\n\x1b"
                            "a";
    std::string file()
    {
        write_file(dir / "job.bin", job);
        return (dir / "job.bin").string();
    }
};

TEST_F(PrintCommand, PrintsText)
{
    const Ran ran = print({"render", file()});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, "                      SHOP\nwarning: the job ends inside ESC a\n");
    EXPECT_EQ(print({"render", "-", "--width=384"}, "a\n").out, "a\n");
}

TEST_F(PrintCommand, WritesAPictureAndJson)
{
    const std::string png = (dir / "out.png").string();
    const Ran ran = print({"render", file(), "-o", png, "--json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(read_file(png), StartsWith("\x89PNG"));
    EXPECT_EQ(nlohmann::json::parse(ran.out)["lines"][0]["text"], "SHOP");
    EXPECT_THAT(print({"render", file(), "-o", "-"}).out, StartsWith("\x89PNG"));
}

TEST_F(PrintCommand, TakesThePrintersPagesAndCharset)
{
    EXPECT_EQ(print({"render", "-", "--page", "6=CP1251"}, "\x1bt\x06\xcf\n").out, "П\n");
    EXPECT_EQ(print({"render", "-", "--kanji", "--charset", "BIG5"}, "\xa4\xa4\n").out.substr(0, 3), "中");
}

TEST_F(PrintCommand, SaysWhatIsWrong)
{
    EXPECT_EQ(print({}).code, 2);
    EXPECT_THAT(print({"paint"}).err, HasSubstr("unknown verb \"paint\"; known are render"));
    EXPECT_THAT(print({"render"}).err, HasSubstr("needs a FILE"));
    EXPECT_THAT(print({"render", "a", "b"}).err, HasSubstr("takes one FILE"));
    EXPECT_THAT(print({"render", "a", "--width", "7"}).err, HasSubstr("64 to 2048"));
    EXPECT_THAT(print({"render", "a", "--page", "7=X"}).err, AllOf(HasSubstr("unknown"), HasSubstr("CP866")));
    EXPECT_THAT(print({"render", "a", "--quick"}).err, HasSubstr("unknown option --quick"));
    const Ran missing = print({"render", (dir / "none").string()});
    EXPECT_EQ(missing.code, 1);
    EXPECT_THAT(missing.err, HasSubstr("No such file"));
    EXPECT_EQ(print({"render", file(), "-o", (dir / "no/x.png").string()}).code, 1);
    EXPECT_THAT(print({"--help"}).out, HasSubstr("--no-cut-marks"));
}

// What a job prints cannot move the cursor of a terminal.
TEST_F(PrintCommand, ShowsNoControlCharacters)
{
    const Ran ran = print({"render", "-"}, "\x1d(k\x06\x00\x31P0\x1b[m"s + "\x1d(k\x03\x00\x31Q0"s);
    EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
}

} // namespace
