// A plugin that does what tests ask for: the same library in a FakeHost, and behind the socketpair in a
// runner.
#include <agenthost/ext/log_tap.h>
#include <agenthost/plugin.hpp>

#include <poll.h>
#include <sys/mman.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>

namespace {

using agenthost::Request;
using namespace std::chrono_literals;

// {"bytes":123}
std::size_t number(std::string_view json, std::string_view name)
{
    const auto at = json.find("\"" + std::string{name} + "\":");
    return at == json.npos ? 0 : std::strtoull(json.data() + at + name.size() + 3, nullptr, 10);
}

int memory_file(std::string_view bytes)
{
    const int fd = ::memfd_create("probe", MFD_CLOEXEC);
    if (::write(fd, bytes.data(), bytes.size()) != static_cast<::ssize_t>(bytes.size())) std::abort();
    return fd;
}

class Probe : public agenthost::Plugin {
public:
    explicit Probe(agenthost::Context& ctx) : ctx_{ctx}
    {
        if (ctx.config().find("refuse_create") != ctx.config().npos) {
            throw agenthost::Error{"PROBE_CREATE", "create refused, as asked", AGH_E_DENIED};
        }
        ctx.on("sdk_probe.echo", [](Request r) { r.reply(r.params()); });
        ctx.on("sdk_probe.fail", [](Request r) {
            r.fail("DISK_FULL", "no space", "on /x", agenthost::not_started, R"({"free":0})");
        });
        ctx.on("sdk_probe.throw", [](Request) { throw std::runtime_error{"thrown in a handler"}; });
        ctx.on("sdk_probe.drop", [](Request) {});
        ctx.on("sdk_probe.keep", this, &Probe::keep);
        ctx.on("sdk_probe.poll", this, &Probe::poll);
        ctx.on("sdk_probe.stream", this, &Probe::stream);
        ctx.on("sdk_probe.blob", this, &Probe::blob);
        ctx.on("sdk_probe.services", this, &Probe::services);
        ctx.on("sdk_probe.call", this, &Probe::call);
        ctx.on("sdk_probe.describe", this, &Probe::describe);
        ctx.on("sdk_probe.tick", this, &Probe::tick);
        ctx.on("sdk_probe.tap", this, &Probe::tap);
        ctx.on("sdk_probe.network", this, &Probe::network);
        ctx.on("sdk_probe.die", [](Request) { ::raise(SIGKILL); });
    }
    void start() override
    {
        if (ctx_.config().find("refuse_start") != ctx_.config().npos)
            throw agenthost::Error{"PROBE_START", "start refused, as asked"};
        if (ctx_.config().find("hang_start") != ctx_.config().npos) std::this_thread::sleep_for(1h);
    }
    void configure(std::string_view config) override
    {
        if (config.find("bad") != config.npos)
            throw agenthost::Error{"PROBE_CONFIG", "bad configuration, as asked"};
        ctx_.log(agenthost::Level::info, "configured", config);
    }
    agenthost::Health health() override
    {
        if (ctx_.config().find("sick") == ctx_.config().npos) return {};
        return {AGH_E_BUSY, "degraded, as asked"};
    }
    void drain() override
    {
        std::map<agh_req, Shared>
            mine; // they end outside the lock: the end of a Request waits for its on_cancel, which takes it
        {
            const std::scoped_lock lock{mutex_};
            mine.swap(kept_);
        }
        for (auto& [id, request] : mine) request->fail("CANCELLED", "drained");
    }
    ~Probe() override
    {
        for (std::thread& thread : threads_) thread.join();
    }

private:
    using Shared = std::shared_ptr<Request>;

