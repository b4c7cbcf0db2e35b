#include "plugins/docker/files/edit.hpp"
#include "plugins/docker/files/edit_file.hpp"

#include "files_fixture.hpp"

#include <random>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;

std::string edited(FileFormat format, std::string_view text, const std::vector<Edit>& edits)
{
    return edit_text(text, format, edits).text;
}
std::string misses(FileFormat format, std::string_view text, const std::vector<Edit>& edits)
{
    const Edited result = edit_text(text, format, edits);
    EXPECT_EQ(result.text, text);
    EXPECT_EQ(result.changed, 0u);
    return result.misses.empty() ? "" : result.misses.front();
}
Edit set(std::string where, std::string value)
{
    return {.where = std::move(where), .value = std::move(value)};
}
Edit raw(std::string where, std::string value)
{
    return {.where = std::move(where), .value = std::move(value), .quoted = false};
}

TEST(EditProperties, ChangesValuesAndNothingElse)
{
    const std::string text = "#Minecraft server properties\n#Mon Jan 01\nserver-port=25565\n  motd = A "
                             "\\u00a7cServer\nquery.port:25565\n"
                             "level-name=wo\\\n   rld\nempty=\n! comment\nserver-ip=\n";
    EXPECT_EQ(
        edited(FileFormat::properties, text,
               {set("server-port", "25566"), set("motd", "My: server = #1 \\o/"), set("query.port", "25566"),
                set("level-name", "new"), set("server-ip", "0.0.0.0"), set("added key", " v")}),
        "#Minecraft server properties\n#Mon Jan 01\nserver-port=25566\n  motd = My: server = #1 "
        "\\\\o/\nquery.port:25566\n"
        "level-name=new\nempty=\n! comment\nserver-ip=0.0.0.0\nadded\\ key=\\ v\n");
}

TEST(EditProperties, KeepsCrlfByteOrderMarkAndMissingNewline)
{
    EXPECT_EQ(edited(FileFormat::properties,
                     "\xef\xbb\xbf"
                     "a=1\r\nb=2\r\n",
                     {set("a", "3"), set("c", "4")}),
              "\xef\xbb\xbf"
              "a=3\r\nb=2\r\nc=4\r\n");
    EXPECT_EQ(edited(FileFormat::properties, "a=1\nb=2", {set("b", "3")}), "a=1\nb=3");
    EXPECT_EQ(edited(FileFormat::properties, "a=1\nb=2", {set("c", "3")}), "a=1\nb=2\nc=3\n");
    EXPECT_EQ(edited(FileFormat::properties, "", {set("eula", "true")}), "eula=true\n");
    EXPECT_EQ(edited(FileFormat::properties, "key", {set("key", "v")}), "key=v");
}

TEST(EditProperties, LeavesEqualValuesAsTheyAreWritten)
{
    const Edited same = edit_text("motd=\\u0041bc\n", FileFormat::properties, {set("motd", "Abc")});
    EXPECT_EQ(same.changed, 0u);
    EXPECT_EQ(same.text, "motd=\\u0041bc\n");
    EXPECT_EQ(edited(FileFormat::properties, "a=1\n",
                     {{.where = "a", .value = "2", .if_value = [](auto v) { return v == "9"; }}}),
              "a=1\n");
    EXPECT_EQ(edited(FileFormat::properties, "a=1\n",
                     {{.where = "a", .value = "2", .if_value = [](auto v) { return v == "1"; }}}),
              "a=2\n");
    EXPECT_EQ(edited(FileFormat::properties, "a=1\n",
                     {{.where = "b", .value = "2", .if_value = [](auto) { return true; }}}),
              "a=1\n");
}

TEST(EditProperties, ALineBreakInAValueAddsNoLine)
{
    EXPECT_EQ(edited(FileFormat::properties, "motd=x\n", {set("motd", "a\nop=1")}), "motd=a\\nop=1\n");
}

TEST(EditText, ReplacesLinesByTheirBeginning)
{
    EXPECT_EQ(edited(FileFormat::text, "hostname old\r\n  port 1\r\nport 2\r\n",
                     {set("port ", "port 27015"), set("hostname", "hostname new")}),
              "hostname new\r\n  port 1\r\nport 27015\r\n");
    EXPECT_EQ(misses(FileFormat::text, "a\n", {set("b", "c")}), "b: no line begins with this");
    EXPECT_EQ(code_of([] { edited(FileFormat::text, "a\n", {set("a", "b\nc")}); }), "CONFIG_INVALID");
}

