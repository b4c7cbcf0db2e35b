// The manual and the shipped file name every key of the table. AGENTHOST_UPDATE=1 rewrites the manual's list
// of keys.
#include "fixture.hpp"

#include "base/units.hpp"

#include <nlohmann/json.hpp>

using namespace agenthost::host;
using Json = nlohmann::ordered_json;

namespace {

const std::filesystem::path manual = agenthost::test::source_dir() / "packaging/man/agenthost.yaml.5";
const std::filesystem::path shipped = agenthost::test::source_dir() / "packaging/conf/agenthost.yaml";

std::string type_of(const Json& schema)
{
    if (schema.contains("enum")) {
        std::string words;
        for (const Json& word : schema["enum"])
            words += (words.empty() ? "" : " | ") + word.get<std::string>();
        return words;
    }
    if (schema.contains("anyOf")) return "text or list of text";
    if (schema.contains("oneOf")) {
        const Json& last = schema["oneOf"].back();
        if (last.contains("properties")) return "secret";
        return last.value("pattern", "") == agenthost::base::duration_pattern ? "duration" : "size";
    }
    const std::string type = schema.value("type", "");
    if (type == "integer" || type == "number") {
        const std::string from = schema.value("minimum", Json{}).dump(),
                          to = schema.value("maximum", Json{}).dump();
        return std::string{type == "integer" ? "whole number" : "number"} + " from " + from + " to " + to;
    }
    if (type == "array")
        return schema["items"].value("type", "") == "object" ? "list of maps" : "list of text";
    if (type == "object") return "map";
    return type == "boolean" ? "true or false" : "text";
}

// mdoc: no line begins with a full stop or quote by accident, sentences end their lines, lines stay within 80
// columns.
void add_text(std::string& out, std::string text)
{
    while (!text.empty()) {
        std::size_t end = std::min(text.find(". "), text.size() - 1) + 1;
        std::string sentence = text.substr(0, end);
        text.erase(0, std::min(text.size(), end + 1));
        while (sentence.size() > 78) {
            const auto space = sentence.rfind(' ', 78);
            if (space == std::string::npos) break;
            out +=
                (sentence[0] == '.' || sentence[0] == '\'' ? "\\&" : "") + sentence.substr(0, space) + "\n";
            sentence.erase(0, space + 1);
        }
        out += (sentence[0] == '.' || sentence[0] == '\'' ? "\\&" : "") + sentence + "\n";
    }
}

void add_keys(std::string& out, const Json& properties)
{
    out += ".Bl -tag -width Ds\n";
    for (const auto& [name, schema] : properties.items()) {
        out += ".It Cm " + name + " Pq " + type_of(schema) + "\n";
        add_text(out, schema["description"].get<std::string>());
        if (schema.contains("default")) {
            const Json& usual = schema["default"];
            out += "Default: " + (usual.is_string() ? usual.get<std::string>() : usual.dump()) + ".\n";
        }
        const Json& inner =
            schema.contains("items") ? schema["items"]
            : schema.contains("additionalProperties") && schema["additionalProperties"].is_object()
                ? schema["additionalProperties"]
                : schema;
        if (inner.contains("properties")) add_keys(out, inner["properties"]);
    }
    out += ".El\n";
}

TEST(Manual, NamesEveryKeyWithItsMeaning)
{
    std::string keys;
    add_keys(keys, Json::parse(config_schema())["properties"]);
    std::string text = agenthost::test::read_file(manual);
    const auto begin = text.find('\n', text.find(".\\\" begin keys")) + 1, end = text.find(".\\\" end keys");
    ASSERT_NE(end, std::string::npos);
    if (std::getenv("AGENTHOST_UPDATE")) {
        agenthost::test::write_file(manual, text.substr(0, begin) + keys + text.substr(end), 0644);
        GTEST_SKIP() << "rewritten";
    }
    EXPECT_EQ(text.substr(begin, end - begin), keys)
        << "AGENTHOST_UPDATE=1 unit_config --gtest_filter='Manual.*' writes it anew";
}

void every_key_stands_in(const std::string& text, const Json& schema, const std::string& path)
{
    if (!schema.contains("properties")) return;
    for (const auto& [name, key] : schema["properties"].items()) {
        EXPECT_TRUE(text.find(name + ":") != std::string::npos) << path << name;
        const Json& inner = key.contains("items") ? key["items"]
                            : key.contains("additionalProperties") && key["additionalProperties"].is_object()
                                ? key["additionalProperties"]
                                : key;
        every_key_stands_in(text, inner, path + name + ".");
    }
}

TEST(ShippedFile, HasEveryKey)
{
    every_key_stands_in(agenthost::test::read_file(shipped), Json::parse(config_schema()), "");
}

// What it shows as the default is the default: with every such line in force, nothing changes.
TEST(ShippedFile, ListsTheActualDefaults)
{
    const LoadResult as_shipped = load_config({.file = shipped, .overrides = {}, .environment = false});
    ASSERT_TRUE(as_shipped.config);
    agenthost::test::TempDir dir;
    agenthost::test::write_file(dir / "empty.yaml", "{}\n");
    const LoadResult empty = load_config({.file = dir / "empty.yaml", .overrides = {}, .environment = false});
    ASSERT_TRUE(empty.config);
    const auto body = [](const Config& config) {
        const std::string text = show_config(config);
        return text.substr(text.find('\n')); // without the file's name
    };
    EXPECT_EQ(body(*as_shipped.config), body(*empty.config));
}

} // namespace
