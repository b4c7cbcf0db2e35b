// Judges a server's response to an upgrade request, without I/O.
#include "doctor.hpp"
#include "print.hpp"

#include "host/config/protocol_settings.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>

namespace agenthost::host::cli {

namespace {

std::string lower(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::optional<std::int64_t> parse_date(const std::string& text)
{
    std::tm tm{};
    const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end) return std::nullopt;
    return static_cast<std::int64_t>(::timegm(&tm));
}

} // namespace

std::optional<UpgradeAnswer> parse_upgrade_answer(std::string_view head)
{
    UpgradeAnswer answer;
    if (!head.starts_with("HTTP/1.") || head.size() < 12 || head[8] != ' ') return std::nullopt;
    const auto [end, error] = std::from_chars(head.data() + 9, head.data() + 12, answer.status);
    if (error != std::errc{} || end != head.data() + 12 || answer.status < 100) return std::nullopt;
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
        const std::size_t begin = at + 2;
        at = head.find("\r\n", begin);
        const std::string_view line = head.substr(begin, at == std::string_view::npos ? at : at - begin);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        std::string_view value = line.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        const std::string name = lower(line.substr(0, colon));
        if (name == "location") answer.location = value;
        if (name == "date") answer.date = parse_date(std::string{value});
    }
    return answer;
}

void judge_upgrade(Findings& findings, const std::string& area, const ServerConfig& server,
                   const UpgradeAnswer& answer)
{
    const int status = answer.status;
    const std::string said = "answers " + std::to_string(status);
    if (status == 101) return findings.push_back({Verdict::good, area, "speaks WebSocket", ""});
    if (status == 401 || status == 403)
        return findings.push_back({Verdict::good, area,
                                   "reachable; " + said + " to an upgrade without a credential, as expected",
                                   ""});
    if (status == 404 || status == 405 || status == 410)
        return findings.push_back({Verdict::bad, area, said + ": there is no WebSocket at this path",
                                   "correct the path in url: " + server.url.substr(0, server.url.find('?'))});
    if (status >= 300 && status < 400)
        return findings.push_back({Verdict::bad, area,
                                   said + " and redirects to " +
                                       (answer.location.empty() ? "nowhere" : answer.location.substr(0, 200)),
                                   "write the final address into url (wss://...)"});
    if (status == 426)
        return findings.push_back(
            {Verdict::bad, area, said + ": a proxy in front of the server drops the Upgrade header",
             "let the proxy pass WebSocket upgrades; nginx needs proxy_http_version 1.1 and "
             "proxy_set_header for Upgrade and Connection"});
    if (status >= 500)
        return findings.push_back({Verdict::doubtful, area, said + ": the server has a problem of its own",
                                   "ask its operator, or try again later"});
    findings.push_back({Verdict::doubtful, area, said + " to an upgrade without a credential",
                        "if sessions fail too, check that url is the address for agents"});
}

void judge_clock(Findings& findings, const std::string& area, const ServerConfig& server, std::int64_t ahead)
{
    const std::int64_t off = ahead < 0 ? -ahead : ahead;
    if (off <= 30) return; // Date has whole seconds, and the response was under way for a while
    const std::string text = "this machine's clock is " + human_span(off) +
                             (ahead > 0 ? " ahead of" : " behind") + " the server's";
    const wire::ProtocolTraits* traits = traits_of(server);
    const std::int64_t window = traits == nullptr ? 0 : traits->signature_window.count();
    const bool fatal = window > 0 && off > window;
    findings.push_back(
        {fatal ? Verdict::bad : Verdict::doubtful, area, text, "timedatectl set-ntp true on both ends"});
}

} // namespace agenthost::host::cli
