// JsonWriter: what it writes is what a parser reads back, and valid whatever the caller does.
#include "base/json_writer.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <optional>
#include <random>
#include <vector>

using namespace agenthost::base;
using nlohmann::json;

namespace {

TEST(JsonWriter, WritesNestedObjectsAndArrays)
{
    std::string out = "before ";
    JsonWriter{out}
        .object()
        .member("name", "a \"b\"\n")
        .array("ids")
        .value(1)
        .value(-2)
        .object()
        .end()
        .end()
        .object("empty")
        .end()
        .member("data", RawJson{R"({"x":[1, 2]})"})
        .end();
    EXPECT_EQ(out, R"(before {"name":"a \"b\"\n","ids":[1,-2,{}],"empty":{},"data":{"x":[1, 2]}})");
}

TEST(JsonWriter, TakesMembersAndElementsThatAreJson)
{
    std::string out;
    JsonWriter json{out};
    json.object().raw_members("").raw_member(R"("a\u0062")", "1").raw_members(R"("c":[2],"d":{})");
    json.array("e").raw_elements("").raw_elements("1,2").value(3).raw_elements("4").end();
    json.object("f").raw_members(R"("g":5)").end().member("h", 6).end();
    EXPECT_EQ(out, R"({"a\u0062":1,"c":[2],"d":{},"e":[1,2,3,4],"f":{"g":5},"h":6})");
}

TEST(JsonWriter, WritesLiteralsLikeAnyText)
{
    const char buffer[8] = "ab";
    std::string out;
    JsonWriter writer{out};
    writer.object()
        .member("a", "")
        .member("b", "plain")
        .member("c", "\"\\\n\x7f")
        .member("d", "\xc3\xa9\xff");
    writer.member("e", "longer than the texts that are appended together with their keys")
        .member("f", buffer);
    writer.member(std::string{"\"g"}, "x").member("h", "y").end();
    EXPECT_EQ(json::parse(out),
              (json{{"a", ""},
                    {"b", "plain"},
                    {"c", "\"\\\n\x7f"},
                    {"d", "\xc3\xa9\xef\xbf\xbd"},
                    {"e", "longer than the texts that are appended together with their keys"},
                    {"f", "ab"},
                    {"\"g", "x"},
                    {"h", "y"}}));
}

TEST(JsonWriter, TakesAValueThatAFunctionAppends)
{
    const auto appends = [](std::string& text) { return text += "[1]", true; };
    const auto refuses = [](std::string&) { return false; };
    std::string out;
    JsonWriter json{out};
    json.object();
    EXPECT_FALSE(json.key("a").append_value(refuses));
    EXPECT_TRUE(json.key("b").append_value(appends));
    EXPECT_FALSE(json.key("c").append_value(refuses));
    json.array("d");
    EXPECT_FALSE(json.append_value(refuses));
    EXPECT_TRUE(json.append_value(appends));
    EXPECT_FALSE(json.append_value(refuses));
    EXPECT_TRUE(json.append_value(appends));
    json.end().end();
    EXPECT_EQ(out, R"({"b":[1],"d":[[1],[1]]})");
}

TEST(JsonWriter, WritesBytesAsBase64)
{
    std::string out;
    JsonWriter{out}
        .object()
        .member("data", Base64Json{{"\x00\xff\n", 3}})
        .member("empty", Base64Json{})
        .end();
    EXPECT_EQ(out, R"({"data":"AP8K","empty":""})");
}

TEST(JsonWriter, WritesEveryKindOfValue)
{
    const std::optional<int> none, some = 7;
    const std::vector<std::string> list{"a", "b"};
    EXPECT_EQ(
        json_object("text", std::string{"t"}, "view", std::string_view{"v"}, "yes", true, "no", false, "null",
                    nullptr, "none", none, "some", some, "list", list),
        R"({"text":"t","view":"v","yes":true,"no":false,"null":null,"none":null,"some":7,"list":["a","b"]})");
    EXPECT_EQ(json_object("min", std::numeric_limits<std::int64_t>::min(), "max",
                          std::numeric_limits<std::uint64_t>::max()),
              R"({"min":-9223372036854775808,"max":18446744073709551615})");
}

TEST(JsonWriter, PrintsDoublesAsEcmaScriptDoes)
{
    EXPECT_EQ(json_object("a", 25.0, "b", 0.1 + 0.2, "c", 1e21, "d", -0.0, "e", 1e-7, "f",
                          std::numeric_limits<double>::infinity(), "g", 1.5F),
              R"({"a":25,"b":0.30000000000000004,"c":1e+21,"d":0,"e":1e-7,"f":null,"g":1.5})");
}

TEST(JsonWriter, EscapesKeysThatAreNotLiterals)
{
    const std::string key = "a\"b\xff", long_key(100, 'k');
    std::string out;
    JsonWriter{out}.object().member(key, 1).member(long_key, 2).end();
    EXPECT_EQ(out, "{\"a\\\"b\xEF\xBF\xBD\":1,\"" + long_key + "\":2}");
}

