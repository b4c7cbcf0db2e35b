// Describes which overdue requests a plugin holds, and what to do about them. Pure.
#pragma once

#include "manifest.hpp"

#include <cstdint>
#include <string>

namespace agenthost::host {

class StuckRequests {
public:
    // What the plugin holds at the moment.
    struct Held {
        std::uint32_t workers_held = 0, workers = 0;
        bool all_workers = false;
        bool requests = false; // requests that occupy no worker
    };

    // The latest overdue request: "weather.hang did not end within 30 s after ...".
    void overdue(std::string what) { overdue_ = std::move(what); }
    [[nodiscard]] const std::string& overdue() const { return overdue_; }

    // For a plugin in this process, where a thread cannot be stopped. Returns true if text() has changed.
    bool update(const Held&, const Manifest&);
    // A runner with an overdue request is killed, once per life. Returns false if it was killed before.
    bool kill(std::uint64_t life);
    [[nodiscard]] bool killed(std::uint64_t life) const { return killed_ == life; }
    void clear();
    // For a plugin that has failed, and so is not stuck.
    void forget_text() { text_.clear(); }

    // The problem and the remedy; empty: it is not stuck.
    [[nodiscard]] const std::string& text() const { return text_; }
    // All workers are held, so requests are refused.
    [[nodiscard]] bool full() const { return full_; }

private:
    std::string text_, overdue_;
    bool full_ = false;
    // The life whose runner was killed.
    std::uint64_t killed_ = 0;
};

} // namespace agenthost::host
