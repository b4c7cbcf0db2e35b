#include "registration.hpp"

#include "base/json_writer.hpp"
#include "base/uuid.hpp"
#include "plugins/hub/protocols/protocol.hpp"

#include "wire/json/json.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr std::size_t secret_digits = 64;
constexpr std::size_t max_old = 7; // refresh tokens whose reuse is detected

bool same(const base::Sha256Digest& a, const base::Sha256Digest& b)
{
    return base::equal_constant_time({reinterpret_cast<const char*>(a.data()), a.size()},
                                     {reinterpret_cast<const char*>(b.data()), b.size()});
}

struct Registered {
    std::string name, capabilities;
};

// Returns the error; empty: valid. Keys that the protocol's document does not define are ignored.
std::string parse(const std::string& text, Registered& out)
{
    std::string why;
    const auto members = json::split(text, why);
    if (!members) return "the body is not a JSON object: " + why;
    for (const json::Member& m : *members) {
        if (m.key == "name") {
            if (m.kind != json::Kind::string || !valid_id(m.text))
                return "\"name\" has 1 to 128 characters, no slash and no control character";
            out.name = m.text;
        } else if (m.key == "hostname" && m.kind != json::Kind::null) {
            if (m.kind != json::Kind::string || m.text.size() > 255)
                return "\"hostname\" is not a host's name";
        } else if (m.key == "port" && m.kind != json::Kind::null) {
            int port = -1;
            const auto [end, bad] = std::from_chars(m.raw.data(), m.raw.data() + m.raw.size(), port);
            if (bad != std::errc{} || end != m.raw.data() + m.raw.size() || port < 0 || port > 65'535)
                return "\"port\" is not a number from 0 to 65535";
        } else if (m.key == "capabilities" && m.kind != json::Kind::null) {
            if (m.kind != json::Kind::object && m.kind != json::Kind::array)
                return "\"capabilities\" is not an object";
            if (m.kind == json::Kind::object) out.capabilities = m.raw;
        }
    }
    return out.name.empty() ? "\"name\" is missing" : std::string{};
}

// In the form of the panel's other answers.
Answer failure(int status, std::string_view code, std::string_view message)
{
    const std::string error = base::json_object("code", code, "message", message);
    return json_answer(status, base::json_object("success", false, "error", base::RawJson{error}));
}

} // namespace

std::string RefreshToken::make(std::string_view agent)
{
    return std::string{agent} + "." + base::random_token(secret_digits / 2);
}

std::string_view RefreshToken::agent_of(std::string_view token)
{
    const std::size_t dot = token.rfind('.');
    return dot == std::string_view::npos || token.size() - dot - 1 != secret_digits ? std::string_view{}
                                                                                    : token.substr(0, dot);
}

std::string rotate(Enrolment& enrolment, std::int64_t now_ms)
{
    std::string token = RefreshToken::make(enrolment.id);
    enrolment.refresh.insert(enrolment.refresh.begin(), base::sha256(token));
    if (enrolment.refresh.size() > 1 + max_old) enrolment.refresh.resize(1 + max_old);
    enrolment.refresh_void = false;
    enrolment.refresh_until = now_ms + refresh_ms;
    return token;
}

Claims agent_claims(const Enrolment& enrolment, std::int64_t now_ms, std::int64_t lives_s)
{
    const std::int64_t iat = std::max(now_ms / 1000, enrolment.valid_from);
    return {.sub = enrolment.id,
            .role = Role::agent,
            .iat = iat,
            .exp = iat + lives_s,
            .jti = base::random_token(16)};
}

// The URL that agents connect to: public_url, else the address of this agent's request.
std::string Registration::socket_url(const Head& head) const
{
    std::string base = core_.config.public_url;
    if (base.empty()) {
        const std::string_view host = head.header("host");
        const bool plain = std::all_of(host.begin(), host.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
        });
        base = host.empty() || !plain || host.size() > 255
                   ? core_.host.address()
                   : (head.tls ? "https://" : "http://") + std::string{host};
    }
    return "ws" + base.substr(4) + panel_protocol.path; // http -> ws, https -> wss
}