TEST(JsonWriter, WritesScalarsAsTheRoot)
{
    std::string out;
    JsonWriter{out}.value("\x01");
    EXPECT_EQ(out, "\"\\u0001\"");
}

TEST(JsonWriter, EscapesWhatMustBeEscaped)
{
    const std::string text{"a\"b\\c\n\x01\x1f é\0", 13};
    std::string out;
    JsonWriter{out}.value(text);
    EXPECT_EQ(json::parse(out), json(text));
}

TEST(JsonWriter, ClosesOpenContainersWhenDestroyed)
{
    std::string out;
    {
        JsonWriter{out}.object().array("a").object().key("dangling");
    }
    EXPECT_EQ(out, R"({"a":[{}]})");
    out.clear();
    {
        JsonWriter{out};
    }
    EXPECT_EQ(out, "null");
}

TEST(JsonWriter, AllocatesNothingWhenTheTargetHasSpace)
{
    std::string out;
    out.reserve(4096);
    const char* const data = out.data();
    for (int i = 0; i < 3; ++i) {
        out.clear();
        JsonWriter{out}
            .object()
            .member("a", std::string_view{"text"})
            .member("b", 0.25)
            .array("c")
            .value(1)
            .end()
            .end();
        EXPECT_EQ(out.data(), data);
    }
}

// Random documents, built at the same time as nlohmann's value.
void write_random(JsonWriter& writer, json& expected, std::mt19937& random, int depth)
{
    switch (random() % (depth < 5 ? 8U : 5U)) {
    case 0: expected = nullptr, writer.value(nullptr); return;
    case 1: expected = true, writer.value(true); return;
    case 2: {
        const auto number = static_cast<std::int64_t>(random()) - (1LL << 31);
        expected = number, writer.value(number);
        return;
    }
    case 3: {
        const double number = static_cast<double>(random()) / (1 + random() % 1000);
        expected = number, writer.value(number);
        return;
    }
    case 4: {
        std::string text;
        for (unsigned n = random() % 40; n > 0; --n) text += static_cast<char>(random() % 0x7f);
        expected = text, writer.value(text);
        return;
    }
    case 5: {
        expected = json::array();
        writer.array();
        for (unsigned n = random() % 4; n > 0; --n)
            write_random(writer, expected.emplace_back(), random, depth + 1);
        writer.end();
        return;
    }
    default: {
        expected = json::object();
        writer.object();
        for (unsigned n = random() % 4; n > 0; --n) {
            const std::string key = "k\"" + std::to_string(n);
            writer.key(key);
            write_random(writer, expected[key], random, depth + 1);
        }
        writer.end();
    }
    }
}

TEST(JsonWriter, WritesTextThatAParserReadsBack)
{
    std::mt19937 random{1};
    for (int i = 0; i < 3000; ++i) {
        std::string out;
        json expected;
        {
            JsonWriter writer{out};
            write_random(writer, expected, random, 0);
        }
        const json read = json::parse(out, nullptr, false);
        ASSERT_FALSE(read.is_discarded()) << out;
        ASSERT_EQ(read, expected) << out;
    }
}

#ifdef NDEBUG
TEST(JsonWriter, DropsMisuseInAReleaseBuild)
{
    std::string out;
    JsonWriter{out}
        .object()
        .value(1)
        .member("a", 2)
        .key("b")
        .key("c")
        .value(3)
        .key("d")
        .end()
        .end()
        .value(4)
        .object()
        .end();
    EXPECT_EQ(out, R"({"a":2,"c":3})");
    out.clear();
    JsonWriter{out}.array().key("k").value(1).value(RawJson{""}).end();
    EXPECT_EQ(out, "[1,null]");
    out.clear();
    {
        JsonWriter writer{out};
        for (int i = 0; i < 100; ++i) writer.array();
        for (int i = 0; i < 100; ++i) writer.end();
    }
    EXPECT_TRUE(json::accept(out));
}

TEST(JsonWriter, StaysValidUnderRandomMisuseInAReleaseBuild)
{
    std::mt19937 random{3};
    for (int i = 0; i < 20'000; ++i) {
        std::string out;
        {
            JsonWriter writer{out};
            for (unsigned n = random() % 30; n > 0; --n) {
                switch (random() % 7) {
                case 0: writer.object(); break;
                case 1: writer.array(); break;
                case 2: writer.end(); break;
                case 3: writer.key("k"); break;
                case 4: writer.value("text"); break;
                case 5: writer.value(5); break;
                default: writer.member("m", true); break;
                }
            }
        }
        ASSERT_TRUE(json::accept(out)) << out;
    }
}
#else
TEST(JsonWriterDeathTest, AssertsOnMisuse)
{
    std::string out;
    EXPECT_DEATH(JsonWriter{out}.object().value(1), "a member without a key");
    EXPECT_DEATH(JsonWriter{out}.object().key("a").end(), "a key without a value");
    EXPECT_DEATH(JsonWriter{out}.array().key("a"), "a key outside an object");
    EXPECT_DEATH(JsonWriter{out}.value(1).value(2), "a second root");
    EXPECT_DEATH(JsonWriter{out}.object().end().end(), "nothing to close");
}
#endif

} // namespace
