#include "host/dispatch/json.hpp"
#include "host/dispatch/json_scan.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>

using namespace agenthost::host;

namespace {

bool simdjson_says(std::string_view text)
{
    simdjson::dom::parser parser;
    return !text.empty() && parser.parse(text.data(), text.size(), true).error() == simdjson::SUCCESS;
}

const std::vector<std::string> seeds = {
    R"({"file_id":"0123456789abcdef0123456789abcdef","size":123456,"ok":true,"none":null,"list":[1,-2,0,[],{}],"deep":{"a":{"b":[false]}}})",
    R"(  [ 1 , "two" , { "three" : 3 } , [ ] , { } ]  )",
    R"("a string that is longer than sixteen bytes, so that blocks are looked at")",
    R"({"a":1.5e-7,"b":"\u00e9\n","c":"é","d":12345678901234567890})",
    "0",
    "-0",
    "-1",
    "true",
    "\t\r\n null ",
    R"({"":""})",
    "[[[[[[[[[[]]]]]]]]]]",
};

TEST(Scan, TakesTheUsualAtOnce)
{
    for (const std::size_t i : {0, 1, 2, 4, 5, 6, 7, 8, 9, 10})
        EXPECT_TRUE(json::Scan{seeds[i]}.certainly_valid()) << seeds[i];
    EXPECT_FALSE(json::Scan{seeds[3]}.certainly_valid()) << "that is simdjson's to say";
    EXPECT_TRUE(json::valid(seeds[3]));
}

TEST(Scan, RefusesDepthsBeyond64)
{
    const std::string deep = std::string(64, '[') + std::string(64, ']'), deeper = "[" + deep + "]";
    EXPECT_TRUE(json::Scan{deep}.certainly_valid());
    EXPECT_FALSE(json::Scan{deeper}.certainly_valid());
    EXPECT_TRUE(json::valid(deep));
    EXPECT_TRUE(json::valid("[\"\\u0041\"," + deep.substr(1, 126) + "]")) << "simdjson has the same bound";
    EXPECT_FALSE(json::valid(deeper));
    EXPECT_FALSE(json::valid_object(R"({"a":)" + deep + "}"));
    EXPECT_FALSE(json::valid(std::string(100'000, '[')));
}

// Whatever it takes simdjson takes; and together they are simdjson's word.
TEST(Scan, NeverTakesWhatSimdjsonRefuses)
{
    std::mt19937 random{11};
    static constexpr char alphabet[] = "{}[]\",:\\ \n\t0123456789-+.eEtrufalsn\x01\x7f\x80\xc3\xa9";
    const std::string_view bytes{alphabet, sizeof alphabet}; // with the NUL
    std::size_t valid = 0;
    for (int i = 0; i < 300'000; ++i) {
        std::string text = seeds[random() % seeds.size()];
        for (unsigned n = random() % 4; n > 0 && !text.empty(); --n) {
            const std::size_t at = random() % text.size();
            switch (random() % 4) {
            case 0: text[at] = bytes[random() % bytes.size()]; break;
            case 1: text.insert(at, 1, bytes[random() % bytes.size()]); break;
            case 2: text.erase(at, 1 + random() % 3); break;
            default: text.resize(at); break;
            }
        }
        const bool truth = simdjson_says(text);
        valid += truth;
        if (json::Scan{text}.certainly_valid()) {
            ASSERT_TRUE(truth) << text;
        }
        ASSERT_EQ(json::valid(text), truth) << text;
        ASSERT_EQ(json::valid_object(text), truth && text[text.find_first_not_of(" \t\r\n")] == '{') << text;
    }
    EXPECT_GT(valid, 30'000u) << "the mutation leaves enough that is right";
    EXPECT_LT(valid, 270'000u);
}

TEST(Json, ReadsAnErrorsFieldsWhateverIsMissing)
{
    json::ErrorText error;
    EXPECT_TRUE(json::read_error(R"({"message":"m","code":7,"data":{ "x" : 1 },"more":1})", error));
    EXPECT_EQ(error.code, "");
    EXPECT_EQ(error.message, "m");
    EXPECT_EQ(error.data, R"({"x":1})");
    EXPECT_FALSE(json::read_error("[]", error));
    EXPECT_FALSE(json::read_error("{", error));
    EXPECT_FALSE(json::read_error("", error));
}

} // namespace
