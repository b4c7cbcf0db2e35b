#include "service.hpp"

#include "adapters.hpp"
#include "answers.hpp"

#include "plugins/printer/content/documents.hpp"
#include "plugins/printer/render/png.hpp"
#include "plugins/printer/render/renderer.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "base/json_writer.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <future>
#include <memory>
#include <utility>

namespace agenthost::printer::service {

namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr auto upkeep_interval = 1h;
constexpr auto publish_delay = 50ms; // several changes of one moment are one fact
constexpr std::size_t max_listed = 200;
constexpr std::size_t max_png_bytes = std::size_t{4} << 20;

Json params_of(const Request& request)
{
    Json json = Json::parse(request.params(), nullptr, false);
    if (!json.is_object()) throw Error{code::invalid_request, "the parameters are not an object"};
    return json;
}

std::string caller_member(const Request& request, const char* key)
{
    const Json caller = Json::parse(request.caller(), nullptr, false);
    return caller.is_object() ? caller.value(key, std::string{}) : std::string{};
}

std::string to_string(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

Content content_of(Document document)
{
    Content out;
    out.bytes = to_string(document.bytes);
    out.problem = std::move(document.problem);
    return out;
}

void throw_if(const Problem& problem)
{
    if (!problem.code.empty()) throw Error{problem.code, problem.message};
}

store::Job job_of(const Request& request, const char* kind)
{
    store::Job out;
    out.server = caller_member(request, "server");
    out.task = caller_member(request, "task");
    out.request = base::sha256(std::string{request.action()} + '\0' + std::string{request.params()});
    out.kind = kind;
    out.created_ms = now_ms();
    out.meta = "{}";
    return out;
}

// Receipts are between a server and its printers; a person at this machine sees all.
bool may_see(const std::string& server, const store::Job& job)
{
    return server == "control" || server == job.server;
}

} // namespace

Service::Service(Context& context, Config config)
    : context_{context}, config_{std::move(config)}, io_{context}, upkeep_{io_.context()}
{}

Service::~Service()
{
    io_.stop();
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
    // Shared: the thread may be in set_value() when this one goes on.
    const auto published = std::make_shared<std::promise<void>>();
    boost::asio::post(io_.context(), [this, published, loaded = std::move(opened.content)] {
        try {
            printers_->start(loaded);
            expire();
            publish();
            published->set_value();
        } catch (...) {
            published->set_exception(std::current_exception());
        }
    });
    io_.start();
    // A session that begins after this tells its server of all printers: without them it would be told that a
    // configured printer does not exist.
    published->get_future().get();
}

// Jobs stay in the queue; their servers are told that nobody knows yet.
void Service::drain()
{
    draining_ = true;
    boost::asio::post(io_.context(), [this] {
        for (auto& [id, waiting] : std::exchange(waiting_, {}))
            for (const Waiting& one : waiting) answer_stopping(*one.request, id);
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
    store_->run([now = now_ms()](store::Store& store) { store.expire(now); }, nullptr);
    upkeep_.expires_after(upkeep_interval);
    upkeep_.async_wait([this](const boost::system::error_code& error) {
        if (!error) expire();
    });
}

template <class Work> void Service::on_loop(Request request, Work work)
{
    if (draining_) {
        request.fail("BUSY", "the agent is stopping; send it again when it is back", {}, not_started);
        return;
    }
    const Shared shared = std::make_shared<Request>(std::move(request));
    boost::asio::post(io_.context(), [shared, work = std::move(work)]() mutable {
        try {
            work(shared);
        } catch (const Error& e) {
            shared->fail(e, not_started);
        } catch (const std::exception& e) {
            shared->fail(code::internal, e.what());
        }
    });
}

// ---- jobs ----

void Service::submit(const Shared& request, Order order, const Target& target)
{
    if (request->is_repeat() && order.job.task.empty()) return answer_unknown_repeat(*request);
    const Printers::Found found = printers_->find(target);
    throw_if(found.problem);
    Printer& printer = *found.printer;
    Content content = order.make(printer);
    throw_if(content.problem);
    const Owner& owner = printers_->owner_of(printer);
    if (auto refused = owner.machine().refuse(order.job.server, content.bytes.size()))
        throw Error{refused->code, refused->message, AGH_E_BUSY};
    order.job.printer = printer.key;
    order.job.commit_at = content.commit_at;
    order.job.meta = dumped(content.meta);
    const auto bytes = std::make_shared<const std::string>(std::move(content.bytes));
    const auto result = std::make_shared<store::Added>();
    store_->run([job = std::move(order.job), bytes,
                 result](store::Store& store) { *result = store.add(job, *bytes); },
                [this, request, result, bytes, &printer,
                 is_test = order.is_test](const std::optional<Problem>& problem) {
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
    const store::Job& job = result.job;
    if (result.id_reused) {
        request->fail("ID_REUSED", "the id " + job.task + " was another job's. Use a new id for each job.");
        return;
    }
    if (result.existed) {
        if (job.progress.state == job::State::ended)
            return answer(*request, job, printers_->with_key(job.printer));
        return wait_for(request, job.id);
    }
    open_[job.id] = job;
    if (is_test) tests_[job.id] = true;
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
    log_end(printer, id, progress);
    auto waiting = waiting_.extract(id);
    if (waiting)
        for (const Waiting& one : waiting.mapped()) answer(*one.request, job, &printer);
    else
        context_.emit("printer.job_ended", job_event(job, printer), job.server.empty() ? "*" : job.server);
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

void Service::answer(Request& request, const store::Job& job, const Printer* printer) const
{
    answer_job(request, job, printer);
}

// ---- reports ----

void Service::changed()
{
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
    std::string devices;
    {
        base::JsonWriter json{devices};
        json.array();
        for (const auto& printer : printers_->all())
            if (printer->there() || printer->configured) write_printer(json, *printer);
        json.end();
    }
    if (devices == published_) return;
    context_.publish("devices", devices);
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

// ---- actions ----

void Service::print(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        auto params = std::make_shared<Json>(params_of(*shared));
        const TargetOrProblem target = read_target(*params);
        throw_if(target.problem);
        Order order{job_of(*shared, "print"),
                    [this, params](const Printer& printer) {
                        Content content = read_content(*params, printer.profile, config_.max_job_bytes);
                        if (!content.problem.code.empty()) return content;
                        return with_commit(std::move(content), printer.profile);
                    },
                    params->value("reason", std::string{}) == "remote-test"};
        submit(shared, std::move(order), target.target);
    });
}

void Service::test(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        const TargetOrProblem target = read_target(params_of(*shared));
        throw_if(target.problem);
        submit(shared,
               {job_of(*shared, "test"),
                [](const Printer& printer) {
                    const RenderGlyphs glyphs;
                    Content out;
                    out.bytes = to_string(test_page({.alias = printer.alias,
                                                     .name = printer.key,
                                                     .version = AGENTHOST_VERSION,
                                                     .time = local_time(now_ms()),
                                                     .qr = printer.key,
                                                     .qr_picture = {}},
                                                    printer.profile, &glyphs));
                    return out;
                },
                true},
               target.target);
    });
}

void Service::drawer(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        const Json params = params_of(*shared);
        const TargetOrProblem target = read_target(params);
        throw_if(target.problem);
        const unsigned pin = params.value("pin", 2U), time = params.value("milliseconds", 100U);
        submit(shared,
               {job_of(*shared, "drawer"),
                [pin, time](const Printer& printer) {
                    return content_of(drawer_pulse(pin, time, printer.profile));
                }},
               target.target);
    });
}

void Service::cut(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        const Json params = params_of(*shared);
        const TargetOrProblem target = read_target(params);
        throw_if(target.problem);
        const unsigned lines = params.value("feed", 3U);
        const Cut kind = params.value("full", false) ? Cut::full : Cut::partial;
        submit(shared,
               {job_of(*shared, "cut"),
                [lines, kind](const Printer& printer) {
                    return content_of(cut_paper(kind, lines, printer.profile));
                }},
               target.target);
    });
}

