// The verbs of `agenthost print`: a file and a row of the table each.
#pragma once

#include "plugins/printer/cli/arguments.hpp"

#include <span>
#include <string_view>

namespace agenthost::printer::cli {

// Exit codes: 0 ok, 1 it failed, 2 usage.
struct Verb {
    std::string_view name;
    // For --help: the command line and the options, lines that end with a line feed.
    std::string_view usage;
    // Arguments after the verb. Returns the exit code. Throws Usage, or std::exception with a sentence for
    // people.
    int (*run)(Arguments);
};
std::span<const Verb> verbs();

int render(Arguments);
int list(Arguments);
int test(Arguments);
int queue(Arguments);
int cancel(Arguments);
int watch(Arguments);
extern const std::string_view render_usage, list_usage, test_usage, queue_usage, cancel_usage, watch_usage;

} // namespace agenthost::printer::cli
