#include "host_double.hpp"

#include <algorithm>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

namespace agenthost::test {
namespace {

std::string view(agh_bytes b)
{
    return b.data ? std::string{static_cast<const char*>(b.data), b.size} : std::string{};
}

// Reads and closes what a reply brought: its descriptors are the host's.
std::string take_blob(const agh_reply& reply)
{
    std::string out;
    for (std::size_t i = 0; i < reply.blob_count; ++i) {
        const auto& blob = *reinterpret_cast<const agh_blob*>(reinterpret_cast<const char*>(reply.blobs) +
                                                              i * reply.blob_stride);
        if (blob.fd < 0) continue;
        char text[256];
        const auto n = ::read(blob.fd, text, sizeof text);
        if (n > 0) out.append(text, static_cast<std::size_t>(n));
        ::close(blob.fd);
    }
    return out;
}

} // namespace

agh_req Services::open()
{
    const std::lock_guard lock{mutex_};
    answers_[++last_];
    return last_;
}

std::vector<Answer> Services::answers(agh_req id) const
{
    const std::lock_guard lock{mutex_};
    const auto found = answers_.find(id);
    return found == answers_.end() ? std::vector<Answer>{} : found->second;
}

std::vector<std::string> Services::streamed(agh_req id) const
{
    const std::lock_guard lock{mutex_};
    const auto found = streamed_.find(id);
    return found == streamed_.end() ? std::vector<std::string>{} : found->second;
}

void Services::forget(agh_req id)
{
    const std::lock_guard lock{mutex_};
    answers_.erase(id);
}

std::string Services::fact(const std::string& key) const
{
    const std::lock_guard lock{mutex_};
    const auto found = facts_.find(key);
    return found == facts_.end() ? std::string{} : found->second;
}

std::vector<std::string> Services::logged() const
{
    const std::lock_guard lock{mutex_};
    return logged_;
}

std::vector<std::string> Services::died() const
{
    const std::lock_guard lock{mutex_};
    return died_;
}

agh_status Services::complete(std::string_view, agh_req id, const agh_reply* reply)
{
    const std::string blob = take_blob(*reply);
    const std::lock_guard lock{mutex_};
    const auto found = answers_.find(id);
    if (found == answers_.end() || !found->second.empty()) {
        ++late;
        return AGH_E_STALE;
    }
    found->second.push_back({reply->status, reply->flags, view(reply->json), blob});
    return AGH_OK;
}

agh_status Services::progress(std::string_view, agh_req id, std::string_view json)
{
    return stream({}, id, 0, 0, json);
}

agh_status Services::stream(std::string_view, agh_req id, std::uint32_t channel, std::uint64_t offset,
                            std::string_view bytes)
{
    const std::lock_guard lock{mutex_};
    if (!answers_.count(id) || !answers_[id].empty()) return AGH_E_STALE;
    streamed_[id].push_back(std::to_string(channel) + "@" + std::to_string(offset) + ":" +
                            std::string{bytes});
    return AGH_OK;
}

bool Services::cancelled(agh_req id) { return cancelled_ids.count(id) > 0; }

void Services::log(std::string_view, int, std::string_view message, std::string_view)
{
    const std::lock_guard lock{mutex_};
    logged_.emplace_back(message);
}

agh_status Services::emit(std::string_view, std::string_view, std::string_view, agh_req, const agh_reply*)
{
    if (emitted.fetch_add(1) < event_bound) return AGH_OK;
    return AGH_E_BUSY;
}

agh_status Services::publish(std::string_view, std::string_view key, std::string_view json)
{
    const std::lock_guard lock{mutex_};
    facts_[std::string{key}] = json;
    return AGH_OK;
}

agh_status Services::define_metric(std::string_view, std::string_view, std::uint32_t* id)
{
    *id = 7;
    return AGH_OK;
}

void Services::record_metric(std::string_view, std::uint32_t id, double) { metrics += id == 7; }

agh_status Services::call(std::string_view, agh_req, std::string_view, std::string_view, std::uint64_t,
                          std::function<void(const agh_reply&)> done)
{
    if (!on_call) return AGH_E_DENIED;
    on_call(std::move(done));
    return AGH_PENDING;
}

void Services::plugin_died(std::string_view, std::string why)
{
    const std::lock_guard lock{mutex_};
    died_.push_back(std::move(why));
}

Bench::Bench(const std::string& id, bool isolated, const std::string& mode, const std::string& folder)
    : id_{id}
{
    host::FoundPlugin found;
    for (auto& one : host::find_plugins({folder.empty() ? ABI_PLUGIN_DIR : folder}))
        if (one.id == id) found = one;
    if (found.id.empty()) { // no manifest
        found.id = id;
        found.library = std::string{ABI_PLUGIN_DIR} + "/" + id + ".so";
        found.manifest_file = std::string{ABI_PLUGIN_DIR} + "/" + id + ".manifest.json";
    }
    host::PluginConfig config;
    config.id = id;
    config.enabled = true;
    config.isolated = isolated;
    config.config_json = mode.empty() && !found.manifest                   ? "{}"
                         : found.manifest && found.manifest->id == "plain" ? "{}"
                                                                           : config_of(mode);
    config.where = "agenthost.yaml:3:5";
    plugin = host::make_plugin(io.get_executor(), services, found, config, runner_program());
}

Bench::~Bench()
{
    release(); // whatever hangs comes back before the process ends
    plugin.reset();
    io.poll();
}

std::string Bench::config_of(const std::string& mode) const
{
    return R"({"mode":")" + mode + R"(","dir":")" + dir.path().string() + "\"}";
}

