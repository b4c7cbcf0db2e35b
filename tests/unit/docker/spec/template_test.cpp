// Placeholders, startup lines, regular expressions and rules of variables.
#include "plugins/docker/spec/pattern.hpp"
#include "plugins/docker/spec/rules.hpp"
#include "plugins/docker/spec/template.hpp"

#include "tests/unit/docker/spec/refused.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <functional>
#include <random>
#include <regex>

using namespace agenthost::docker;
using agenthost::docker_test::refusal;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

TemplateValues values()
{
    return {{{"A", "one"},
             {"B", "two words"},
             {"E", ""},
             {"NEST", "{{A}}"},
             {"Q", "it's $(id) \"x\" `id` \\"},
             {"SERVER_PORT", "25565"},
             {"SERVER_IP", "0.0.0.0"},
             {"SERVER_MEMORY", "1843"}},
            {{"config.docker.interface", "172.17.0.1"}, {"server.uuid", "s1"}}};
}

std::string filled(const std::string& text) { return fill(text, values(), "startup"); }
std::vector<std::string> arguments(const std::string& text)
{
    return fill_arguments(text, values(), "startup");
}
std::string shell(const std::string& text) { return fill_shell(text, values(), "startup"); }

TEST(Template, ReplacesEachSpellingOnce)
{
    EXPECT_EQ(filled("{{A}}{{ A }}{{env.A}}{{server.build.env.A}}{{server.environment.A}}"),
              "oneoneoneoneone");
    EXPECT_EQ(filled("{{server.build.default.port}} {{server.allocations.default.port}} {{env.SERVER_PORT}}"),
              "25565 25565 25565");
    EXPECT_EQ(filled("{{server.build.default.ip}} {{server.build.memory}}"), "0.0.0.0 1843");
    EXPECT_EQ(filled("{{config.docker.interface}}$2 {{server.uuid}}"), "172.17.0.1$2 s1");
    EXPECT_EQ(filled("{{NEST}}"), "{{A}}");
    EXPECT_EQ(filled("a } } { b"), "a } } { b");
}

TEST(Template, RefusesUnknownNamesByName)
{
    EXPECT_THAT(refusal([] { filled("-jar {{SERVER_JARFILE}}"); }),
                HasSubstr("startup: {{SERVER_JARFILE}} is unknown"));
    EXPECT_THAT(refusal([] { filled("{{server.build.env.NOPE}}"); }),
                HasSubstr("{{server.build.env.NOPE}} is unknown"));
    for (const char* bad : {"{{", "{{A", "{{A}", "{{}}", "{{A B}}", "{{ }}", "{{A;}}", "{{{{A}}}}"})
        EXPECT_THAT(refusal([&] { filled(bad); }), HasSubstr("does not begin a placeholder")) << bad;
}

TEST(Template, BoundsTheResult)
{
    const TemplateValues big{{{"X", std::string(16 << 10, 'x')}}, {}};
    std::string text;
    for (int i = 0; i < 9; ++i) text += "{{X}} ";
    const std::vector<std::function<void()>> calls{[&] { fill(text, big, "p"); },
                                                   [&] { fill_arguments(text, big, "p"); },
                                                   [&] { fill_shell(text, big, "p"); }};
    for (const auto& call : calls) EXPECT_THAT(refusal(call), HasSubstr("longer than 131072 bytes"));
}

TEST(StartupWords, AreSplitBeforeValuesAreInserted)
{
    EXPECT_THAT(arguments("java -Xmx{{SERVER_MEMORY}}M -jar {{B}}"),
                ElementsAre("java", "-Xmx1843M", "-jar", "two words"));
    EXPECT_THAT(arguments("a {{Q}}"), ElementsAre("a", "it's $(id) \"x\" `id` \\"));
    EXPECT_THAT(arguments("a  \t b"), ElementsAre("a", "b"));
    EXPECT_THAT(arguments("a 'b c' \"d {{B}}\" e\\ f"), ElementsAre("a", "b c", "d two words", "e f"));
    EXPECT_THAT(arguments("a '$(x) | ;' \"\\$ \\\" \\x\""), ElementsAre("a", "$(x) | ;", "$ \" \\x"));
    EXPECT_THAT(arguments("a {{E}} \"{{E}}\" x{{E}} ''"), ElementsAre("a", "", "x", ""));
    EXPECT_THAT(arguments("a \\{{A}}"), ElementsAre("a", "{{A}}"));
    EXPECT_THAT(arguments("./ark Map?listen?Max={{A}} -x=* [a] ~ !"),
                ElementsAre("./ark", "Map?listen?Max=one", "-x=*", "[a]", "~", "!"));
}

