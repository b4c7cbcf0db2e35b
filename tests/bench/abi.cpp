// One call across the plugin ABI: the echo plugin in this process and in a runner, against the process hop of
// a pipe ping-pong.
#include "bench.hpp"
#include "host/config/config.hpp"
#include "host/plugin/plugin.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <future>
#include <thread>
#include <unistd.h>

using namespace agenthost;
using namespace agenthost::bench;
using namespace agenthost::host;

namespace {

// Only complete() matters here: it counts.
struct Counter final : HostServices {
    std::atomic<std::uint64_t> done{0};
    agh_status complete(std::string_view, agh_req, const agh_reply*) override
    {
        done.fetch_add(1, std::memory_order_release);
        done.notify_one();
        return AGH_OK;
    }
    agh_status progress(std::string_view, agh_req, std::string_view) override { return AGH_OK; }
    agh_status stream(std::string_view, agh_req, std::uint32_t, std::uint64_t, std::string_view) override
    {
        return AGH_OK;
    }
    bool cancelled(agh_req) override { return false; }
    bool log_enabled(std::string_view, int) override { return false; }
    void log(std::string_view, int, std::string_view, std::string_view) override {}
    agh_status emit(std::string_view, std::string_view, std::string_view, agh_req, const agh_reply*) override
    {
        return AGH_OK;
    }
    agh_status publish(std::string_view, std::string_view, std::string_view) override { return AGH_OK; }
    std::string state_directory(std::string_view) override { return "/tmp"; }
    agh_status define_metric(std::string_view, std::string_view, std::uint32_t*) override { return AGH_OK; }
    void record_metric(std::string_view, std::uint32_t, double) override {}
    agh_status call(std::string_view, agh_req, std::string_view, std::string_view, std::uint64_t,
                    std::function<void(const agh_reply&)>) override
    {
        return AGH_E_DENIED;
    }
    const void* listener_service(std::string_view) override { return nullptr; }
};

agh_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }

double per_call_us(bool isolated, const std::string& binary, std::uint64_t count)
{
    boost::asio::io_context main{1};
    auto work = boost::asio::make_work_guard(main);
    Counter services;
    PluginConfig config;
    config.id = "echo";
    config.enabled = true;
    config.isolated = isolated;
    std::unique_ptr<Plugin> plugin;
    for (auto& found : find_plugins({binary + "/bench/plugins"}))
        if (found.id == "echo")
            plugin = make_plugin(main.get_executor(), services, found, config,
                                 binary + "/lib/agenthost/agenthost-runner");
    if (!plugin) return -1;
    std::string problem = "pending";
    plugin->start([&](std::string p) {
        problem = std::move(p);
        main.stop();
    });
    main.run();
    main.restart();
    if (!problem.empty()) {
        std::fprintf(stderr, "echo did not start: %s\n", problem.c_str());
        return -1;
    }
    static const std::string params =
        R"({"file_info":{"id":"file_555","name":"document.pdf","owner_id":"user_1","size":102400},"download_url":"https://x"})";
    agh_request request{};
    request.size = sizeof request;
    request.action = bytes("echo.say");
    request.params = bytes(params);
    request.caller = bytes("{}");
    agh_error error{};
    error.size = sizeof error;
    const double start = now_s();
    for (std::uint64_t i = 0; i < count; ++i) {
        request.id = i + 1;
        if (plugin->invoke(request, error) < 0) return -1;
        for (auto had = services.done.load(std::memory_order_acquire); had <= i;
             had = services.done.load(std::memory_order_acquire))
            services.done.wait(had);
    }
    const double us = (now_s() - start) / static_cast<double>(count) * 1e6;
    plugin->stop(std::chrono::seconds{5}, [&](const std::string&) { main.stop(); });
    main.run();
    return us;
}

double pipe_hop_us(std::uint64_t count)
{
    int there[2], back[2];
    if (::pipe(there) != 0 || ::pipe(back) != 0) return -1;
    const pid_t pid = ::fork();
    char c = 'x';
    if (pid == 0) {
        ::close(there[1]);
        while (::read(there[0], &c, 1) == 1)
            if (::write(back[1], &c, 1) != 1) break;
        ::_exit(0);
    }
    const double start = now_s();
    for (std::uint64_t i = 0; i < count; ++i)
        if (::write(there[1], &c, 1) != 1 || ::read(back[0], &c, 1) != 1) return -1;
    const double us = (now_s() - start) / static_cast<double>(count) * 1e6;
    ::close(there[1]);
    return us;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    Report report{"abi"};
    for (int round = 0; round < rounds(); ++round) {
        report.add("in-process call", "us", per_call_us(false, argv[1], 1'000'000));
        report.add("isolated call", "us", per_call_us(true, argv[1], 20'000));
        report.add("pipe ping-pong between processes", "us", pipe_hop_us(20'000));
    }
    report.ratio("isolated call against a pipe ping-pong", "isolated call",
                 "pipe ping-pong between processes", "us", 0, 0, false);
    report.print(std::string{argv[1]} + "/results");
}