bool Bench::until(const std::function<bool()>& condition)
{
    const auto end = std::chrono::steady_clock::now() + max_wait;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        io.run_for(std::chrono::milliseconds{2});
    }
    return true;
}

std::string Bench::wait(const std::function<void(std::function<void(std::string)>)>& begin)
{
    auto result = std::make_shared<std::optional<std::string>>();
    begin([result](std::string problem) { *result = std::move(problem); });
    return until([&] { return result->has_value(); }) ? **result : "the wait timed out";
}

std::string Bench::start()
{
    return wait([&](auto done) { plugin->start(done); });
}

std::string Bench::stop(std::chrono::milliseconds grace)
{
    return wait([&](auto done) { plugin->stop(grace, done); });
}

std::string Bench::configure(const std::string& mode)
{
    return wait([&](auto done) { plugin->configure(config_of(mode), done); });
}

std::string Bench::check_health()
{
    return wait([&](auto done) { plugin->check_health(done); });
}

agh_status Bench::invoke(agh_req id, const std::string& verb, const std::string& params, int fd)
{
    const std::string action = id_ + "." + verb, caller = R"({"server":"test","protocol":"storage"})";
    agh_blob blob{};
    blob.size = sizeof blob;
    blob.fd = fd;
    blob.length = 5;
    agh_request request{};
    request.size = sizeof request;
    request.id = id;
    request.action = {action.data(), action.size()};
    request.params = {params.data(), params.size()};
    request.caller = {caller.data(), caller.size()};
    request.blobs = &blob;
    request.blob_count = fd >= 0 ? 1 : 0;
    request.blob_stride = sizeof blob;
    error = {};
    error.size = sizeof error;
    return plugin->invoke(request, error);
}

// A refusal at once, and one by complete(), look the same here: in a runner every answer comes by complete().
Answer Bench::ask(const std::string& verb, const std::string& params, int fd)
{
    const agh_req id = services.open();
    const agh_status status = invoke(id, verb, params, fd);
    if (status < 0)
        return {status,
                0,
                std::string{"{\"code\":\""} + error.code + "\",\"message\":\"" + error.text + "\"}",
                {}};
    if (!until([&] { return !services.answers(id).empty(); }))
        return {AGH_E_DEADLINE, 0, "the wait timed out", {}};
    return services.answers(id).front();
}

bool Bench::file(const std::string& name) const { return std::filesystem::exists(dir / name); }
bool Bench::wait_file(const std::string& name)
{
    return until([&] { return file(name); });
}
void Bench::release() const { write_file(dir / "release", ""); }

std::string runner_program() { return (binary_dir() / "lib/agenthost/agenthost-runner").string(); }
bool has_runner() { return std::filesystem::exists(runner_program()); }

} // namespace agenthost::test
