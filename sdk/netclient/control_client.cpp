#include "control_client.hpp"

#include "base/fd.hpp"
#include "base/json_depth.hpp"
#include "chunked.hpp"
#include "http_head.hpp"

#include <nlohmann/json.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

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

struct Conversation {
    base::Fd fd;
    std::chrono::milliseconds silence;
    std::string problem;

    bool wait(short events)
    {
        pollfd p{fd.get(), events, 0};
        const int most = silence.count() > 0 ? static_cast<int>(silence.count()) : -1;
        int n = 0;
        do n = ::poll(&p, 1, most);
        while (n < 0 && errno == EINTR);
        if (n > 0) return true;
        problem = "the daemon accepts connections but has said nothing for " +
                  std::to_string(silence.count() / 1000) + " s; its log says why (journalctl -u agenthost)";
        return false;
    }

    bool send(std::string_view text)
    {
        while (!text.empty()) {
            const ssize_t n = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (n >= 0) {
                text.remove_prefix(static_cast<std::size_t>(n));
            } else if (errno == EAGAIN) {
                if (!wait(POLLOUT)) return false;
            } else if (errno == EPIPE || errno == ECONNRESET) {
                return true; // it has answered before it read all; what it says is worth more
            } else if (errno != EINTR) {
                problem = std::string{"sending to the daemon: "} + std::strerror(errno);
                return false;
            }
        }
        return true;
    }

    // nullopt: an error, or silence. 0: the end.
    std::optional<std::size_t> receive(char* data, std::size_t size)
    {
        for (;;) {
            const ssize_t n = ::recv(fd.get(), data, size, 0);
            if (n >= 0) return static_cast<std::size_t>(n);
            if (errno == EAGAIN) {
                if (!wait(POLLIN)) return std::nullopt;
            } else if (errno == ECONNRESET) {
                return 0;
            } else if (errno != EINTR) {
                problem = std::string{"reading from the daemon: "} + std::strerror(errno);
                return std::nullopt;
            }
        }
    }
};

// An empty problem: connected.
std::string connect(const std::filesystem::path& socket, base::Fd& fd, bool& no_daemon)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket.string();
    if (path.size() >= sizeof address.sun_path)
        return path + ": longer than 107 bytes, more than the kernel takes for a socket";
    std::memcpy(address.sun_path, path.data(), path.size());
    fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return std::string{"no socket can be made: "} + std::strerror(errno);
    timeval patience{5, 0}; // a full backlog
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return {};
    const int error = errno;
    no_daemon = error == ENOENT || error == ECONNREFUSED || error == ENOTDIR;
    if (no_daemon) return absent(socket);
    if (error == EACCES)
        return "permission denied on " + path +
               ": it belongs to the daemon's user; use sudo, or become that user";
    return path + ": " + std::strerror(error);
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
            if (chunks.failed())
                answer.problem = "the daemon's answer is not HTTP that this command understands";
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
    Conversation talk{{}, silence, {}};
    answer.problem = connect(socket_, talk.fd, answer.no_daemon);
    if (!answer.problem.empty()) return answer;
    timeval none{0, 0};
    ::setsockopt(talk.fd.get(), SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);

    std::string text = std::string{method} + " " + std::string{target} +
                       " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    if (!body.empty() || method == "POST")
        text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n";
    text += body;

    const auto fail = [&](std::string why) {
        answer = {};
        answer.problem = std::move(why);
        return answer;
    };
    if (!talk.send(text)) return fail(talk.problem);
    std::string buffer(64 << 10, '\0'), start;
    ResponseHead head;
    for (;;) {
        if (!talk.wait(POLLIN)) return fail(talk.problem);
        const auto n = talk.receive(buffer.data(), buffer.size());
        if (!n) return fail(talk.problem);
        if (*n == 0)
            return fail("the daemon closed the connection without an answer; its log says why (journalctl -u "
                        "agenthost)");
        start.append(buffer, 0, *n);
        std::string why;
        const auto result = parse_response_head(start, head, why);
        if (result == HeadResult::bad || result == HeadResult::unsupported)
            return fail("what answers on " + socket_.string() + " is not agenthost: " + why);
        if (result == HeadResult::complete) break;
    }
    answer.status = head.status;
    BodyReader reader{head, answer, on_body};
    const bool no_body = head.status == 204 || head.status == 304 || (head.length && *head.length == 0);
    std::string rest = start.substr(head.size);
    bool more = !no_body && reader.take(rest.data(), rest.size());
    while (more) {
        if (!talk.wait(POLLIN)) return fail(talk.problem);
        const auto n = talk.receive(buffer.data(), buffer.size());
        if (!n) return fail(talk.problem);
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