TEST(StartupWords, RefuseWhatNeedsAShell)
{
    for (const char* line : {"a | b", "a; b", "a && b", "a > f", "a < f", "a $(b)", "a $B", "a `b`", "a (b)",
                             "a \"$(b)\"", "a \"`b`\"", "a # b", "a\nb"}) {
        const std::string said = refusal([&] { arguments(line); });
        EXPECT_THAT(said, HasSubstr("needs a shell")) << line;
        EXPECT_THAT(said, HasSubstr("\"shell\": true")) << line;
    }
    EXPECT_THAT(arguments("a b#c"), ElementsAre("a", "b#c"));
    EXPECT_THAT(refusal([] { arguments("LD_PRELOAD=x a"); }), HasSubstr("sets a variable"));
    EXPECT_THAT(refusal([] { arguments(""); }), HasSubstr("names no program"));
    EXPECT_THAT(refusal([] { arguments("'' a"); }), HasSubstr("names no program"));
    EXPECT_THAT(refusal([] { arguments("{{E}}"); }), HasSubstr("names no program"));
    EXPECT_THAT(refusal([] { arguments("a 'b"); }), HasSubstr("not closed"));
    EXPECT_THAT(refusal([] { arguments("a \\"); }), HasSubstr("ends in a backslash"));
}

TEST(StartupShell, QuotesEveryValue)
{
    EXPECT_EQ(shell("echo {{B}} | cat"), "echo 'two words' | cat");
    EXPECT_EQ(shell("echo \"x {{B}} y\""), "echo \"x \"'two words'\" y\"");
    EXPECT_EQ(shell("echo 'x {{B}} y'"), "echo 'x ''two words'' y'");
    EXPECT_EQ(shell("echo {{E}}"), "echo ''");
    EXPECT_EQ(shell("$( [ ! -f a ] && printf %s \"-jar {{A}}\" )"),
              "$( [ ! -f a ] && printf %s \"-jar \"'one'\"\" )");
}

TEST(StartupShell, RefusesPlaceholdersWhereQuotingIsNotCertain)
{
    for (const char* line : {"echo `echo {{A}}`", "echo \"$(echo {{A}})\"", "echo \"${X:-{{A}}}\"",
                             "cat <<X {{A}}", "echo $(({{A}}))", "echo $'{{A}}'", "echo ${{A}}",
                             "true # it's {{A}}", "echo \"`\" {{A}}", "echo $\"{{A}}\""})
        EXPECT_THAT(refusal([&] { shell(line); }), HasSubstr("quoting is not certain")) << line;
    EXPECT_THAT(refusal([] { shell("echo 'x"); }), HasSubstr("not closed"));
    EXPECT_EQ(shell("echo \"$(id)\" `id` $((1))"), "echo \"$(id)\" `id` $((1))");
}

std::string run(const std::string& line)
{
    std::string out;
    std::array<char, 256> buffer{};
    const std::string file = testing::TempDir() + "/startup_shell_test.sh";
    if (std::FILE* script = std::fopen(file.c_str(), "w")) {
        std::fputs(line.c_str(), script);
        std::fclose(script);
    }
    std::FILE* pipe = popen(("/bin/sh " + file + " 2>&1").c_str(), "r");
    while (pipe && std::fgets(buffer.data(), buffer.size(), pipe)) out += buffer.data();
    if (pipe) pclose(pipe);
    return out;
}

// A real shell reads what we wrote: hostile values are passed unchanged, wherever the placeholder is.
TEST(StartupShell, ARealShellSeesValuesAsText)
{
    const std::vector<std::string> hostile{"it's",
                                           "$(echo HACKED)",
                                           "`echo HACKED`",
                                           "\"; echo HACKED; \"",
                                           "'; echo HACKED; '",
                                           "a  b",
                                           "\\",
                                           "${HOME}",
                                           "*",
                                           "'\\''",
                                           "$'",
                                           "'\"'\"",
                                           "-e {{A}} x",
                                           "!",
                                           "#",
                                           "a\tb"};
    const std::vector<std::pair<std::string, std::string>> places{
        {"printf %s {{V}}", ""},           {"printf %s \"<{{V}}>\"", "<>"},
        {"printf %s '<{{V}}>'", "<>"},     {"printf %s x{{V}}y", "xy"},
        {"X={{V}}; printf %s \"$X\"", ""}, {"if [ 1 ]; then printf %s \"it's \"{{V}}; fi", "it's "}};
    for (const std::string& value : hostile)
        for (const auto& [line, around] : places) {
            const TemplateValues values{{{"V", value}, {"A", "HACKED"}}, {}};
            std::string expected = around;
            expected.insert(around == "it's " ? 5 : around.size() / 2, value);
            EXPECT_EQ(run(fill_shell(line, values, "startup")), expected) << line << " with " << value;
        }
}

