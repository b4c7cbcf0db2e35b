#include "host/schema/schema.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

using namespace agenthost::host;

namespace {

constexpr std::string_view upload =
    R"({"type":"object","required":["file_info","download_url"],"additionalProperties":false,"properties":{
  "file_info":{"type":"object","required":["id","name"],"properties":{
    "id":{"type":"string","minLength":1,"maxLength":256},"name":{"type":"string","maxLength":1024},
    "owner_id":{"type":"string","maxLength":256},"size":{"type":"integer","minimum":0},
    "sha256":{"type":"string","pattern":"^[0-9a-f]{64}$"}}},
  "download_url":{"type":"string","minLength":1,"maxLength":8192}}})";

std::shared_ptr<const Schema> schema(std::string_view text)
{
    std::string why;
    auto out = compile_schema(text, why);
    EXPECT_TRUE(out) << why;
    return out;
}

TEST(Schema, ReportsWhereWhatAndHowToFix)
{
    const auto s = schema(upload);
    const auto of = [&](std::string_view info) {
        return s->check(R"({"download_url":"http://a/","file_info":)" + std::string{info} + "}");
    };
    EXPECT_EQ(of(R"({"id":"f","name":"n","size":12})"), "");
    EXPECT_EQ(of(R"({"id":"f","name":"n","size":"12"})"),
              "/file_info/size: must be an integer >= 0, is a string");
    EXPECT_EQ(of(R"({"id":"f","name":"n","size":-1})"),
              "/file_info/size: must be an integer >= 0, is out of range");
    EXPECT_EQ(of(R"({"id":"f","name":"n","size":1.5})"),
              "/file_info/size: must be an integer >= 0, is a number with a fraction or beyond 64 bits");
    EXPECT_EQ(of(R"({"id":"f"})"), "/file_info/name: is missing; give a string of at most 1024 characters");
    EXPECT_EQ(of(R"({"id":"","name":"n"})"), "/file_info/id: must be a string of 1 to 256 characters, has 0");
    EXPECT_EQ(of(R"([])"), "/file_info: must be an object, is an array");
    EXPECT_EQ(of(R"({"id":"f","name":"n","sha256":"xyz"})"),
              "/file_info/sha256: must be a string that matches \"^[0-9a-f]{64}$\"; this one does not match");
    EXPECT_EQ(s->check(R"({"file_info":{"id":"f","name":"n"},"download_url":"u","download_ur":1})"),
              "/download_ur: unknown key; did you mean \"download_url\"?");
    EXPECT_EQ(schema(R"({"type":"object","properties":{"quota":{}},"additionalProperties":false})")
                  ->check(R"({"qouta":1})"),
              "/qouta: unknown key; did you mean \"quota\"?");
    EXPECT_EQ(schema(R"({"enum":["storage","panel"]})")->check(R"("foo")"),
              "the value itself: must be one of \"storage\", \"panel\", not \"foo\"");
    EXPECT_EQ(s->check("7"), "the value itself: must be an object, is an integer");
    EXPECT_EQ(s->check("{").substr(0, 15), "not valid JSON:");
}

TEST(Schema, CountsOnePointZeroAsAnInteger)
{
    for (const char* text :
         {R"({"type":"integer"})", R"({"type":"integer","not":{"type":"string"}})"}) { // tree, valijson
        const auto s = schema(text);
        EXPECT_EQ(s->check("1.0"), "") << text;
        EXPECT_EQ(s->check("1e3"), "") << text;
        EXPECT_NE(s->check("1.5"), "") << text;
        EXPECT_NE(s->check("1e300"), "") << text;
    }
}

TEST(Schema, CountsCodePointsNotBytes)
{
    const auto s = schema(R"({"type":"string","minLength":3,"maxLength":3})");
    EXPECT_EQ(s->check("\"\xd1\x84\xd0\xb0\xd0\xb9\""), "");
    EXPECT_NE(s->check("\"\xd1\x84\xd0\xb0\""), "");
    EXPECT_NE(s->check("\"abcd\""), "");
}

TEST(Schema, EscapesPointersAndCutsLongKeys)
{
    const auto s = schema(R"({"additionalProperties":{"type":"null"}})");
    EXPECT_EQ(s->check(R"({"a/b~c":1})"), "/a~1b~0c: must be null, is an integer");
    EXPECT_LT(s->check("{\"" + std::string(100'000, 'k') + "\":1}").size(), 200u);
}

TEST(Schema, NamesTheClosestAlternative)
{
    const auto s =
        schema(R"({"anyOf":[{"type":"integer","minimum":1},{"type":"string","enum":["auto","off"]}]})");
    EXPECT_EQ(s->check("3"), "");
    EXPECT_EQ(s->check(R"("auto")"), "");
    EXPECT_EQ(s->check("0"), "the value itself: must be an integer >= 1, is out of range");
    EXPECT_EQ(s->check("[]"), "the value itself: must be an integer >= 1 or one of \"auto\", \"off\", is an "
                              "array that matches none of these");
    const auto one = schema(R"({"oneOf":[{"required":["a"]},{"required":["b"]}]})");
    EXPECT_EQ(one->check(R"({"a":1})"), "");
    EXPECT_EQ(one->check(R"({"a":1,"b":1})"),
              "the value itself: matches 2 of the alternatives, which exclude each other; give exactly one");
}

TEST(Schema, RejectsInvalidSchemas)
{
    const auto why = [](std::string_view text) {
        std::string out;
        EXPECT_FALSE(compile_schema(text, out)) << text;
        return out;
    };
    EXPECT_EQ(why(R"({"type":"objekt"})"), "#/type: unknown type \"objekt\"; did you mean \"object\"?");
    EXPECT_EQ(why(R"({"properties":{"a":{"minLenght":1}}})"),
              "#/properties/a: unknown keyword \"minLenght\"; did you mean \"minLength\"?");
    EXPECT_NE(why("[]").find("must be a schema"), std::string::npos);
    EXPECT_NE(why("{").find("not valid JSON"), std::string::npos);
    EXPECT_NE(why(R"({"$ref":"http://elsewhere/schema.json"})").find("not a JSON Schema"), std::string::npos);
    std::string deep = "{}";
    for (int i = 0; i < 40; ++i) deep = R"({"items":)" + deep + "}";
    EXPECT_NE(why(deep).find("too deep"), std::string::npos);
}

TEST(Schema, FallsBackOutsideTheSubset)
{
    const auto s = schema(
        R"({"properties":{"when":{"type":"string","format":"date"},"tags":{"uniqueItems":true},"n":{"$ref":"#/definitions/n"}},
                              "definitions":{"n":{"type":"integer"}}})");
    EXPECT_EQ(s->check(R"({"when":"never","tags":[1,2],"n":1.0})"), ""); // format is ignored
    EXPECT_EQ(s->check(R"({"tags":[1,1]})").substr(0, 6), "/tags:");
    EXPECT_EQ(s->check(R"({"n":"x"})").substr(0, 3), "/n:");
    EXPECT_EQ(s->check("nonsense"), "not valid JSON");
}

// std::regex recurses once a byte; a server must not be able to choose how deep.
TEST(Schema, KeepsLongStringsFromStdRegex)
{
    const auto s = schema(R"({"type":"string","pattern":"^(a|b)*$"})");
    EXPECT_EQ(s->check("\"" + std::string(2000, 'a') + "\""), "");
    EXPECT_NE(s->check("\"" + std::string(900'000, 'a') + "\"").find("more than 2048 bytes"),
              std::string::npos);
}

TEST(Schema, SurvivesDeepAndLargeDocuments)
{
    const auto tree = schema(R"({"type":"object"})");
    const auto fallback = schema(R"({"not":{"type":"string"}})");
    const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
    EXPECT_NE(tree->check(deep), "");
    EXPECT_NE(fallback->check(deep), "");
    const std::string large = R"({"x":")" + std::string(1 << 20, 'x') + "\"}";
    EXPECT_EQ(tree->check(large), "");
    EXPECT_EQ(tree->check("{}"), ""); // the thread's small parser still works
}

TEST(Schema, IsThreadSafe)
{
    const auto tree = schema(upload);
    const auto fallback = schema(R"({"properties":{"a":{"uniqueItems":true,"items":{"pattern":"^(x)+$"}}}})");
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 300; ++i) {
                wrong += !tree->check(R"({"file_info":{"id":"f","name":"n"},"download_url":"u"})").empty();
                wrong += tree->check(R"({"file_info":{"id":1,"name":"n"},"download_url":"u"})").empty();
                wrong += !fallback->check(R"({"a":["x","xx"]})").empty();
                wrong += fallback->check(R"({"a":["y"]})").empty();
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

} // namespace
