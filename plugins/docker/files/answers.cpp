#include "answers.hpp"

#include "base/iso8601.hpp"
#include "base/json_writer.hpp"
#include "base/utf8.hpp"

#include <cstdio>

namespace agenthost::docker::files {

namespace {

std::string octal(mode_t mode)
{
    char text[8];
    std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
    return text;
}

void write_entry(base::JsonWriter& json, const Entry& entry)
{
    json.object()
        .member("name", escape_name(entry.name))
        .member("type", to_string(entry.type))
        .member("size", entry.size)
        .member("modified", base::iso8601(entry.modified_ms))
        .member("mode", octal(entry.mode));
    if (entry.type == Type::link) json.member("target", escape_name(entry.target));
    if (entry.denied) json.member("denied", true);
    json.end();
}

} // namespace

const char* to_string(Type type)
{
    switch (type) {
    case Type::file: return "file";
    case Type::folder: return "directory";
    case Type::link: return "symlink";
    case Type::other: break;
    }
    return "other";
}

std::string list_answer(std::string_view path, const Listing& listing)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("path", path).array("files");
    for (const Entry& entry : listing.entries) write_entry(json, entry);
    json.end().member("total", listing.total);
    if (!listing.next.empty()) json.member("next", listing.next);
    json.end();
    return out;
}

std::string entry_answer(std::string_view path, const Entry& entry)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("path", path).key("file");
    write_entry(json, entry);
    json.end();
    return out;
}

std::string content_answer(std::string_view path, const Content& content)
{
    std::string_view bytes = content.bytes;
    const std::size_t valid = base::utf8_valid_prefix(bytes);
    const bool more_follows = content.offset + bytes.size() < content.size;
    if (valid < bytes.size() && bytes.size() - valid < 4 && more_follows) bytes = bytes.substr(0, valid);
    const bool text = valid >= bytes.size() && bytes.find('\0') == std::string_view::npos;
    if (!text) bytes = content.bytes;

    std::string out;
    base::JsonWriter json{out};
    json.object()
        .member("path", path)
        .member("size", content.size)
        .member("encoding", text ? "utf-8" : "base64");
    if (text) {
        json.member("content", bytes);
    } else {
        json.member("content", base::Base64Json{bytes});
    }
    if (content.offset > 0 || bytes.size() < content.size)
        json.member("offset", content.offset).member("bytes", bytes.size());
    json.member("modified", base::iso8601(content.modified_ms)).member("mode", octal(content.mode)).end();
    return out;
}

} // namespace agenthost::docker::files
