// The plugin that servers in other languages talk to: every kind of answer a plugin can give, by request.
#include <agenthost/plugin.hpp>

#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <vector>

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

class Trial : public agenthost::Plugin {
public:
    explicit Trial(agenthost::Context& ctx) : ctx_{ctx}
    {
        ctx.on("trial.echo", this, &Trial::echo);
        ctx.on("trial.work", this, &Trial::work);
        ctx.on("trial.fail", this, &Trial::fail);
        ctx.on("trial.tell", this, &Trial::tell);
        ctx.on("trial.log", [](agenthost::Request r) { r.reply(R"({"message":"all said"})"); });
        ctx.on("trial.hold", this, &Trial::hold);
        ctx.on("trial.release", this, &Trial::release);
        ctx.on("trial.runs", [this](agenthost::Request r) { r.reply(json{{"runs", runs().size()}}.dump()); });
        ctx.on("trial.command", this, &Trial::command);
        ctx.on("trial.interrupt", this, &Trial::interrupt);
    }

    void start() override
    {
        const json config = json::parse(ctx_.config());
        const json facts = config.value("facts", json::object());
        for (const auto& [key, value] : facts.items()) ctx_.publish(key, value.dump());
    }

    void drain() override
    {
        const std::lock_guard lock{mutex_};
        for (auto& request : held_) request.fail("CANCELLED", "the trial ends");
        held_.clear();
        for (auto& [id, request] : commands_) request.fail("CANCELLED", "the trial ends");
        commands_.clear();
    }

private:
    void echo(agenthost::Request request)
    {
        request.reply(json{{"params", json::parse(request.params())}, {"target", request.target()}}.dump());
    }

    void work(agenthost::Request request)
    {
        request.progress(R"({"done":1,"total":2})");
        ctx_.emit("trial.step", R"({"step":1})", "", request.id());
        request.stream(1, 0, "first\n");
        request.stream(2, 0, "careful\n");
        // The answer comes from elsewhere and later, as a long action's does; progress goes out every 100 ms.
        auto later = std::make_shared<agenthost::Request>(std::move(request));
        ctx_.after(150ms, [later] {
            later->progress(R"({"done":2,"total":2})");
            later->stream(1, 6, "second\n");
            later->reply(R"({"steps":2,"message":"worked"})");
        });
    }

    void fail(agenthost::Request request)
    {
        const json params = json::parse(request.params());
        request.fail(params.value("code", "TRIAL_FAILED"), params.value("message", "it was asked to fail"),
                     params.value("detail", ""),
                     params.value("unknown", false) ? agenthost::outcome_unknown : 0);
    }

    void tell(agenthost::Request request)
    {
        const json params = json::parse(request.params());
        ctx_.emit(params["topic"].get<std::string>(), params["data"].dump(), "", request.id());
        request.reply();
    }

    void hold(agenthost::Request request)
    {
        std::ofstream{runs_file(), std::ios::app} << "x" << std::flush;
        const std::lock_guard lock{mutex_};
        held_.push_back(std::move(request));
    }
    void release(agenthost::Request request)
    {
        std::vector<agenthost::Request> all;
        {
            const std::lock_guard lock{mutex_};
            all.swap(held_);
        }
        for (auto& one : all) one.reply(R"({"released":true})");
        request.reply(json{{"released", all.size()}}.dump());
    }
    std::string runs_file() const { return std::string{ctx_.state_directory()} + "/runs"; }
    std::string runs() const
    {
        std::ifstream in{runs_file()};
        return {std::istreambuf_iterator<char>{in}, {}};
    }

    void command(agenthost::Request request)
    {
        const json params = json::parse(request.params());
        const std::string what = params["command"];
        request.progress(R"({"status":"queued"})");
        if (what == "wait") {
            const std::lock_guard lock{mutex_};
            const auto at =
                commands_.emplace(params["commandId"].get<std::string>(), std::move(request)).first;
            at->second.on_cancel([this] { ctx_.post([this] { end_cancelled(); }); }); // a deadline's too
            at->second.progress(R"({"status":"running"})"); // from now on it can be interrupted
            return;
        }
        request.progress(R"({"status":"running"})");
        if (what == "split") { // a character that two writes share
            request.stream(1, 0, "a\xc3");
            request.stream(1, 2, "\xa9z");
        } else if (what == "gap") { // 90 bytes are gone
            request.stream(1, 0, "before");
            request.stream(1, 96, "after");
        } else if (what == "large") {
            for (int i = 0; i < 5; ++i)
                request.stream(1, static_cast<std::uint64_t>(i) * 6000, std::string(6000, 'x'));
        } else {
            request.stream(1, 0, "out\n");
            request.stream(2, 0, "err\n");
        }
        if (what == "fail") return void(request.reply(R"({"exit_code":3,"reason":"exit"})"));
        if (what == "refused") return void(request.fail("DENIED", "not this command"));
        if (what == "timeout") return void(request.fail("TIMEOUT", "it took too long"));
        request.reply(R"({"exit_code":0,"reason":"exit"})");
    }
    void end_cancelled()
    {
        std::map<std::string, agenthost::Request> over;
        const std::lock_guard lock{mutex_};
        for (auto at = commands_.begin(); at != commands_.end();) {
            const auto next = std::next(at);
            if (at->second.cancelled()) over.insert(commands_.extract(at));
            at = next;
        }
        for (auto& [id, one] : over) one.fail("CANCELLED", "it was cancelled");
    }
    void interrupt(agenthost::Request request)
    {
        std::map<std::string, agenthost::Request> all;
        {
            const std::lock_guard lock{mutex_};
            all.swap(commands_);
        }
        if (all.empty()) return void(request.fail("NOT_FOUND", "nothing runs"));
        for (auto& [id, one] : all)
            one.reply(R"({"exit_code":130,"reason":"interrupted","signal":"SIGINT"})");
        request.reply();
    }

    agenthost::Context& ctx_;
    std::mutex mutex_;
    std::vector<agenthost::Request> held_;
    std::map<std::string, agenthost::Request> commands_;
};

} // namespace

AGENTHOST_PLUGIN(Trial)
