#include "own_containers.hpp"

#include "plugins/docker/engine/json_read.hpp"
#include "plugins/docker/spec/create_body.hpp"

#include "base/json_depth.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace agenthost::docker::service {

namespace {

std::string_view label_of(const engine::Labels& labels, const char* name)
{
    const auto at = labels.find(name);
    return at == labels.end() ? std::string_view{} : std::string_view{at->second};
}

// Binds are what was asked for, and stay as they were written. A container without any has no files of a server.
bool may_mount(const std::string& container_json, const std::string& folder)
{
    const auto root = base::parse_json<nlohmann::json>(container_json);
    const auto& binds = engine::member(engine::member(root, "HostConfig"), "Binds");
    if (!binds.is_array() || binds.empty()) return true;
    return std::any_of(binds.begin(), binds.end(), [&](const nlohmann::json& bind) {
        return engine::text_of(bind).starts_with(folder + ":");
    });
}

} // namespace

struct OwnContainers::Search {
    engine::Then<Survey> then;
    std::deque<std::string> ids;
    Survey found;
};

OwnContainers::OwnContainers(engine::Client& client, std::string server_id, std::string owner,
                             std::string folder)
    : client_{client}, id_{std::move(server_id)}, owner_{std::move(owner)}, folder_{std::move(folder)}
{}

Ownership OwnContainers::ownership(const engine::ContainerFacts& facts) const
{
    if (label_of(facts.labels, server_label) != id_) return Ownership::stranger;
    const std::string_view owner = label_of(facts.labels, owner_label);
    if (!owner.empty()) return owner == owner_ ? Ownership::ours : Ownership::other_agent;
    return may_mount(facts.json, folder_) ? Ownership::ours : Ownership::other_agent;
}

std::string OwnContainers::in_the_way(const engine::ContainerFacts& facts) const
{
    if (ownership(facts) == Ownership::stranger)
        return "a container named " + facts.name + " exists that agenthost did not create for " + id_ +
               ". Rename or remove it.";
    return "the container " + facts.name +
           " belongs to a server with the same id of another agent on this engine. Give one of the servers "
           "another id. If this agent has lost its state, remove the container; the server's files stay.";
}

void OwnContainers::survey(engine::Then<Survey> then)
{
    const auto search = std::make_shared<Search>();
    search->then = std::move(then);
    client_.list(std::string{server_label} + "=" + id_,
                 [this, search,
                  alive = std::weak_ptr{alive_}](engine::Result<std::vector<engine::ContainerRow>> rows) {
                     if (alive.expired()) return;
                     if (!rows) return search->then(std::move(rows.error()));
                     for (const engine::ContainerRow& row : rows.value()) {
                         const std::string_view owner = label_of(row.labels, owner_label);
                         if (label_of(row.labels, server_label) == id_ && (owner.empty() || owner == owner_))
                             search->ids.push_back(row.id);
                     }
                     look_at_next(search);
                 });
}

void OwnContainers::look_at_next(const std::shared_ptr<Search>& search)
{
    if (search->ids.empty()) {
        for (auto* list : {&search->found.server, &search->found.installer})
            std::stable_sort(list->begin(), list->end(), [](const auto& a, const auto& b) {
                return std::pair{a.running || a.paused, a.created_ns} >
                       std::pair{b.running || b.paused, b.created_ns};
            });
        return search->then(std::move(search->found));
    }
    const std::string id = std::move(search->ids.front());
    search->ids.pop_front();
    client_.inspect(id, [this, search,
                         alive = std::weak_ptr{alive_}](engine::Result<engine::ContainerFacts> shown) {
        if (alive.expired()) return;
        if (!shown && shown.error().cause != engine::Cause::not_found)
            return search->then(std::move(shown.error()));
        if (shown && ownership(shown.value()) == Ownership::ours) {
            const bool installer = label_of(shown->labels, role_label) == "installer";
            (installer ? search->found.installer : search->found.server).push_back(std::move(shown.value()));
        }
        look_at_next(search);
    });
}

} // namespace agenthost::docker::service