TEST(EditIni, ChangesAndAddsInTheRightSection)
{
    const std::string text = "; comment\nplain=1\n[Server]\nPort = 7777 ; the port\nName=\"Old; "
                             "name\"\n\n[/Script/Engine.GameSession]\nMaxPlayers=10\n";
    EXPECT_EQ(edited(FileFormat::ini, text,
                     {set("Server.Port", "27015"), set("Server.Name", "New name"),
                      set("[/Script/Engine.GameSession].MaxPlayers", "70"), set("plain", "2"),
                      set("Server.Password", "a ;b"), set("New.Key.With.Dots", "v")}),
              "; comment\nplain=2\n[Server]\nPort = 27015 ; the port\nName=\"New name\"\nPassword=\"a "
              ";b\"\n\n[/Script/Engine.GameSession]\nMaxPlayers=70\n"
              "[New]\nKey.With.Dots=v\n");
    EXPECT_EQ(edited(FileFormat::ini, "", {set("a.b", "1"), set("a.c", "2")}), "[a]\nb=1\nc=2\n");
    EXPECT_EQ(edited(FileFormat::ini, "[a]\nb=1", {set("a.c", "2")}), "[a]\nb=1\nc=2");
    EXPECT_EQ(edited(FileFormat::ini, "\xef\xbb\xbf[a]\r\nb=1\r\n", {set("a.b", "2"), set("a.c", "3")}),
              "\xef\xbb\xbf[a]\r\nb=2\r\nc=3\r\n");
    EXPECT_EQ(code_of([] { edited(FileFormat::ini, "a=1\n[broken\n", {set("a", "2")}); }), "CONFIG_INVALID");
}

TEST(EditJson, ChangesValuesAndNothingElse)
{
    const std::string text = "{\n  // the port\n  \"port\": 1,\n  \"name\": \"old\",\n  \"list\": [ {\"h\": "
                             "\"a\"}, {\"h\": \"b\"} ],\n"
                             "  \"servers\": {\"x\": {\"address\": \"localhost:1\"}, \"y\": {\"address\": "
                             "\"10.0.0.1\"}},\n  \"on\": false\n}";
    EXPECT_EQ(edited(FileFormat::json, text,
                     {set("port", "25565"),
                      set("name", "a \"new\" \\name"),
                      set("list[1].h", "c"),
                      raw("on", "true"),
                      {.where = "servers.*.address",
                       .value = "172.18.0.1:1",
                       .if_value = [](auto v) { return v.starts_with("localhost"); }}}),
              "{\n  // the port\n  \"port\": 25565,\n  \"name\": \"a \\\"new\\\" \\\\name\",\n  \"list\": [ "
              "{\"h\": \"a\"}, {\"h\": \"c\"} ],\n"
              "  \"servers\": {\"x\": {\"address\": \"172.18.0.1:1\"}, \"y\": {\"address\": "
              "\"10.0.0.1\"}},\n  \"on\": true\n}");
    EXPECT_EQ(edited(FileFormat::json, "{\"v\": \"5\"}", {set("v", "6")}), "{\"v\": \"6\"}");
}

TEST(EditJson, AddsMissingMembers)
{
    EXPECT_EQ(
        edited(FileFormat::json, "{\n  \"a\": 1\n}\n", {set("b", "x"), set("c.d", "2"), set("c.e", "3")}),
        "{\n  \"b\": \"x\",\n  \"c\": {\"e\": 3, \"d\": 2},\n  \"a\": 1\n}\n");
    EXPECT_EQ(edited(FileFormat::json, "", {set("a", "1"), set("b", "t")}), "{\"a\": 1,\"b\": \"t\"}\n");
    EXPECT_EQ(edited(FileFormat::json, "{}", {set("a.b.c", "1")}), "{\"a\": {\"b\": {\"c\": 1}}}");
    EXPECT_EQ(misses(FileFormat::json, "{\"a\": [1]}", {set("a[3]", "1")}),
              "a[3]: the list has fewer elements");
    EXPECT_EQ(misses(FileFormat::json, "{\"a\": [1]}", {set("a", "1")}),
              "a: the value there is an object or a list");
    EXPECT_EQ(misses(FileFormat::json, "{\"a\": 1}", {set("a.b", "1")}),
              "a.b: a part of the place is not an object");
}

