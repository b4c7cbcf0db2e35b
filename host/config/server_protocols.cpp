// The server sections that are named after a protocol (panel, print, signed). Their keys are rows of
// wire::ProtocolTraits; the values are stored as JSON in ServerConfig::protocol_json.
#include "fields.hpp"
#include "protocol_settings.hpp"
#include "server_tables.hpp"

#include <algorithm>

namespace agenthost::host::conf {

namespace {

using wire::ProtocolSetting;
using Kind = ProtocolSetting::Kind;

milliseconds ms(std::int64_t count) { return milliseconds{count}; }

// The value as stored, or null after reporting a problem.
Json read_setting(Reading& r, const ProtocolSetting& s, const Value& value, const std::string& path)
{
    const auto kept = [](const auto& read) { return read ? Json(*read) : Json{}; };
    switch (s.kind) {
    case Kind::text:
    case Kind::http_url: return kept(read_text(r, value, path, "text", static_cast<std::size_t>(s.max)));
    case Kind::whole: return kept(read_whole(r, value, path, s.min, s.max));
    case Kind::secret: {
        const auto source = read_secret_source(r, value, path);
        return source ? show_secret(*source) : Json{};
    }
    case Kind::duration: {
        const auto time = read_duration(r, value, path, ms(s.min), ms(s.max));
        return time ? Json(time->count()) : Json{};
    }
    }
    return {};
}

// A stored value as `config show` prints it.
Json shown(const ProtocolSetting& s, const Json& kept)
{
    return s.kind == Kind::duration ? Json(format_duration(ms(kept.get<std::int64_t>()))) : kept;
}

Json setting_schema(const ProtocolSetting& s)
{
    Json out;
    switch (s.kind) {
    case Kind::text:
    case Kind::http_url: return Json{{"type", "string"}};
    case Kind::secret: return secret_schema();
    case Kind::whole: out = Json{{"type", "integer"}, {"minimum", s.min}, {"maximum", s.max}}; break;
    case Kind::duration: out = duration_schema(); break;
    }
    out["default"] = shown(s, Json(s.fallback));
    return out;
}

// Reads and writes a member of the section's JSON.
Key setting_key(const ProtocolSetting& s)
{
    Key key;
    key.name = s.key;
    key.doc = s.doc;
    key.read = [&s](Reading& r, const Value& value, const std::string& path, void* object) {
        if (Json kept = read_setting(r, s, value, path); !kept.is_null())
            (*static_cast<Json*>(object))[kept_name(s)] = std::move(kept);
    };
    key.show = [&s](const void* object) -> Json {
        const Json& section = *static_cast<const Json*>(object);
        const auto kept = section.find(kept_name(s));
        return kept == section.end() ? Json{} : shown(s, *kept);
    };
    key.schema = [&s] { return setting_schema(s); };
    return key;
}

Key section_key(const wire::ProtocolTraits& row)
{
    Section section;
    for (const ProtocolSetting& s : row.settings) section.keys.push_back(setting_key(s));
    auto shared = std::make_shared<const Section>(std::move(section));
    const std::string name{row.name};
    Key key;
    key.name = name;
    key.doc = "Only with protocol: " + name + ".";
    key.read = [=, &row](Reading& r, const Value& value, const std::string& path, void* object) {
        auto& server = *static_cast<ServerConfig*>(object);
        if (server.protocol != name) {
            if (!server.protocol.empty())
                r.problems.add(value.where, path + ": is for protocol " + name + ", but this server speaks " +
                                                server.protocol);
            return;
        }
        Json values = Json::object();
        for (const ProtocolSetting& s : row.settings)
            if (s.kind == Kind::whole || s.kind == Kind::duration) values[kept_name(s)] = s.fallback;
        read_section(r, *shared, value, path, &values);
        server.protocol_json = values.dump();
    };
    key.show = [=](const void* object) -> Json {
        const auto& server = *static_cast<const ServerConfig*>(object);
        if (server.protocol != name || server.protocol_json == "{}") return {};
        const Json values = Json::parse(server.protocol_json);
        return show_section(*shared, &values);
    };
    key.schema = [=] { return section_schema(*shared); };
    return key;
}

} // namespace

std::vector<Key> protocol_keys()
{
    std::vector<Key> keys;
    for (const wire::ProtocolTraits& row : wire::protocols())
        if (row.dialect.empty() && !row.settings.empty()) keys.push_back(section_key(row));
    return keys;
}

std::vector<std::string> protocol_names()
{
    std::vector<std::string> names;
    for (const wire::ProtocolTraits& row : wire::protocols())
        if (row.dialect.empty()) names.emplace_back(row.name);
    return names;
}

std::vector<std::string> dialect_names()
{
    std::vector<std::string> names{"document"};
    for (const wire::ProtocolTraits& row : wire::protocols())
        if (!row.dialect.empty() && std::ranges::find(names, row.dialect) == names.end())
            names.emplace_back(row.dialect);
    return names;
}

} // namespace agenthost::host::conf
