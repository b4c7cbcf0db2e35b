#include "control_client.hpp"

#include "base/cancel.hpp"
#include "base/json_depth.hpp"
#include "chunked.hpp"
#include "connection.hpp"
#include "http_head.hpp"
#include "net.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

namespace agenthost::netclient {

namespace {

constexpr std::size_t max_body = 64 << 20; // of an answer that is kept; streams are handed on

std::string absent(const std::filesystem::path& socket)
{
    return "no daemon answers on " + socket.string() +
           ": start it with `agenthost run` (or `systemctl start agenthost`), or name its socket with "
           "--control-socket";
}

// One connection to the daemon, used with blocking calls.
class Conversation {
public:
    Conversation(Connection connection, std::chrono::milliseconds silence)
        : connection_{std::move(connection)}, silence_{silence.count() > 0 ? silence : for_ever}
    {}

    // False: the daemon does not read. If it responds before it has read everything, its response is used
    // instead of an error.
    bool send(std::string_view text)
    {
        while (!text.empty()) {
            const auto done = connection_.write(text.data(), text.size());
            if (done.io == Connection::Io::ok)
                text.remove_prefix(done.bytes);
            else if (done.io != Connection::Io::again)
                return true;
            else if (!wait())
                return false;
        }
        return true;
    }

    // nullopt: silence. 0: the end.
    std::optional<std::size_t> receive(char* data, std::size_t size)
    {
        for (;;) {
            const auto done = connection_.read(data, size);
            if (done.io == Connection::Io::ok) return done.bytes;
            if (done.io != Connection::Io::again) return 0;
            if (!wait()) return std::nullopt;
        }
    }

    [[nodiscard]] std::string silent() const
    {
        return "the daemon accepts connections but has not responded for " +
               std::to_string(silence_.count() / 1000) + " s; its log says why (journalctl -u agenthost)";
    }

private:
    static constexpr std::chrono::milliseconds for_ever = std::chrono::years{10};

    bool wait()
    {
        return wait_for(connection_.fd(), connection_.wanted(), silence_, {never_}) == Wait::ready;
    }

    Connection connection_;
    std::chrono::milliseconds silence_;
    base::Cancel never_;
};

// nullopt: `answer` says why not.
std::optional<Connection> connect(const std::filesystem::path& socket, ControlAnswer& answer)
{
    // The daemon's backlog may be full.
    constexpr std::chrono::seconds connect_timeout{5};
    const auto address = unix_address(socket.string(), answer.problem);
    if (!address) return std::nullopt;
    const base::Cancel never;
    Connected made = connect_to(*address, connect_timeout, {never});
    if (made.socket) return Connection{std::move(made.socket)};
    answer.no_daemon = made.error == ENOENT || made.error == ECONNREFUSED || made.error == ENOTDIR;
    answer.problem = answer.no_daemon ? absent(socket)
                     : made.error == EACCES
                         ? "permission denied on " + socket.string() +
                               ": it belongs to the daemon's user; use sudo, or run as that user"
                         : socket.string() + ": " + std::strerror(made.error);
    return std::nullopt;
}

struct BodyReader {
    const ResponseHead& head;
    ControlAnswer& answer;
    const std::function<void(std::string_view)>& on_body;
    ChunkedDecoder chunks{};
    std::uint64_t taken = 0;

    // false: enough, or wrong.
    bool take(char* data, std::size_t size)
    {
        if (head.chunked) {
            size = chunks.decode(data, size);
            if (chunks.failed()) answer.problem = "the daemon's reply is not valid HTTP";
        } else if (head.length) {
            size = static_cast<std::size_t>(std::min<std::uint64_t>(size, *head.length - taken));
        }
        taken += size;
        if (on_body && answer.good()) {
            if (size > 0) on_body({data, size});
        } else if (answer.body.size() + size > max_body) {
            answer.problem = "the daemon's answer is larger than 64 MiB";
        } else {
            answer.body.append(data, size);
        }
        return answer.problem.empty() && !complete();
    }
    [[nodiscard]] bool complete() const
    {
        return head.chunked ? chunks.done() : head.length && taken >= *head.length;
    }
};

} // namespace

ControlAnswer ControlClient::request(std::string_view method, std::string_view target, std::string_view body,
                                     std::chrono::milliseconds silence,
                                     const std::function<void(std::string_view)>& on_body) const
{
    ControlAnswer answer;
    auto connection = connect(socket_, answer);
    if (!connection) return answer;
    Conversation talk{std::move(*connection), silence};

    Headers headers;
    if (!body.empty() || method == "POST")
        headers = {{"Content-Type", "application/json"}, {"Content-Length", std::to_string(body.size())}};
    const auto fail = [&](std::string why) {
        answer = {};
        answer.problem = std::move(why);
        return answer;
    };
    if (!talk.send(request_head(method, "localhost", target, headers).append(body)))
        return fail(talk.silent());
    std::string buffer(64 << 10, '\0'), start;
    ResponseHead head;
    for (;;) {
        const auto n = talk.receive(buffer.data(), buffer.size());
        if (!n) return fail(talk.silent());
        if (*n == 0)
            return fail("the daemon closed the connection without an answer; its log says why (journalctl -u "
                        "agenthost)");
        start.append(buffer, 0, *n);
        std::string why;
        const auto result = parse_response_head(start, head, why);
        if (result == HeadResult::bad || result == HeadResult::unsupported)
            return fail("the program that answers on " + socket_.string() + " is not agenthost: " + why);
        if (result == HeadResult::complete) break;
    }
    answer.status = head.status;
    BodyReader reader{head, answer, on_body};
    const bool no_body = head.status == 204 || head.status == 304 || (head.length && *head.length == 0);
    std::string rest = start.substr(head.size);
    bool more = !no_body && reader.take(rest.data(), rest.size());
    while (more) {
        const auto n = talk.receive(buffer.data(), buffer.size());
        if (!n) return fail(talk.silent());
        if (*n == 0) {
            if (head.chunked || head.length)
                return fail("the daemon closed the connection in the middle of its answer (was it stopped?)");
            break;
        }
        more = reader.take(buffer.data(), *n);
    }
    if (!answer.problem.empty()) answer.status = 0;
    return answer;
}

std::string ControlAnswer::error() const
{
    if (status == 0) return problem;
    const nlohmann::json parsed = json();
    if (parsed.is_object() && parsed.contains("error") && parsed["error"].is_object())
        return parsed["error"].value("message", "the daemon answered " + std::to_string(status));
    return "the daemon answered " + std::to_string(status);
}

nlohmann::json ControlAnswer::json() const
{
    return base::parse_json<nlohmann::json>(body, 2 * base::max_json_depth);
}

} // namespace agenthost::netclient
