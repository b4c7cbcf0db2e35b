#include "tests/unit/wire/generate.hpp"
#include "tests/unit/wire/node.hpp"

#include "wire/json/canonical.hpp"
#include "wire/json/json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

using namespace agenthost::wire;

namespace {

std::string printed(double value)
{
    std::string out;
    json::append_number(out, value);
    return out;
}

// As it would be printed, or "refused".
std::string canonical_or_refused(std::string_view text)
{
    std::string out = "kept";
    if (!json::append_canonical(out, text)) return out == "kept" ? "refused" : "changed what was there";
    return out.substr(4);
}

TEST(Numbers, ArePrintedAsEcmaScriptDoes)
{
    EXPECT_EQ(printed(25.0), "25");
    EXPECT_EQ(printed(1e21), "1e+21");
    EXPECT_EQ(printed(1e20), "100000000000000000000");
    EXPECT_EQ(printed(123456789012345680000.0), "123456789012345680000");
    EXPECT_EQ(printed(1e-7), "1e-7");
    EXPECT_EQ(printed(0.000001), "0.000001");
    EXPECT_EQ(printed(1.5e-7), "1.5e-7");
    EXPECT_EQ(printed(-0.0), "0");
    EXPECT_EQ(printed(-2.5), "-2.5");
    EXPECT_EQ(printed(0.1 + 0.2), "0.30000000000000004");
    EXPECT_EQ(printed(5e-324), "5e-324");
    EXPECT_EQ(printed(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
    EXPECT_EQ(printed(std::numeric_limits<double>::infinity()), "null");
    EXPECT_EQ(printed(std::nan("")), "null");
}

TEST(Numbers, AreReadAsEcmaScriptDoes)
{
    EXPECT_EQ(json::number("1e400"), std::numeric_limits<double>::infinity());
    EXPECT_EQ(json::number("-1e400"), -std::numeric_limits<double>::infinity());
    EXPECT_EQ(json::number("1e-400"), 0);
    EXPECT_EQ(json::number("0.000" + std::string(400, '0') + "1"), 0);
    EXPECT_EQ(json::number("0.0" + std::string(400, '0') + "1e405"), 1e3);
    EXPECT_EQ(json::number("1" + std::string(400, '0')), std::numeric_limits<double>::infinity());
    EXPECT_EQ(json::number("1" + std::string(400, '0') + "e-400"), 1);
    EXPECT_EQ(json::number("1e99999999999999999999"), std::numeric_limits<double>::infinity());
    EXPECT_EQ(json::number("1e-99999999999999999999"), 0);
    EXPECT_EQ(json::number("0e99999999999999999999"), 0);
    EXPECT_EQ(json::number("9007199254740993"), 9007199254740992.0);
}

// Doubles of every kind: any bits, decimals people write, whole numbers, neighbours of powers of two and ten.
std::vector<double> doubles(std::mt19937_64& random, std::size_t count)
{
    std::vector<double> out;
    while (out.size() < count) {
        double value = 0;
        switch (random() % 6) {
        case 0: value = std::bit_cast<double>(random()); break;
        case 1: value = static_cast<double>(random() % 100000) / 100; break;
        case 2: value = static_cast<double>(static_cast<std::int64_t>(random())); break;
        case 3: value = std::ldexp(1.0, static_cast<int>(random() % 2100) - 1070); break;
        case 4: value = std::pow(10.0, static_cast<double>(random() % 600) - 300); break;
        default:
            value = static_cast<double>(random() % 1000000) *
                    std::pow(10.0, static_cast<double>(random() % 40) - 30);
        }
        if (random() % 3 == 0) value = std::nextafter(value, random() % 2 == 0 ? 1e308 : -1e308);
        out.push_back(value);
    }
    return out;
}

TEST(Numbers, AgreeWithNodeForRandomDoubles)
{
    std::mt19937_64 random{41};
    const std::vector<double> values = doubles(random, 200'000);
    std::vector<std::string> asked;
    for (const double value : values) {
        std::array<char, 17> hex{};
        std::snprintf(hex.data(), hex.size(), "%016llx",
                      static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value)));
        asked.emplace_back(hex.data());
    }
    const std::vector<std::string> told = ask_node("numbers", asked);
    ASSERT_EQ(told.size(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(printed(values[i]), told[i]) << asked[i];
        if (std::isfinite(values[i])) {
            ASSERT_EQ(json::number(told[i]), values[i]) << told[i];
        }
    }
}

// A JSON number as someone may write it.
std::string random_number(std::mt19937_64& random)
{
    const auto digits = [&](std::size_t most) {
        std::string out;
        for (auto n = 1 + random() % most; n > 0; --n) out += static_cast<char>('0' + random() % 10);
        return out;
    };
    std::string out = random() % 2 == 0 ? "-" : "";
    out += random() % 3 == 0 ? "0"
                             : static_cast<char>('1' + random() % 9) + digits(random() % 20 == 0 ? 320 : 18);
    if (random() % 2 == 0)
        out += "." + (random() % 10 == 0 ? std::string(random() % 330, '0') : "") + digits(20);
    constexpr std::array<const char*, 6> exponents{"e", "E", "e+", "E+", "e-", "E-"};
    if (random() % 2 == 0) out += exponents[random() % 6] + std::to_string(random() % 340);
    return out;
}

TEST(Canonical, AgreesWithNodeForNumbersAsTheyAreWritten)
{
    std::mt19937_64 random{42};
    std::vector<std::string> asked;
    for (int i = 0; i < 100'000; ++i) asked.push_back(random_number(random));
    const std::vector<std::string> told = ask_node("canonical", asked);
    ASSERT_EQ(told.size(), asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i)
        ASSERT_EQ(canonical_or_refused(asked[i]), told[i]) << asked[i];
}

void add_blanks(std::string& out, std::mt19937& random)
{
    for (auto n = random() % 8 == 0 ? random() % 3 : 0; n > 0; --n) out += " \t\r"[random() % 3];
}

std::string random_string(std::mt19937& random)
{
    static const std::vector<std::string> pieces{"a",
                                                 "Z",
                                                 "0",
                                                 " ",
                                                 "\\\"",
                                                 "\\\\",
                                                 "\\/",
                                                 "/",
                                                 "\\n",
                                                 "\\t",
                                                 "\\b",
                                                 "\\f",
                                                 "\\r",
                                                 "\\u0000",
                                                 "\\u001f",
                                                 "\\u001F",
                                                 "\\u0041",
                                                 "\\u00e9",
                                                 "\\u20AC",
                                                 "\\ud83d\\ude00",
                                                 "\\uD83D\\uDE00",
                                                 "\\u2028",
                                                 "\x7f",
                                                 "é",
                                                 "€",
                                                 "😀"};
    std::string out = "\"";
    for (auto n = random() % 6; n > 0; --n) out += pieces[random() % pieces.size()];
    return out + "\"";
}

std::string random_key(std::mt19937& random)
{
    static const std::vector<std::string> keys{
        "\"a\"",          "\"b\"",           "\"\\u0061\"", "\"__proto__\"", "\"1\"",      "\"0\"",
        "\"01\"",         "\"10\"",          "\"2\"",       "\"-1\"",        "\"1.5\"",    "\"4294967294\"",
        "\"4294967295\"", "\"99999999999\"", "\"\"",        "\" 1\"",        "\"length\"", "\"\\u0033\""};
    return random() % 3 == 0 ? random_string(random) : keys[random() % keys.size()];
}

std::string random_json(std::mt19937& random, int depth)
{
    std::string out;
    std::mt19937_64 wide{random()};
    add_blanks(out, random);
    switch (random() % (depth > 0 ? 7 : 5)) {
    case 0: out += random_string(random); break;
    case 1: out += random_number(wide); break;
    case 2: out += "true"; break;
    case 3: out += "false"; break;
    case 4: out += "null"; break;
    case 5: {
        out += '[';
        for (auto n = random() % 4; n > 0; --n) out += random_json(random, depth - 1) + (n > 1 ? "," : "");
        out += ']';
        break;
    }
    default: {
        out += '{';
        for (auto n = random() % 7; n > 0; --n) {
            add_blanks(out, random);
            out += random_key(random);
            add_blanks(out, random);
            out += ':' + random_json(random, depth - 1) + (n > 1 ? "," : "");
        }
        out += '}';
    }
    }
    add_blanks(out, random);
    return out;
}

TEST(Canonical, AgreesWithNodeForRandomDocuments)
{
    std::mt19937 random{43};
    std::vector<std::string> asked;
    for (int i = 0; i < 30'000; ++i) asked.push_back(random_json(random, 4));
    const std::vector<std::string> told = ask_node("canonical", asked);
    ASSERT_EQ(told.size(), asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i)
        ASSERT_EQ(canonical_or_refused(asked[i]), told[i]) << asked[i];
}

TEST(Canonical, IsItsOwnCanonicalForm)
{
    std::mt19937 random{44};
    for (int i = 0; i < 5'000; ++i) {
        const std::string once = canonical_or_refused(random_json(random, 4));
        EXPECT_EQ(canonical_or_refused(once), once);
    }
}

TEST(Canonical, RefusesWhatIsNotJson)
{
    for (const char* bad : {"",           " ",       "{",        "}",          "[",         "[1,]",
                            "[,1]",       "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",     "{1:1}",
                            "01",         "1.",      ".5",       "+1",         "-",         "1e",
                            "1e+",        "0x1",     "NaN",      "Infinity",   "nul",       "truefalse",
                            "1 2",        "\"",      "\"\\\"",   "\"\\x\"",    "\"\\u12\"", "\"\\u12G4\"",
                            "\"\n\"",     "'a'",     "[1}",      "{\"a\":1]",  "/**/1",     "\"\\u+123\"",
                            "\"\\u-123\""})
        EXPECT_EQ(canonical_or_refused(bad), "refused") << bad;
    EXPECT_EQ(canonical_or_refused(std::string(65, '[') + std::string(65, ']')), "refused");
    EXPECT_NE(canonical_or_refused(std::string(64, '[') + std::string(64, ']')), "refused");
    EXPECT_EQ(canonical_or_refused(std::string(100'000, '[')), "refused");
}

TEST(Canonical, ReplacesWhatIsNoText)
{
    EXPECT_EQ(canonical_or_refused("\"a\\ud800b\""), "\"a\uFFFDb\"");
    EXPECT_EQ(canonical_or_refused("\"\\ud800\\u0041\""), "\"\uFFFDA\"");
    EXPECT_EQ(canonical_or_refused("\"\\udc00\""), "\"\uFFFD\"");
    EXPECT_EQ(canonical_or_refused("\"\\ud83d\\ud83d\\ude00\""), "\"\uFFFD😀\"");
    EXPECT_EQ(canonical_or_refused("\"\xff\""), "\"\uFFFD\"");
}

TEST(Canonical, KeepsTheLastOfEqualKeysInTheFirstOnesPlace)
{
    EXPECT_EQ(canonical_or_refused(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
    EXPECT_EQ(canonical_or_refused(R"({"b":1,"2":2,"\u0031":3,"1":4})"), R"({"1":4,"2":2,"b":1})");
}

TEST(Json, RefusesAByteOrderMark) // simdjson 3.12 skips it, and members are cut from the frame itself
{
    std::string why;
    EXPECT_FALSE(json::split("\xef\xbb\xbf{\"action\":\"a\"}", why));
    EXPECT_NE(why.find("byte order mark"), std::string::npos) << why;
}

// simdjson alone refuses them.
TEST(Json, TakesIntegersBeyond64BitsAsTheyAreWritten)
{
    for (const char* value :
         {"100000000000000000000", "-9223372036854775809", "18446744073709551616",
          "[1,123456789012345678901234567890]", R"({"a":"x\\","b":[-123456789012345678901234567890 ,1e20]})",
          "1234567890123456789", "12345678901234567890.5", "12345678901234567890e-2",
          "1.12345678901234567890123"}) {
        const std::string frame =
            std::string{R"({"s":"say \"123456789012345678901234567890\"","big":100000000000000000000,"x":)"} +
            value + "}";
        std::string why;
        const auto members = json::split(frame, why);
        ASSERT_TRUE(members) << why << frame;
        ASSERT_EQ(members->size(), 3u);
        EXPECT_EQ((*members)[0].text, "say \"123456789012345678901234567890\"");
        EXPECT_EQ((*members)[1].raw, "100000000000000000000");
        EXPECT_EQ((*members)[2].raw, value);
    }
    for (const char* bad :
         {"000000000000000000000", "012345678901234567890123", "1e400", "123456789012345678901x",
          "1e12345678901234567890123", "-", "123456789012345678901 2", "1e-", "123456789012345678901.",
          "+123456789012345678901", "a123456789012345678901"}) {
        std::string why;
        const std::string text = std::string{R"({"big":100000000000000000000,"x":)"} + bad + "}";
        EXPECT_FALSE(json::split(text, why)) << bad;
    }
}

} // namespace
