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

TEST_F(PrintCommand, WritesJsonInTheShapeOfItsManual)
{
    const auto keys = [](const nlohmann::json& object) {
        std::string all;
        for (const auto& [key, value] : object.items()) all += key + " ";
        return all;
    };
    // Text, a QR code, a drawer, an unknown command and a cut.
    const std::string everything = std::string{"SHOP\n\x1d(k\x04\0\x31P0a\x1d(k\x03\0\x31Q0", 22} +
                                   "\n\x1bp\x30\x32\xfa\x1bq\x1dV\x41\x03";
    const Ran ran = print({"render", "-", "--json"}, everything);
    ASSERT_EQ(ran.code, 0) << ran.err;
    const auto json = nlohmann::json::parse(ran.out);
    EXPECT_EQ(keys(json), "clipped cuts height lines notes warnings width ");
    ASSERT_GE(json["lines"].size(), 2U) << json;
    EXPECT_EQ(keys(json["lines"][0]), "height kind text width x y ");
    EXPECT_EQ(keys(json["lines"][1]), "height kind symbology text width x y ") << json;
    ASSERT_FALSE(json["cuts"].empty()) << json;
    EXPECT_EQ(keys(json["cuts"][0]), "partial y ");
    ASSERT_FALSE(json["notes"].empty()) << json;
    EXPECT_EQ(keys(json["notes"][0]), "kind text y ");
    ASSERT_FALSE(json["warnings"].empty()) << json;
    EXPECT_EQ(keys(json["warnings"][0]), "count text ");
}

TEST_F(PrintCommand, TakesThePrintersPagesAndCharset)
{
    EXPECT_EQ(print({"render", "-", "--page", "6=CP1251"}, "\x1bt\x06\xcf\n").out, "П\n");
    EXPECT_EQ(print({"render", "-", "--kanji", "--charset", "BIG5"}, "\xa4\xa4\n").out.substr(0, 3), "中");
}

TEST_F(PrintCommand, SaysWhatIsWrong)
{
    EXPECT_EQ(print({}).code, 2);
    EXPECT_THAT(print({"paint"}).err,
                HasSubstr("unknown verb \"paint\"; known are list, test, queue, cancel, watch, render"));
    EXPECT_THAT(print({"rendr"}).err, HasSubstr("unknown verb \"rendr\"; did you mean \"render\"?"));
    EXPECT_THAT(print({"render"}).err, AllOf(HasSubstr("no FILE given"), HasSubstr("- for standard input")));
    EXPECT_THAT(print({"render", "a", "b"}).err, HasSubstr("takes one FILE"));
    EXPECT_THAT(print({"render", "a", "--width", "7"}).err, HasSubstr("64 to 2048"));
    EXPECT_THAT(print({"render", "a", "--width"}).err, HasSubstr("write --width VALUE"));
    EXPECT_THAT(print({"render", "a", "--page", "7"}).err, HasSubstr("write N=NAME, such as 17=cp866"));
    EXPECT_THAT(print({"render", "a", "--page", "7=X"}).err,
                AllOf(HasSubstr("unknown code page \"X\"\n"), HasSubstr("cp866, cp869")));
    EXPECT_THAT(print({"render", "a", "--page", "7=cp8666"}).err, HasSubstr("did you mean \"cp866\"?"));
    EXPECT_THAT(
        print({"render", "a", "--charset", "BIG5X"}).err,
        AllOf(HasSubstr("unknown character set; did you mean \"BIG5\"?"), HasSubstr("EUC-KR, UTF-8")));
    EXPECT_THAT(print({"render", "a", "--quick"}).err, HasSubstr("unknown option --quick"));
    EXPECT_THAT(print({"render", "a", "--widht=9"}).err,
                HasSubstr("unknown option --widht; did you mean \"--width\"?"));
    EXPECT_THAT(print({"render", "a", "--text", "--json"}).err, HasSubstr("use one of them"));
    EXPECT_THAT(print({"--help"}).out, HasSubstr("--no-cut-marks"));
}

TEST_F(PrintCommand, SaysHowToMendWhatCannotBeReadOrWritten)
{
    const Ran missing = print({"render", (dir / "none").string()});
    EXPECT_EQ(missing.code, 1);
    EXPECT_THAT(missing.err, HasSubstr("No such file or directory. Check the path."));
    const Ran folder = print({"render", dir.path().string()});
    EXPECT_EQ(folder.code, 1);
    EXPECT_THAT(folder.err, HasSubstr("Is a directory. Name a file in it."));
    const Ran nowhere = print({"render", file(), "-o", (dir / "no/x.png").string()});
    EXPECT_EQ(nowhere.code, 1);
    EXPECT_THAT(nowhere.err, AllOf(HasSubstr("cannot write "), HasSubstr("Check the path.")));
    const Ran full = print({"render", file(), "-o", "/dev/full"});
    EXPECT_EQ(full.code, 1);
    EXPECT_THAT(full.err, AllOf(HasSubstr("cannot write /dev/full: No space left"), HasSubstr("Free space")));
}

// What a job prints cannot move the cursor of a terminal.
TEST_F(PrintCommand, ShowsNoControlCharacters)
{
    const Ran ran = print({"render", "-"}, "\x1d(k\x06\x00\x31P0\x1b[m"s + "\x1d(k\x03\x00\x31Q0"s);
    EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
}

} // namespace
