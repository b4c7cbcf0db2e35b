#include "params.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::storage {

namespace {

using Json = nlohmann::json;

Json object_of(std::string_view text)
{
    Json json = Json::parse(text, nullptr, false);
    return json.is_object() ? json : Json::object();
}

std::string text_of(const Json& json, const char* key)
{
    const auto at = json.find(key);
    return at != json.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

// The server chooses ids; they only must be the same text for SQLite and logs.
MaybeProblem check_id(const std::string& id, const char* key)
{
    if (id.empty() || id.size() > 256)
        return problem::invalid(std::string{key} + " must have 1 to 256 bytes");
    if (id.find('\0') != std::string::npos)
        return problem::invalid(std::string{key} + " must not contain NUL");
    return std::nullopt;
}

MaybeProblem read_url(const Json& json, const char* key, netclient::Url& url)
{
    std::string why;
    auto parsed = netclient::parse_url(text_of(json, key), why);
    if (!parsed)
        return problem::invalid(std::string{key} + ": " + why); // the text itself may be a one-time secret
    url = std::move(*parsed);
    return std::nullopt;
}

} // namespace

Parsed<UploadParams> parse_upload(std::string_view text)
{
    const Json json = object_of(text);
    const auto info = json.find("file_info");
    if (info == json.end() || !info->is_object()) return problem::invalid("file_info must be an object");
    UploadParams params;
    params.id = text_of(*info, "id");
    params.name = text_of(*info, "name");
    params.owner = text_of(*info, "owner_id");
    if (auto bad = check_id(params.id, "file_info.id")) return *bad;
    if (params.name.find('\0') != std::string::npos || params.owner.find('\0') != std::string::npos)
        return problem::invalid("file_info: name and owner_id must not contain NUL");
    if (const auto size = info->find("size"); size != info->end() && !size->is_null()) {
        params.declared.size = json_unsigned(*size);
        if (!params.declared.size) return problem::invalid("file_info.size must be a whole number of bytes");
    }
    params.declared.sha256 = text_of(*info, "sha256");
    for (char& c : params.declared.sha256) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto& sha = params.declared.sha256;
    if (!sha.empty() && (sha.size() != 64 || sha.find_first_not_of("0123456789abcdef") != std::string::npos))
        return problem::invalid("file_info.sha256 must be 64 hex digits");
    if (auto bad = read_url(json, "download_url", params.url)) return *bad;
    return params;
}

Parsed<DownloadParams> parse_download(std::string_view text)
{
    const Json json = object_of(text);
    DownloadParams params;
    params.id = text_of(json, "file_id");
    if (auto bad = check_id(params.id, "file_id")) return *bad;
    const std::string method = text_of(json, "method");
    params.method = method == "PUT" || method == "put" ? "PUT" : "POST";
    if (auto bad = read_url(json, "upload_url", params.url)) return *bad;
    return params;
}

Parsed<std::string> parse_file_id(std::string_view text)
{
    const Json json = object_of(text);
    if (!json.contains("file_id")) return std::string{};
    std::string id = text_of(json, "file_id");
    if (auto bad = check_id(id, "file_id")) return *bad;
    return id;
}

Parsed<Index::Query> parse_query(std::string_view text)
{
    const Json json = object_of(text);
    Index::Query query;
    query.owner = text_of(json, "owner_id");
    query.name = text_of(json, "name");
    query.after = text_of(json, "cursor");
    if (const auto limit = json.find("limit"); limit != json.end()) {
        const auto count = json_unsigned(*limit);
        if (!count) return problem::invalid("limit must be a number from 1 to 1000");
        query.limit = static_cast<std::size_t>(std::clamp<std::uint64_t>(*count, 1, 1000));
    }
    if (const auto bytes = json.find("max_bytes"); bytes != json.end()) {
        const auto count = json_unsigned(*bytes);
        if (!count) return problem::invalid("max_bytes must be a number from 1024 to 16777216");
        query.max_bytes = static_cast<std::size_t>(std::clamp<std::uint64_t>(*count, 1024, 16 << 20));
    }
    return query;
}

CallerParts parse_caller(std::string_view text)
{
    const Json json = object_of(text);
    return {text_of(json, "server"), text_of(json, "agent_id")};
}

} // namespace agenthost::storage
