// Calls about images.
#include "client_calls.hpp"
#include "json_lines.hpp"

#include <algorithm>

namespace agenthost::docker::engine {

namespace {

Target image_target(std::string_view image, std::string_view call)
{
    Target target{"/images/"};
    target.image(image).literal(call);
    return target;
}

std::string named_image(const char* what, std::string_view image)
{
    return std::string{what} + " image " + std::string{image.substr(0, 512)};
}

// Without a tag the engine would pull every tag of the repository.
bool has_tag_or_digest(std::string_view image)
{
    const auto slash = image.rfind('/');
    const auto last = slash == std::string_view::npos ? image : image.substr(slash + 1);
    return last.find_first_of(":@") != std::string_view::npos;
}

struct PullState {
    PullProgress progress;
    JsonLines lines;
    std::function<void(const PullProgress&)> on_progress;
    std::weak_ptr<int> alive; // on_progress may destroy the client
    bool good = true;

    bool read(std::string_view line)
    {
        good = progress.read(line);
        if (good && progress.error().empty() && on_progress) on_progress(progress);
        return good && !alive.expired();
    }
};

} // namespace

Running Client::image(std::string_view image, Then<ImageFacts> then)
{
    auto what = named_image("inspect", image);
    if (!is_image_name(image)) return refuse<ImageFacts>(std::move(what), bad_image_name, std::move(then));
    return ask_for<ImageFacts>(
        request("GET", std::move(what), image_target(image, "/json").text(), options_.read_deadline),
        [](const Answer& answer) { return read_image(answer.body); },
        [then = std::move(then)](Result<ImageFacts> facts) {
            if (!facts && facts.error().status == 404) facts.error().cause = Cause::no_such_image;
            then(std::move(facts));
        });
}

Running Client::pull(std::string_view image, PullOptions options,
                     std::function<void(const PullProgress&)> on_progress, Then<Done> then)
{
    auto what = named_image("pull", image);
    if (!is_image_name(image)) return refuse<Done>(std::move(what), bad_image_name, std::move(then));
    Target target{"/images/create"};
    target.query("fromImage", image);
    if (!has_tag_or_digest(image)) target.query("tag", "latest");
    Request pull = request("POST", std::move(what), target.text(), options.deadline);
    pull.own_connection = true;
    pull.timeouts.idle = options.idle;
    if (!options.registry_auth.empty())
        pull.headers.emplace_back("X-Registry-Auth", std::move(options.registry_auth));
    const auto state = std::make_shared<PullState>();
    state->on_progress = std::move(on_progress);
    state->alive = alive_;
    CallContext context{options_.socket, pull.context.what, podman_};
    Handlers handlers;
    handlers.on_content = [state](std::string_view bytes) -> const char* {
        if (!state->lines.push(bytes, [&](std::string_view line) { return state->read(line); }))
            return "a line of the pull's progress is longer than 1 MiB";
        return state->good ? nullptr : "a line of the pull's progress is not JSON";
    };
    handlers.on_end = [state, context = std::move(context),
                       then = std::move(then)](std::optional<Error> error) {
        if (!error) state->lines.finish([&](std::string_view line) { return state->read(line); });
        if (error) return then(std::move(*error));
        // A failed pull has status 200.
        if (!state->progress.error().empty()) return then(error_in_stream(context, state->progress.error()));
        if (!state->good) return then(error_of_answer(context, "the pull's progress ends inside of a line"));
        then(Done{});
    };
    return Running{begin(std::move(pull), std::move(handlers))};
}

Running Client::remove_image(std::string_view image, bool force, Then<Removed> then)
{
    auto what = named_image("remove", image);
    if (!is_image_name(image)) return refuse<Removed>(std::move(what), bad_image_name, std::move(then));
    Target target = image_target(image, "");
    target.query("force", force);
    return ask(request("DELETE", std::move(what), target.text(), options_.work_deadline),
               [then = std::move(then)](Result<Answer> answer) {
                   if (answer) return then(Removed{});
                   if (answer.error().status == 404) return then(Removed{true});
                   then(std::move(answer.error()));
               });
}

} // namespace agenthost::docker::engine
