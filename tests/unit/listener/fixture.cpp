#include "fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace agenthost::test {

Raw::Raw(int port)
{
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) close();
}

Raw::Raw(const std::string& path)
{
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) close();
}

void Raw::close()
{
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

bool Raw::send(std::string_view data)
{
    while (!data.empty()) {
        const ssize_t n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        data.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool Raw::fill()
{
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds{max_wait}.count())) != 1) return false;
    char data[65536];
    const ssize_t n = ::recv(fd_, data, sizeof data, 0);
    if (n <= 0) return false;
    buffer_.append(data, static_cast<std::size_t>(n));
    return true;
}

std::string Raw::take(std::size_t n)
{
    while (buffer_.size() < n && fill()) {}
    std::string out = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return out;
}

std::string Raw::until(std::string_view end)
{
    std::size_t at = 0;
    while ((at = buffer_.find(end)) == std::string::npos && fill()) {}
    return take(at == std::string::npos ? buffer_.size() : at + end.size());
}

std::string Raw::rest()
{
    while (fill()) {}
    return std::exchange(buffer_, {});
}

bool Raw::closed()
{
    pollfd wait{fd_, POLLIN, 0};
    char c;
    return buffer_.empty() &&
           ::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds{max_wait}.count())) == 1 &&
           ::recv(fd_, &c, 1, MSG_PEEK) <= 0;
}

std::string Answer::header(std::string_view name) const
{
    std::string lower = head;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    const auto at = lower.find("\r\n" + std::string{name} + ": ");
    if (at == std::string::npos) return {};
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
}

Answer read_answer(Raw& raw, bool head_request)
{
    Answer answer;
    answer.head = raw.until("\r\n\r\n");
    if (answer.head.size() < 12) return answer;
    answer.status = std::stoi(answer.head.substr(9, 3));
    if (head_request || answer.status < 200 || answer.status == 204 || answer.status == 304) return answer;
    if (answer.header("transfer-encoding") == "chunked") {
        for (;;) {
            const std::string size = raw.until("\r\n");
            const auto n = size.empty() ? 0 : std::stoul(size, nullptr, 16);
            answer.body += raw.take(n);
            raw.take(2);
            if (n == 0) return answer;
        }
    }
    const std::string length = answer.header("content-length");
    answer.body = length.empty() ? raw.rest() : raw.take(std::stoul(length));
    return answer;
}

Answer ask(Raw& raw, std::string_view request)
{
    raw.send(request);
    return read_answer(raw, request.starts_with("HEAD "));
}

std::string get(std::string_view path, std::string_view headers)
{
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "\r\n";
}

std::vector<std::pair<agh_conn, int>> Script::closed() const
{
    const std::scoped_lock lock{mutex_};
    return closed_;
}

int Script::times_closed(agh_conn conn) const
{
    int n = 0;
    for (const auto& [id, code] : closed()) n += id == conn;
    return n;
}

int Script::close_code(agh_conn conn) const
{
    wait_for([&] { return times_closed(conn) != 0; });
    for (const auto& [id, code] : closed()) {
        if (id == conn) return code;
    }
    return -1;
}

