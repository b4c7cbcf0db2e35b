// The tree and valijson say the same of thousands of generated documents, under generated schemas of the
// subset.
#include "host/schema/fallback.hpp"
#include "host/schema/tree.hpp"

#include <agenthost/json.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>
#include <string>

using namespace agenthost::host;

namespace {

class Maker {
public:
    explicit Maker(unsigned seed) : random_{seed} {}

    std::string schema(int depth)
    {
        std::string out = "{";
        const auto add = [&](const std::string& key, const std::string& value) {
            if (out.size() > 1) out += ',';
            out += '"' + key + "\":" + value;
        };
        if (depth == 0 && one_in(20)) return one_in(2) ? "true" : "false";
        if (!one_in(4)) add("type", one_in(4) ? "[" + type() + "," + type() + "]" : type());
        if (one_in(5)) add("minimum", number());
        if (one_in(5)) add("exclusiveMaximum", number());
        if (one_in(6)) add("maximum", number());
        if (one_in(8)) add("exclusiveMinimum", number());
        if (one_in(5)) add("minLength", std::to_string(random_() % 4));
        if (one_in(5)) add("maxLength", std::to_string(random_() % 5));
        if (one_in(8)) add("pattern", pick({"\"^[a-c]+$\"", "\"^a.?b*$\"", "\"^[^b]{1,2}\"", "\"^$\""}));
        if (one_in(6))
            add(one_in(3) ? "const" : "enum", ""),
                out += out.ends_with("\"const\":") ? scalar() : "[" + scalar() + "," + scalar() + "]";
        if (one_in(8)) add("format", "\"date\"");
        if (depth > 0) {
            if (one_in(2))
                add("properties", "{\"a\":" + schema(depth - 1) + ",\"b\":" + schema(depth - 1) + "}");
            if (one_in(3)) add("required", one_in(2) ? "[\"a\"]" : "[\"b\",\"c\"]");
            if (one_in(3)) add("additionalProperties", one_in(2) ? "false" : schema(depth - 1));
            if (one_in(8)) add("minProperties", std::to_string(random_() % 3));
            if (one_in(8)) add("maxProperties", std::to_string(random_() % 3));
            if (one_in(3)) add("items", schema(depth - 1));
            if (one_in(6)) add("minItems", std::to_string(random_() % 3));
            if (one_in(6)) add("maxItems", std::to_string(random_() % 3));
            for (const char* word : {"anyOf", "oneOf", "allOf"})
                if (one_in(7)) add(word, "[" + schema(depth - 1) + "," + schema(depth - 1) + "]");
        }
        return out + "}";
    }