void Registration::answer_error(const Exchange& exchange, int status, std::string_view code,
                                std::string_view message)
{
    exchange.answer(failure(status, code, message));
}

void Registration::refuse(const Exchange& exchange, const std::string& peer, std::string message)
{
    core_.host.record(Metric::auth_failures, 1);
    if (const long wait = exchanges_.failed(peer); wait > 0) {
        Answer answer = failure(429, "RATE_LIMIT", "Too many refused attempts; try again later");
        answer.headers.emplace_back("retry-after", std::to_string(wait));
        return exchange.answer(std::move(answer));
    }
    core_.log_stranger("refused to give an agent a token: " + message, base::json_object("peer", peer));
    answer_error(exchange, 401, "AUTH_FAILED", message);
}

std::vector<Route> Registration::routes()
{
    return {{"POST", "/api/agents/register", Needs::own_credential,
             [this](const HttpRequest& r) UNDER_LOCK { request(r, true); }},
            {"POST", "/api/agents/refresh", Needs::own_credential,
             [this](const HttpRequest& r) UNDER_LOCK { request(r, false); }}};
}

void Registration::request(const HttpRequest& request, bool registers)
{
    const Exchange& exchange = request.exchange;
    const Head& head = request.head;
    if (core_.draining) return answer_error(exchange, 503, "BUSY", "The hub is shutting down");
    if (registers && !credentials_.callers.may_register(bearer_of(head.header("authorization")), core_.utc()))
        return refuse(
            exchange, head.peer,
            "registration needs the hub's enroll token, or its admin token if no enroll token is configured");
    if (head.length.value_or(0) > max_body)
        return answer_error(exchange, 413, "TOO_LARGE", "This body is at most 64 KiB");
    if (!head.has_body()) return answer_error(exchange, 400, "INVALID_REQUEST", "The body is missing");
    exchange.receive(max_body, [this, exchange, registers, peer = head.peer,
                                url = registers ? socket_url(head) : std::string{}](const std::string& body)
                                   UNDER_LOCK {
                                       if (registers)
                                           register_agent(exchange, body, url);
                                       else
                                           refresh(exchange, peer, body);
                                   });
}

void Registration::grant(Enrolment& enrolment, Grant& grant) const
{
    const std::int64_t now = core_.utc();
    grant.refresh_token = rotate(enrolment, now);
    grant.claims = agent_claims(enrolment, now);
    enrolment.unproven = grant.claims.jti;
    enrolment.tokens_until = std::max(enrolment.tokens_until, grant.claims.exp);
    grant.jwt = credentials_.agents.jwt()->sign(grant.claims);
    grant.verdict = Grant::Verdict::granted;
}

void Registration::answer(const Exchange& exchange, const std::string& agent, const Grant& grant,
                          const std::string& url)
{
    events_.renewed(agent, grant.claims);
    std::string body;
    base::JsonWriter json{body};
    json.object().member("success", true).object("agent").member("id", agent).member("token", grant.jwt);
    json.member("refreshToken", grant.refresh_token);
    if (!url.empty()) json.member("websocketUrl", url);
    json.end().end();
    exchange.answer(json_answer(200, body));
}

void Registration::not_written(const Exchange& exchange, const EnrolmentBook::Outcome& outcome)
{
    if (outcome.code == "INTERNAL")
        core_.log(AGH_LOG_ERROR, "hub: no token for an agent: " + outcome.message);
    answer_error(exchange, outcome.code == "INTERNAL" ? 500 : status_of(outcome.code), outcome.code,
                 outcome.message);
}

