#include "host/plugin/errors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <random>

using namespace agenthost::host;

namespace {

TEST(Errors, AreAlwaysTerminatedUtf8)
{
    std::mt19937 random{11};
    for (int i = 0; i < 2000; ++i) {
        agh_error error;
        for (std::size_t n = 0; n < sizeof error; ++n)
            reinterpret_cast<unsigned char*>(&error)[n] = static_cast<unsigned char>(random());
        tidy(error);
        ASSERT_LT(::strnlen(error.code, sizeof error.code), sizeof error.code);
        ASSERT_LT(::strnlen(error.text, sizeof error.text), sizeof error.text);
        EXPECT_TRUE(nlohmann::json::accept(error_json(error.code, error.text)));
    }
}

TEST(Errors, KeepValidText)
{
    const std::string text = "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \"x\" \\";
    const auto json = nlohmann::json::parse(error_json("CODE", text));
    EXPECT_EQ(json["code"], "CODE");
    EXPECT_EQ(json["message"], text);
}

TEST(Errors, AreCutBetweenCharacters)
{
    agh_error error{};
    std::string text(454, 'x');
    fill_error(error, AGH_E_DENIED, "DENIED", text + "\xe2\x82\xac"); // does not fit any more
    EXPECT_EQ(error.status, AGH_E_DENIED);
    EXPECT_TRUE(nlohmann::json::accept(error_json(error.code, error.text))) << error.text;
    EXPECT_EQ(std::string{error.text}.substr(0, 454), text);
}

TEST(Errors, ReplaceOverlongSurrogateAndStrayBytes)
{
    for (const char* bad :
         {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xff", "\xe2\x82"})
        EXPECT_TRUE(nlohmann::json::accept(error_json("C", bad)));
}

} // namespace
