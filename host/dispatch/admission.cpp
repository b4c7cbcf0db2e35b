// submit: the checks, in the order the house gives them.
#include "dispatcher_impl.hpp"

#include <algorithm>
#include <cstring>

namespace agenthost::host {

namespace {

bool has_nul(std::string_view s) { return s.find('\0') != std::string_view::npos; }

// A deadline further away than this is none: time_point must not overflow.
constexpr std::chrono::milliseconds longest_timeout{std::chrono::hours{24 * 365}};

std::string bound(std::string_view text) // a peer's word in a sentence of ours
{
    return text.size() <= 80 ? std::string{text} : std::string{text.substr(0, 80)} + "...";
}

// What an administrator writes to permit it. A list replaces the defaults, so who has none must name what it uses already as well.
std::string how_to_allow(const Policy& policy, const std::string& action)
{
    if (policy.allow)
        return "Add \"" + action + "\" to the allow list of server " + policy.name +
               " in the agent's agenthost.yaml to permit it.";
    return "Server " + policy.name +
           " has no allow list, so only the actions of its protocol are permitted. To permit "
           "this one, give the server an allow list in the agent's agenthost.yaml with \"" +
           action + "\" and every other action it uses: the list replaces the defaults.";
}

} // namespace

bool Dispatcher::Impl::allowed(const Policy& policy, const Action& action) const
{
    if (!policy.allow) return Registry::allowed_by_default(action, policy.protocol);
    for (const std::string& pattern : *policy.allow)
        if (matches(pattern, action.name)) return true;
    return false;
}

// The action of a plugin that is enabled and does not run: which one, and why. Only for callers that may use it.
bool Dispatcher::Impl::refuse_missing(const Incoming& in, const Policy& policy, std::string_view word)
{
    const auto missing = registry.missing(word, policy.protocol, policy.map);
    if (!missing) return false;
    const bool may = policy.allow ? std::ranges::any_of(*policy.allow,
                                                        [&](const std::string& pattern) {
                                                            return matches(pattern, missing->action);
                                                        })
                                  : missing->by_default;
    if (!may) return false;
    refuse(in, wire::Outcome::not_started, code::busy, "plugin " + missing->plugin + " " + missing->why,
           "It offers " + bound(missing->action) + " once it runs. `agenthost status` shows how it is.");
    return true;
}

void Dispatcher::Impl::submit(Caller& caller, const wire::Command& command)
{
    ++stats.submitted;
    Incoming in{.record = find(caller), .caller = &caller, .command = command, .started = now()};
    if (!in.record)
        return refuse(in, wire::Outcome::not_started, code::internal,
                      "this session is not attached to the dispatcher",
                      "It is being replaced or shut down: send the command again on the next connection.");

    if (command.id.size() > id_bytes || command.target.size() > id_bytes ||
        command.action.size() > action_bytes)
        return refuse(in, wire::Outcome::error, code::invalid_request,
                      "id, target or action is longer than 256 bytes", "Send a shorter one.");
    if (has_nul(command.id) || has_nul(command.target) || has_nul(command.action))
        return refuse(in, wire::Outcome::error, code::invalid_request, "id, target or action contains a NUL",
                      "Send it without.");

    const Policy& policy = caller.policy();
    const Action* action = registry.resolve(command.action, policy.protocol, policy.map);
    in.action = action;
    if (!action && refuse_missing(in, policy, command.action)) return;
    if (!action)
        return refuse(
            in, wire::Outcome::error, code::unknown_action, "Unknown action: " + bound(command.action),
            "No enabled plugin offers it. `agenthost call host.actions` lists the actions there are; "
            "servers[].map gives a word of a server's own a meaning.");
    if (!allowed(policy, *action))
        return refuse(in, wire::Outcome::error, code::denied,
                      "\"" + policy.name + "\" may not run " + action->name,
                      how_to_allow(policy, action->name));
    if (!in.record->rate.take(policy.messages_per_second, in.started))
        return refuse(in, wire::Outcome::not_started, code::rate_limit,
                      "more than " + std::to_string(static_cast<long>(policy.messages_per_second)) +
                          " commands a second",
                      "Send it again later, or raise limits.messages_per_second.");
    if (command.timeout && command.timeout->count() > 0)
        in.deadline = in.started + std::min(*command.timeout, longest_timeout);
    admit(in, policy, *action);
}

// From here on nested calls come along too.
void Dispatcher::Impl::admit(Incoming& in, const Policy& policy, const Action& action)
{
    CallerRecord& record = *in.record;
    const wire::Command& command = in.command;
    const bool journalled = action.manifest->effects && policy.journal && !command.id.empty() && !in.nested;
    Digest digest;
    if (journalled) {
        digest = digest_of(action, command);
        if (attach_repeat(in, action, digest)) return;
    }
    if (draining)
        return refuse(in, wire::Outcome::not_started, code::busy, "the agent is shutting down",
                      "Send it again after the agent is back.");
    if (record.in_flight >= policy.in_flight)
        return refuse(in, wire::Outcome::not_started, code::busy,
                      std::to_string(policy.in_flight) + " commands of " + policy.name +
                          " are running already",
                      "Send it again when one has ended, or raise limits.in_flight.");
    const std::uint64_t charged =
        command.params.size() + command.id.size() + command.action.size() + command.target.size();
    if (record.memory + charged > policy.memory)
        return refuse(in, wire::Outcome::not_started, code::busy,
                      "the running commands of " + policy.name + " hold " + std::to_string(record.memory) +
                          " of " + std::to_string(policy.memory) + " bytes",
                      "Send it again when one has ended, or raise limits.memory.");
    if (action.manifest->params) {
        if (std::string problem = action.manifest->params->check(command.params); !problem.empty())
            return refuse(in, wire::Outcome::error, code::invalid_request, std::move(problem));
    }
    if (!action.plugin) return builtin(in, action);

    Slot* slot = slots.acquire();
    if (!slot)
        return refuse(in, wire::Outcome::not_started, code::busy, "65536 commands are running on this agent",
                      "Send it again when one has ended.");
    Request& r = slot->request;
    r.effects = action.manifest->effects;
    r.idempotent = action.manifest->idempotent;
    r.journalled = journalled;
    r.caller = &record;
    r.plugin = action.plugin;
    r.action = action.full_name;
    r.owner = action.owner;
    r.started = in.started;
    r.deadline = in.deadline;
    r.charged = charged;
    r.wire_id = command.id;
    r.word = command.action;
    if (in.nested) {
        r.parent = in.nested->parent;
        r.depth = in.nested->depth;
        r.done = std::move(in.nested->done);
    }
    ++record.in_flight;
    record.memory += charged;
    if (!journalled) return invoke(*slot, command, 0);

    r.digest = digest;
    r.keep(command.id, command.action);
    r.params.assign(command.params);
    r.target.assign(command.target);
    link(*slot);
    record.journalled.insert_or_assign(r.own_id, r.id);
    begin(*slot);
}

Digest Dispatcher::Impl::digest_of(const Action& action, const wire::Command& command)
{
    // Name and target cannot contain a NUL, so the parts cannot run into each other.
    sha.update(action.name);
    sha.update(std::string_view{"\0", 1});
    sha.update(command.target);
    sha.update(std::string_view{"\0", 1});
    sha.update(command.params);
    return sha.finish();
}

// A repeat of what runs is not run again: its answer goes to the newest session, once.
bool Dispatcher::Impl::attach_repeat(const Incoming& in, const Action&, const Digest& digest)
{
    const auto at = in.record->journalled.find(in.command.id);
    if (at == in.record->journalled.end()) return false;
    Request& r = slots.find(at->second)->request;
    if (r.digest != digest) {
        refuse(in, wire::Outcome::error, code::id_reused,
               "id " + std::string{in.command.id} + " belongs to another command that is running",
               "Use a new id for every command.");
        return true;
    }
    ++stats.attached;
    r.answered = r.answer_taken = false; // whoever had TIMEOUT before asks again, and gets what comes
    return true;
}

void Dispatcher::Impl::refuse(const Incoming& in, wire::Outcome outcome, std::string_view code,
                              std::string message, std::string detail)
{
    ++stats.refused;
    const wire::Result result{.id = in.command.id,
                              .outcome = outcome,
                              .data = {},
                              .error = {.code = code, .message = message, .detail = detail, .data = {}},
                              .action = in.command.action};
    respond(in, result);
}

// An answer without a slot.
void Dispatcher::Impl::respond(const Incoming& in, const wire::Result& result)
{
    if (options.on_finished) { // first: the answer may make the caller detach itself
        const std::string_view name =
            in.record ? std::string_view{*in.record->name} : std::string_view{in.caller->policy().name};
        options.on_finished({.caller = name,
                             .protocol = (in.record ? in.record->policy() : in.caller->policy()).protocol,
                             .action = in.action ? std::string_view{in.action->name} : in.command.action,
                             .id = in.command.id,
                             .code = result.error.code,
                             .outcome = result.outcome,
                             .took = now() - in.started,
                             .effects = in.action && in.action->manifest->effects,
                             .known = in.action != nullptr});
    }
    if (in.nested) {
        OwnedReply reply = reply_of(result);
        reply.hand_over(in.nested->done);
    } else if (!in.caller->on_result(result, 0))
        ++stats.dropped_results;
}

void Dispatcher::Impl::begin(Slot& slot)
{
    Request& r = slot.request;
    r.phase = Request::Phase::beginning;
    if (r.deadline != Clock::time_point::max()) {
        deadlines.set(r.index, r.deadline);
        arm();
    }
    journal.begin(*r.caller->name, r.own_id, r.digest, r.own_word,
                  guarded([this, id = r.id](Journal::Begun begun_) {
                      if (Slot* at = slots.find(id)) begun(*at, std::move(begun_));
                  }),
                  r.caller->policy().by_operator);
}

void Dispatcher::Impl::begun(Slot& slot, Journal::Begun b)
{
    using Begin = Journal::Begin;
    Request& r = slot.request;
    r.row = b.row;
    switch (b.what) {
    case Begin::fresh: return invoke_kept(slot, 0);
    case Begin::finished: return replay(slot, b.result);
    case Begin::interrupted:
        if (!r.idempotent || r.cancel_wanted || !r.plugin) return replay(slot, b.result);
        return journal.rerun(b.row, guarded([this, id = r.id](std::uint64_t row) {
                                 Slot* at = slots.find(id);
                                 if (!at) return;
                                 at->request.row = row;
                                 if (row)
                                     invoke_kept(*at, AGH_REQUEST_REPEAT);
                                 else
                                     refuse_for_disk(*at, journal.trouble());
                             }));
    case Begin::id_reused:
        return refuse_begun(
            slot, wire::Outcome::error, code::id_reused, "id " + r.own_id + " was another command's",
            "Use a new id for every command; a repeat must have the same action and the same parameters.");
    case Begin::full:
        return refuse_begun(
            slot, wire::Outcome::not_started, code::busy,
            b.problem.empty() ? "the journal is full: it holds as many results as journal.rows permits"
                              : b.problem,
            "Send it again later, raise journal.rows or journal.bytes, or lower journal.keep.");
    case Begin::running: // the row outlived its request; it ends with the process
        return refuse_begun(slot, wire::Outcome::not_started, code::busy,
                            "id " + r.own_id + " is being worked on", "Ask again later.");
    case Begin::failed:
        // A person at this machine, perhaps about to repair the disk: what they ask for has no session to repeat it.
        if (r.caller->policy().by_operator) return invoke_kept(slot, 0);
        return refuse_for_disk(slot, base::DiskTrouble{b.code, b.problem});
    }
}

void Dispatcher::Impl::refuse_for_disk(Slot& slot, const std::optional<base::DiskTrouble>& trouble)
{
    refuse_begun(slot, wire::Outcome::not_started,
                 trouble && !trouble->code.empty() ? std::string_view{trouble->code} : code::internal,
                 "the journal cannot be written, so nothing was done: " +
                     (trouble ? trouble->text : std::string{"the disk refused"}),
                 "Send it again when the disk of agent.state_dir can be written; `agenthost health` tells.");
}

// No row, or one that stays as it is.
void Dispatcher::Impl::refuse_begun(Slot& slot, wire::Outcome outcome, std::string_view code,
                                    std::string message, std::string detail)
{
    Request& r = slot.request;
    ++stats.refused;
    const Answer answer{.outcome = outcome,
                        .data = {},
                        .code = std::string{code},
                        .message = std::move(message),
                        .detail = std::move(detail),
                        .error_data = {}};
    if (!r.answered) {
        const wire::Result result = answer.as(r.wire_id, r.word);
        if (!r.caller->caller || !r.caller->caller->on_result(result, 0)) ++stats.dropped_results;
        finished(r, outcome, code);
    }
    release(slot);
}

void Dispatcher::Impl::replay(Slot& slot, const StoredResult& stored)
{
    Request& r = slot.request;
    ++stats.replayed;
    if (!r.answered) {
        const wire::Result result{.id = r.wire_id,
                                  .outcome = stored.outcome,
                                  .data = stored.data,
                                  .error = {.code = stored.code,
                                            .message = stored.message,
                                            .detail = stored.detail,
                                            .data = stored.error_data},
                                  .action = r.word};
        if (!r.caller->caller || !r.caller->caller->on_result(result, stored.row)) ++stats.dropped_results;
        finished(r, stored.outcome, stored.code);
    }
    release(slot);
}

void Dispatcher::Impl::invoke_kept(Slot& slot, std::uint32_t flags)
{
    Request& r = slot.request;
    if (r.cancel_wanted || !r.plugin) { // while the row was being written
        Answer answer{.outcome = wire::Outcome::not_started,
                      .data = {},
                      .code = std::string{r.plugin ? code::cancelled : code::busy},
                      .message =
                          r.plugin ? "cancelled before it began" : "the plugin stopped before it began",
                      .detail = {},
                      .error_data = {}};
        if (flags & AGH_REQUEST_REPEAT) { // it may have had effects the first time
            answer.outcome = wire::Outcome::interrupted;
            answer.code = code::interrupted;
        }
        return journal_result(slot, std::move(answer));
    }
    const wire::Command command{
        .id = r.own_id, .action = r.own_word, .params = r.params, .target = r.target, .timeout = {}};
    invoke(slot, command, flags);
}

void Dispatcher::Impl::invoke(Slot& slot, const wire::Command& command, std::uint32_t flags)
{
    Request& r = slot.request;
    const agh_req id = r.id;
    r.phase = Request::Phase::running;
    agh_request request{};
    request.size = sizeof request;
    request.flags = flags;
    request.id = id;
    if (r.deadline != Clock::time_point::max())
        request.deadline_ns = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(r.deadline.time_since_epoch()).count());
    request.action = bytes(*r.action);
    request.params = bytes(command.params);
    request.target = bytes(command.target);
    request.caller = bytes(r.caller->json);
    request.blob_stride = sizeof(agh_blob);
    agh_error error; // 512 bytes that only a refusal reads
    error.size = sizeof error;
    error.status = AGH_OK;
    error.code[0] = error.text[0] = '\0';

