#include "base/base64.hpp"

#include <gtest/gtest.h>

namespace agenthost::base {
namespace {

TEST(Base64, KnowsItsVectors)
{
    // RFC 4648, 10.
    const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : vectors) {
        EXPECT_EQ(base64(bytes), text);
        EXPECT_EQ(from_base64(text), bytes);
    }
    EXPECT_EQ(base64("\xfb\xff"), "+/8=");
}

TEST(Base64, RefusesWhatIsNotBase64)
{
    for (const char* text : {"a", "ab", "Zg=", "Zg", "Z===", "Zg==Zg==", "Zm9v\n", " Zm9", "-_8="})
        EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Base64, AppendsAndTakesBackWhatItCannotRead)
{
    std::string out = "x";
    append_base64(out, "fo");
    EXPECT_EQ(out, "xZm8=");
    out = "x";
    EXPECT_TRUE(append_from_base64(out, "Zm8")) << "padding may be missing";
    EXPECT_EQ(out, "xfo");
    EXPECT_FALSE(append_from_base64(out, "Zm9vZm9v!"));
    EXPECT_EQ(out, "xfo");
}

} // namespace
} // namespace agenthost::base
