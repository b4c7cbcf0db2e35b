// The parameters of each action, read from JSON that the host has checked against the manifest's schema.
#pragma once

#include "file_sink.hpp"
#include "index.hpp"
#include "problem.hpp"

#include "netclient/url.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace agenthost::storage {

struct UploadParams {
    std::string id, name, owner;
    Declared declared;
    netclient::Url url;
};

struct DownloadParams {
    std::string id;
    std::string method; // POST or PUT
    netclient::Url url;
};

template <typename Params> using Parsed = std::variant<Params, Problem>;

Parsed<UploadParams> parse_upload(std::string_view json);
Parsed<DownloadParams> parse_download(std::string_view json);
Parsed<std::string> parse_file_id(std::string_view json); // "file_id"; empty when absent
Parsed<Index::Query> parse_query(std::string_view json);

// Parts of the caller's JSON (abi.h): the name for fair sharing of slots, and the agent's id if present.
struct CallerParts {
    std::string server, agent_id;
};
CallerParts parse_caller(std::string_view json);

} // namespace agenthost::storage
