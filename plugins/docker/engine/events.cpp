#include "events.hpp"

#include "base/json_depth.hpp"
#include "base/parse_number.hpp"
#include "json_read.hpp"

#include <algorithm>
#include <limits>

namespace agenthost::docker::engine {

namespace {

void normalise(Event& event)
{
    if (const auto colon = event.action.find(':'); colon != std::string::npos) {
        const auto detail = event.action.find_first_not_of(' ', colon + 1);
        if (detail != std::string::npos) event.detail = event.action.substr(detail);
        event.action.resize(colon);
    }
    if (event.action == "died") event.action = "die";
    if (event.type == "container" && (event.action == "remove" || event.action == "rm"))
        event.action = "destroy";
}

void read_attributes(const nlohmann::json& attributes, Event& event)
{
    if (!attributes.is_object()) return;
    for (const auto& [key, value] : attributes.items())
        if (key.starts_with("agenthost.")) event.labels.emplace(key, text_of(value));
    event.name = text_at(attributes, "name");
    event.image = text_at(attributes, "image");
    event.signal = text_at(attributes, "signal");
    for (const char* key : {"exitCode", "containerExitCode"})
        if (!event.exit_code) event.exit_code = base::parse_number<int>(text_at(attributes, key));
}

} // namespace

std::optional<Event> read_event(std::string_view line)
{
    const auto root = base::parse_json<nlohmann::json>(line);
    if (!root.is_object()) return std::nullopt;
    Event event;
    event.type = text_at(root, "Type");
    event.action = text_at(root, "Action");
    const auto& actor = member(root, "Actor");
    event.id = text_at(actor, "ID");
    if (event.action.empty()) event.action = text_at(root, "status"); // API below 1.52 has both
    if (event.id.empty()) event.id = text_at(root, "id");
    if (event.type.empty() || event.action.empty()) return std::nullopt;
    event.time_ns = integer_at(root, "timeNano");
    if (event.time_ns <= 0) {
        constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;
        event.time_ns = std::clamp<std::int64_t>(integer_at(root, "time"), 0, most) * 1'000'000'000;
    }
    read_attributes(member(actor, "Attributes"), event);
    normalise(event);
    if (event.action != "die") event.exit_code.reset();
    return event;
}

bool has_label(const Event& event, std::string_view label)
{
    if (label.empty()) return true;
    const auto equals = label.find('=');
    const auto at = event.labels.find(label.substr(0, equals));
    if (at == event.labels.end()) return false;
    return equals == std::string_view::npos || at->second == label.substr(equals + 1);
}

bool EventWindow::fresh(const Event& event)
{
    std::string key = event.type + ' ' + event.action + ' ' + event.id + ' ' + std::to_string(event.time_ns);
    if (!event.detail.empty()) (key += ' ') += event.detail;
    if (!seen_.insert(key).second) return false;
    order_.push_back(std::move(key));
    if (order_.size() > max_remembered) {
        seen_.erase(order_.front());
        order_.pop_front();
    }
    newest_ = std::max(newest_, event.time_ns);
    return true;
}

std::int64_t EventWindow::since_ns() const
{
    return newest_ == 0 ? 0 : std::max<std::int64_t>(newest_ - overlap_ns, 1);
}

} // namespace agenthost::docker::engine
