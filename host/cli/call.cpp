// `agenthost call ACTION [JSON]`.
#include "call.hpp"

#include "base/json_depth.hpp"
#include "print.hpp"
#include "verbs.hpp"

#include "base/fd.hpp"
#include "base/visible.hpp"
#include "base/write_all.hpp"
#include "netclient/call_reader.hpp"
#include "netclient/control_client.hpp"
#include <agenthost/json.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace agenthost::host::cli {

using nlohmann::json;

namespace {

constexpr std::size_t max_params = 4 << 20; // the daemon's own bound is lower and says so

// A line on stderr that is redrawn in place until it is cleared.
class ProgressLine {
public:
    explicit ProgressLine(bool on) : on_{on} {}
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    void show(const json& progress)
    {
        if (!on_) return;
        winsize size{};
        const std::size_t columns =
            ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
        std::fprintf(stderr, "\r\033[K%s", progress_text(progress, columns).c_str());
        std::fflush(stderr);
        shown_ = true;
    }
    void clear()
    {
        if (shown_) std::fputs("\r\033[K", stderr);
        shown_ = false;
    }

private:
    bool on_, shown_ = false;
};

// nullopt after reporting an error.
std::optional<std::string> read_params(const std::string& given)
{
    if (given.empty()) return "{}";
    if (given != "-" && given[0] != '@') return given;
    const std::string file = given == "-" ? "standard input" : given.substr(1);
    const base::Fd fd{given == "-" ? ::dup(STDIN_FILENO) : ::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) {
        print_error(file + ": " + std::strerror(errno));
        return std::nullopt;
    }
    std::string text, buffer(64 << 10, '\0');
    for (;;) {
        const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            print_error(file + ": " + std::strerror(errno));
            return std::nullopt;
        }
        if (n == 0) return text;
        text.append(buffer, 0, static_cast<std::size_t>(n));
        if (text.size() > max_params) {
            print_error(file + ": larger than 4 MiB; parameters are small, files are passed by URL");
            return std::nullopt;
        }
    }
}

std::string dumped(const json& value, bool pretty)
{
    return value.dump(pretty ? 2 : -1, ' ', false, json::error_handler_t::replace);
}

// A result with an exit code is a program's: its code becomes ours, and standard output contains only the
// program's output.
std::optional<int> exit_code(const json& data)
{
    const auto at = data.is_object() ? data.find("exit_code") : data.end();
    if (at == data.end()) return std::nullopt;
    const auto code = json_integer(*at);
    if (!code) return std::nullopt;
    return *code >= 0 && *code <= 255 ? static_cast<int>(*code) : failed;
}

int report(const Context& context, const CallOptions& options, const json& result, bool streamed)
{
    if (result.value("status", "") == "success") {
        const json data = result.value("data", json{});
        const auto code = exit_code(data);
        streamed = streamed || code;
        if (context.json)
            print_text(dumped(data, false) + "\n");
        else if (streamed) { // standard output belongs to the command
            if (!data.is_null() && ::isatty(STDERR_FILENO))
                std::fprintf(stderr, "%s\n", base::visible_lines(dumped(data, true)).c_str());
        } else if (!data.is_null())
            print_text(::isatty(STDOUT_FILENO) == 1 ? base::visible_lines(dumped(data, true)) + "\n"
                                                    : dumped(data, false) + "\n");
        return code.value_or(ok);
    }
    if (context.json && !streamed) print_text(dumped(result, false) + "\n");
    const auto text = [&](const char* key) {
        const auto at = result.find(key);
        return at != result.end() && at->is_string() ? at->get<std::string>() : std::string{};
    };
    const bool colours = is_terminal(STDERR_FILENO);
    const std::string code = text("code"), message = text("message");
    std::fprintf(stderr, "%s %s%s\n", paint(options.action + ":", Colour::bad, colours).c_str(),
                 printable(message.empty() ? "failed" : message).c_str(),
                 code.empty() ? "" : (" (" + printable(code) + ")").c_str());
    // Print each line of the detail: a schema reports every value that does not match.
    std::string detail = text("detail");
    for (std::size_t at = 0; at < detail.size();) {
        const auto end = std::min(detail.find('\n', at), detail.size());
        if (end > at && detail.substr(at, end - at) != message)
            std::fprintf(stderr, "  %s\n", printable(detail.substr(at, end - at)).c_str());
        at = end + 1;
    }
    if (code == "INVALID_REQUEST" && options.action.find('.') != std::string::npos)
        std::fprintf(stderr, "  `agenthost plugin info %s` shows what the action takes.\n",
                     printable(options.action.substr(0, options.action.find('.'))).c_str());
    if (const auto data = result.find("data"); data != result.end() && !data->is_null())
        std::fprintf(stderr, "  %s\n", base::visible(dumped(*data, false)).c_str());
    return failed;
}

} // namespace

int call(const Context& context, const CallOptions& options)
{
    const auto text = read_params(options.params);
    if (!text) return failed;
    if (!base::json_depth_ok(*text)) {
        print_error("the parameters are nested more than " + std::to_string(base::max_json_depth) +
                    " levels deep; flatten them");
        return usage;
    }
    json params;
    try {
        params = json::parse(text->empty() ? std::string{"{}"} : *text);
    } catch (const json::parse_error& e) {
        print_error("the parameters are not JSON (wrong at byte " + std::to_string(e.byte) +
                    "). In a shell, quote them: agenthost call " + options.action +
                    " '{\"key\": \"value\"}', or give @FILE");
        return usage;
    }
    if (!params.is_object()) {
        print_error("the parameters are a JSON object, such as '{\"key\": \"value\"}'");
        return usage;
    }
    json body{{"action", options.action}, {"params", std::move(params)}};
    if (!options.id.empty()) body["id"] = options.id;
    if (options.timeout) body["timeout_ms"] = options.timeout->count();

    ProgressLine line{!options.quiet && !context.json && is_terminal(STDERR_FILENO)};
    bool closed = false;
    netclient::CallReader reader{{
        .progress = [&](const json& progress) { line.show(progress); },
        .stream =
            [&](std::uint32_t channel, std::string_view bytes) {
                line.clear();
                if (channel == 1 && !closed) closed = !base::write_all(STDOUT_FILENO, bytes);
                if (channel == 2) (void)base::write_all(STDERR_FILENO, bytes);
            },
        .lost =
            [&](std::uint32_t, std::uint64_t bytes) {
                print_error(std::to_string(bytes) + " bytes of output were dropped here");
            },
    }};
    // The daemon bounds a call (--timeout, or the action's own limit). One that is silent for longer than the
    // caller's own limit hangs; without such a limit silence is not limited. Ctrl-C closes the connection,
    // which cancels the command.
    constexpr auto max_silence = std::chrono::milliseconds{std::chrono::hours{24 * 365}};
    const auto silence = options.timeout ? std::min(*options.timeout, max_silence) + std::chrono::seconds{10}
                                         : std::chrono::milliseconds{0};
    const netclient::ControlAnswer answer = netclient::ControlClient{context.control_socket()}.request(
        "POST", "/v1/call", dumped(body, false), silence,
        [&](std::string_view bytes) { reader.feed(bytes); });
    reader.end();
    line.clear();
    if (reader.result()) return report(context, options, *reader.result(), reader.streamed(1));
    if (!answer.good())
        print_error(answer.error());
    else
        print_error(reader.overlong() ? "the answer has a line longer than 64 MiB"
                                      : "the daemon ended the call without a result; its log says why");
    return failed;
}

} // namespace agenthost::host::cli
