// A game server as it was asked for: plain values, read and bounded by egg.hpp, not yet admitted by a node
// (server_plan.hpp).
#pragma once

#include "image_ref.hpp"
#include "pattern.hpp"
#include "template.hpp"

#include "netclient/ip_address.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

enum class Transport { tcp, udp };

struct PortMapping {
    std::uint16_t container = 0, host = 0;
    Transport transport = Transport::tcp;
    std::optional<netclient::IpAddress> bind; // absent: the node's default
    std::string path;                         // in the payload, for messages
};

// Absent values are the node's defaults.
struct Limits {
    std::optional<std::uint64_t> memory;    // bytes
    std::string memory_text;                // as given; status reports it unchanged
    std::optional<std::uint64_t> nano_cpus; // 1e9: one core
    std::optional<std::uint64_t> disk;      // bytes; 0: not limited
    std::optional<std::uint32_t> processes;
    std::optional<std::uint16_t> io_weight; // 10 to 1000
};

// At most one of the two is given; without either, the image's own command runs.
struct Startup {
    std::string line;              // a template
    std::vector<std::string> argv; // templates, one for each argument
    bool shell = false;            // the line is for `sh -c`
};

struct Stop {
    std::string signal = "SIGTERM";
    std::string command; // typed into the console instead of the signal, when not empty
    std::optional<std::chrono::seconds> timeout;
};

// A line that says the server is ready, or a condition of a configuration edit.
struct TextMatch {
    std::string text;
    std::optional<Pattern> regex; // `text` was "regex:..."
    [[nodiscard]] bool found_in(std::string_view line) const
    {
        return regex ? regex->found_in(line) : line.find(text) != std::string_view::npos;
    }
};

enum class Query { none, minecraft };

enum class FileFormat { text, properties, ini, yaml, json, xml };

struct ConfigEdit {
    std::string where;                 // "server-port", "listeners[0].host", "servers.*.address"
    std::optional<TextMatch> if_value; // only where the current value is this
    std::string value;                 // a template in ServerSpec, the text itself in ServerPlan
    bool quoted = true;                // false: a number, true, false or null of JSON
};

struct ConfigFile {
    std::string file; // relative to the server's folder, without ".."
    FileFormat format = FileFormat::text;
    std::vector<ConfigEdit> edits;
};

struct Installer {
    ImageRef image;
    std::string entrypoint = "/bin/sh"; // runs the script
    std::string script;                 // lines end in \n
};

struct ServerSpec {
    std::string id, name;
    ImageRef image;
    std::vector<PortMapping> ports; // the first is the server's main port
    Environment environment;
    Limits limits;
    Startup startup;
    std::optional<Installer> installer;
    Stop stop;
    std::vector<TextMatch> done;
    bool strip_colors = false; // from the console before `done` is looked for
    Query query = Query::none;
    std::vector<ConfigFile> files;
    std::vector<std::string> file_denylist; // patterns that file actions of users must not touch
    std::vector<std::string> notes;         // what was given and is not used
};

} // namespace agenthost::docker
