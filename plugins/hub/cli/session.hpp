// Runs one command on an agent interactively: forwards its output to ours, our input and signals to it, and
// returns its exit code.
//
// Threads: run() reads the daemon's reply on the caller's thread; one waits for signals, one reads standard
// input, one sends the effects of signals and window size changes. The process ends with run(): the thread
// that sees the end restores the terminal and exits.
//
// More than 25 members: the state that these threads share until they end together.
#pragma once

#include "replay_filter.hpp"
#include "tty.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>
#include <string_view>

namespace agenthost::hub::cli {

class Session {
public:
    struct Options {
        std::string control, action; // hub.exec or hub.attach
        nlohmann::json params;
        bool input = false;       // standard input goes to the command
        bool interactive = false; // connects our terminal to its terminal
        bool detaches = false;    // the command keeps running when we disconnect
        bool as_json = false;
    };
    explicit Session(Options options) : options_{std::move(options)} {}
    [[noreturn]] void run();

private:
    // Requests to send when the daemon is ready.
    struct Wishes {
        bool resize = false, interrupt = false, force = false;
    };
    void block_signals();
    void watch_signals();
    void interrupted();
    void send_wishes();
    void pump_input();
    bool type(std::string_view bytes, bool eof); // false: it accepts no more input
    void wish(bool Wishes::*what);

    void progress(const nlohmann::json&);
    void began();
    void output(std::uint32_t channel, std::string_view bytes);
    void lost(std::uint64_t bytes);
    std::string without_queries(std::string_view bytes);
    [[noreturn]] void ended(const nlohmann::json& result);
    int code_of(const nlohmann::json& data);
    void notice(const nlohmann::json& from);
    void report_waiting();
    void say(const std::string& text) const;
    [[noreturn]] void leave(int code);

    const Options options_;
    Tty tty_;
    sigset_t signals_{};
    std::atomic<int> interrupts_{0};
    // Used only by the thread that reads the reply. seen_: bytes of output so far, including lost ones;
    // replay_: those that were printed before we attached.
    bool noticed_ = false;
    std::uint64_t lost_ = 0, seen_ = 0, replay_ = 0;
    ReplayFilter filter_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string id_; // once the hub has sent it
    bool running_ = false;
    Wishes wishes_;
};

} // namespace agenthost::hub::cli
