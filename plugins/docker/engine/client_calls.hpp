// Private to client.cpp and its siblings: how a call becomes a request, and an answer a value.
#pragma once

#include "client.hpp"
#include "target.hpp"

#include <boost/asio/post.hpp>

namespace agenthost::docker::engine {

inline constexpr const char* bad_container_name =
    "the container's name is not valid. Use letters, digits, '_', '.' and '-'";
inline constexpr const char* bad_image_name =
    "the image's name is not valid. Write it as [registry/]name[:tag]";

inline Target container_target(std::string_view container, std::string_view call)
{
    Target target{"/containers/"};
    target.segment(container).literal(call);
    return target;
}

inline std::string named(const char* what, std::string_view container)
{
    return std::string{what} + " container " + std::string{container.substr(0, 128)};
}

// `read(Answer)` gives a Value, or an optional of it, which is empty if the answer is invalid.
template <class Value, class Read> Running Client::ask_for(Request request, Read read, Then<Value> then)
{
    CallContext context = request.context;
    context.socket = connections_.socket();
    return ask(std::move(request), [context = std::move(context), read = std::move(read),
                                    then = std::move(then)](Result<Answer> answer) {
        if (!answer) return then(std::move(answer.error()));
        std::optional<Value> value = read(answer.value());
        if (!value) return then(error_of_answer(context, "the answer is not the expected JSON"));
        then(std::move(*value));
    });
}

// The call is not sent.
template <class Value> Running Client::refuse(std::string what, std::string_view why, Then<Value> then)
{
    const CallContext context{connections_.socket(), std::move(what), podman_};
    boost::asio::post(io_, [alive = std::weak_ptr{alive_}, then = std::move(then),
                            error = error_of_request(context, why)]() mutable {
        if (!alive.expired()) then(std::move(error));
    });
    return {};
}

} // namespace agenthost::docker::engine
