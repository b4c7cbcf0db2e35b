#include "opening.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace agenthost::hub {

namespace {

using wire::Protocol;

Opening refuse(std::string why) { return {.refused = std::move(why)}; }

Opening by_token(std::string_view token, const Credentials& credentials, std::int64_t now_ms)
{
    std::string why;
    auto found = credentials.by_jwt(token, now_ms, why);
    if (!found) return refuse("the agent's token is not good: " + why);
    if (!valid_id(found->first)) return refuse("the token's subject is no agent's id");
    return {.agent = std::move(found->first), .proof = std::move(found->second)};
}

Opening panel(const Head& head, const Credentials& credentials, std::int64_t now_ms)
{
    const std::string_view token = bearer_of(head.header("authorization"));
    if (token.empty()) return refuse("the upgrade carries no Authorization: Bearer token");
    Opening found = by_token(token, credentials, now_ms);
    if (!found.refused.empty()) return found;
    // Agents in the field name themselves in X-Node-Id or ?nodeId=, or not at all: the token's subject counts.
    const std::string in_query = query_value(head.query, "nodeId").value_or("");
    for (const auto& [where, named] :
         {std::pair<const char*, std::string_view>{"X-Agent-ID", head.header("x-agent-id")},
          {"X-Node-Id", head.header("x-node-id")},
          {"nodeId in the URL", in_query}}) {
        if (!named.empty() && named != found.agent)
            return refuse(std::string{where} + " is not the agent the token names");
    }
    found.ready = true;
    return found;
}

Opening dashboard(const Head& head, const Credentials& credentials, std::int64_t now_ms)
{
    std::string token = query_value(head.query, "token").value_or("");
    if (token.empty()) token = bearer_of(head.header("authorization"));
    if (token.empty()) return refuse("the URL carries no token");
    return by_token(token, credentials, now_ms);
}

// Without X-Shop-Id, which the document does not name, the register frame says which shop it is.
Opening print(const Head& head, const Credentials& credentials, std::int64_t now_ms)
{
    const std::string_view token = bearer_of(head.header("authorization"));
    Opening found{.agent = std::string{head.header("x-shop-id")},
                  .proof = token.empty() ? Proof{} : Credentials::by_secret(token)};
    if (found.agent.empty()) return found;
    if (!valid_id(found.agent)) return refuse("X-Shop-Id is no shop's id");
    if (credentials.admits(found.agent, *found.proof, now_ms)) return found;
    if (found.proof = Proof{}; credentials.admits(found.agent, *found.proof, now_ms)) return found;
    return refuse("unknown shop or wrong token");
}

} // namespace

Opening opening(Protocol protocol, const Head& head, const Credentials& credentials, std::int64_t now_ms)
{
    switch (protocol) {
    case Protocol::panel: return panel(head, credentials, now_ms);
    case Protocol::print: return print(head, credentials, now_ms);
    case Protocol::dashboard: return dashboard(head, credentials, now_ms);
    case Protocol::storage:
    case Protocol::signed_: return {};
    }
    return {};
}

Answer unauthorized(std::string_view why)
{
    Answer answer = error_answer(401, "AUTH_FAILED", why);
    answer.headers.emplace_back("www-authenticate", "Bearer");
    return answer;
}

std::string http_date(std::int64_t utc_ms)
{
    static constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t when = utc_ms / 1000;
    std::tm tm{};
    if (::gmtime_r(&when, &tm) == nullptr) return {};
    char text[64];
    std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  days.at(static_cast<std::size_t>(tm.tm_wday)), tm.tm_mday,
                  months.at(static_cast<std::size_t>(tm.tm_mon)), tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                  tm.tm_sec);
    return text;
}

} // namespace agenthost::hub