    std::string document(int depth)
    {
        switch (random_() % (depth > 0 ? 8 : 5)) {
        case 0:
        case 1:
        case 2:
        case 3: return scalar();
        case 4: return number();
        case 5: {
            std::string out = "[";
            for (unsigned i = random_() % 4; i > 0; --i) out += document(depth - 1) + (i > 1 ? "," : "");
            return out + "]";
        }
        default: {
            std::string out = "{";
            for (const char* key : {"a", "b", "c"})
                if (one_in(2))
                    out += std::string{out.size() > 1 ? "," : ""} + '"' + key + "\":" + document(depth - 1);
            return out + "}";
        }
        }
    }

private:
    bool one_in(unsigned n) { return random_() % n == 0; }
    std::string pick(std::vector<std::string> words) { return words[random_() % words.size()]; }
    std::string type()
    {
        return pick({"\"null\"", "\"boolean\"", "\"integer\"", "\"number\"", "\"string\"", "\"array\"",
                     "\"object\"", "\"object\""});
    }
    std::string number()
    {
        return pick({"0", "1", "-1", "2", "1.0", "0.5", "-2.5", "3", "1e2", "100", "9007199254740993",
                     "18446744073709551615", "-9223372036854775808", "1e19", "1e300", "-0.0"});
    }
    std::string scalar()
    {
        return pick({"null", "true", "false", "\"\"", "\"a\"", "\"ab\"", "\"abb\"", "\"b\"", "\"cab\"",
                     "\"\xd1\x84\"", "\"a\xf0\x9f\x98\x80\"", "\"\\u00e9\"", "0", "1", "1.0", "0.5",
                     number()});
    }
    std::mt19937 random_;
};

TEST(SchemaDifferential, TreeAndValijsonAgree)
{
    int matched = 0, refused = 0, schemas = 0;
    for (unsigned seed = 1; seed <= 400; ++seed) {
        Maker make{seed};
        const std::string text = make.schema(2);
        std::string why;
        const auto tree = schema::compile(text, why);
        if (!tree && why.empty()) continue; // outside the subset: enum and const together
        ASSERT_TRUE(tree) << text << "\n" << why;
        const auto valijson = schema::compile_fallback(text, why);
        ASSERT_TRUE(valijson) << text << "\n" << why;
        ++schemas;
        for (int i = 0; i < 50; ++i) {
            const std::string document = make.document(3);
            const std::string mine = schema::check(*tree, document);
            const std::string theirs = valijson->check(document);
            EXPECT_EQ(mine.empty(), theirs.empty())
                << text << "\n"
                << document << "\nmine: " << mine << "\ntheirs: " << theirs;
            ++(mine.empty() ? matched : refused);
        }
        if (HasFailure()) return;
    }
    EXPECT_GT(schemas, 300);
    EXPECT_GT(matched, 2000); // both answers were seen often
    EXPECT_GT(refused, 2000);
}

// What the checker admits as an integer, plugins read as one, and nothing else: no request passes the one and
// is refused by the other.
TEST(SchemaDifferential, PluginsCanReadEveryAdmittedValue)
{
    std::string why;
    const auto any = schema::compile(R"({"type":"object","properties":{"n":{"type":"integer"}}})", why);
    const auto whole =
        schema::compile(R"({"type":"object","properties":{"n":{"type":"integer","minimum":0}}})", why);
    const auto document_only = schema::compile(R"({"type":"object"})", why);
    ASSERT_TRUE(any && whole && document_only) << why;
    std::mt19937_64 random{11};
    const auto digits = [&](std::size_t most) {
        std::string text(1 + random() % most, '0');
        for (char& c : text) c = static_cast<char>('0' + random() % 10);
        return text.size() > 1 && text[0] == '0' ? "1" + text : text;
    };
    int integers = 0, others = 0;
    const auto compare = [&](const std::string& number) {
        const std::string document = "{\"n\":" + number + "}";
        const auto parsed = nlohmann::json::parse(document, nullptr, false);
        if (parsed.is_discarded()) return; // 1e999
        if (!schema::check(*document_only, document).empty())
            return; // a whole number beyond 64 bits: no plugin sees it
        const auto& value = parsed.at("n");
        EXPECT_EQ(schema::check(*any, document).empty(), agenthost::json_integer(value).has_value())
            << number;
        EXPECT_EQ(schema::check(*whole, document).empty(), agenthost::json_unsigned(value).has_value())
            << number;
        ++(agenthost::json_integer(value) ? integers : others);
    };
    for (const char* number : {"3",
                               "3.0",
                               "3e6",
                               "3.5",
                               "-0.0",
                               "-1",
                               "1e-1",
                               "10e-1",
                               "9007199254740993",
                               "9223372036854775807",
                               "9223372036854775808",
                               "18446744073709551615",
                               "18446744073709551616",
                               "-9223372036854775808",
                               "-9223372036854775809",
                               "9.223372036854775807e18",
                               "1e18",
                               "1e19",
                               "-1e19",
                               "1e300"})
        compare(number);
    for (int i = 0; i < 20'000; ++i) {
        std::string number = (random() % 3 == 0 ? "-" : "") + digits(21);
        if (random() % 2 == 0)
            number += "." + (random() % 2 == 0 ? std::string(1 + random() % 3, '0') : digits(6));
        if (random() % 2 == 0) number += (random() % 3 == 0 ? "e-" : "e") + std::to_string(random() % 22);
        compare(number);
    }
    for (const char* other : {"\"3\"", "true", "null", "[3]", "{\"a\":3}"}) compare(other);
    EXPECT_GT(integers, 1000);
    EXPECT_GT(others, 1000);
}

// Documents near what storage's upload wants, each with one thing changed.
TEST(SchemaDifferential, AgreeOnBrokenUploads)
{
    const std::string text =
        R"({"type":"object","required":["file_info","download_url"],"additionalProperties":false,"properties":{
        "file_info":{"type":"object","required":["id"],"properties":{"id":{"type":"string","minLength":1},"size":{"type":"integer","minimum":0},
        "sha256":{"type":"string","pattern":"^[0-9a-f]{64}$"}}},"download_url":{"type":"string","minLength":1}}})";
    std::string why;
    const auto tree = schema::compile(text, why);
    const auto valijson = schema::compile_fallback(text, why);
    ASSERT_TRUE(tree && valijson) << why;
    const std::string good = R"({"file_info":{"id":"f1","size":12,"sha256":")" + std::string(64, 'a') +
                             R"("},"download_url":"https://x/y"})";
    ASSERT_EQ(schema::check(*tree, good), "");
    std::mt19937 random{3};
    int refused = 0;
    for (int i = 0; i < 5000; ++i) {
        std::string bad = good;
        for (unsigned n = random() % 3 + 1; n > 0; --n) {
            const std::size_t at = random() % bad.size();
            switch (random() % 3) {
            case 0: bad[at] = static_cast<char>(32 + random() % 95); break;
            case 1: bad.erase(at, 1 + random() % 3); break;
            default: bad.insert(at, 1, static_cast<char>(32 + random() % 95));
            }
        }
        EXPECT_EQ(schema::check(*tree, bad).empty(), valijson->check(bad).empty()) << bad;
        refused += !schema::check(*tree, bad).empty();
    }
    EXPECT_GT(refused, 1000);
}

} // namespace
