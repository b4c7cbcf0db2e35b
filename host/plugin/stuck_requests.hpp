// Says what a plugin does not give back that it was told to stop, and what to do about it. Values only.
#pragma once

#include "manifest.hpp"

#include <cstdint>
#include <string>

namespace agenthost::host {

class StuckRequests {
public:
    // How the plugin's life stands.
    struct Held {
        std::uint32_t workers_held = 0, workers = 0;
        bool all_workers = false;
        bool requests = false; // without a worker
    };

    // "weather.hang did not end within 30 s after ...": the latest of them.
    void overdue(std::string what) { overdue_ = std::move(what); }
    [[nodiscard]] const std::string& overdue() const { return overdue_; }

    // In this process, where a thread cannot be stopped. True: there is something new to tell.
    bool look(const Held&, const Manifest&);
    // A runner that does not give back is killed, once a life. False: this life's was killed already.
    bool kill(std::uint64_t life);
    [[nodiscard]] bool killed(std::uint64_t life) const { return killed_ == life; }
    void clear();
    // A failed plugin is not stuck.
    void forget_text() { text_.clear(); }

    // Empty: it is not stuck.
    [[nodiscard]] const std::string& text() const { return text_; }
    // Every worker is held: nothing is accepted.
    [[nodiscard]] bool full() const { return full_; }

private:
    std::string text_, overdue_;
    bool full_ = false;
    // The life whose runner was killed.
    std::uint64_t killed_ = 0;
};

} // namespace agenthost::host
