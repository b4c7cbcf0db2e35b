// The rules between the keys of a server.
#include "fields.hpp"
#include "protocol_settings.hpp"
#include "secret_names.hpp"
#include "server_tables.hpp"

#include "base/ascii.hpp"
#include "base/suggestion.hpp"
#include "netclient/ip_address.hpp"
#include "netclient/proxy.hpp"
#include "netclient/url.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace agenthost::host::conf {

Where where_of(const Value& value, std::string_view key)
{
    const Member* member = value.find(key);
    return member ? member->value.where : value.where;
}

bool is_name(std::string_view name)
{
    const auto alnum = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (name.empty() || name.size() > 64 || !alnum(name[0])) return false;
    return std::all_of(name.begin(), name.end(),
                       [&](char c) { return alnum(c) || c == '.' || c == '_' || c == '-'; });
}

void check_secret_file(Reading& r, const Where& where, const std::string& path, const SecretSource& source)
{
    using base::SecretFile;
    const SecretFile state = base::look_at_secret_file(source);
    if (state.verdict == SecretFile::Verdict::refused) r.problems.add(where, path + ": " + state.text);
    if (state.verdict == SecretFile::Verdict::doubtful) r.problems.warn(where, path + ": " + state.text);
}

void check_tls_files(Reading& r, const Value& tls, const std::string& path,
                     const std::vector<std::pair<const char*, std::string>>& files,
                     const std::string& problem)
{
    if (!problem.empty()) {
        Where where = tls.where; // the key whose file the problem names
        for (const auto& [key, file] : files)
            if (!file.empty() && problem.find(file) != std::string::npos) where = where_of(tls, key);
        r.problems.add(where, path + ": " + problem);
        return;
    }
    for (const auto& [key, file] : files)
        if (!file.empty() && ::access(file.c_str(), R_OK) != 0)
            r.problems.warn(where_of(tls, key), path + "." + key + ": " + file + ": " + std::strerror(errno));
}