bool found(const std::string& pattern, const std::string& text, bool ignore_case = false)
{
    std::string why;
    const auto compiled = Pattern::compile(pattern, ignore_case, why);
    EXPECT_TRUE(compiled) << pattern << ": " << why;
    return compiled && compiled->found_in(text);
}

TEST(Pattern, MatchesTheUsualEggs)
{
    EXPECT_TRUE(found("^([\\w\\d._-]+)(\\.jar)$", "server.jar"));
    EXPECT_FALSE(found("^([\\w\\d._-]+)(\\.jar)$", "server.jar "));
    EXPECT_FALSE(found("^([\\w\\d._-]+)(\\.jar)$", "../x.jar"));
    EXPECT_TRUE(found("^(127\\.0\\.0\\.1|localhost)(:\\d{1,5})?$", "localhost:25565"));
    EXPECT_TRUE(found("Done \\(\\d+\\.\\d+s\\)!", "[12:00:00 INFO]: Done (3.141s)! For help"));
    EXPECT_TRUE(found("^[A-Z]{2,3}$", "ab", true));
    EXPECT_TRUE(found("\\bx\\b", "a x b"));
    EXPECT_FALSE(found("\\bx\\b", "axb"));
    EXPECT_TRUE(found("(?:a|b)+?c", "ababc"));
    EXPECT_TRUE(found("(?<n>a){2}", "aa"));
    EXPECT_TRUE(found("[[:digit:]\\-]+", "-"));
    EXPECT_TRUE(found("a{,3}", "a{,3}"));
    EXPECT_TRUE(found("\\x41", "A"));
    EXPECT_TRUE(found("", "anything"));
}

TEST(Pattern, RefusesWhatItCannotDoInLinearTime)
{
    for (const char* text : {"(?=a)",
                             "(?!a)",
                             "(?<=a)",
                             "(?<!a)",
                             "(a)\\1",
                             "a++",
                             "(?>a)",
                             "(?i)a",
                             "\\p{L}",
                             "[é]",
                             "(",
                             ")",
                             "[a",
                             "*",
                             "a{3,2}",
                             "a{1001}",
                             "((a{100}){100}){100}",
                             "\\",
                             "[[:foo:]]",
                             "(?P>x)",
                             "\\Q",
                             "[z-a]"}) {
        std::string why;
        EXPECT_FALSE(Pattern::compile(text, false, why)) << text;
        EXPECT_NE(why, "") << text;
    }
    std::string why;
    EXPECT_FALSE(Pattern::compile(std::string(40, '(') + std::string(40, ')'), false, why));
    EXPECT_FALSE(Pattern::compile(std::string(2000, 'a'), false, why));
    EXPECT_FALSE(Pattern::compile_delimited("^a$", why));
    EXPECT_FALSE(Pattern::compile_delimited("/a/x", why));
    EXPECT_FALSE(Pattern::compile_delimited("/", why));
    EXPECT_TRUE(Pattern::compile_delimited("#^a$#i", why));
}

TEST(Pattern, HostileExpressionsStayLinear)
{
    EXPECT_FALSE(found("^(a+)+$", std::string(20000, 'a') + "!"));
    EXPECT_FALSE(found("(a|aa)+b", std::string(20000, 'a')));
    EXPECT_FALSE(found("(a*)*(a*)*b", std::string(20000, 'a')));
}