void Service::status(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        const TargetOrProblem target = read_target(params_of(*shared));
        throw_if(target.problem);
        const Printers::Found found = printers_->find(target.target);
        throw_if(found.problem);
        printers_->look({found.printer}, [shared, printer = found.printer] {
            std::string out;
            {
                base::JsonWriter json{out};
                write_printer(json, *printer);
            }
            shared->reply(out);
        });
    });
}

void Service::list(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        std::vector<Printer*> all;
        for (const auto& printer : printers_->all()) all.push_back(printer.get());
        printers_->look(all, [this, shared] {
            std::string out;
            {
                base::JsonWriter json{out};
                json.object().array("printers");
                for (const auto& printer : printers_->all()) write_printer(json, *printer);
                json.end();
                if (const std::string usb = printers_->usb_trouble(); !usb.empty()) json.member("usb", usb);
                json.end();
            }
            shared->reply(out);
        });
    });
}

void Service::config(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        const Json params = params_of(*shared);
        const Json updates = params.contains("updates") ? params["updates"] : params;
        if (!updates.is_object()) throw Error{code::invalid_request, "updates must be an object"};
        printers_->configure(updates);
        shared->reply(base::json_object("message", "Saved"));
    });
}

void Service::queue(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        const Json params = params_of(*shared);
        const TargetOrProblem target = read_target(params);
        throw_if(target.problem);
        std::string key;
        if (target.target.anything()) {
            const Printers::Found found = printers_->find(target.target);
            throw_if(found.problem);
            key = found.printer->key;
        }
        const bool all = params.value("all", false);
        const auto limit = std::min<std::size_t>(params.value("limit", max_listed), max_listed);
        const auto jobs = std::make_shared<std::vector<store::Job>>();
        const auto server = caller_member(*shared, "server");
        store_->run(
            [=](store::Store& store) {
                *jobs = store.list(key, !all, limit);
                std::erase_if(*jobs, [&](const store::Job& job) { return !may_see(server, job); });
            },
            [this, shared, jobs](const std::optional<Problem>& problem) {
                if (problem) {
                    shared->fail(problem->code, problem->message);
                    return;
                }
                std::string out;
                {
                    base::JsonWriter json{out};
                    json.object().array("jobs");
                    for (const store::Job& job : *jobs)
                        write_job(json, job, printers_->with_key(job.printer));
                    json.end().end();
                }
                shared->reply(out);
            });
    });
}

