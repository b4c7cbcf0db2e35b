// The plugin's actions: reads their parameters on the host's worker, makes jobs of them, and answers when a
// job ends.
//
// Threads: actions on the host's one worker, which keeps the order of a server's requests; everything else on the printer loop, one thread that owns all
// printers. The store has a thread of its own (store/thread.hpp), and so has what takes long to draw (drawing.hpp). A
// printer that does not answer delays neither another printer nor the loop.
//
// A request waits for its job for as long as the job takes: paper may be out for hours. A job outlives its
// request: when its deadline passes, or the agent stops, the job stays in the queue, and the same id of the
// same server gets its answer.
//
// More than 25 members: each action is a function.
#pragma once

#include "config.hpp"
#include "drawing.hpp"
#include "printers.hpp"

#include <agenthost/asio.hpp>
#include <agenthost/plugin.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace agenthost::printer::service {

class Service {
public:
    Service(Context&, Config);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    void start();    // [ctl] throws Error
    void drain();    // [ctl]
    Health health(); // [ctl]

    void print(Request);
    void test(Request);
    void drawer(Request);
    void cut(Request);
    void status(Request);
    void list(Request);
    void config(Request);
    void queue(Request);
    void cancel(Request);
    void reprint(Request);
    void render(Request);

private:
    using Shared = std::shared_ptr<Request>;
    // How a job's bytes are made, once its printer is known. May run on another thread.
    using Make = std::function<Content(const Recipient&)>;
    struct Waiting {
        Shared request;
        agh_req id;
    };
    struct Order {
        store::Job job;
        Make make;
        std::function<bool(const Profile&)> is_drawn; // making them takes long; empty: it does not
        bool is_test = false;
    };

    // Errors that `work` throws become the answer.
    void on_loop(Request, std::function<void(const Shared&)> work);
    static void guarded(const Shared&, const std::function<void()>& work);
    void submit(const Shared&, Order, const Target&);
    // A refusal that `work` throws is not the answer of a task that has its job already.
    void attempt(const Shared&, const store::Job&, const std::function<void()>& work);
    void place(const Shared&, Order, const Target&);
    void keep(const Shared&, const Order&, Printer&, Content);
    // Answers with what `draw` returns, from another thread.
    void answer_drawn(const Shared&, std::function<std::string()> draw);
    // Answers a task that has a job already with that job's outcome; else calls `otherwise`.
    void unless_known(const Shared&, const store::Job&, std::function<void()> otherwise);
    void repeated(const Shared&, const store::Added&);
    void added(const Shared&, const store::Added&, Printer&, job::Content, bool is_test);
    void wait_for(const Shared&, job::JobId);
    void released(job::JobId, agh_req);
    void ended(Printer&, job::JobId, const job::Progress&);
    void log_end(const Printer&, job::JobId, const job::Progress&);
    void with_job(const Shared&, const nlohmann::json& params,
                  std::function<void(store::Job, std::string content)>);
    void print_copy(const Shared&, store::Job own, const store::Job& original, const std::string& content);
    void when_searched(std::function<void()>);
    void changed();
    void publish();
    void log_troubles();
    void expire();

    Context& context_;
    const Config config_;
    std::string damage_; // of the store; written before the loop starts
    std::map<job::JobId, std::vector<Waiting>> waiting_;
    std::map<job::JobId, std::vector<Shared>> cancelling_; // printer.cancel: until the job has ended
    std::map<job::JobId, store::Job> open_;                // jobs that have not ended, without progress
    std::map<job::JobId, store::Job> unsaved_;             // ended, but the disk may not know it yet
    std::set<job::JobId> tests_;                           // of open_: test pages
    bool publishing_ = false;
    Devices published_;
    std::atomic<bool> draining_ = false;
    std::mutex mutex_;
    std::string trouble_; // guarded by mutex_; why the plugin is degraded
    AsioThread<boost::asio::io_context> io_;
    std::unique_ptr<store::StoreThread> store_;
    std::unique_ptr<Printers> printers_;
    std::unique_ptr<Drawing> drawing_;
    boost::asio::steady_timer upkeep_;
    boost::asio::steady_timer search_; // waits for the first search for USB printers
};

} // namespace agenthost::printer::service
