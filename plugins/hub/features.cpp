#include "features.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace agenthost::hub {

namespace {

// Describes the credentials that were derived from the root key; empty: none.
std::string key_needed(const Config& config, const StoreEnrolment::Loaded& loaded)
{
    const bool signs =
        config.jwt_secret.kind == Secret::Kind::none && config.jwt_key.kind == Secret::Kind::none;
    const auto agents = std::ranges::count_if(
        loaded.enrolments, [&](const Enrolment& e) { return !e.salt.empty() || (signs && e.jwt); });
    const std::size_t jwts = signs ? loaded.jwts.size() : 0;
    if (agents == 0 && jwts == 0) return {};
    return config.database + " has credentials that were made with it (of " + std::to_string(agents) +
           " agents, and " + std::to_string(jwts) + " JWTs)";
}

Store::Bounds bounds(const Config& config) { return {config.task_rows, config.result_bytes}; }

} // namespace

Disk::Disk(const Core& core)
    : store{core.config.database, bounds(core.config), std::size_t{2} * core.config.open_tasks, core.utc(),
            loaded},
      enrolments{store, core.utc(), loaded_credentials}, root{core.config.database + ".key",
                                                              key_needed(core.config, loaded_credentials)},
      nonces{store, [&core] { return core.utc(); }}, servers{store, loaded_servers},
      spool{Spool::make(core.config.spool, core.config.spool_bytes, core.config.reserve_free)}
{}

Agents::Agents(Core& core, Exchanges& exchanges, Disk& disk)
    : book{core, credentials, disk.enrolments}, sessions{core, exchanges, credentials.agents, disk.nonces},
      registration{core,
                   exchanges,
                   credentials,
                   book,
                   {.renewed = [this](std::string_view agent, const Claims& claims)
                                   UNDER_LOCK { sessions.renewed(agent, claims); },
                    .registered =
                        [this](const std::string& agent, std::string_view capabilities) UNDER_LOCK {
                            if (registered) registered(agent, capabilities);
                        }}},
      reports{core, disk.store}
{
    credentials.agents.set_root(&disk.root);
    credentials.agents.trust_shops(core.config.trust_shop_id);
}

void Agents::admit(Disk& disk)
{
    for (auto& agent : disk.loaded_credentials.enrolments) credentials.enrolments.put(std::move(agent));
    for (auto& jwt : disk.loaded_credentials.jwts) credentials.minted.put(std::move(jwt));
    for (auto& token : disk.loaded.tokens) credentials.minted.put(std::move(token));
    disk.loaded_credentials = {};
}

Work::Work(Core& core, Disk& disk, Agents& agents)
    : commands{core, disk.store, agents.sessions}, requests{core, agents.sessions},
      calls{core, agents.credentials.agents, agents.sessions, disk.store, disk.store, commands},
      runs{core, agents.sessions, commands, requests}
{}

Servers::Servers(Core& core, Disk& disk, Agents& agents, Work& work)
    : watch{core, agents.sessions, work.requests, disk.servers, disk.store},
      outcomes{core, agents.sessions, watch}, calls{core, work.calls, agents.sessions, watch, outcomes},
      placer{watch}, control{core,          agents.sessions, work.requests, work.calls,
                             work.commands, watch,           outcomes,      placer},
      rest{calls}, files{calls}, fleet{calls, watch, placer}
{}

Shops::Shops(Core& core, Disk& disk, Agents& agents, Work& work)
    : tasks{core,       work.calls, work.commands, agents.sessions,
            disk.store, disk.store, disk.store,    agents.reports},
      orders{core, work.calls, work.commands, disk.store, disk.store, agents.reports},
      receipts{core, work.requests}, rest{core,       work.calls, work.commands,  agents.sessions,
                                          disk.store, disk.store, agents.reports, orders,
                                          receipts},
      control{core, work.calls, tasks, orders, rest}
{}

Operators::Operators(Core& core, Exchanges& exchanges, Disk& disk, Agents& agents, Work& work)
    : console{core, agents.credentials.agents, agents.sessions, disk.store, work.runs, work.requests},
      dashboards{core, exchanges, agents.credentials.callers, agents.sessions, work.runs},
      admin{core, agents.credentials, disk.store, disk.enrolments, agents.book, disk.store, agents.sessions}
{}

RestFeatures::RestFeatures(Core& core, Exchanges& exchanges, Disk& disk, Agents& agents, Work& work,
                           Operators& operators)
    : files{core, work.calls, work.commands, disk.spool}, signed_agents{work.calls, agents.sessions},
      reports{core,          work.calls,      agents.credentials.agents,
              work.commands, agents.sessions, disk.store,
              disk.store,    agents.reports,  agents.sessions.attempts()},
      runs{core, work.runs}, tasks{work.calls, work.commands, work.runs,
                                   [&operators](const std::string& id, bool force)
                                       UNDER_LOCK { operators.console.later(id, force); }},
      agent_commands{work.calls}, rest{core, exchanges, agents.credentials.callers}
{}

void RestFeatures::add_routes(Agents& agents, Servers& servers, Shops& shops)
{
    rest.add(agents.registration.routes());
    rest.add(reports.routes());
    rest.add(agent_commands.routes());
    rest.add(files.routes());
    rest.add(tasks.routes());
    rest.add(runs.routes());
    rest.add(shops.tasks.routes());
    rest.add(shops.rest.routes());
    rest.add(signed_agents.routes());
    rest.add(servers.rest.routes());
    rest.add(servers.files.routes());
    rest.add(servers.fleet.routes());
}

} // namespace agenthost::hub
