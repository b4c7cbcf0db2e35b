#include "registration.hpp"

#include "wire/json.hpp"

#include <agenthost/json.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr std::size_t secret_digits = 64;
constexpr std::size_t most_old = 7; // refresh tokens whose use is still noticed

bool same(const kit::Sha256Digest& a, const kit::Sha256Digest& b)
{
    return kit::equal_constant_time({reinterpret_cast<const char*>(a.data()), a.size()},
                                    {reinterpret_cast<const char*>(b.data()), b.size()});
}

struct Registered {
    std::string name;
};

// Empty: it is one. Else what is wrong with it. Keys beyond the document's are ignored.
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
        }
    }
    return out.name.empty() ? "\"name\" is missing" : std::string{};
}

} // namespace

std::string RefreshToken::make(std::string_view agent)
{
    return std::string{agent} + "." + kit::random_token(secret_digits / 2);
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
    enrolment.refresh.insert(enrolment.refresh.begin(), kit::sha256(token));
    if (enrolment.refresh.size() > 1 + most_old) enrolment.refresh.resize(1 + most_old);
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
            .jti = kit::random_token(16)};
}

// Where agents connect: public_url, else the address this agent has reached us at.
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
    return "ws" + base.substr(4) + "/ws/agents"; // http -> ws, https -> wss
}

void Registration::answer_error(Conn conn, int status, std::string_view code, std::string_view message)
{
    Answer answer = error_answer(status, code, message);
    answer.body.insert(1, "\"success\":false,"); // as the panel's other answers have it
    core_.answer(conn, std::move(answer));
}

void Registration::refuse(Conn conn, const std::string& address, std::string message)
{
    throttle_.failed(address, core_.now());
    core_.host.record(Metric::auth_failures, 1);
    core_.log_stranger("refused to give an agent a token: " + message,
                       "{\"peer\":" + json_string(address) + "}");
    answer_error(conn, 401, "AUTH_FAILED", message);
}

bool Registration::request(Conn conn, const Head& head)
{
    const bool enrolls = head.path == "/api/agents/register";
    if ((!enrolls && head.path != "/api/agents/refresh") || head.method != "POST") return false;
    if (core_.draining) {
        answer_error(conn, 503, "BUSY", "The hub is going down");
        return true;
    }
    const std::string address{address_of(head.peer)};
    if (const long wait = throttle_.wait(address, core_.now()); wait > 0) {
        Answer answer = error_answer(429, "RATE_LIMIT", "Too many refused attempts; try again later");
        answer.headers.emplace_back("retry-after", std::to_string(wait));
        core_.answer(conn, std::move(answer));
        return true;
    }
    if (enrolls && !credentials_.may_register(bearer_of(head.header("authorization")), core_.utc())) {
        refuse(conn, address,
               "registering needs the hub's enroll token, or the admin token where there is none");
        return true;
    }
    if (head.length.value_or(0) > most_body) {
        answer_error(conn, 413, "TOO_LARGE", "This body is at most 64 KiB");
        return true;
    }
    if (!head.has_body()) {
        answer_error(conn, 400, "INVALID_REQUEST", "The body is missing");
        return true;
    }
    core_.exchanges[conn].on_body = [this, conn, enrolls, address,
                                     url = enrolls ? socket_url(head) : std::string{}](const BodyEnd& end) {
        if (end.status != AGH_OK) return;
        if (enrolls)
            enroll(conn, end.data, url);
        else
            refresh(conn, address, end.data);
    };
    core_.outbox.push_back([this, conn] { core_.host.receive(conn, nullptr, most_body); });
    return true;
}

void Registration::granted(Conn conn, const Enrolment& enrolment, std::string refresh_token, std::string url)
{
    const Claims claims = agent_claims(enrolment, core_.utc());
    std::string token;
    try {
        token = credentials_.jwt()->sign(claims);
    } catch (const std::exception& e) {
        core_.log(AGH_LOG_ERROR, std::string{"hub: no token for an agent: "} + e.what());
        return answer_error(conn, 500, "INTERNAL", "The hub could not sign a token");
    }
    events_.renewed(enrolment.id, claims);
    std::string body = "{\"success\":true,\"agent\":{\"id\":" + json_string(enrolment.id) + ",\"token\":\"" +
                       token + "\",\"refreshToken\":" + json_string(refresh_token);
    if (!url.empty()) body += ",\"websocketUrl\":" + json_string(url);
    core_.answer(conn, json_answer(200, body + "}}"));
}

