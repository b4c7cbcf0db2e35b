// The plugin's actions: what each one reads and answers.
#include "service.hpp"

#include "adapters.hpp"
#include "answers.hpp"

#include "plugins/printer/content/documents.hpp"
#include "plugins/printer/render/png.hpp"
#include "plugins/printer/render/renderer.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "base/json_writer.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace agenthost::printer::service {

namespace {

using Json = nlohmann::json;

constexpr std::size_t max_listed = 200;
constexpr std::size_t max_png_bytes = std::size_t{4} << 20;
constexpr const char* bytes_deleted =
    "the bytes of the job have been deleted: a printer keeps those of its last "
    "jobs, up to 64 MiB. Send it as a new job.";

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
Bytes bytes_of(const std::string& text)
{
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Content content_of(Document document)
{
    Content out;
    out.bytes = to_string(document.bytes);
    out.problem = std::move(document.problem);
    return out;
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

Profile profile_of(const Printer* printer)
{
    return printer != nullptr ? printer->profile : *find_profile("default");
}

std::string preview(const std::string& content, const Profile& profile)
{
    const render::Receipt receipt = render::render(bytes_of(content), render_options(profile));
    const std::string png = to_string(render::as_png(receipt.picture));
    if (png.size() > max_png_bytes) throw Error{code::too_large, "the picture has more than 4 MiB"};
    return base::json_object("png", base::Base64Json{png}, "text", render::as_text(receipt), "width",
                             receipt.picture.width(), "height", receipt.picture.height());
}

// Receipts are between a server and its printers; a person at this machine sees all.
bool sees_all(const std::string& server) { return server == "control"; }
bool may_see(const std::string& server, const store::Job& job)
{
    return sees_all(server) || server == job.server;
}

} // namespace

void Service::print(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        auto params = std::make_shared<Json>(params_of(*shared));
        const TargetOrProblem target = read_target(*params);
        throw_if(target.problem);
        Order order{job_of(*shared, "print"),
                    [params, max_bytes = config_.max_job_bytes](const Recipient& printer) {
                        Content content = read_content(*params, printer.profile, max_bytes);
                        if (!content.problem.code.empty()) return content;
                        return with_commit(std::move(content), printer.profile);
                    },
                    [params](const Profile& profile) { return is_drawn(*params, profile); },
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
                [](const Recipient& printer) {
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
                {},
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
                [pin, time](const Recipient& printer) {
                    return content_of(drawer_pulse(pin, time, printer.profile));
                },
                {}},
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
                [lines, kind](const Recipient& printer) {
                    return content_of(cut_paper(kind, lines, printer.profile));
                },
                {}},
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
        printers_->look({found.printer}, [this, shared, key = found.printer->key] {
            const Printer* const printer = printers_->with_key(key);
            if (printer == nullptr) {
                shared->fail(code::printer_not_found,
                             "The printer " + key + " was forgotten meanwhile. Ask again");
                return;
            }
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
        throw_if(printers_->configure(updates, [shared](const std::optional<Problem>& problem) {
            if (problem)
                shared->fail(problem->code, problem->message);
            else
                shared->reply(base::json_object("message", "Saved"));
        }));
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
                *jobs = store.list({key, sees_all(server) ? std::string{} : server, !all}, limit);
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
        [request, found, id, task, then = std::move(then)](const std::optional<Problem>& trouble) {
            Problem wrong = trouble.value_or(Problem{});
            if (!trouble && !found->job)
                wrong = problem(code::task_not_found, id != 0 ? "No job has the number " + std::to_string(id)
                                                              : "No job of this server has the id " + task);
            if (!wrong.code.empty()) {
                request->fail(wrong.code, wrong.message, {}, not_started);
                return;
            }
            guarded(request, [&] { then(std::move(*found->job), std::move(found->content)); });
        });
}

// After what this server sent before is in the queue: that may be the job.
void Service::cancel(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        const auto cancel_it = [this, shared](const store::Job& job, const std::string&) {
            Printer* const printer = printers_->of_job(job.id);
            const bool done = printer != nullptr && printer->owner->cancel(job.id);
            if (!done)
                throw Error{"CONFLICT", "the job has ended, or its last byte is at the printer already. "
                                        "printer.queue with all lists its outcome."};
            if (draining_) return answer_stopping(*shared, job.id);
            // Its last bytes may be on their way: what became of it is known when its row is stored.
            cancelling_[job.id].push_back(shared);
        };
        drawing_->make(
            caller_member(*shared, "server"), Drawing::How::at_once, [] { return Content{}; },
            [this, shared, cancel_it](const Content& stopped) {
                guarded(shared, [&] {
                    throw_if(stopped.problem);
                    with_job(shared, params_of(*shared), cancel_it);
                });
            });
    });
}

// A repeat is answered before its original is looked for: its bytes may have been deleted since.
void Service::reprint(Request request)
{
    on_loop(std::move(request), [this](const Shared& shared) {
        const store::Job own = job_of(*shared, "reprint");
        unless_known(shared, own, [this, shared, own] {
            with_job(shared, params_of(*shared),
                     [this, shared, own](const store::Job& job, const std::string& content) {
                         print_copy(shared, own, job, content);
                     });
        });
    });
}

void Service::print_copy(const Shared& request, store::Job own, const store::Job& job,
                         const std::string& content)
{
    if (job.progress.state != job::State::ended)
        throw Error{"CONFLICT", "the job has not ended: wait for it, or cancel it"};
    if (content.empty()) throw Error{code::task_not_found, bytes_deleted};
    own.copy_of = job.id;
    const Target target = target_of(job.printer);
    Order order{std::move(own),
                [content, time = local_time(job.created_ms)](const Recipient& printer) {
                    Content out;
                    out.bytes = to_string(marked_as_copy(bytes_of(content), time, printer.profile));
                    return out;
                },
                {}};
    submit(request, std::move(order), target);
}

void Service::render(Request request)
{
    const auto params = std::make_shared<const Json>(params_of(request));
    if (params->contains("task") || params->contains("job"))
        return on_loop(std::move(request), [this, params](const Shared& shared) {
            with_job(shared, *params, [this, shared](const store::Job& job, const std::string& content) {
                if (content.empty()) throw Error{code::task_not_found, bytes_deleted};
                const Printer* const printer = printers_->with_key(job.printer);
                answer_drawn(shared,
                             [content, profile = profile_of(printer)] { return preview(content, profile); });
            });
        });
    on_loop(std::move(request), [this, params](const Shared& shared) {
        const TargetOrProblem target = read_target(*params);
        throw_if(target.problem);
        const Printer* const printer = printers_->find(target.target).printer;
        answer_drawn(shared, [params, profile = profile_of(printer), max_bytes = config_.max_job_bytes] {
            const Content content = read_content(*params, profile, max_bytes);
            throw_if(content.problem);
            return preview(content.bytes, profile);
        });
    });
}

void Service::answer_drawn(const Shared& request, std::function<std::string()> draw)
{
    const Problem full = drawing_->preview(caller_member(*request, "server"),
                                           [request, draw = std::move(draw)](bool stopping) {
                                               if (stopping)
                                                   request->fail("BUSY", stopping_text, {}, not_started);
                                               else
                                                   guarded(request, [&] { request->reply(draw()); });
                                           });
    if (!full.code.empty()) throw Error{full.code, full.message, AGH_E_BUSY};
}

} // namespace agenthost::printer::service