agh_route_api Script::api()
{
    agh_route_api api{};
    api.size = sizeof api;
    api.on_request = [](void* ctx, agh_conn conn, agh_bytes head) {
        auto& self = *static_cast<Script*>(ctx);
        const std::string_view text{static_cast<const char*>(head.data), head.size};
        self.last_ = conn;
        ++self.requests_;
        if (self.request) return self.request(conn, json::parse(text));
        agh_blob blob{};
        blob.size = sizeof blob;
        blob.fd = -1;
        blob.inl = {text.data(), text.size()};
        self.listeners->answer(conn, 200, R"({"content-type":"application/json"})", &blob);
    };
    api.on_body = [](void* ctx, agh_conn conn, std::uint64_t length, agh_bytes sha, agh_bytes data,
                     agh_status status) {
        auto& self = *static_cast<Script*>(ctx);
        ++self.bodies_;
        if (self.body) {
            self.body(conn, length, {static_cast<const char*>(sha.data), sha.size},
                      {static_cast<const char*>(data.data), data.size}, status);
        }
    };
    api.on_frame = [](void* ctx, agh_conn conn, std::int32_t opcode, agh_bytes data) {
        auto& self = *static_cast<Script*>(ctx);
        if (self.frame) self.frame(conn, opcode, {static_cast<const char*>(data.data), data.size});
    };
    api.on_writable = [](void* ctx, agh_conn conn) {
        auto& self = *static_cast<Script*>(ctx);
        if (self.writable) self.writable(conn);
    };
    api.on_closed = [](void* ctx, agh_conn conn, std::int32_t code) {
        auto& self = *static_cast<Script*>(ctx);
        const std::scoped_lock lock{self.mutex_};
        self.closed_.emplace_back(conn, code);
    };
    return api;
}

void ListenerTest::Loop::end()
{
    work.reset();
    io.stop();
    if (thread.joinable()) thread.join();
}

ListenerTest::ListenerTest()
{
    std::vector<boost::asio::io_context*> contexts;
    for (int i = 0; i < 2; ++i) {
        loops.push_back(std::make_unique<Loop>());
        contexts.push_back(&loops.back()->io);
    }
    listeners = std::make_unique<host::Listeners>(contexts);
}

void ListenerTest::TearDown()
{
    listeners.reset();
    loops.clear();
}

host::ListenerConfig ListenerTest::config() const
{
    host::ListenerConfig config;
    config.name = "web";
    config.bind = {"127.0.0.1:0"};
    return config;
}

int ListenerTest::start(host::ListenerConfig config)
{
    const std::string name = config.name;
    const std::string problem = listeners->add(config);
    EXPECT_EQ(problem, "");
    listeners->open();
    return port(name);
}

int ListenerTest::port(std::string_view name) const
{
    const std::string address = listeners->address(name);
    return std::stoi(address.substr(address.rfind(':') + 1));
}

void ListenerTest::route(const std::string& json_text, Script& script, std::string_view owner)
{
    script.listeners = listeners.get();
    static const agh_route_api shared_api = Script{}.api();
    EXPECT_EQ(listeners->route(owner, json_text, &shared_api, &script), AGH_OK);
}

void ListenerTest::http(Script& s, const std::string& path, const std::string& listener)
{
    const char* kind = path.ends_with('/') ? "prefix" : "path";
    route(json{{"listener", listener}, {"kind", "http"}, {kind, path}}.dump(), s);
}

void ListenerTest::ws(Script& s, const std::string& path, const std::string& listener)
{
    route(json{{"listener", listener}, {"kind", "ws"}, {"path", path}}.dump(), s);
}

host::ListenerStatus ListenerTest::status(std::string_view name) const
{
    for (const auto& status : listeners->status()) {
        if (status.name == name) return status;
    }
    return {};
}

bool ListenerTest::answer(agh_conn conn, int status, std::string_view body, std::string_view headers)
{
    agh_blob blob{};
    blob.size = sizeof blob;
    blob.fd = -1;
    blob.inl = {body.data(), body.size()};
    return listeners->answer(conn, status, headers, body.data() ? &blob : nullptr) == AGH_OK;
}

const TempDir& certificates()
{
    static const TempDir dir;
    static const bool made = [] {
        const auto ran = run({"/bin/sh", "-ec", R"(cd "$0"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=test authority" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > ext
for who in server other; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $who.key -out $who.csr -subj "/CN=$who"
  openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $who.pem -days 2 -extfile ext
done)",
                              dir.path().string()});
        EXPECT_EQ(ran.code, 0) << ran.err;
        return true;
    }();
    (void)made;
    return dir;
}

} // namespace agenthost::test
