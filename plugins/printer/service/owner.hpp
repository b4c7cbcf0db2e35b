// Owns one printer: carries out what the job machine asks for, with a link, the store's thread and a timer. While the printer is
// asked how it is (look.hpp), what the machine asks for waits for the end of the question, which is then hurried.
//
// The printer loop's thread. Destroy it on that thread, or when the loop has stopped.
//
// More than 25 members: each input and each action is a function.
#pragma once

#include "look.hpp"

#include "plugins/printer/device/link.hpp"
#include "plugins/printer/job/machine.hpp"
#include "plugins/printer/store/thread.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::printer::service {

class Owner {
public:
    struct Parts {
        boost::asio::io_context& io;
        store::StoreThread& store;
        std::function<void(OpenDone)> open;
        std::function<void(job::JobId, const job::Progress&)> ended;
        std::function<void()> changed;
    };
    // `name`: of the printer in the store.
    Owner(std::string name, const job::Options&, Parts);
    ~Owner();
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;

    void start(std::vector<job::Ticket> restored, std::optional<std::uint64_t> dirty);
    // A job that was not refused is being stored; each expect() is followed by one arrived(), then perhaps by add().
    void expect(const std::string& server, std::uint64_t bytes) { machine_.expect(server, bytes); }
    void arrived(const std::string& server, std::uint64_t bytes) { machine_.arrived(server, bytes); }
    void add(const job::Ticket&, job::Content);
    // Returns false if the printer has the job's last byte or does not know the job; else its end follows, which
    // may be another one than the cancellation.
    bool cancel(job::JobId);
    void wake();
    // Asks an idle printer how it is; of another one the machine knows. `done` follows within look_bound.
    void look(std::function<void()> done);

    // What keeps it from printing, as far as is known.
    [[nodiscard]] const job::Condition& condition() const;
    // When it was asked last and by no job; 0: a job or nobody did.
    [[nodiscard]] std::int64_t looked_at_ms() const { return look_.result() ? look_.result()->at_ms : 0; }
    // No job is here.
    [[nodiscard]] bool idle() const { return machine_.current() == nullptr && machine_.queue().empty(); }
    // It may be destroyed: nothing is lost, and nobody waits for it.
    [[nodiscard]] bool at_rest() const { return machine_.at_rest() && !look_.running() && closing_.empty(); }
    [[nodiscard]] const job::Machine& machine() const { return machine_; }
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    // Calls the machine and carries out what it asks for. Callbacks of an earlier link are dropped.
    template <class Input> void feed(Input input);
    void run(const job::Action&);
    void looked();
    void listen();
    void open();
    void opened(Opened);
    void close();
    void commit(const job::act::Commit&);
    void load(job::JobId);
    void set_timer(std::chrono::milliseconds);

    const std::string name_;
    Parts parts_;
    job::Machine machine_;
    std::unique_ptr<Link> link_;
    Look look_;
    job::Actions held_;                          // until the look has ended
    std::vector<std::unique_ptr<Link>> closing_; // destroyed outside of their own callbacks
    unsigned generation_ = 0;                    // of the link
    boost::asio::steady_timer timer_;
    unsigned timer_turn_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace agenthost::printer::service