namespace {

// Headers of the upgrade that the connection itself needs: another value breaks it, or smuggles a second
// request.
bool is_reserved_header(std::string_view name)
{
    const std::string lower = base::to_lower(name);
    static constexpr std::array reserved{
        "host", "connection", "upgrade", "keep-alive",     "proxy-connection",
        "te",   "trailer",    "expect",  "content-length", "transfer-encoding"};
    return lower.starts_with("sec-websocket-") ||
           std::find(reserved.begin(), reserved.end(), lower) != reserved.end();
}

// "{HOST}", "${HOST}" or "$HOST" in a URL; empty: none.
std::string unknown_placeholder(const std::string& url)
{
    const auto open = url.find_first_of("{}");
    if (open != std::string::npos) {
        const auto start = open > 0 && url[open - 1] == '$' ? open - 1 : open;
        const auto close = url.find('}', open);
        return url.substr(start, close == std::string::npos ? close : close - start + 1);
    }
    const auto authority = url.find("://");
    const auto dollar = authority == std::string::npos ? authority : url.find('$', authority);
    if (dollar == std::string::npos || dollar > url.find('/', authority + 3))
        return {}; // a path may contain "$"
    const auto is_word = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
    auto end = dollar + 1;
    while (end < url.size() && is_word(static_cast<unsigned char>(url[end]))) ++end;
    return url.substr(dollar, end - dollar);
}

// "panel.register_url"
std::string key_of(const wire::ProtocolTraits& row, std::string_view setting)
{
    return std::string{row.name} + "." + std::string{setting};
}

// Why a URL cannot be a session's, judged by its scheme alone; empty: ws or wss.
std::string wrong_scheme(const std::string& url)
{
    const std::string scheme = netclient::scheme_of(url);
    if (scheme == "ws" || scheme == "wss") return {};
    if (scheme == "http" || scheme == "https")
        return std::string{"sessions are WebSockets; write "} + (scheme == "https" ? "wss" : "ws") +
               ":// in place of " + scheme + "://";
    if (scheme.empty())
        return '"' + netclient::redact_url(url) + "\" is not a URL; write wss://HOST[:PORT]/PATH";
    return "unknown scheme \"" + scheme + "\"; expected wss or ws" +
           base::did_you_mean(scheme, std::array<std::string_view, 2>{"wss", "ws"});
}

void check_ws_url(Reading& r, const Value& item, const std::string& path, const ServerConfig& server,
                  const wire::ProtocolTraits& row)
{
    const Where where = where_of(item, "url");
    if (server.url.empty()) {
        if (item.find("url") && item.find("url")->value.kind != Value::Kind::null)
            return; // reported as no text
        if (row.url_setting.empty())
            r.problems.add(item.where, path + ": url is missing; write url: wss://HOST/PATH");
        else if (!ProtocolSettings{server}.has(row.url_setting))
            r.problems.add(item.where,
                           path + ": needs url, or " + key_of(row, row.url_setting) + " to learn it");
        return;
    }
    const auto placeholder = server.url.find("{public_ip}");
    std::string probe = server.url;
    if (placeholder != std::string::npos && row.public_ip_in_url) probe.replace(placeholder, 11, "192.0.2.1");
    if (const std::string text = unknown_placeholder(probe); !text.empty()) {
        r.problems.add(where,
                       path + ".url: " + text + " is not replaced by anything; " +
                           (text == "{public_ip}"
                                ? "{public_ip} is for protocol " +
                                      wire::list_protocols(&wire::ProtocolTraits::public_ip_in_url)
                                : "write the value itself") +
                           ", or set the whole URL by AGENTHOST__SERVERS__NAME__URL in the environment");
        return;
    }
    std::string why = wrong_scheme(server.url);
    const auto url = why.empty() ? netclient::parse_server_url(probe, why) : std::nullopt;
    if (!url) {
        r.problems.add(where, path + ".url: " + why);
        return;
    }
    if (probe.find('#') != std::string::npos)
        r.problems.add(where, path + ".url: a \"#\" part is never sent; leave it out");
    if (!url->tls && !netclient::is_loopback_host(url->host) && !server.insecure)
        r.problems.add(where, path + ".url: ws:// to " + url->host +
                                  " sends the credential and all data unencrypted. Use wss://, or set "
                                  "insecure: true if that is meant");
    if (const auto query = url->target.find('?');
        query != std::string::npos && sounds_secret(url->target.substr(query)))
        r.problems.warn(where, path + ".url: seems to carry a secret in its query; credential: {file: PATH} "
                                      "keeps it out of this file");
}

void check_http_url(Reading& r, const Where& where, const std::string& path, const std::string& text,
                    bool plain_is_fine)
{
    if (const std::string placeholder = unknown_placeholder(text); !placeholder.empty()) {
        r.problems.add(where,
                       path + ": " + placeholder + " is not replaced by anything; write the value itself");
        return;
    }
    std::string why;
    const auto url = netclient::parse_url(text, why);
    if (!url) {
        r.problems.add(where, path + ": expected https://HOST[:PORT]/PATH, not \"" +
                                  netclient::redact_url(text) + "\": " + why);
        return;
    }
    if (!url->tls && !netclient::is_loopback_host(url->host) && !plain_is_fine)
        r.problems.add(
            where, path + ": http:// to " + url->host +
                       " sends secrets unencrypted. Use https://, or set insecure: true if that is meant");
}

void check_proxy(Reading& r, const Where& where, const std::string& path, const std::string& text)
{
    std::string why;
    if (!netclient::parse_proxy(text, why)) r.problems.add(where, path + ": " + why);
}

void check_tls(Reading& r, const Value& item, const std::string& path, const ServerConfig& server)
{
    const Member* member = item.find("tls");
    if (!member) return;
    const Value& tls = member->value;
    if (server.tls.key.empty() != server.tls.certificate.empty())
        r.problems.add(tls.where, path + ".tls: certificate and key belong together; " +
                                      (server.tls.key.empty() ? "key" : "certificate") + " is missing");
    const bool whole = server.tls.key.empty() == server.tls.certificate.empty();
    check_tls_files(r, tls, path + ".tls", {{"ca", server.tls.ca}, {"certificate", server.tls.certificate}},
                    r.request && r.request->try_client_tls && whole ? r.request->try_client_tls(server.tls)
                                                                    : "");
    if (!server.tls.key.empty())
        check_secret_file(r, where_of(tls, "key"), path + ".tls.key",
                          {SecretSource::Kind::file, server.tls.key});
    if (!server.tls.verify && server.tls.pin_sha256.empty())
        r.problems.warn(where_of(tls, "verify"),
                        path + ".tls.verify: false means that anyone between can pose as this server; "
                               "tls.ca or tls.pin_sha256 is safer");
}

void check_headers(Reading& r, const Value& item, const std::string& path, const ServerConfig& server)
{
    const Member* const headers = item.find("headers");
    for (const auto& [name, value] : server.headers) {
        const Member* const member = headers ? headers->value.find(name) : nullptr;
        const Where where = member ? member->where : where_of(item, "headers");
        if (name.empty() ||
            name.find_first_not_of(
                "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") !=
                std::string::npos)
            r.problems.add(where, path + ".headers: \"" + name + "\" is not the name of a header");
        else if (is_reserved_header(name))
            r.problems.add(where, path + ".headers: \"" + name +
                                      "\" is set by the connection itself and cannot be replaced; remove it");
    }
}

// Reports a dialect that the server's protocol does not have.
void check_dialect(Reading& r, const Value& item, const std::string& path, const ServerConfig& server)
{
    if (wire::find_traits(server.protocol) == nullptr) return; // reported
    std::string having;
    for (const wire::ProtocolTraits& row : wire::protocols())
        if (row.dialect == server.dialect) having.append(having.empty() ? "" : " and ").append(row.name);
    r.problems.add(where_of(item, "dialect"), path + ".dialect: protocol " + server.protocol +
                                                  " has no dialect \"" + server.dialect + "\" (only " +
                                                  having + ")");
}

void check_credential(Reading& r, const Value& item, const std::string& path, const ServerConfig& server,
                      const wire::ProtocolTraits& row)
{
    if (item.find("credential") != nullptr) return;
    if (row.enrolment == wire::Enrolment::configured)
        r.problems.add(item.where, path + ": credential is missing; protocol " + server.protocol +
                                       " authenticates with one: credential: {file: PATH}");
    // Without a url, check_ws_url() has asked for the same key.
    if (row.enrolment == wire::Enrolment::registered && !server.url.empty() &&
        !ProtocolSettings{server}.has(row.url_setting))
        r.problems.add(item.where, path + ": needs " + key_of(row, row.url_setting) +
                                       " to get a token, or credential with one");
}

// The URLs and secrets among the settings of its protocol.
void check_settings(Reading& r, const Value& item, const std::string& path, const ServerConfig& server,
                    const wire::ProtocolTraits& row)
{
    const Member* section = item.find(row.name);
    if (section == nullptr) return;
    const ProtocolSettings settings{server};
    for (const wire::ProtocolSetting& s : row.settings) {
        if (!settings.has(s.key)) continue;
        const Where where = where_of(section->value, s.key);
        const std::string at = path + "." + key_of(row, s.key);
        if (s.kind == wire::ProtocolSetting::Kind::http_url)
            check_http_url(r, where, at, settings.text(s.key), server.insecure);
        if (s.kind != wire::ProtocolSetting::Kind::secret) continue;
        const SecretSource source = settings.secret(s.key);
        if (source.kind == SecretSource::Kind::file) check_secret_file(r, where, at, source);
    }
}

} // namespace