TEST(EditJson, TakesTheFirstOfTwoEditsOfOneValue)
{
    EXPECT_EQ(edited(FileFormat::json, "{\"a\": 100}", {set("a", "2"), set("a", "33")}), "{\"a\": 2}");
    EXPECT_EQ(edited(FileFormat::json, "{\"a\": 1}", {set("a", "2"), set("*", "3")}), "{\"a\": 2}");
}

TEST(EditYaml, TakesTheFirstOfTwoEditsOfOneValue)
{
    EXPECT_EQ(edited(FileFormat::yaml, "a: 100\n", {set("a", "2"), set("a", "33")}), "a: 2\n");
}

TEST(EditJson, NamesTheLineOfAFault)
{
    std::string text;
    EXPECT_EQ(
        code_of([] { edited(FileFormat::json, "{\n  \"a\": 1\n  \"b\": 2\n}", {set("a", "2")}); }, &text),
        "CONFIG_INVALID");
    EXPECT_NE(text.find("line 3: a comma"), std::string::npos) << text;
    for (const char* bad :
         {"{", "{\"a\"}", "{\"a\": }", "[1,]", "{\"a\": \"x}", "{\"a\": tru}", "{} x", "/* {}"})
        EXPECT_EQ(code_of([&] { edited(FileFormat::json, bad, {set("a", "2")}); }), "CONFIG_INVALID") << bad;
    EXPECT_EQ(code_of([] { edited(FileFormat::json, std::string(200, '['), {set("a", "2")}); }),
              "CONFIG_INVALID");
}

const char* const bungee = R"(# bungee
server_connect_timeout: 5000
listeners:
- query_port: 25577
  motd: '&1Another Bungee server'   # the motd
  host: 0.0.0.0:25577
  priorities:
  - lobby
permissions:
  default:
  - bungeecord.command.server
servers:
  lobby:
    motd: "Just \"another\""
    address: localhost:25565
    restricted: false

  # survival
  survival: {address: 'localhost:1'}
text: |
  listeners:
    # not a comment
empty:
anchored: &a
  x: 1
last: yes
)";

TEST(EditYaml, ChangesValuesAndNothingElse)
{
    const std::string result =
        edited(FileFormat::yaml, bungee,
               {set("listeners[0].query_port", "25580"),
                set("listeners[0].host", "0.0.0.0:25580"),
                set("listeners[0].motd", "It's new"),
                set("servers.lobby.motd", "Say \"hi\""),
                raw("servers.lobby.restricted", "true"),
                set("empty", "no longer"),
                {.where = "servers.*.address", .value = "172.18.0.1:25565", .if_value = [](auto v) {
                     return v == "localhost:25565";
                 }}});
    std::string wanted = bungee;
    const auto replace = [&](std::string_view from, std::string_view to) {
        const auto at = wanted.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        wanted.replace(at, from.size(), to);
    };
    replace("query_port: 25577", "query_port: 25580");
    replace("0.0.0.0:25577", "0.0.0.0:25580");
    replace("'&1Another Bungee server'", "'It''s new'");
    replace(R"("Just \"another\"")", R"("Say \"hi\"")");
    replace("restricted: false", "restricted: true");
    replace("empty:", "empty: no longer");
    replace("address: localhost:25565", "address: 172.18.0.1:25565");
    EXPECT_EQ(result, wanted);
}

TEST(EditYaml, SaysWhatItDoesNotTouch)
{
    EXPECT_EQ(misses(FileFormat::yaml, bungee, {set("text", "x")}), "text: the value is a block of text");
    EXPECT_EQ(misses(FileFormat::yaml, bungee, {set("anchored.x", "2")}),
              "anchored.x: the value has an anchor, an alias or a tag");
    EXPECT_EQ(misses(FileFormat::yaml, bungee, {set("servers.survival.address", "x")}),
              "servers.survival.address: the value is in brackets");
    EXPECT_EQ(misses(FileFormat::yaml, bungee, {set("listeners", "x")}),
              "listeners: the value there is a mapping or a list");
    EXPECT_EQ(misses(FileFormat::yaml, bungee, {set("listeners[1].host", "x")}),
              "listeners[1].host: the list has fewer elements");
    EXPECT_EQ(misses(FileFormat::yaml, "a: one\n  two\nb: \"x\n  y\"\n", {set("a", "x")}),
              "a: the value has several lines");
}