// ---- actions on a job ----

void Service::with_job(const Shared& request, const Json& params,
                       std::function<void(store::Job, std::string content)> then)
{
    const auto number = params.find("job");
    const auto id = number != params.end() && number->is_number_integer() ? number->get<std::int64_t>() : 0;
    const auto task = params.value("task", std::string{});
    if (id == 0 && task.empty())
        throw Error{code::invalid_request, "give job (a number) or task (a server's id)"};
    struct Found {
        std::optional<store::Job> job;
        std::string content;
    };
    const auto found = std::make_shared<Found>();
    const auto server = caller_member(*request, "server");
    store_->run(
        [=](store::Store& store) {
            found->job = id != 0 ? store.find(static_cast<job::JobId>(id)) : store.find(server, task);
            if (found->job && !may_see(server, *found->job)) found->job.reset();
            if (found->job) found->content = store.content(found->job->id).value_or(std::string{});
        },
        [request, found, then = std::move(then)](const std::optional<Problem>& trouble) {
            Problem wrong = trouble.value_or(Problem{});
            if (!trouble && !found->job) wrong = problem(code::task_not_found, "There is no such job");
            if (!wrong.code.empty()) {
                request->fail(wrong.code, wrong.message, {}, not_started);
                return;
            }
            try {
                then(std::move(*found->job), std::move(found->content));
            } catch (const Error& e) {
                request->fail(e, not_started);
            } catch (const std::exception& e) {
                request->fail(code::internal, e.what());
            }
        });
}

void Service::cancel(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        with_job(shared, params_of(*shared), [this, shared](const store::Job& job, const std::string&) {
            Printer* const printer = printers_->of_job(job.id);
            const bool done = printer != nullptr && printer->owner->cancel(job.id);
            if (!done)
                throw Error{"CONFLICT", "the job has ended, or its last byte is at the printer already. "
                                        "printer.queue with all lists its outcome."};
            shared->reply(base::json_object("message", "Cancelled", "job", job.id));
        });
    });
}

void Service::reprint(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        auto own = std::make_shared<store::Job>(job_of(*shared, "reprint"));
        with_job(shared, params_of(*shared),
                 [this, shared, own](const store::Job& job, const std::string& content) {
                     if (job.progress.state != job::State::ended)
                         throw Error{"CONFLICT", "the job has not ended: wait for it, or cancel it"};
                     if (content.empty())
                         throw Error{code::task_not_found,
                                     "the bytes of the job are kept no longer. Send it as a new job."};
                     own->copy_of = job.id;
                     Target target;
                     target.text = job.printer;
                     Order order{*own, [content, time = local_time(job.created_ms)](const Printer& printer) {
                                     Content out;
                                     const Bytes bytes{reinterpret_cast<const std::uint8_t*>(content.data()),
                                                       content.size()};
                                     out.bytes = to_string(marked_as_copy(bytes, time, printer.profile));
                                     return out;
                                 }};
                     submit(shared, std::move(order), target);
                 });
    });
}

// Drawing takes 5 ms at most for a usual receipt.
void Service::render(Request request)
{
    const Json params = params_of(request);
    const auto draw = [](const Shared& shared, const std::string& content, const Profile& profile) {
        render::Options options;
        options.width = static_cast<int>(profile.dots);
        options.wide_font = render::WideFont::installed();
        const Bytes bytes{reinterpret_cast<const std::uint8_t*>(content.data()), content.size()};
        const render::Receipt receipt = render::render(bytes, options);
        const std::string png = to_string(render::as_png(receipt.picture));
        if (png.size() > max_png_bytes) throw Error{code::too_large, "the picture has more than 4 MiB"};
        shared->reply(base::json_object("png", base::Base64Json{png}, "text", render::as_text(receipt),
                                        "width", receipt.picture.width(), "height",
                                        receipt.picture.height()));
    };
    if (params.contains("task") || params.contains("job"))
        return on_loop(std::move(request), [this, params, draw](const Shared& shared) {
            with_job(shared, params, [this, shared, draw](const store::Job& job, const std::string& content) {
                if (content.empty())
                    throw Error{code::task_not_found, "the bytes of the job are kept no longer"};
                Target target;
                target.text = job.printer;
                const Printer* const printer = printers_->find(target).printer;
                draw(shared, content, printer != nullptr ? printer->profile : Profile{});
            });
        });
    on_loop(std::move(request), [this, params, draw](const Shared& shared) {
        const TargetOrProblem target = read_target(params);
        throw_if(target.problem);
        const Printer* const printer = printers_->find(target.target).printer;
        const Profile profile = printer != nullptr ? printer->profile : *find_profile("default");
        const Content content = read_content(params, profile, config_.max_job_bytes);
        throw_if(content.problem);
        draw(shared, content.bytes, profile);
    });
}

} // namespace agenthost::printer::service
