// Asks an idle printer how it is: USB by its port status, and by DLE EOT 1 to 4 where it can answer. Uses the link that is open, or
// opens one and closes it again.
//
// A network printer serves one host at a time, so another host's job is refused while a look has the connection:
// the look gives it back with the last answer or after shared_hold, and the next one begins shared_fresh later at the
// earliest, jobs or not: what a job sees is as good as a look.
//
// A look answers within look_bound, with what is known by then. It may last longer: until a link that is being opened is there, or
// a write has ended. Whoever needs the printer calls hurry() and waits for `released`.
//
// Threads: the printer loop. Callbacks run on it, outside of the call that takes them. Destroy it before the link that it was given.
//
// More than 25 members: what is under way on the link has a flag each.
#pragma once

#include "plugins/printer/device/link.hpp"
#include "plugins/printer/device/model.hpp"
#include "plugins/printer/device/status_parser.hpp"
#include "plugins/printer/job/values.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::printer::service {

constexpr std::chrono::milliseconds look_bound{2'000};
// A result that is younger is used again: people and programs ask every second.
constexpr std::chrono::milliseconds look_fresh{5'000};
// Of a printer that other hosts use as well. Printers answer within 100 ms.
constexpr std::chrono::milliseconds shared_hold{500}, shared_fresh{30'000};

class Look {
public:
    struct Parts {
        boost::asio::io_context& io;
        Model model;
        bool shared = false; // other hosts use it as well: a network printer
        std::function<void(OpenDone)> open;
        // The printer may be used again; the link that was given has no reader.
        std::function<void()> released;
    };
    struct Result {
        job::Condition condition;
        std::int64_t at_ms = 0; // UTC
    };

    explicit Look(Parts);

    // `done` is called once, unless the Look is destroyed before. `link`: null if none is open.
    void ask(Link* link, std::function<void()> done);
    [[nodiscard]] bool running() const { return running_; }
    void hurry();
    [[nodiscard]] const std::optional<Result>& result() const { return result_; }
    // Call it when a job has come: what the look saw is out of date.
    void forget();

private:
    void opened(Opened);
    void end_at(std::chrono::steady_clock::time_point);
    [[nodiscard]] bool fresh() const;
    void begin();
    void write();
    void judge();
    void keep(job::Condition);
    void end();
    void release();
    void answer();

    Parts parts_;
    Link* link_ = nullptr;      // in use: own_, or what was given
    std::unique_ptr<Link> own_; // opened here
    std::vector<std::function<void()>> waiting_;
    std::optional<Result> result_;
    std::optional<std::chrono::steady_clock::time_point> looked_at_; // also if it said nothing
    StatusParser answers_;
    std::string question_; // stays until it is written
    std::optional<std::uint8_t> port_;
    bool running_ = false, opening_ = false, asking_port_ = false, writing_ = false, ending_ = false;
    unsigned turn_ = 0; // answers of an earlier look are dropped
    boost::asio::steady_timer bound_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace agenthost::printer::service
