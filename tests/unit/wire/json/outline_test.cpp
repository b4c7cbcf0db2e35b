#include "wire/json/outline.hpp"

#include <gtest/gtest.h>

using agenthost::wire::outline;

namespace {

TEST(Outline, ShowsTheFormAndNoValue)
{
    EXPECT_EQ(outline(R"({"type":"register","shopId":"s","devices":[1,2],"token":"secret"})"),
              R"(65 bytes, an object with type "register", shopId, devices, token)");
    EXPECT_EQ(outline(R"({"action":"auth","event":"storage.file:new"})"),
              R"(44 bytes, an object with action "auth", event "storage.file:new")");
    EXPECT_EQ(outline("{}"), "2 bytes, an empty object");
    EXPECT_EQ(outline("[1]"), "3 bytes, which look like a JSON list");
    EXPECT_EQ(outline(" <!DOCTYPE html>"), "16 bytes, which look like HTML or XML");
    EXPECT_EQ(outline("{\"a\":"), "5 bytes, which look like JSON but are not a valid object");
    EXPECT_EQ(outline("hello"), "5 bytes, not JSON");
    EXPECT_EQ(outline(" \n"), "2 bytes, blank");
}

TEST(Outline, ShowsNoKeyAndNoWordThatMayBeASecret)
{
    EXPECT_EQ(outline(R"({"type":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl","9f86d081884c7d65":1})"),
              "81 bytes, an object with type, (a key)");
    EXPECT_EQ(outline(R"({"type":"two words","type2":1})"), "30 bytes, an object with type, type2");
}

TEST(Outline, IsShortWhateverTheFrame)
{
    std::string frame = "{\"k\":1";
    for (int i = 0; i < 200; ++i)
        frame += ",\"k" + std::to_string(i % 10) + std::string(1, static_cast<char>('a' + i / 10)) + "\":1";
    EXPECT_LT(outline(frame + "}").size(), 600u);
    EXPECT_NE(outline(frame + "}").find("and 189 more"), std::string::npos) << outline(frame + "}");
}

} // namespace