    void keep(Request r)
    {
        const auto request = std::make_shared<Request>(std::move(r));
        const agh_req id = request->id();
        {
            const std::scoped_lock lock{mutex_};
            kept_[id] = request;
        }
        request->progress(R"({"done":0,"total":1})");
        request->on_cancel([this, id] {
            Shared mine;
            const std::scoped_lock lock{mutex_};
            const auto found = kept_.find(id);
            if (found == kept_.end()) return;
            mine = std::move(found->second);
            kept_.erase(found);
            mine->fail("CANCELLED", "cancelled, as asked");
        });
    }
    void poll(Request r)
    {
        r.progress(R"({"done":0,"total":1})");
        const std::scoped_lock lock{mutex_};
        threads_.emplace_back([r = std::move(r)]() mutable {
            while (!r.cancelled()) std::this_thread::sleep_for(1ms);
            r.reply(R"("saw it")");
        });
    }
    // Sends params.bytes bytes in pieces of 10,000; goes on from on_writable after BUSY.
    void stream(Request r)
    {
        struct Job {
            Job(Request r, std::size_t bytes) : request{std::move(r)}, total{bytes} {}
            Request request;
            std::size_t total, sent = 0;
            int busy = 0;
            std::mutex mutex;
            bool done = false;
            void go()
            {
                const std::scoped_lock lock{mutex};
                while (!done && sent < total) {
                    const std::string piece(std::min<std::size_t>(10'000, total - sent),
                                            static_cast<char>('a' + sent / 10'000 % 26));
                    const agh_status said = request.stream(1, sent, piece);
                    if (said == AGH_E_BUSY) {
                        ++busy;
                        return;
                    }
                    if (said != AGH_OK) {
                        request.fail("INTERNAL", "stream said " + std::string{agenthost::status_name(said)});
                        done = true;
                        return;
                    }
                    sent += piece.size();
                }
                if (!done) request.reply("{\"busy\":" + std::to_string(busy) + "}");
                done = true;
            }
        };
        const std::size_t total = number(r.params(), "bytes");
        auto job = std::make_shared<Job>(std::move(r), total);
        const agh_req id = job->request.id();
        const std::scoped_lock lock{mutex_};
        jobs_[id] = job;
        job->request.on_writable([raw = job.get()] { raw->go(); });
        job->go();
    }
    void blob(Request r)
    {
        std::string bytes;
        if (r.blob_count() > 0) {
            const agenthost::Blob in = r.blob(0);
            if (in.fd < 0)
                bytes = in.data;
            else {
                bytes.resize(in.length);
                const ::ssize_t got =
                    ::pread(in.fd, bytes.data(), bytes.size(), static_cast<::off_t>(in.offset));
                bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
            }
        }
        const std::string back = "back:" + bytes;
        const agenthost::Blob blobs[] = {
            {.fd = memory_file(back), .length = back.size(), .name = "memory", .media_type = "text/plain"},
            {.data = "inline", .name = "inline"}};
        r.reply(agenthost::json_string(bytes), blobs);
    }
    void services(Request r)
    {
        ctx_.log(agenthost::Level::warn, "a line", R"({"n":1})");
        ctx_.log(agenthost::Level::trace, "a trace");
        ctx_.publish("probe", R"({"on":true})");
        const auto metric = ctx_.metric(R"({"name":"seen_total","type":"counter","help":"x"})");
        if (metric) ctx_.record(*metric, 2), ctx_.record(*metric, 3);
        const agenthost::Blob blob{.data = "event bytes", .name = "e"};
        const agh_status emitted = ctx_.emit("sdk_probe.event", R"({"e":1})", "*", r.id(), {&blob, 1});
        const bool listener = ctx_.host_api()->service(ctx_.host(), "agenthost.listener/1") != nullptr;
        r.reply("{\"state\":" + agenthost::json_string(ctx_.state_directory()) +
                ",\"metric\":" + (metric ? "true" : "false") + ",\"emit\":" + std::to_string(emitted) +
                ",\"trace\":" + (ctx_.log_enabled(agenthost::Level::trace) ? "true" : "false") +
                ",\"listener\":" + (listener ? "true" : "false") + ",\"unknown\":" +
                (ctx_.host_api()->service(ctx_.host(), "no.such/1") != nullptr ? "true" : "false") + "}");
    }
    // The daemon's log from the beginning: in two looks, and what a look with a small buffer says.
    void tap(Request r)
    {
        const auto* tap = ctx_.service<agh_svc_log_tap>(AGH_SVC_LOG_TAP);
        if (tap == nullptr) {
            r.fail("UNSUPPORTED", "no log_tap/1");
            return;
        }
        std::uint64_t position = 0, lost = 0;
        std::string lines, buffer(AGH_LOG_TAP_BYTES, '\0');
        for (int look = 0; look < 2; ++look) {
            std::size_t size = buffer.size();
            if (tap->read(ctx_.host(), AGH_LOG_WARN, &position, buffer.data(), &size, &lost) != AGH_OK) break;
            lines.append(buffer, 0, size);
        }
        std::size_t small = 100;
        const agh_status refused =
            tap->read(ctx_.host(), AGH_LOG_WARN, &position, buffer.data(), &small, &lost);
        r.reply("{\"lines\":" + agenthost::json_string(lines) + ",\"position\":" + std::to_string(position) +
                ",\"small\":" + std::to_string(refused) + "}");
    }
    // The settings of the server that asked, of a request that is open and of one that never was.
    void network(Request r)
    {
        const auto* network = ctx_.service<agh_svc_network>(AGH_SVC_NETWORK);
        if (network == nullptr) {
            r.fail("UNSUPPORTED", "no network/1");
            return;
        }
        std::string buffer(AGH_NETWORK_BYTES, '\0');
        std::size_t size = buffer.size(), small = 100;
        const agh_status stale = network->settings(ctx_.host(), 0xdead, buffer.data(), &size);
        const agh_status refused = network->settings(ctx_.host(), r.id(), buffer.data(), &small);
        r.reply("{\"settings\":" + ctx_.network_settings(r.id()).value_or("null") +
                ",\"stale\":" + std::to_string(stale) + ",\"small\":" + std::to_string(refused) + "}");
    }
    void call(Request r)
    {
        const auto request = std::make_shared<Request>(std::move(r));
        const auto said = ctx_.call(
            "other.action", request->params(), 5s,
            [request](const agenthost::Result& result) {
                request->reply("{\"status\":" + std::to_string(result.status) +
                               ",\"json\":" + std::string{result.json} + "}");
            },
            request->id());
        if (said != AGH_PENDING) request->fail("DENIED", agenthost::status_name(said));
    }
    void describe(Request r)
    {
        r.reply("{\"action\":" + agenthost::json_string(r.action()) + ",\"target\":" +
                agenthost::json_string(r.target()) + ",\"caller\":" + std::string{r.caller()} +
                ",\"repeat\":" + (r.is_repeat() ? "true" : "false") + ",\"deadline\":" +
                (r.deadline() ? "true" : "false") + ",\"blobs\":" + std::to_string(r.blob_count()) + "}");
    }
    void tick(Request r)
    {
        const auto request = std::make_shared<Request>(std::move(r));
        ctx_.after(1ms, [this, request] {
            int fds[2];
            if (::pipe2(fds, O_CLOEXEC) != 0) return;
            (void)!::write(fds[1], "x", 1);
            ctx_.watch(fds[0], POLLIN, [this, request, fds0 = fds[0], fds1 = fds[1]](std::uint32_t events) {
                ::close(fds0);
                ::close(fds1);
                ctx_.post([request, events] { request->reply(std::to_string(events & POLLIN)); });
            });
        });
    }

    agenthost::Context& ctx_;
    std::mutex mutex_;
    std::map<agh_req, Shared> kept_;
    std::map<agh_req, std::shared_ptr<void>> jobs_;
    std::vector<std::thread> threads_;
};

} // namespace

AGENTHOST_PLUGIN(Probe)