void Registration::register_agent(const Exchange& exchange, const std::string& body, std::string url)
{
    Registered wanted;
    if (const std::string wrong = parse(body, wanted); !wrong.empty())
        return answer_error(exchange, 400, "INVALID_REQUEST", wrong);
    if (credentials_.enrolments.counts().ours >= Enrolments::max_enrolled)
        return answer_error(exchange, 503, "BUSY", "100,000 agents are enrolled already; revoke some first");
    const std::string id = base::random_uuid();
    const auto made = std::make_shared<Grant>();
    book_.change(
        id,
        [this, name = wanted.name, made](const Enrolment* now, Enrolment& next) {
            if (now != nullptr) return false; // a UUID is never used twice
            next.name = name;
            next.protocol = wire::name(wire::Protocol::panel);
            next.created = core_.utc();
            next.jwt = true;
            grant(next, *made);
            return true;
        },
        [this, exchange, id, made, name = wanted.name, capabilities = wanted.capabilities,
         url = std::move(url)](const EnrolmentBook::Outcome& outcome) UNDER_LOCK {
            if (!outcome.committed) return not_written(exchange, outcome);
            if (events_.registered) events_.registered(id, capabilities);
            core_.log(AGH_LOG_INFO, "agent " + name + " registered as " + id);
            answer(exchange, id, *made, url);
        });
}

// Checks a refresh token against the committed row, and edits the next row.
bool Registration::renew(const base::Sha256Digest& given, const Enrolment* now, Enrolment& next,
                         Grant& made) const
{
    made = {};
    if (now == nullptr || now->revoked || now->refresh.empty() || now->refresh_void) return false;
    const bool unanswered = !now->unproven.empty() && now->refresh.size() > 1 &&
                            same(now->refresh[1], given) && now->refresh_until > core_.utc();
    if (unanswered) { // the newest tokens were never used: their answer was lost
        std::swap(next.refresh[0], next.refresh[1]); // `given` may be presented again, the lost one may not
        grant(next, made);
        made.repeated = true;
        return true;
    }
    const bool old = std::any_of(now->refresh.begin() + 1, now->refresh.end(),
                                 [&](const auto& digest) { return same(digest, given); });
    if (old) { // the holder of the valid one may be the thief
        made.verdict = Grant::Verdict::replayed;
        next.refresh_void = true;
        return true;
    }
    if (!same(now->refresh.front(), given) || now->refresh_until <= core_.utc()) return false;
    grant(next, made);
    return true;
}

void Registration::refresh(const Exchange& exchange, const std::string& peer, const std::string& body)
{
    std::string why, token;
    if (const auto members = json::split(body, why)) {
        for (const json::Member& m : *members) {
            if (m.key == "refreshToken" && m.kind == json::Kind::string) token = m.text;
        }
    }
    if (token.empty() || token.size() > 1024)
        return answer_error(exchange, 400, "INVALID_REQUEST", R"(The body is {"refreshToken": "..."})");
    std::string id{RefreshToken::agent_of(token)};
    constexpr const char* no = "the refresh token is not valid; register again";
    if (!valid_id(id)) return refuse(exchange, peer, no);
    const auto made = std::make_shared<Grant>();
    book_.change(
        id,
        [this, given = base::sha256(token), made](const Enrolment* now, Enrolment& next) {
            return renew(given, now, next, *made);
        },
        [this, exchange, peer, id, made](const EnrolmentBook::Outcome& outcome) UNDER_LOCK {
            if (outcome.committed && made->verdict == Grant::Verdict::granted) {
                if (made->repeated)
                    core_.log(AGH_LOG_INFO,
                              "agent " + id +
                                  " refreshed with the same token again: the answer to its last "
                                  "refresh was lost, so it got new tokens");
                return answer(exchange, id, *made, {});
            }
            if (outcome.committed)
                core_.log(AGH_LOG_WARN,
                          "agent " + id +
                              ": a refresh token that had been replaced was used again; it has to "
                              "register again");
            if (outcome.committed || made->verdict != Grant::Verdict::granted)
                return refuse(exchange, peer, no);
            not_written(exchange, outcome);
        });
}

} // namespace agenthost::hub