void Registration::enroll(Conn conn, const std::string& body, std::string url)
{
    Registered wanted;
    if (const std::string wrong = parse(body, wanted); !wrong.empty())
        return answer_error(conn, 400, "INVALID_REQUEST", wrong);
    if (credentials_.enrolled().size() >= Credentials::most_enrolled)
        return answer_error(conn, 503, "BUSY", "100,000 agents are enrolled already; revoke some first");
    Enrolment enrolment{.id = uuid(),
                        .name = std::move(wanted.name),
                        .protocol = "panel",
                        .created = core_.utc(),
                        .jwt = true};
    std::string token = rotate(enrolment, core_.utc());
    const bool taken =
        table_.save(enrolment, [this, conn, enrolment, token, url = std::move(url)](bool saved) {
            core_.enter([&] {
                if (!saved)
                    return answer_error(conn, 507, "DISK_FULL", "The hub could not save the registration");
                credentials_.put(enrolment);
                core_.log(AGH_LOG_INFO, "agent " + enrolment.name + " registered as " + enrolment.id);
                granted(conn, enrolment, token, url);
            });
        });
    if (!taken) answer_error(conn, 503, "BUSY", "The hub has too much to write; try again later");
}

void Registration::refresh(Conn conn, const std::string& address, const std::string& body)
{
    std::string why, token;
    if (const auto members = json::split(body, why)) {
        for (const json::Member& m : *members) {
            if (m.key == "refreshToken" && m.kind == json::Kind::string) token = m.text;
        }
    }
    if (token.empty() || token.size() > 1024)
        return answer_error(conn, 400, "INVALID_REQUEST", R"(The body is {"refreshToken": "..."})");
    const kit::Sha256Digest given = kit::sha256(token);
    const Enrolment* known = credentials_.enrolment(RefreshToken::agent_of(token));
    constexpr const char* no = "the refresh token is not valid; register again";
    if (known == nullptr || known->revoked || known->refresh.empty()) return refuse(conn, address, no);
    Enrolment next = *known;
    const bool current = same(next.refresh.front(), given);
    const bool old = std::any_of(next.refresh.begin() + 1, next.refresh.end(),
                                 [&](const auto& digest) { return same(digest, given); });
    if (old && !next.refresh_void) {
        // Whoever has the valid one may be the thief.
        core_.log(AGH_LOG_WARN,
                  "agent " + next.id +
                      ": a refresh token that had been replaced was used again; it has to register anew");
        next.refresh_void = true;
        credentials_.put(next);
        if (!table_.save(next, {})) core_.log(AGH_LOG_ERROR, "hub: too much waits for the disk");
        return refuse(conn, address, no);
    }
    if (!current || next.refresh_void || next.refresh_until <= core_.utc()) return refuse(conn, address, no);
    const Enrolment before = next;
    std::string fresh = rotate(next, core_.utc());
    credentials_.put(next); // at once: the old one does not serve twice while the disk works
    const auto undo = [this, before, next] {
        const Enrolment* now = credentials_.enrolment(before.id);
        if (now != nullptr && now->refresh == next.refresh) credentials_.put(before);
    };
    const bool taken = table_.save(next, [this, conn, next, fresh, undo](bool saved) {
        core_.enter([&] {
            if (saved) return granted(conn, next, fresh, {});
            undo();
            answer_error(conn, 507, "DISK_FULL",
                         "The hub could not save the new token; the old one is still good");
        });
    });
    if (taken) return;
    undo();
    answer_error(conn, 503, "BUSY", "The hub has too much to write; try again later");
}

void Registration::forget_the_gone()
{
    std::vector<std::string> gone;
    for (const auto& [id, e] : credentials_.enrolled()) {
        if (!e.refresh.empty() && !e.revoked && !e.secret && e.refresh_until <= core_.utc() &&
            !events_.online(id))
            gone.push_back(id);
    }
    for (const std::string& id : gone) {
        if (!table_.remove(id, {})) return; // the next time
        credentials_.remove_agent(id);
        core_.log(AGH_LOG_INFO, "agent " + id + " has not renewed its token for 30 days and is forgotten");
    }
}

} // namespace agenthost::hub