    slot.owner.store(r.owner, std::memory_order_release);
    slot.caller.store(r.caller->name.get(), std::memory_order_release);
    slot.depth.store(r.depth, std::memory_order_relaxed);
    slots.open(slot);
    const Inside here{this, id};
    const Inside* outer = std::exchange(inside, &here);
    const agh_status status = r.plugin->invoke(request, error);
    inside = outer;

    if (r.id != id || r.phase != Request::Phase::running) return; // completed inside
    if (status < 0) {
        if (!slots.claim(slot, id)) {
            if (!r.linked) {
                r.keep(command.id, command.action);
                link(slot);
            }
            return; // refused and completed: the completion is on its way
        }
        const std::string_view why{error.text, ::strnlen(error.text, sizeof error.text)};
        const std::string_view word{error.code, ::strnlen(error.code, sizeof error.code)};
        Answer answer{.outcome = status == AGH_E_BUSY || word == code::busy || word == code::queue_full
                                     ? wire::Outcome::not_started
                                     : wire::Outcome::error,
                      .data = {},
                      .code = std::string{word.empty() ? code_of(status) : word},
                      .message = why.empty()
                                     ? "plugin " + *r.owner + " refused " + *r.action + " and gave no reason"
                                     : std::string{why},
                      .detail = {},
                      .error_data = {}};
        r.refused = true;
        return end(slot, std::move(answer));
    }
    if (!r.linked) {
        r.keep(command.id, command.action);
        link(slot);
    }
    if (r.deadline != Clock::time_point::max()) {
        deadlines.set(r.index, r.deadline);
        arm();
    }
}

} // namespace agenthost::host
