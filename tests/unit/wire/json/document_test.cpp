// A parse result belongs to its reader: no later split() changes what a document says.
#include <wire/json/fields.hpp>
#include <wire/json/json.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace agenthost::wire;

namespace {

std::string object(int i)
{
    const std::string n = std::to_string(i);
    return R"({"key)" + n + R"(\u0041":"text )" + n + R"(\n","data":{"inner\"":"a\\)" + n + R"("}})";
}

void expect_object(std::span<const json::Member> members, int i)
{
    const std::string n = std::to_string(i);
    ASSERT_EQ(members.size(), 2U);
    EXPECT_EQ(members[0].key, "key" + n + "A");
    EXPECT_EQ(members[0].text, "text " + n + "\n");
    EXPECT_EQ(members[1].key, "data");
}

TEST(Document, CutsEveryMemberExactlyAsWritten)
{
    struct Value {
        std::string raw, text;
        json::Kind kind;
    };
    const std::vector<Value> values{
        {R"("a,b:{c}[d]")", "a,b:{c}[d]", json::Kind::string},
        {R"("\\\"} ")", "\\\"} ", json::Kind::string},
        {R"("")", "", json::Kind::string},
        {R"("\u00e4\ud83d\ude00 ")", "ä😀 ", json::Kind::string},
        {"\"" + std::string(70, '\\') + "\"", std::string(35, '\\'), json::Kind::string},
        {R"({ "x" : [ "]" , {"}":{}} ] })", "", json::Kind::object},
        {R"([[],[ ],{},"\"]",-1.5e3 , true])", "", json::Kind::array},
        {"{}", "", json::Kind::object},
        {"[ ]", "", json::Kind::array},
        {"-0.5E+2", "", json::Kind::number},
        {"123456789012345678901234567890", "", json::Kind::number},
        {"true", "", json::Kind::boolean},
        {"null", "", json::Kind::null}};
    const std::vector<std::string> spaces{"", " ", "\t", "\n", "\r", " \n\t\r ", std::string(70, ' ')};
    std::mt19937 random{7};
    const auto pick = [&](const auto& from) { return from[random() % from.size()]; };
    for (int round = 0; round < 3'000; ++round) {
        std::vector<std::pair<std::string, Value>> expected; // the key as written
        std::string frame = "{" + pick(spaces), why;
        for (std::size_t i = random() % 6; i > 0; --i) {
            const std::string key = "\"k" + std::to_string(i) + (i % 2 ? R"(\" ")" : ",:{ \"");
            expected.emplace_back(key, pick(values));
            frame += key + pick(spaces) + ":" + pick(spaces) + expected.back().second.raw + pick(spaces);
            if (i > 1) frame += "," + pick(spaces);
        }
        frame += "}" + pick(spaces);
        const auto members = json::split(frame, why);
        ASSERT_TRUE(members) << why << "\n" << frame;
        ASSERT_EQ(members->size(), expected.size()) << frame;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const json::Member& member = (*members)[i];
            const auto& [key, value] = expected[i];
            EXPECT_EQ(member.key_raw, key) << frame;
            EXPECT_EQ(member.raw, value.raw) << frame;
            EXPECT_EQ(member.text, value.text) << frame;
            EXPECT_EQ(member.kind, value.kind) << frame;
        }
    }
}

TEST(Document, IgnoresWhiteSpaceAroundTheObject)
{
    std::string why;
    const auto members = json::split(" \n{ \"a\" : 1 }\t ", why);
    ASSERT_TRUE(members) << why;
    ASSERT_EQ(members->size(), 1U);
    EXPECT_EQ((*members)[0].key, "a");
    EXPECT_EQ((*members)[0].raw, "1");
}

TEST(Document, KeepsItsResultWhileAnotherIsParsed)
{
    std::string why;
    const std::string first_text = object(1), second_text = object(2);
    const auto first = json::split(first_text, why);
    const auto second = json::split(second_text, why);
    ASSERT_TRUE(first && second) << why;
    expect_object(*first, 1);
    expect_object(*second, 2);

    const auto inner = json::split((*first)[1].raw, why);
    ASSERT_TRUE(inner) << why;
    EXPECT_EQ((*inner)[0].key, "inner\"");
    EXPECT_EQ((*inner)[0].text, "a\\1");
    expect_object(*first, 1);
    expect_object(*second, 2);
}

