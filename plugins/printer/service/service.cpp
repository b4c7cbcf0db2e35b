// The plugin's life, its jobs and what it reports of them. The actions are in service_actions.cpp.
#include "service.hpp"

#include "adapters.hpp"
#include "answers.hpp"

#include "base/json_writer.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <future>
#include <memory>
#include <utility>

namespace agenthost::printer::service {

namespace {

using namespace std::chrono_literals;

constexpr auto upkeep_interval = 1h;
// A device that does not answer must not keep the agent from its servers.
constexpr auto search_time = 5s;
constexpr auto publish_delay = 50ms; // several changes of one moment are one fact
// The host takes 64 KiB of a fact (ext/facts.h).
constexpr std::size_t max_fact_bytes = std::size_t{64} << 10;

void throw_if_full(const Owner& owner, const std::string& server, std::uint64_t bytes)
{
    if (auto refused = owner.machine().refuse(server, bytes))
        throw Error{refused->code, refused->message, AGH_E_BUSY};
}

} // namespace

Service::Service(Context& context, Config config)
    : context_{context}, config_{std::move(config)}, io_{context}, upkeep_{io_.context()}, search_{
                                                                                               io_.context()}
{}

Service::~Service()
{
    io_.stop();
    drawing_.reset();
    printers_.reset();
    store_.reset();
}

// ---- life ----

void Service::start()
{
    const std::string state{context_.state_directory()};
    if (state.empty())
        throw Error{code::internal, "the host has no folder for states (agenthost.state/1)",
                    AGH_E_UNSUPPORTED};
    const std::string file = state + "/printer.db";
    store::Opened opened = store::open_store(file);
    damage_ = opened.degraded;
    for (const store::Job& job : opened.content.open) open_[job.id] = job;
    store_ = std::make_unique<store::StoreThread>(
        std::move(opened.store), file,
        [io = &io_.context()](std::function<void()> call) { boost::asio::post(*io, std::move(call)); });
    printers_ = std::make_unique<Printers>(
        io_.context(), config_, *store_,
        Printers::Hooks{.ended = [this](Printer& printer, job::JobId id,
                                        const job::Progress& progress) { ended(printer, id, progress); },
                        .changed = [this] { changed(); }});
    drawing_ = std::make_unique<Drawing>(io_.context());
    // Shared: the thread may be in set_value() when this one goes on.
    const auto published = std::make_shared<std::promise<void>>();
    boost::asio::post(io_.context(), [this, published, loaded = std::move(opened.content)] {
        try {
            printers_->start(loaded);
            expire();
            when_searched([this, published] {
                publish();
                published->set_value();
            });
        } catch (...) {
            published->set_exception(std::current_exception());
        }
    });
    io_.start();
    // A session that begins after this tells its server of all printers, and its first tasks find them: without
    // this a server that sends what waited for the agent would be told that a printer does not exist.
    published->get_future().get();
}

// Calls when the first search for USB printers has ended, or takes too long.
void Service::when_searched(std::function<void()> call)
{
    if (printers_->searched()) return call();
    search_.expires_after(search_time);
    search_.async_wait([call = std::move(call)](const boost::system::error_code&) { call(); });
}

// Jobs stay in the queue; their servers are told that nobody knows yet.
void Service::drain()
{
    draining_ = true;
    boost::asio::post(io_.context(), [this] {
        if (drawing_) drawing_->drop({"BUSY", stopping_text});
        for (auto& [id, waiting] : std::exchange(waiting_, {}))
            for (const Waiting& one : waiting) answer_stopping(*one.request, id);
        for (auto& [id, requests] : std::exchange(cancelling_, {}))
            for (const Shared& request : requests) answer_stopping(*request, id);
    });
}

Health Service::health()
{
    if (!damage_.empty()) return {AGH_E_BUSY, damage_};
    if (store_)
        if (const std::string trouble = store_->trouble(); !trouble.empty()) return {AGH_E_BUSY, trouble};
    const std::lock_guard lock{mutex_};
    return trouble_.empty() ? Health{} : Health{AGH_E_BUSY, trouble_};
}

void Service::expire()
{
    store_->run([](store::Store& store) { store.expire(); }, nullptr);
    upkeep_.expires_after(upkeep_interval);
    upkeep_.async_wait([this](const boost::system::error_code& error) {
        if (!error) expire();
    });
}

void Service::on_loop(Request request, std::function<void(const Shared&)> work)
{
    if (draining_) {
        request.fail("BUSY", stopping_text, {}, not_started);
        return;
    }
    const Shared shared = std::make_shared<Request>(std::move(request));
    boost::asio::post(io_.context(),
                      [shared, work = std::move(work)] { guarded(shared, [&] { work(shared); }); });
}

void Service::guarded(const Shared& request, const std::function<void()>& work)
{
    try {
        work();
    } catch (const Error& e) {
        request->fail(e, not_started);
    } catch (const nlohmann::json::exception& e) {
        request->fail(code::invalid_request, std::string{"A parameter is of the wrong type: "} + e.what(), {},
                      not_started);
    } catch (const std::exception& e) {
        request->fail(code::internal, e.what());
    }
}

// ---- jobs ----

// A refusal says that nothing is on paper, so it must not be the answer of a task that has its job already:
// the queue may be full of just such jobs, and the printer may have another name since.
void Service::submit(const Shared& request, Order order, const Target& target)
{
    if (request->is_repeat() && order.job.task.empty()) return answer_unknown_repeat(*request);
    const store::Job job = order.job;
    attempt(request, job, [&] { place(request, std::move(order), target); });
}

void Service::attempt(const Shared& request, const store::Job& job, const std::function<void()>& work)
{
    try {
        work();
    } catch (const Error& refused) {
        unless_known(request, job, [request, refused] { request->fail(refused, not_started); });
    }
}

void Service::unless_known(const Shared& request, const store::Job& job, std::function<void()> otherwise)
{
    if (job.task.empty()) return otherwise();
    const auto known = std::make_shared<std::optional<store::Added>>();
    store_->run([job, known](store::Store& store) { *known = store.known(job); },
                [this, request, known, otherwise = std::move(otherwise)](const std::optional<Problem>& why) {
                    if (why)
                        request->fail(why->code, why->message);
                    else if (*known)
                        repeated(request, **known);
                    else
                        guarded(request, otherwise);
                });
}

void Service::repeated(const Shared& request, const store::Added& known)
{
    if (known.id_reused) {
        request->fail("ID_REUSED",
                      "the id " + known.job.task + " was another job's. Use a new id for each job.");
        return;
    }
    const auto unsaved = unsaved_.find(known.job.id);
    const store::Job& job = unsaved == unsaved_.end() ? known.job : unsaved->second;
    if (job.progress.state != job::State::ended) return wait_for(request, job.id);
    answer_job(*request, job, printers_->with_key(job.printer));
}

// Its place in the queue is reserved while its bytes are made.
void Service::place(const Shared& request, Order given, const Target& target)
{
    const Printers::Found found = printers_->find(target);
    throw_if(found.problem);
    Printer& printer = *found.printer;
    Owner& owner = printers_->owner_of(printer);
    const auto order = std::make_shared<const Order>(std::move(given));
    const std::uint64_t reserved = std::min<std::uint64_t>(request->params().size(), config_.max_job_bytes);
    throw_if_full(owner, order->job.server, reserved);
    owner.expect(order->job.server, reserved);
    const bool drawn = order->is_drawn && order->is_drawn(printer.profile);
    drawing_->make(
        order->job.server, drawn ? Drawing::How::on_a_thread : Drawing::How::at_once,
        [order, recipient = printer.recipient()] { return order->make(recipient); },
        [this, request, order, reserved, &printer](Content content) {
            printers_->owner_of(printer).arrived(order->job.server, reserved);
            guarded(request, [&] {
                attempt(request, order->job, [&] { keep(request, *order, printer, std::move(content)); });
            });
        });
}

void Service::keep(const Shared& request, const Order& order, Printer& printer, Content content)
{
    throw_if(content.problem);
    Owner& owner = printers_->owner_of(printer);
    throw_if_full(owner, order.job.server, content.bytes.size());
    store::Job job = order.job;
    job.printer = printer.key;
    job.commit_at = content.commit_at;
    job.meta = dumped(content.meta);
    const auto bytes = std::make_shared<const std::string>(std::move(content.bytes));
    const auto result = std::make_shared<store::Added>();
    owner.expect(job.server, bytes->size());
    store_->run([job, bytes, result](store::Store& store) { *result = store.add(job, *bytes); },
                [this, request, result, bytes, &printer, server = job.server,
                 is_test = order.is_test](const std::optional<Problem>& problem) {
                    printers_->owner_of(printer).arrived(server, bytes->size());
                    if (problem) {
                        request->fail(problem->code, problem->message, {}, not_started);
                        return;
                    }
                    added(request, *result, printer, bytes, is_test);
                });
}

void Service::added(const Shared& request, const store::Added& result, Printer& printer, job::Content content,
                    bool is_test)
{
    if (result.existed) return repeated(request, result);
    const store::Job& job = result.job;
    open_[job.id] = job;
    if (is_test) tests_.insert(job.id);
    printers_->remember_job(job.id, printer);
    wait_for(request, job.id);
    printers_->owner_of(printer).add(job.ticket(), std::move(content));
}

void Service::wait_for(const Shared& request, job::JobId id)
{
    if (draining_) return answer_stopping(*request, id);
    const agh_req number = request->id();
    waiting_[id].push_back({request, number});
    request->on_cancel([this, id, number] {
        boost::asio::post(io_.context(), [this, id, number] { released(id, number); });
    });
}

// The caller waits no longer: its deadline has passed, or it has cancelled.
void Service::released(job::JobId id, agh_req number)
{
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    const auto one = std::ranges::find(found->second, number, &Waiting::id);
    if (one == found->second.end()) return;
    const Shared request = one->request;
    const bool late = request->deadline() && *request->deadline() <= std::chrono::steady_clock::now();
    Printer* const printer = printers_->of_job(id);
    // A cancelled job answers when it has ended.
    if (!late && printer != nullptr && printer->owner->cancel(id)) return;
    found->second.erase(one);
    if (found->second.empty()) waiting_.erase(found);
    answer_late(*request, id);
}

void Service::ended(Printer& printer, job::JobId id, const job::Progress& progress)
{
    using job::Outcome;
    store::Job job;
    if (auto node = open_.extract(id)) job = std::move(node.mapped());
    job.progress = progress;
    const bool good = progress.outcome == Outcome::printed || progress.outcome == Outcome::sent;
    if (!good && progress.problem.code != code::cancelled)
        printer.error = {progress.problem.code, progress.problem.message, now_ms()};
    if (tests_.erase(id) > 0) printers_->tested(printer, good, now_ms());
    if (store_->trouble().empty())
        unsaved_.clear();
    else
        unsaved_[id] = job;
    log_end(printer, id, progress);
    auto waiting = waiting_.extract(id);
    if (waiting)
        for (const Waiting& one : waiting.mapped()) answer_job(*one.request, job, &printer);
    else
        context_.emit("printer.job_ended", job_event(job, printer), job.server.empty() ? "*" : job.server);
    if (auto cancelling = cancelling_.extract(id))
        for (const Shared& request : cancelling.mapped()) answer_cancel(*request, id, progress);
    printers_->forget_job(id);
    changed();
}

void Service::log_end(const Printer& printer, job::JobId id, const job::Progress& progress)
{
    using job::Outcome;
    const std::string fields = base::json_object("job", id, "printer", printer.label(), "outcome",
                                                 job::to_string(progress.outcome), "bytes", progress.taken);
    if (progress.outcome == Outcome::printed || progress.outcome == Outcome::sent)
        return context_.log(Level::debug, "job printed", fields);
    context_.log(progress.outcome == Outcome::unknown ? Level::warn : Level::info,
                 "printer " + printer.label() + ": " + progress.problem.code + ": " +
                     progress.problem.message,
                 fields);
}

// ---- reports ----

void Service::changed()
{
    if (printers_->searched()) search_.cancel();
    if (publishing_) return;
    publishing_ = true;
    const auto timer = std::make_shared<boost::asio::steady_timer>(io_.context(), publish_delay);
    timer->async_wait([this, timer](const boost::system::error_code& error) {
        publishing_ = false;
        if (!error) publish();
    });
}

void Service::publish()
{
    log_troubles();
    context_.publish("capabilities", config_.usb && printers_->usb_trouble().empty() ? R"(["usb"])" : "[]");
    Devices devices = devices_fact(printers_->all(), max_fact_bytes);
    if (devices == published_) return;
    context_.publish("devices", devices.json);
    context_.publish("devices_left_out", devices.left_out == 0 ? "" : std::to_string(devices.left_out));
    published_ = std::move(devices);
}

void Service::log_troubles()
{
    std::string reasons;
    const auto add = [&](const std::string& reason) { reasons += (reasons.empty() ? "" : " ") + reason; };
    for (const auto& printer : printers_->all()) {
        if (!printer->owner) continue;
        const job::Condition& condition = printer->owner->machine().condition();
        const bool has_jobs = printer->owner->machine().current() != nullptr;
        if (condition.trouble != job::Trouble::none && has_jobs)
            add("Printer " + printer->label() + ": " + condition.text);
        if (condition.trouble == printer->told) continue;
        printer->told = condition.trouble;
        if (condition.trouble == job::Trouble::none) {
            context_.log(Level::info, "printer " + printer->label() + " is ready");
            continue;
        }
        const std::string trouble_code = code_of(condition.trouble);
        printer->error = {trouble_code, condition.text, now_ms()};
        context_.log(Level::warn,
                     "printer " + printer->label() + ": " + trouble_code + ": " + condition.text);
    }
    const bool none = printers_->all().empty();
    if (const std::string usb = printers_->usb_trouble(); none && !usb.empty()) add(usb);
    const std::lock_guard lock{mutex_};
    trouble_ = std::move(reasons);
}

} // namespace agenthost::printer::service
