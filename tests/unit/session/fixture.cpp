#include "fixture.hpp"

#include "host/session/off_thread.hpp"

#include <stdexcept>

namespace agenthost::test {

EchoPlugin::EchoPlugin()
{
    std::string why;
    manifest_ = host::parse_manifest(
        R"({"id":"echo","version":"1.0.0","license":"MIT","description":"test","run":"inline","actions":[
        {"name":"echo.say","summary":"s","effects":false},
        {"name":"echo.big","summary":"s","effects":false},
        {"name":"echo.hold","summary":"s","effects":false},
        {"name":"echo.write","summary":"s","effects":true},
        {"name":"echo.write_later","summary":"s","effects":true}],
        "events":["echo.noise","echo.news","echo.log"]})",
        "echo.manifest.json", why);
    if (!manifest_) throw std::runtime_error{why};
}

void EchoPlugin::reply(agh_req id, std::string_view json)
{
    agh_reply reply{};
    reply.size = sizeof reply;
    reply.json = {json.data(), json.size()};
    dispatcher_->complete("echo", id, &reply);
}

agh_status EchoPlugin::invoke(const agh_request& request, agh_error&)
{
    ++invoked;
    const std::string_view action{static_cast<const char*>(request.action.data), request.action.size};
    const std::string_view params{static_cast<const char*>(request.params.data), request.params.size};
    if (action == "echo.hold" || action == "echo.write_later") {
        held_.push_back(request.id);
    } else if (action == "echo.big") {
        reply(request.id,
              Json{{"x", std::string(Json::parse(params).at("bytes").get<std::size_t>(), 'x')}}.dump());
    } else {
        reply(request.id, params);
    }
    return AGH_PENDING;
}

void EchoPlugin::release()
{
    for (const agh_req id : std::exchange(held_, {})) reply(id, "{}");
}

const TempDir& certificates()
{
    static const TempDir dir;
    static const bool made = [] {
        const auto ran = run({"/bin/sh", "-ec", R"(cd "$0"
new="openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
for who in ca other-ca; do
  $new -x509 -keyout $who.key -out $who.pem -days 2 -subj "/CN=$who" -addext keyUsage=keyCertSign
done
$new -keyout server.key -out server.csr -subj /CN=server
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile server.ext
$new -keyout client.key -out client.csr -subj /CN=client
openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out client.pem -days 2
openssl x509 -in server.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64 -A > pin
)",
                              dir.path().string()});
        if (ran.code != 0) throw std::runtime_error{"openssl: " + ran.err};
        return true;
    }();
    static_cast<void>(made);
    return dir;
}

SessionTest::SessionTest()
{
    host::Journal::Options journal_options;
    journal_options.file = dir / "journal.db";
    journal = std::make_unique<host::Journal>(io.get_executor(), journal_options);
    for (const auto& problem : registry.add(plugin, plugin.shared_manifest())) ADD_FAILURE() << problem;
    dispatcher = std::make_unique<host::Dispatcher>(io.get_executor(), registry, *journal,
                                                    host::Dispatcher::Options{});
    plugin.attach(*dispatcher);
    write_file(dir / "token", "good-token\n");
    state_dir = (dir / "state").string();
    std::filesystem::create_directory(state_dir);
}

namespace {

// Whatever a test of this program uses as one; the server's tests look for them in all that is said.
constexpr const char* secrets[] = {"good-token",  "new-token",      "query-secret", "admin-secret",
                                   "jwt-one",     "jwt-two",        "refresh-one",  "refresh-two",
                                   "hmac-secret", "proxy-password", "header-secret"};

} // namespace

SessionTest::~SessionTest()
{
    if (session && !stopped) stop(0ms);
    for (const char* secret : secrets)
        EXPECT_EQ(said.find(secret), std::string::npos) << "a status shows \"" << secret << "\": " << said;
    session.reset();
    dispatcher.reset();
    journal.reset();
    server.reset();
    io.restart();
    io.poll();
    EXPECT_TRUE(host::OffThread::wait_for_all(max_wait)); // exit() takes down what they use
}

host::ServerConfig SessionTest::config(const std::string& url)
{
    host::ServerConfig made;
    made.name = "files";
    made.protocol = "storage";
    made.url = url;
    made.credential = {host::SecretSource::Kind::file, (dir / "token").string()};
    made.allow = std::vector<std::string>{"echo.*"};
    made.reconnect = {.initial = 20ms, .max = 30s, .factor = 1.0, .jitter = 0.0};
    made.limits.messages_per_second = 0;
    return made;
}

host::ServerConfig SessionTest::config_of(const std::string& protocol, const std::string& section)
{
    auto made = config("ws://127.0.0.1:" + std::to_string(server->port()) + "/agent");
    made.protocol = protocol;
    made.protocol_json = section;
    return made;
}

void SessionTest::connect(host::ServerConfig config)
{
    host::SessionContext context{io.get_executor(), *dispatcher, facts, "agent-7", "1.2.3", {}};
    context.state_dir = state_dir;
    context.capabilities = [] { return R"(["echo","loud"])"; };
    context.healthy = [] { return true; };
    context.warn = [this](const std::string& line) { warned.push_back(line); };
    context.on_change = [this] {
        if (!session) return;
        const host::SessionStatus now = session->status();
        for (const auto& text : {now.problem, now.notice, now.url, now.name, now.state}) said += text + "\n";
    };
    stopped = false;
    session = host::make_session(std::move(context), std::move(config));
    session->start();
}

bool SessionTest::until(const std::function<bool()>& condition, std::chrono::milliseconds most)
{
    const auto end = std::chrono::steady_clock::now() + most;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        io.restart();
        io.run_one_for(50ms);
    }
    return true;
}

void SessionTest::stop(std::chrono::milliseconds grace)
{
    session->stop(grace, [this] { stopped = true; });
    EXPECT_TRUE(until([&] { return stopped; }));
}

std::string command(const std::string& action, const std::string& id, Json params)
{
    params["action"] = action;
    params["request_id"] = id;
    return params.dump();
}

} // namespace agenthost::test
