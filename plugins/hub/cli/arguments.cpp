#include "arguments.hpp"

#include <charconv>
#include <cstdlib>

namespace agenthost::hub::cli {

namespace {

class Reader {
public:
    Reader(int argc, char** argv) : rest_{argv + std::min(argc, 1), argv + argc} {}

    [[nodiscard]] bool more() const { return at_ < rest_.size(); }
    [[nodiscard]] const std::string& word() const { return rest_[at_]; }
    std::string take() { return rest_[at_++]; }
    std::vector<std::string> take_rest()
    {
        std::vector<std::string> all(rest_.begin() + static_cast<std::ptrdiff_t>(at_), rest_.end());
        at_ = rest_.size();
        return all;
    }
    bool flag(std::string_view name)
    {
        if (word() != name) return false;
        ++at_;
        return true;
    }
    // --NAME VALUE or --NAME=VALUE
    bool value(std::string_view name, std::string& to)
    {
        const std::string_view here = word();
        if (here == name) {
            if (++at_ >= rest_.size()) throw Usage{std::string{name} + " needs a value"};
            to = take();
            return true;
        }
        if (!here.starts_with("--") || !here.starts_with(name) || !here.substr(name.size()).starts_with('='))
            return false;
        to = here.substr(name.size() + 1);
        ++at_;
        return true;
    }

private:
    std::vector<std::string> rest_;
    std::size_t at_ = 0;
};

} // namespace

std::optional<std::chrono::milliseconds> duration(std::string_view text)
{
    std::uint32_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{} || text.empty()) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const std::int64_t ms = unit == "ms"                  ? 1
                            : unit.empty() || unit == "s" ? 1'000
                            : unit == "m"                 ? 60'000
                            : unit == "h"                 ? 3'600'000
                            : unit == "d"                 ? 86'400'000
                                                          : 0;
    if (ms == 0) return std::nullopt;
    return std::chrono::milliseconds{n * ms};
}

namespace {

std::uint32_t lines(const std::string& text)
{
    std::uint32_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{} || end != text.data() + text.size() || n < 1 || n > 1'000)
        throw Usage{"--tail " + text + " is not a number of lines from 1 to 1000"};
    return n;
}

// The options of server; false: the word is not one of them.
bool server_option(Reader& in, Arguments& out)
{
    std::string value;
    if (in.flag("-f") || in.flag("--follow")) {
        out.follow = true;
    } else if (in.flag("--start")) {
        out.start = true;
    } else if (in.value("--tail", value)) {
        out.tail = lines(value);
    } else if (in.value("--port", value) || in.value("-p", value)) {
        out.ports.push_back(value);
    } else {
        return in.value("--agent", out.agent) || in.value("--status", out.status) ||
               in.value("--name", out.name) || in.value("--image", out.image) ||
               in.value("--memory", out.memory) || in.value("--cpu", out.cpu) ||
               in.value("--disk", out.disk) || in.value("--startup", out.startup) ||
               in.value("--file", out.file) || in.value("--signal", out.signal);
    }
    return true;
}

// The options of print that server does not have; false: the word is not one of them.
bool print_option(Reader& in, Arguments& out)
{
    if (in.flag("--raw")) {
        out.raw = true;
        return true;
    }
    return in.value("--printer", out.printer) || in.value("--charset", out.charset) ||
           in.value("--key", out.key) || in.value("--outcome", out.outcome);
}

} // namespace

Arguments parse(int argc, char** argv)
{
    Arguments out;
    if (const char* env = std::getenv("AGENTHOST_CONTROL"); env != nullptr && *env != '\0') out.control = env;
    Reader in{argc, argv};
    std::string value;
    while (in.more()) {
        if (in.flag("--")) {
            out.after = in.take_rest();
        } else if (in.flag("--json")) {
            out.as_json = true;
        } else if (in.flag("--rotate")) {
            out.rotate = true;
        } else if (in.flag("--help") || in.flag("-h")) {
            out.help = true;
        } else if (in.flag("-i") || in.flag("--input")) {
            out.input = true;
        } else if (in.flag("-n") || in.flag("--no-input")) {
            out.no_input = true;
        } else if (in.value("--env", value) || in.value("-e", value)) {
            out.env.push_back(value);
        } else if (in.value("--timeout", value)) {
            out.timeout = duration(value);
            if (!out.timeout) throw Usage{"--timeout " + value + " is not a time; write 30s, 5m or 2h"};
        } else if (in.value("--control", out.control) || in.value("--control-socket", out.control) ||
                   in.value("--protocol", out.protocol) || in.value("--role", out.role) ||
                   in.value("--agents", out.agents) || in.value("--expires", out.expires) ||
                   in.value("--command", out.command) || in.value("-c", out.command) ||
                   in.value("--cwd", out.cwd) || in.value("--run-as", out.run_as) ||
                   in.value("--priority", out.priority) || server_option(in, out) || print_option(in, out)) {
            continue;
        } else if (in.word().starts_with("-")) {
            throw Usage{"unknown option " + in.word()};
        } else {
            out.words.push_back(in.take());
        }
    }
    return out;
}

} // namespace agenthost::hub::cli
