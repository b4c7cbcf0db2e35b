// Judges a server's response to an upgrade request, without I/O.
#include "doctor.hpp"
#include "print.hpp"

#include "host/config/protocol_settings.hpp"

namespace agenthost::host::cli {

void check_upgrade(Findings& findings, const std::string& area, const ServerConfig& server,
                   const netclient::ResponseHead& answer)
{
    const int status = answer.status;
    const std::string location{answer.header("location")};
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
        return findings.push_back(
            {Verdict::bad, area,
             said + " and redirects to " + (location.empty() ? "nowhere" : location.substr(0, 200)),
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

void check_clock(Findings& findings, const std::string& area, const ServerConfig& server, std::int64_t ahead)
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