TEST(Document, KeepsItsResultWhileAnotherFailsOrIsLarge)
{
    std::string why;
    const std::string text = object(1), large = R"({"x":")" + std::string(300'000, 'x') + "\"}";
    const auto document = json::split(text, why);
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(json::split("{\"a\":", why));
        EXPECT_TRUE(json::split(large, why));
        EXPECT_TRUE(json::split("{}", why));
    }
    ASSERT_TRUE(document);
    expect_object(*document, 1);
}

TEST(Document, ManyAtOnceKeepTheirResults)
{
    std::string why;
    std::vector<std::string> texts;
    for (int i = 0; i < 20; ++i) texts.push_back(object(i));
    std::vector<json::Document> documents;
    for (const std::string& text : texts) documents.push_back(json::split(text, why));
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(documents[static_cast<std::size_t>(i)]);
        expect_object(*documents[static_cast<std::size_t>(i)], i);
    }
    documents.erase(documents.begin(), documents.begin() + 10);
    for (int i = 0; i < 50; ++i) {
        const std::string text = object(100 + i);
        EXPECT_TRUE(json::split(text, why));
    }
    for (int i = 10; i < 20; ++i) expect_object(*documents[static_cast<std::size_t>(i - 10)], i);
}

TEST(Document, TakesItsResultAlongWhenItIsMoved)
{
    std::string why;
    const std::string text = object(1), other = object(2);
    json::Document from = json::split(text, why);
    json::Document to = std::move(from);
    from = json::split(other, why);
    ASSERT_TRUE(from && to);
    expect_object(*to, 1);
    expect_object(*from, 2);
    to = std::move(from);
    expect_object(*to, 2);
    EXPECT_FALSE(json::Document{});
    EXPECT_FALSE(json::Document{std::nullopt});
}

std::string salvaged(const std::string& frame)
{
    const auto members = json::salvage(frame);
    if (!members) return "none";
    std::string out;
    for (const json::Member& member : *members) out.append(member.key).append("=").append(member.raw) += ' ';
    return out;
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(Document, SalvagesTheKeysThatOccurOnce)
{
    EXPECT_EQ(salvaged(R"({"a":1,"id":"x","a":2,"\u0061":3,"b":{"c":1,"c":2}})"),
              R"(id="x" b={"c":1,"c":2} )");
    EXPECT_EQ(salvaged(R"({"id":"x","id":"x"})"), "");
    EXPECT_EQ(salvaged(R"({"id":"x","\u0069d":"x"})"), "");
    const auto escaped = std::string{R"({"id":"a\"b","a":1,"a":1})"};
    const auto members = json::salvage(escaped);
    ASSERT_TRUE(members);
    EXPECT_EQ(members->front().text, "a\"b");
}

TEST(Document, SalvagesFromAFrameThatIsNestedTooDeeply)
{
    std::string why;
    const std::string frame = R"({"x":)" + nested(json::max_depth) + R"(,"id":"x"})";
    EXPECT_FALSE(json::split(frame, why));
    EXPECT_EQ(salvaged(frame), "x=" + nested(json::max_depth) + " id=\"x\" ");
    const std::string deep = R"({"id":"x","x":)" + nested(json::max_salvaged_depth - 1) + "}";
    EXPECT_TRUE(json::salvage(deep));
    const std::string deeper = R"({"id":"x","x":)" + nested(json::max_salvaged_depth) + "}";
    EXPECT_FALSE(json::salvage(deeper));
}

TEST(Document, SalvagesNothingFromOtherFaults)
{
    for (const std::string frame :
         {"", "{", "[]", "null", R"({"id":"x")", R"({"id":"x"}})", R"({"id":"x",})",
          R"({"id":"x","y":1e400})", R"({"id":"x","y":[}])", "{\"id\":\"x\",\"y\":\"\xff\"}"})
        EXPECT_EQ(salvaged(frame), "none") << frame;
    EXPECT_EQ(salvaged(R"({"id":"x","y":)" + std::string(1'000'000, '[')), "none");
    std::string many = R"({"id":"x")";
    for (std::size_t i = 0; i < json::max_members; ++i) many += ",\"" + std::to_string(i) + "\":0";
    EXPECT_EQ(salvaged(many + "}"), "none");
}

} // namespace