TEST(Pattern, AgreesWithStdRegex)
{
    const std::vector<std::string> pieces{"a",   "b",      "[ab]",   "[^a]", ".", "\\d",
                                          "\\w", "(a|bc)", "(?:ab)", "^",    "$", "c"};
    const std::vector<std::string> counts{"", "", "", "*", "+", "?", "{2}", "{1,3}", "*?"};
    std::mt19937 random{11};
    int matched = 0, compared = 0;
    for (int i = 0; i < 400; ++i) {
        std::string text;
        for (auto n = 1 + random() % 4; n > 0; --n) {
            const std::string& piece = pieces[random() % pieces.size()];
            text += piece + (piece == "^" || piece == "$" ? "" : counts[random() % counts.size()]);
            if (random() % 8 == 0) text += "|";
        }
        std::string why;
        const auto mine = Pattern::compile(text, false, why);
        ASSERT_TRUE(mine) << text << ": " << why;
        const std::regex theirs{text};
        for (int j = 0; j < 50; ++j, ++compared) {
            std::string word(random() % 6, ' ');
            for (char& c : word) c = "aabbc1 "[random() % 7];
            EXPECT_EQ(mine->found_in(word), std::regex_search(word, theirs))
                << text << " on \"" << word << '"';
            matched += mine->found_in(word);
        }
    }
    EXPECT_GT(matched, compared / 10);
    EXPECT_LT(matched, compared * 9 / 10);
}

std::string problem(const Json& rules, const std::string& value)
{
    return Rules::read(Node{rules, "rules"}).problem(value);
}

TEST(Rules, CheckValues)
{
    struct Row {
        const char *rules, *good, *bad, *says;
    };
    const std::vector<Row> table{
        {"required|string|max:20", "latest", "123456789012345678901", "must have at most 20 characters"},
        {"required", "x", "", "must not be empty"},
        {"required|regex:/^([\\w\\d._-]+)(\\.jar)$/", "server.jar", "a b.jar", "regular expression"},
        {"required|regex:/^(a|b)$/|max:1", "b", "c", "regular expression"},
        {"not_regex:/x/", "a", "x", "forbids"},
        {"string|in:recommended,latest", "latest", "old", "must be one of recommended, latest"},
        {"not_in:a,b", "c", "a", "must not be one of"},
        {"numeric|between:512,4096", "512", "511", "must be 512 to 4096"},
        {"required|alpha_num|between:1,6", "latest", "toolong", "must have 1 to 6 characters"},
        {"numeric", "-1.5e3", "1x", "must be a number"},
        {"integer|min:1", "1", "0", "must be at least 1"},
        {"int", "+5", "1.5", "must be a whole number"},
        {"numeric|max:10", "10", "10.5", "must be at most 10"},
        {"boolean", "1", "yes", "must be 0, 1, true or false"},
        {"digits:4", "1234", "123", "digits"},
        {"digits_between:1,5", "25565", "123456", "digits"},
        {"alpha_dash", "a-b_1", "a b", "letters, digits, - and _"},
        {"alpha", "abc", "a1", "letters"},
        {"lowercase", "a1", "A", "lower case"},
        {"uppercase", "A1", "a", "upper case"},
        {"ip", "::1", "1.2.3", "an IP address"},
        {"ipv4", "1.2.3.4", "::1", "an IPv4 address"},
        {"ipv6", "::1", "1.2.3.4", "an IPv6 address"},
        {"url", "https://x", "x", "a URL"},
        {"starts_with:a,b", "bx", "x", "must start with one of a, b"},
        {"ends_with:.jar", "x.jar", "x", "must end with"},
        {"size:3", "abc", "ab", "must have 3 characters"},
        {"accepted", "yes", "no", "must be 1, true, yes or on"},
        {"max:2", "\xc3\xa9\xc3\xa9", "\xc3\xa9\xc3\xa9\xc3\xa9", "at most 2 characters"},
    };
    for (const Row& row : table) {
        EXPECT_EQ(problem(row.rules, row.good), "") << row.rules;
        EXPECT_THAT(problem(row.rules, row.bad), HasSubstr(row.says)) << row.rules;
    }
    EXPECT_EQ(problem("nullable|string|max:20", ""), "");
    EXPECT_EQ(problem("numeric|min:5", ""), "");
    EXPECT_EQ(problem(Json::array({"required", "regex:/a|b/"}), "b"), "");
}

TEST(Rules, NameWhatIsNotChecked)
{
    const Json text = "required|required_if:A,1|json|sometimes|string";
    EXPECT_THAT(Rules::read(Node{text, "rules"}).unchecked(), ElementsAre("required_if", "json"));
}

TEST(Rules, RefuseBadRules)
{
    for (const char* bad : {"regex:/(?=a)/", "regex:abc", "max:x", "between:1", "min:", "digits:1,2"})
        EXPECT_THAT(refusal([&] { problem(bad, "x"); }), testing::StartsWith("rules: ")) << bad;
}

} // namespace