TEST(EditYaml, AddsMissingMembersAtTheEndOfTheirBlock)
{
    EXPECT_EQ(edited(FileFormat::yaml, "a:\n    b: 1\n\n# c\nc: 2\n",
                     {set("a.d", "x"), set("e.f", "true"), set("e.g", "no")}),
              "a:\n    b: 1\n    d: x\n\n# c\nc: 2\ne:\n  f: true\n  g: \"no\"\n");
    EXPECT_EQ(edited(FileFormat::yaml, "", {set("a.b", "1")}), "a:\n  b: 1\n");
    EXPECT_EQ(edited(FileFormat::yaml, "---\n# only this\n", {set("a", "1")}), "---\n# only this\na: 1\n");
    EXPECT_EQ(edited(FileFormat::yaml, "a: 1", {set("b", "2")}), "a: 1\nb: 2");
    EXPECT_EQ(edited(FileFormat::yaml, "a: 1\r\nb:\r\n", {set("b.c", "2"), set("a", "3")}),
              "a: 3\r\nb:\r\n  c: 2\r\n");
    EXPECT_EQ(edited(FileFormat::yaml, "a: 1\n---\na: 2\n", {set("a", "3")}), "a: 3\n---\na: 2\n");
}

TEST(EditYaml, QuotesWhatWouldBeReadAsSomethingElse)
{
    for (const auto& [value, written] : {std::pair{"yes", "\"yes\""},
                                         {"1e3", "\"1e3\""},
                                         {"12:30", "\"12:30\""},
                                         {"0x1F", "\"0x1F\""},
                                         {"- x", "\"- x\""},
                                         {"a: b", "\"a: b\""},
                                         {"a #b", "\"a #b\""},
                                         {"", "\"\""},
                                         {"~", "\"~\""},
                                         {"x\ny: 1", "\"x\\ny: 1\""},
                                         {"127.0.0.1", "127.0.0.1"},
                                         {"007", "\"007\""},
                                         {"plain text", "plain text"},
                                         {"{{x}}", "\"{{x}}\""},
                                         {"25565", "25565"},
                                         {"-1.5", "-1.5"},
                                         {"a:b", "a:b"},
                                         {"key:", "\"key:\""}})
        EXPECT_EQ(edited(FileFormat::yaml, "k: old\n", {set("k", value)}),
                  "k: " + std::string{written} + "\n");
}

TEST(EditYaml, NamesTheLineOfAFault)
{
    for (const auto& [bad, line] : {std::pair{"a: 1\n   b: 2\nc: [\n", "line 3"},
                                    {"a: b: c\n", "line 1"},
                                    {"a: 1\n\tb: 2\n", "line"},
                                    {"a:\n  b: 1\n c: 2\n", "line 3"},
                                    {"a: \"x\" y\n", "line 1"},
                                    {"a: 1\nnothing\n", "line 2"}}) {
        std::string text;
        EXPECT_EQ(code_of([&] { edited(FileFormat::yaml, bad, {set("z", "2")}); }, &text), "CONFIG_INVALID")
            << bad;
        EXPECT_NE(text.find(line), std::string::npos) << text;
    }
}

TEST(EditXml, ChangesTextAndAttributes)
{
    const std::string text = "<?xml version=\"1.0\"?>\r\n<!-- <Port>0</Port> -->\r\n<Settings>\r\n  "
                             "<Server>\r\n    <Port>1</Port>\r\n    <Name/>\r\n"
                             "    <property name=\"x\" value='1'/>\r\n  </Server>\r\n</Settings>\r\n";
    EXPECT_EQ(edited(FileFormat::xml, text,
                     {set("Settings.Server.Port", "27015"), set("Settings.*.Name", "a <b> & c"),
                      set("Settings.Server.property", "[value='2']")}),
              "<?xml version=\"1.0\"?>\r\n<!-- <Port>0</Port> -->\r\n<Settings>\r\n  <Server>\r\n    "
              "<Port>27015</Port>\r\n    <Name>a &lt;b&gt; &amp; c</Name>\r\n"
              "    <property name=\"x\" value=\"2\"/>\r\n  </Server>\r\n</Settings>\r\n");
    EXPECT_EQ(misses(FileFormat::xml, text, {set("Settings.Nothing", "1")}),
              "Settings.Nothing: the element does not exist");
    EXPECT_EQ(misses(FileFormat::xml, text, {set("Settings.Server", "1")}),
              "Settings.Server: the element has elements inside");
    for (const char* bad : {"", "<a>", "<a></b>", "<a", "<a><!-- </a>"})
        EXPECT_EQ(code_of([&] { edited(FileFormat::xml, bad, {set("a", "2")}); }), "CONFIG_INVALID") << bad;
}

