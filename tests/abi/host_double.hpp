// The host around one plugin, without dispatch: services that keep what they are told, and a main thread that
// the test turns.
#pragma once

#include "host/config/config.hpp"
#include "host/plugin/plugin.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace agenthost::test {

struct Answer {
    agh_status status = AGH_OK;
    std::uint32_t flags = 0;
    std::string json;
    std::string blob; // what the first descriptor held
};

// Keeps everything; its complete() has dispatch's rules: once, then AGH_E_STALE.
class Services final : public host::HostServices {
public:
    agh_req open(); // a new request's id
    std::vector<Answer> answers(agh_req) const;
    std::vector<std::string> streamed(agh_req) const;
    std::string fact(const std::string& key) const;
    std::vector<std::string> logged() const;
    std::vector<std::string> died() const;
    std::set<agh_req> cancelled_ids; // test thread, before the plugin runs
    std::atomic<int> changes{0}, emitted{0}, closed{0}, metrics{0}, late{0};
    int event_bound = 1000; // emit() answers BUSY beyond, as dispatch does
    std::function<void(std::function<void(const agh_reply&)>)> on_call;

    agh_status complete(std::string_view, agh_req, const agh_reply*) override;
    agh_status progress(std::string_view, agh_req, std::string_view) override;
    agh_status stream(std::string_view, agh_req, std::uint32_t, std::uint64_t, std::string_view) override;
    bool cancelled(agh_req) override;
    bool log_enabled(std::string_view, int) override { return true; }
    void log(std::string_view, int, std::string_view, std::string_view) override;
    agh_status emit(std::string_view, std::string_view, std::string_view, agh_req, const agh_reply*) override;
    agh_status publish(std::string_view, std::string_view, std::string_view) override;
    std::string state_directory(std::string_view plugin) override { return "/state/" + std::string{plugin}; }
    agh_status define_metric(std::string_view, std::string_view, std::uint32_t*) override;
    void record_metric(std::string_view, std::uint32_t, double) override;
    agh_status call(std::string_view, agh_req, std::string_view, std::string_view, std::uint64_t,
                    std::function<void(const agh_reply&)>) override;
    const void* listener_service(std::string_view) override { return &listener_; }
    void plugin_died(std::string_view, std::string) override;
    void plugin_changed(std::string_view) override { ++changes; }
    void forget(agh_req); // as dispatch does after the grace: its completion is stale
    void closing(std::string_view) override { ++closed; }

private:
    mutable std::mutex mutex_;
    agh_req last_ = 100;
    std::map<agh_req, std::vector<Answer>> answers_;
    std::map<agh_req, std::vector<std::string>> streamed_;
    std::map<std::string, std::string> facts_;
    std::vector<std::string> logged_, died_;
    int listener_ = 0;
};

class Bench {
public:
    Bench(const std::string& id, bool isolated, const std::string& mode = {}, const std::string& folder = {});
    ~Bench();

    // Turns the main thread until the condition holds; false when `max_wait` has passed.
    bool until(const std::function<bool()>&);
    std::string start();
    std::string stop(std::chrono::milliseconds grace = std::chrono::milliseconds{60'000});
    std::string configure(const std::string& mode);
    std::string check_health();
    [[nodiscard]] std::string config_of(const std::string& mode) const;

    agh_status invoke(agh_req, const std::string& verb, const std::string& params = "{}", int fd = -1);
    Answer ask(const std::string& verb, const std::string& params = "{}",
               int fd = -1);                  // invoke and wait for the answer
    bool file(const std::string& name) const; // did the plugin leave it?
    bool wait_file(const std::string& name);
    void release() const; // what blocks goes on

    Services services;
    agh_error error{};
    std::unique_ptr<host::Plugin> plugin;
    boost::asio::io_context io;
    TempDir dir;

private:
    std::string wait(const std::function<void(std::function<void(std::string)>)>&);
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io.get_executor()};
    std::string id_;
};

std::string runner_program();
bool has_runner();

} // namespace agenthost::test
