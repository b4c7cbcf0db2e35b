#include "server_words.hpp"

#include "daemon.hpp"
#include "local_file.hpp"

#include "base/json_depth.hpp"
#include "base/visible.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace agenthost::hub::cli {

using nlohmann::json;
using Ordered = nlohmann::ordered_json;

namespace {

constexpr std::size_t max_file = 512 << 10;

std::string read_file(const std::string& path)
{
    try {
        return read_local(path, max_file);
    } catch (const Failed& e) {
        throw Usage{e.what()};
    }
}

// The file is a complete request, an eggConfig, or an egg file of Pterodactyl or Pelican.
Ordered file_params(const std::string& path)
{
    Ordered given = base::parse_json<Ordered>(read_file(path));
    if (!given.is_object()) throw Usage{path + " is not a JSON object"};
    if (given.contains("eggConfig")) return given;
    Ordered params = Ordered::object();
    params["eggConfig"] = std::move(given);
    return params;
}

void set(auto& object, const char* key, const std::string& value)
{
    if (!value.empty()) object[key] = value;
}

} // namespace

json server_named(const Arguments& args, std::string_view word)
{
    json out = json::object();
    const auto slash = word.find('/');
    std::string agent = args.agent;
    if (slash != std::string_view::npos) {
        const std::string before{word.substr(0, slash)};
        if (!agent.empty() && agent != before)
            throw Usage{"--agent " + agent + " and " + std::string{word} + " name two agents"};
        agent = before;
        word.remove_prefix(slash + 1);
    }
    if (word.empty()) throw Usage{"a server's id is missing"};
    out["server"] = std::string{word};
    set(out, "agent", agent);
    return out;
}

void add_port(std::string_view text, Ordered& ports)
{
    const auto number = [&](std::string_view part) {
        unsigned port = 0;
        const auto [end, bad] = std::from_chars(part.data(), part.data() + part.size(), port);
        if (part.empty() || bad != std::errc{} || end != part.data() + part.size() || port < 1 ||
            port > 65'535)
            throw Usage{"--port " + std::string{text} +
                        " is not HOST:CONTAINER, such as 25565:25565 or 19132:19132/udp"};
        return port;
    };
    std::string_view rest = text;
    std::string transport;
    if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
        transport = rest.substr(slash);
        rest = rest.substr(0, slash);
        if (transport != "/tcp" && transport != "/udp")
            throw Usage{"--port " + std::string{text} + " is neither /tcp nor /udp"};
        if (transport == "/tcp") transport.clear();
    }
    const auto colon = rest.rfind(':');
    const unsigned inside = number(colon == std::string_view::npos ? rest : rest.substr(colon + 1));
    const std::string key = std::to_string(inside) + transport;
    if (colon == std::string_view::npos) {
        ports[key] = inside;
        return;
    }
    const std::string_view host = rest.substr(0, colon);
    const auto address = host.rfind(':');
    if (address == std::string_view::npos) {
        ports[key] = number(host);
        return;
    }
    number(host.substr(address + 1));
    ports[key] = std::string{host}; // ADDRESS:PORT
}

Ordered create_params(const Arguments& args)
{
    Ordered params = Ordered::object();
    params["eggConfig"] = Ordered::object();
    if (!args.file.empty()) params = file_params(args.file);
    if (params.contains("serverId")) params.erase("serverId"); // the command line names it
    // Not a reference: members of an ordered object move when another one is added.
    Ordered egg = std::move(params["eggConfig"]);
    if (!egg.is_object()) throw Usage{args.file + ": eggConfig is not an object"};
    set(params, "name", args.name);
    set(egg, "image", args.image);
    set(egg, "startup", args.startup);
    for (const auto& [key, value] :
         {std::pair{"memory", &args.memory}, std::pair{"cpu", &args.cpu}, std::pair{"disk", &args.disk}}) {
        if (!value->empty()) egg["limits"][key] = *value;
    }
    if (!args.ports.empty()) {
        Ordered& ports = egg["ports"];
        for (const std::string& port : args.ports) add_port(port, ports);
    }
    for (const std::string& one : args.env) {
        const auto equals = one.find('=');
        if (equals != one.npos) {
            egg["environment"][one.substr(0, equals)] = one.substr(equals + 1);
        } else if (const char* here = std::getenv(one.c_str())) {
            egg["environment"][one] = here;
        }
    }
    params["eggConfig"] = std::move(egg);
    if (args.start) params["start"] = true;
    if (args.file.empty() && args.image.empty())
        throw Usage{"create needs --image IMAGE or --file FILE: agenthost hub server create mc1 --image "
                    "ghcr.io/pelican-eggs/yolks:java_21 --port 25565:25565 --memory 2g"};
    return params;
}

std::string short_size(double bytes)
{
    const char* unit = "B";
    for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
        if (bytes < 1024) break;
        bytes /= 1024;
        unit = next;
    }
    char text[32];
    std::snprintf(text, sizeof text, bytes < 10 && *unit != 'B' ? "%.1f %s" : "%.0f %s", bytes, unit);
    return text;
}

std::string table(const std::vector<std::vector<std::string>>& given)
{
    std::vector<std::vector<std::string>> rows;
    for (const auto& row : given) {
        rows.emplace_back();
        for (const std::string& cell : row) rows.back().push_back(base::visible(cell));
    }
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
        }
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
}

} // namespace agenthost::hub::cli