TEST(EditAnyFormat, IsBounded)
{
    EXPECT_EQ(code_of([] { edited(FileFormat::properties, std::string(max_edited_bytes + 1, 'x'), {}); }),
              "TOO_LARGE");
    EXPECT_EQ(code_of([] {
                  edited(FileFormat::properties, "a=1", std::vector<Edit>(max_edits + 1, set("a", "1")));
              }),
              "CONFIG_INVALID");
    EXPECT_EQ(code_of([] { edited(FileFormat::json, "{}", {set("a\n", "1")}); }), "CONFIG_INVALID");
    EXPECT_EQ(code_of([] { edited(FileFormat::json, "{}", {raw("a", "1, \"b\": 2")}); }), "CONFIG_INVALID");
    std::string many;
    for (int i = 0; i < 200; ++i) many += "a.";
    EXPECT_EQ(code_of([&] { edited(FileFormat::json, "{}", {set(many + "b", "1")}); }), "CONFIG_INVALID");
}

// For any text: a result and no crash; without edits, no byte changes; a second run changes nothing.
TEST(EditAnyFormat, SurvivesEveryTextAndIsStable)
{
    std::mt19937 random{3};
    const std::string alphabet = "ab:-= \t\n\r\"'{}[]#;,&*|>!\\/<1.x\xff";
    for (int i = 0; i < 30'000; ++i) {
        std::string text;
        for (std::size_t n = random() % 40; n > 0; --n) text += alphabet[random() % alphabet.size()];
        const auto format = static_cast<FileFormat>(random() % 6);
        code_of([&] {
            ASSERT_EQ(edited(format, text, {}),
                      format == FileFormat::json && text.find_first_not_of(" \t\r\n") == std::string::npos
                          ? "{}\n"
                          : text);
            const std::vector<Edit> edits{set("a", "v"), set("b.a", "1"), set("x[0]", "y")};
            const std::string once = edited(format, text, edits);
            std::string twice;
            ASSERT_EQ(code_of([&] { twice = edited(format, once, edits); }), "")
                << static_cast<int>(format) << "\n"
                << text << "\n->\n"
                << once;
            ASSERT_EQ(twice, once) << static_cast<int>(format) << "\n" << text;
        });
        if (HasFatalFailure()) return;
    }
}

TEST(EditFile, WritesOnlyWhatChanged)
{
    FilesFixture fixture;
    fixture.put("server.properties", "server-port=1\n");
    const Edited first = edit_file(*fixture.root, path("server.properties"), FileFormat::properties,
                                   {set("server-port", "2")});
    EXPECT_EQ(first.changed, 1u);
    EXPECT_EQ(fixture.get("server.properties"), "server-port=2\n");
    struct stat before {
    }, after{};
    ::stat(fixture.in("server.properties").c_str(), &before);
    edit_file(*fixture.root, path("server.properties"), FileFormat::properties, {set("server-port", "2")});
    ::stat(fixture.in("server.properties").c_str(), &after);
    EXPECT_EQ(before.st_ino, after.st_ino);
    edit_file(*fixture.root, path("new/eula.txt"), FileFormat::properties, {set("eula", "true")});
    EXPECT_EQ(fixture.get("new/eula.txt"), "eula=true\n");
    EXPECT_EQ(edit_file(*fixture.root, path("none.cfg"), FileFormat::text, {set("a", "b")}).misses.size(),
              1u);
    fixture.put("bad.json", "{");
    std::string text;
    EXPECT_EQ(code_of([&] { edit_file(*fixture.root, path("bad.json"), FileFormat::json, {set("a", "b")}); },
                      &text),
              "CONFIG_INVALID");
    EXPECT_NE(text.find("bad.json: line 1"), std::string::npos) << text;
    EXPECT_EQ(fixture.get("bad.json"), "{");
}

} // namespace
