// Calls about containers that are answered at once.
#include "client_calls.hpp"

#include "base/json_writer.hpp"

#include <boost/asio/steady_timer.hpp>

namespace agenthost::docker::engine {

Running Client::create(std::string_view name, std::string body, Then<Created> then)
{
    auto what = named("create", name);
    if (!is_container_name(name))
        return refuse<Created>(std::move(what), bad_container_name, std::move(then));
    Target target{"/containers/create"};
    target.query("name", name);
    Request create = request("POST", std::move(what), target.text(), options_.work_deadline);
    create.headers.emplace_back("Content-Type", "application/json");
    create.body = std::move(body);
    return ask_for<Created>(
        std::move(create), [](const Answer& answer) { return read_created(answer.body); }, std::move(then));
}

Running Client::start(std::string_view container, Then<Started> then)
{
    auto what = named("start", container);
    if (!is_container_name(container))
        return refuse<Started>(std::move(what), bad_container_name, std::move(then));
    return ask_for<Started>(
        request("POST", std::move(what), container_target(container, "/start").text(),
                options_.work_deadline),
        [](const Answer& answer) { return std::optional<Started>{Started{answer.status == 304}}; },
        std::move(then));
}

Running Client::signal(std::string_view container, std::string_view signal, Then<Done> then)
{
    auto what = named("signal", container);
    if (!is_container_name(container))
        return refuse<Done>(std::move(what), bad_container_name, std::move(then));
    if (!is_signal(signal))
        return refuse<Done>(std::move(what), "the signal's name is not valid. Use one such as SIGTERM",
                            std::move(then));
    Target target = container_target(container, "/kill");
    target.query("signal", signal);
    Request kill = request("POST", std::move(what), target.text(), options_.signal_deadline);
    kill.own_connection = true;
    return ask_for<Done>(
        std::move(kill), [](const Answer&) { return std::optional<Done>{Done{}}; }, std::move(then));
}

Running Client::wait(std::string_view container, WaitFor condition, std::chrono::milliseconds deadline,
                     Then<Exit> then)
{
    auto what = named("wait for", container);
    if (!is_container_name(container))
        return refuse<Exit>(std::move(what), bad_container_name, std::move(then));
    Target target = container_target(container, "/wait");
    target.query("condition", condition == WaitFor::not_running ? "not-running"
                              : condition == WaitFor::next_exit ? "next-exit"
                                                                : "removed");
    Request wait = request("POST", std::move(what), target.text(), deadline);
    wait.own_connection = true;
    return ask_for<Exit>(
        std::move(wait), [](const Answer& answer) { return read_exit(answer.body); }, std::move(then));
}

// The engine's own /stop would hold a connection for the entire grace period, and would send SIGKILL by
// itself.
void Client::stop(std::string_view container, std::string_view how, std::chrono::milliseconds grace,
                  Then<Exit> then)
{
    struct Stop {
        explicit Stop(boost::asio::io_context& io) : timer{io} {}
        boost::asio::steady_timer timer;
        Running waiting;
        Then<Exit> then;
        std::optional<Error> why;
        bool over = false;
    };
    const auto stop = std::make_shared<Stop>(io_);
    stop->then = std::move(then);
    const std::string name{container};
    // The end must also be observed after SIGKILL.
    stop->waiting =
        wait(name, WaitFor::not_running, grace + options_.work_deadline, [stop](Result<Exit> exit) {
            stop->over = true;
            stop->timer.cancel();
            if (!exit && stop->why) return stop->then(std::move(*stop->why));
            stop->then(std::move(exit));
        });
    const auto on_signal = [stop](Result<Done> sent) {
        // Not running: the wait ends by itself.
        if (sent || sent.error().cause == Cause::conflict || stop->over) return;
        stop->why = std::move(sent.error());
        stop->waiting.cancel();
    };
    signal(name, how, on_signal);
    stop->timer.expires_after(grace);
    stop->timer.async_wait([this, alive = std::weak_ptr{alive_}, stop, name, on_signal](auto error) {
        if (!error && !alive.expired() && !stop->over) signal(name, "SIGKILL", on_signal);
    });
}

Running Client::inspect(std::string_view container, Then<ContainerFacts> then)
{
    auto what = named("inspect", container);
    if (!is_container_name(container))
        return refuse<ContainerFacts>(std::move(what), bad_container_name, std::move(then));
    return ask_for<ContainerFacts>(
        request("GET", std::move(what), container_target(container, "/json").text(), options_.read_deadline),
        [](const Answer& answer) { return read_container(answer.body); }, std::move(then));
}

Running Client::list(std::string_view label, Then<std::vector<ContainerRow>> then)
{
    std::string filters;
    {
        base::JsonWriter json{filters};
        json.object();
        if (!label.empty()) json.array("label").value(label).end();
        json.end();
    }
    Target target{"/containers/json"};
    target.query("all", true).query("filters", filters);
    return ask_for<std::vector<ContainerRow>>(
        request("GET", "list containers", target.text(), options_.read_deadline),
        [](const Answer& answer) { return read_containers(answer.body); }, std::move(then));
}

Running Client::remove(std::string_view container, RemoveOptions options, Then<Removed> then)
{
    auto what = named("remove", container);
    if (!is_container_name(container))
        return refuse<Removed>(std::move(what), bad_container_name, std::move(then));
    Target target = container_target(container, "");
    target.query("force", options.force).query("v", options.volumes);
    return ask(request("DELETE", std::move(what), target.text(), options_.work_deadline),
               [then = std::move(then)](Result<Answer> answer) {
                   if (answer) return then(Removed{});
                   if (answer.error().cause == Cause::not_found) return then(Removed{true});
                   then(std::move(answer.error()));
               });
}

Running Client::update(std::string_view container, std::string body, Then<Updated> then)
{
    auto what = named("update", container);
    if (!is_container_name(container))
        return refuse<Updated>(std::move(what), bad_container_name, std::move(then));
    Request update = request("POST", std::move(what), container_target(container, "/update").text(),
                             options_.read_deadline);
    update.headers.emplace_back("Content-Type", "application/json");
    update.body = std::move(body);
    return ask_for<Updated>(
        std::move(update), [](const Answer& answer) { return read_updated(answer.body); }, std::move(then));
}

Running Client::rename(std::string_view container, std::string_view name, Then<Done> then)
{
    auto what = named("rename", container);
    if (!is_container_name(container) || !is_container_name(name))
        return refuse<Done>(std::move(what), bad_container_name, std::move(then));
    Target target = container_target(container, "/rename");
    target.query("name", name);
    return ask_for<Done>(
        request("POST", std::move(what), target.text(), options_.read_deadline),
        [](const Answer&) { return std::optional<Done>{Done{}}; }, std::move(then));
}

Running Client::stats(std::string_view container, Then<StatsSample> then)
{
    auto what = named("read statistics of", container);
    if (!is_container_name(container))
        return refuse<StatsSample>(std::move(what), bad_container_name, std::move(then));
    Target target = container_target(container, "/stats");
    target.query("stream", false);
    Request stats = request("GET", std::move(what), target.text(), options_.read_deadline);
    stats.own_connection = true; // it takes 1 to 2 s
    return ask_for<StatsSample>(
        std::move(stats), [](const Answer& answer) { return read_stats(answer.body); }, std::move(then));
}

} // namespace agenthost::docker::engine
