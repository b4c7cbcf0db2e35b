// Replaces {{NAME}} in startup lines and configuration values. A value is inserted once and never read again:
// "{{A}}" with A = "{{B}}" gives the text {{B}}, and a value with quotes, blanks or $(...) stays one piece of
// text.
//
//     {{NAME}} {{env.NAME}} {{server.build.env.NAME}} {{server.environment.NAME}}     a variable
//     {{server.build.default.port}} {{server.allocations.default.port}} (also .ip)    SERVER_PORT, SERVER_IP
//     {{server.build.memory}} {{server.build.memory_limit}}                           SERVER_MEMORY
//     {{config.docker.interface}} {{config.docker.network.interface}} {{server.uuid}}  of the node
//
// An unknown name is refused with CONFIG_INVALID, because an empty string in its place starts another program
// than the one meant. Every function throws CONFIG_INVALID at `path`. Results are bounded by
// max_filled_bytes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

using Environment = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t max_filled_bytes = 128 << 10; // what the kernel takes as one argument
constexpr std::size_t max_arguments = 1024;

class TemplateValues {
public:
    // `settings`: names with dots, such as config.docker.interface.
    TemplateValues(Environment environment, Environment settings)
        : environment_{std::move(environment)}, settings_{std::move(settings)}
    {}
    // nullptr: the name is unknown.
    [[nodiscard]] const std::string* find(std::string_view name) const;

private:
    Environment environment_, settings_;
};

// The text with each placeholder replaced.
std::string fill(std::string_view text, const TemplateValues&, std::string_view path);

// A startup line as arguments, split as a shell splits words ('...', "...", backslash) but run without one.
// Split first, filled afterwards, so that a value with blanks stays in its argument. An argument of nothing
// but unquoted placeholders that are all empty is left out. What only a shell could do (| ; & < > ( ) $ ` #)
// is refused unless it is quoted.
std::vector<std::string> fill_arguments(std::string_view line, const TemplateValues&, std::string_view path);

// A startup line for `sh -c`: every value in single quotes, even where the placeholder is inside quotes. A
// placeholder is refused where the quoting around it is not certain: after a backtick, "$(...)" in double
// quotes, <<, ((, $'...' and comments. What eval or an arithmetic comparison of the line itself does with a
// value is up to whoever wrote the line.
std::string fill_shell(std::string_view line, const TemplateValues&, std::string_view path);

} // namespace agenthost::docker
