#include "routes.hpp"

#include "http_text.hpp"

#include <simdjson.h>

namespace agenthost::host::listener {

agh_status Routes::add(const RouteKey& key, RoutePtr route)
{
    const std::scoped_lock lock{mutex_};
    Tables& tables = tables_[{key.listener, key.websocket}];
    Table& table = key.prefix ? tables.prefix : tables.exact;
    return table.emplace(key.path, std::move(route)).second ? AGH_OK : AGH_E_BUSY;
}

RoutePtr Routes::find(std::string_view listener, bool websocket, std::string_view path) const
{
    const auto tables = tables_.find({std::string{listener}, websocket});
    if (tables == tables_.end()) return nullptr;
    if (const auto exact = tables->second.exact.find(path); exact != tables->second.exact.end())
        return exact->second;
    RoutePtr best;
    std::size_t longest = 0;
    for (const auto& [prefix, route] : tables->second.prefix) {
        if (path.starts_with(prefix) && prefix.size() >= longest) {
            best = route;
            longest = prefix.size();
        }
    }
    return best;
}

RoutePtr Routes::match(std::string_view listener, bool websocket, std::string_view path)
{
    const std::scoped_lock lock{mutex_};
    RoutePtr route = find(listener, websocket, path);
    if (!route) return nullptr;
    const std::scoped_lock owned{route->owner->mutex};
    if (route->owner->gone) return nullptr;
    ++route->owner->live;
    return route;
}

void Routes::release(const Route& route)
{
    const std::scoped_lock lock{route.owner->mutex};
    if (--route.owner->live == 0) route.owner->none_left.notify_all();
}

std::shared_ptr<Owner> Routes::owner(std::string_view name)
{
    const std::scoped_lock lock{mutex_};
    auto& owner = owners_[std::string{name}];
    if (!owner) owner = std::make_shared<Owner>();
    return owner;
}

std::shared_ptr<Owner> Routes::forget(std::string_view name)
{
    const std::scoped_lock lock{mutex_};
    const auto found = owners_.find(name);
    if (found == owners_.end()) return nullptr;
    const auto owner = found->second;
    owners_.erase(found);
    for (auto& [key, tables] : tables_) {
        for (Table* table : {&tables.exact, &tables.prefix}) {
            std::erase_if(*table, [&](const auto& entry) { return entry.second->owner == owner; });
        }
    }
    const std::scoped_lock owned{owner->mutex};
    owner->gone = true;
    return owner;
}

agh_route_api complete_api(const agh_route_api* given)
{
    agh_route_api api{};
    api.size = sizeof api;
    api.on_request = given->on_request;
    api.on_body = AGH_HAS(given, on_body)
                      ? given->on_body
                      : [](void*, agh_conn, std::uint64_t, agh_bytes, agh_bytes, agh_status) {};
    api.on_frame =
        AGH_HAS(given, on_frame) ? given->on_frame : [](void*, agh_conn, std::int32_t, agh_bytes) {};
    api.on_writable = AGH_HAS(given, on_writable) ? given->on_writable : [](void*, agh_conn) {};
    api.on_closed = AGH_HAS(given, on_closed) ? given->on_closed : [](void*, agh_conn, std::int32_t) {};
    api.on_progress = AGH_HAS(given, on_progress) && given->on_progress
                          ? given->on_progress
                          : [](void*, agh_conn, std::uint64_t) { return agh_status{AGH_OK}; };
    return api;
}

std::optional<RouteRequest> parse_route(std::string_view json)
{
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(json.data(), json.size()).get(object)) return std::nullopt;
    RouteRequest request;
    bool kind = false, path = false;
    for (const auto [key, value] : object) {
        std::string_view text;
        if (key == "body_timeout_s" || key == "answer_timeout_s") {
            double seconds = 0;
            if (value.get(seconds) || seconds <= 0 || seconds > 86'400) return std::nullopt;
            (key == "body_timeout_s" ? request.body_timeout : request.answer_timeout) =
                std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
            continue;
        }
        if (value.get(text)) return std::nullopt;
        if (key == "listener") {
            request.key.listener = text;
        } else if (key == "kind") {
            if (text != "http" && text != "ws") return std::nullopt;
            request.key.websocket = text == "ws";
            kind = true;
        } else if (key == "path" || key == "prefix") {
            if (path || !text.starts_with('/')) return std::nullopt;
            request.key.path = text;
            request.key.prefix = key == "prefix";
            path = true;
        }
    }
    if (!kind || !path || request.key.listener.empty()) return std::nullopt;
    return request;
}

} // namespace agenthost::host::listener
