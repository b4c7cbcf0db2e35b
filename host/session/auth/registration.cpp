#include "registration.hpp"

#include "base/json_depth.hpp"
#include "host/config/protocol_settings.hpp"
#include "host/session/state_file.hpp"
#include "host/session/utc.hpp"
#include "netclient/url.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace agenthost::host {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_id = 256, max_token = 8192;

// True for a value that may be put into a header unchanged: printable, not empty.
bool fit(const std::string& text, std::size_t max_size)
{
    return !text.empty() && text.size() <= max_size &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string text_of(const Json& object, const char* key)
{
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

// This machine's capabilities that need no plugin, plus `plugins`: an array of words becomes `features`, the members of an
// object replace those of the same name.
Json capabilities_of_this_machine(const std::string& plugins)
{
    utsname system{};
    ::uname(&system);
    const std::string machine = system.machine;
    const std::string architecture = machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
    const auto pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
    const std::uint64_t mebibytes =
        static_cast<std::uint64_t>(std::max(0L, pages)) * static_cast<std::uint64_t>(std::max(0L, page)) >>
        20;
    Json out{{"maxMemory", std::to_string(mebibytes) + "MB"},
             {"maxCpuCores", std::max(1u, std::thread::hardware_concurrency())},
             {"supportedArchitectures", Json::array({architecture})}};
    Json told = base::parse_json<Json>(plugins);
    if (told.is_array() && !told.empty()) out["features"] = std::move(told);
    if (told.is_object()) out.update(told);
    return out;
}

std::string host_name()
{
    char name[256] = "";
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

// Accepts the answer's URL only with the same host and scheme, so that the token is not sent to another
// server.
std::string admitted_websocket_url(const std::string& text, const std::string& register_url)
{
    std::string ignored;
    const auto socket = netclient::parse_server_url(text, ignored),
               base = netclient::parse_server_url(register_url, ignored);
    const std::string scheme = netclient::scheme_of(text);
    const bool websocket = scheme == "ws" || scheme == "wss";
    if (!websocket || !socket || !base || socket->tls != base->tls || socket->host != base->host) return {};
    return text;
}

// POST .../register -> POST .../refresh
std::string refresh_url(const std::string& register_url)
{
    constexpr std::string_view last = "/register";
    const std::string_view path = std::string_view{register_url}.substr(0, register_url.find_first_of("?#"));
    if (path.ends_with(last)) return std::string{path.substr(0, path.size() - last.size())} + "/refresh";
    const std::size_t host = path.find("://") + 3;
    return std::string{path.substr(0, path.find('/', host))} + "/api/agents/refresh";
}

// The message in the body of an error answer, if any.
std::string error_text_of(const Json& answer)
{
    if (!answer.is_object()) return {};
    std::string words = text_of(answer, "message");
    if (const auto error = answer.find("error"); error != answer.end()) {
        if (error->is_string()) words = error->get<std::string>();
        if (error->is_object()) words = text_of(*error, "code") + " " + text_of(*error, "message");
    }
    return words.empty() ? words : ": " + netclient::printable(words, 300);
}

} // namespace

std::optional<RegistrationSetup> registration_setup(const ServerConfig& config)
{
    const wire::ProtocolTraits* traits = traits_of(config);
    const ProtocolSettings settings{config};
    if (traits == nullptr || traits->enrolment != wire::Enrolment::registered ||
        !settings.has(traits->url_setting))
        return std::nullopt;
    RegistrationSetup setup;
    setup.register_url = settings.text(traits->url_setting);
    setup.port = static_cast<std::uint32_t>(settings.whole("port"));
    setup.refresh = settings.duration("refresh");
    setup.admin_credential = settings.secret("admin_credential");
    return setup;
}

Registrar::Registrar(std::filesystem::path state_dir, const ServerConfig& config, RegistrationSetup setup,
                     HttpCall network)
    : state_dir_{std::move(state_dir)}, server_{config.name}, agent_id_{config.agent_id},
      setup_{std::move(setup)}, network_{std::move(network)}
{
    network_.method = "POST";
    network_.key = "panel.register_url";
    network_.insecure = config.insecure;
}

base::FileLock Registrar::lock() const { return StateFile{state_dir_, server_, "registration.json"}.lock(); }

std::optional<Registration> Registrar::load(std::string& why) const
{
    const StateFile file{state_dir_, server_, "registration.json"};
    const auto text = file.read(why);
    if (!text) return std::nullopt;
    const Json json = base::parse_json<Json>(*text);
    Registration made;
    if (json.is_object()) {
        made = {text_of(json, "register_url"),  text_of(json, "agent_id"),      text_of(json, "token"),
                text_of(json, "refresh_token"), text_of(json, "websocket_url"), 0};
        if (const auto at = json.find("refreshed_at"); at != json.end())
            made.refreshed_at = json_integer(*at).value_or(made.refreshed_at);
    }
    if (!fit(made.agent_id, max_id) || !fit(made.token, max_token)) {
        why = file.path() + " is damaged. Remove it, or run: agenthost register " + server_;
        return std::nullopt;
    }
    if (made.register_url != setup_.register_url) return std::nullopt;
    return made;
}

std::string Registrar::save(const Registration& r) const
{
    const Json json{{"register_url", r.register_url},
                    {"agent_id", r.agent_id},
                    {"token", r.token},
                    {"refresh_token", r.refresh_token},
                    {"websocket_url", r.websocket_url},
                    {"refreshed_at", r.refreshed_at}};
    return StateFile{state_dir_, server_, "registration.json"}.replace(
        json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Registrar::Answer Registrar::call(const std::string& url, std::string body, const std::string& admin) const
{
    HttpCall call = network_;
    call.url = url;
    call.body = std::move(body);
    call.headers = {{"Content-Type", "application/json"}};
    if (!admin.empty()) call.headers.emplace_back("Authorization", "Bearer " + admin);
    const HttpReply reply = http_call(call);
    Answer answer;
    const std::string where = netclient::shown_url(url);
    if (reply.status == 0) {
        answer.problem = reply.problem;
        return answer;
    }
    const Json json = base::parse_json<Json>(reply.body);
    if (reply.status < 200 || reply.status > 299) {
        const bool refused = reply.status == 401 || reply.status == 403;
        answer.outcome = refused ? Outcome::refused : Outcome::failed;
        answer.problem = where + " answered " + std::to_string(reply.status) + error_text_of(json);
        if (reply.status / 100 == 3)
            answer.problem += ". Redirects are not followed; correct panel.register_url";
        return answer;
    }
    const Json agent = json.is_object() ? json.value("agent", Json::object()) : Json::object();
    Registration& got = answer.registration;
    if (agent.is_object()) {
        got.agent_id = text_of(agent, "id");
        got.token = text_of(agent, "token");
        got.refresh_token = text_of(agent, "refreshToken");
        got.websocket_url = admitted_websocket_url(text_of(agent, "websocketUrl"), setup_.register_url);
    }
    if (!fit(got.agent_id, max_id) || !fit(got.token, max_token) ||
        (!got.refresh_token.empty() && !fit(got.refresh_token, max_token))) {
        answer.problem = where + " did not answer with agent.id and agent.token" + error_text_of(json);
        return answer;
    }
    got.register_url = setup_.register_url;
    got.refreshed_at = utc_now_ms();
    answer.outcome = Outcome::done;
    return answer;
}

Registrar::Answer Registrar::register_agent(const std::string& capabilities) const
{
    Answer answer;
    if (setup_.admin_credential.kind == SecretSource::Kind::none) {
        answer.outcome = Outcome::refused;
        answer.problem = "server " + server_ +
                         " needs to be registered (again), and panel.admin_credential is missing; add it";
        return answer;
    }
    const auto admin = read_secret(setup_.admin_credential, answer.problem);
    if (!admin) return answer;
    const Json body{{"name", agent_id_},
                    {"hostname", host_name()},
                    {"port", setup_.port},
                    {"capabilities", capabilities_of_this_machine(capabilities)}};
    answer = call(setup_.register_url, body.dump(-1, ' ', false, Json::error_handler_t::replace), *admin);
    if (answer.outcome == Outcome::refused) answer.problem += ". Check panel.admin_credential";
    if (answer.outcome != Outcome::done) return answer;
    if (auto problem = save(answer.registration); !problem.empty()) return {Outcome::failed, problem, {}};
    return answer;
}

Registrar::Answer Registrar::refresh(const Registration& now) const
{
    if (now.refresh_token.empty())
        return {Outcome::refused, "server " + server_ + " gave no refresh token", {}};
    Answer answer =
        call(refresh_url(setup_.register_url), Json{{"refreshToken", now.refresh_token}}.dump(), {});
    if (answer.outcome != Outcome::done) return answer;
    Registration& got = answer.registration;
    if (got.agent_id != now.agent_id)
        return {Outcome::failed,
                netclient::shown_url(setup_.register_url) + ": the refresh answered for another agent",
                {}};
    if (got.refresh_token.empty()) got.refresh_token = now.refresh_token;
    if (got.websocket_url.empty()) got.websocket_url = now.websocket_url;
    if (auto problem = save(got); !problem.empty()) return {Outcome::failed, problem, {}};
    return answer;
}

bool Registrar::due(const Registration& r, std::int64_t utc_ms) const
{
    // A refreshed_at in the future means the clock was set back: refresh now.
    return utc_ms - r.refreshed_at >= setup_.refresh.count() || r.refreshed_at > utc_ms + 60'000;
}

} // namespace agenthost::host
