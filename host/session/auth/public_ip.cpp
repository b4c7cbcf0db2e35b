#include "public_ip.hpp"

#include "host/session/http_call.hpp"

#include "netclient/ip_address.hpp"

#include <cstdlib>

namespace agenthost::host {
namespace {

HttpReply ask(const std::string& base, const std::string& method, const std::string& path,
              std::pair<std::string, std::string> header)
{
    HttpCall call;
    call.method = method;
    call.url = base + path;
    call.key = "the metadata service";
    call.insecure = true; // link-local: it does not leave the machine's host
    call.max_reply = 4096;
    call.connect_timeout = call.answer_timeout = std::chrono::seconds{1};
    if (!header.first.empty()) call.headers.push_back(std::move(header));
    return http_call(call);
}

} // namespace

std::optional<std::string> public_ip(std::string& why)
{
    const char* given = std::getenv("AGENTHOST_METADATA_URL");
    std::string base = given && *given ? given : "http://169.254.169.254";
    while (base.ends_with('/')) base.pop_back();
    const HttpReply token =
        ask(base, "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds", "60"});
    std::pair<std::string, std::string> header;
    if (token.status == 200 && !token.body.empty()) header = {"X-aws-ec2-metadata-token", token.body};
    const HttpReply reply = ask(base, "GET", "/latest/meta-data/public-ipv4", header);
    std::string address = reply.body;
    while (!address.empty() && (address.back() == '\n' || address.back() == '\r' || address.back() == ' '))
        address.pop_back();
    if (reply.status == 200 && netclient::parse_ip(address)) return address;
    why = "url has {public_ip}, and the EC2 metadata service at " + base +
          (reply.status == 0     ? " did not respond: " + reply.problem
           : reply.status == 404 ? " reports no public address for this machine"
                                 : " answered " + std::to_string(reply.status)) +
          ". If this is not an EC2 machine, write the address into url";
    return std::nullopt;
}

std::string with_public_ip(std::string url, const std::string& address)
{
    const std::string text = address.find(':') == std::string::npos ? address : "[" + address + "]";
    for (auto at = url.find(public_ip_placeholder); at != std::string::npos;
         at = url.find(public_ip_placeholder, at + text.size()))
        url.replace(at, public_ip_placeholder.size(), text);
    return url;
}

} // namespace agenthost::host