void check_server(Reading& r, const Value& item, const std::string& path, const ServerConfig& server)
{
    if (item.kind != Value::Kind::map) return; // reported
    const auto given = [&](const char* key) { return item.find(key) != nullptr; };
    if (!given("name"))
        r.problems.add(item.where,
                       path + ": name is missing; it identifies the server in the journal and in status");
    if (!server.name.empty() && !is_name(server.name))
        r.problems.add(
            where_of(item, "name"),
            path +
                ".name: letters, digits, \".\", \"_\" and \"-\" only, at most 64, first a letter or digit");
    if (server.name == "control")
        r.problems.add(where_of(item, "name"),
                       path + ".name: \"control\" is the control socket's own name; choose another");
    if (!given("protocol"))
        r.problems.add(item.where,
                       path + ": protocol is missing: " +
                           wire::list_protocols([](const wire::ProtocolTraits&) { return true; }));
    const wire::ProtocolTraits* row = traits_of(server);
    if (row == nullptr) return check_dialect(r, item, path, server);
    check_ws_url(r, item, path, server, *row);
    if (!server.proxy.empty()) check_proxy(r, where_of(item, "proxy"), path + ".proxy", server.proxy);
    check_credential(r, item, path, server, *row);
    if (server.credential.kind == SecretSource::Kind::file)
        check_secret_file(r, where_of(item, "credential"), path + ".credential", server.credential);
    check_tls(r, item, path, server);
    check_limits(r, item, path, server.limits);
    if (server.reconnect.initial && server.reconnect.max && *server.reconnect.initial > *server.reconnect.max)
        r.problems.add(where_of(item, "reconnect"), path + ".reconnect: initial is longer than max");
    for (const auto& [word, action] : server.map)
        if (action.find('.') == std::string::npos)
            r.problems.add(where_of(item, "map"), path + ".map." + word + ": \"" + action +
                                                      "\" is not an action; actions are written PLUGIN.VERB");
    check_headers(r, item, path, server);
    check_settings(r, item, path, server, *row);
}

} // namespace agenthost::host::conf
