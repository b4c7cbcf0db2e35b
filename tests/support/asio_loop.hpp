// Runs an io_context in the test's own thread until a condition holds, or a call has its result.
#pragma once

#include "support.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

namespace agenthost::test {

template <class Condition>
bool run_until(boost::asio::io_context& io, const Condition& condition,
               std::chrono::milliseconds timeout = max_wait)
{
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (!condition() && std::chrono::steady_clock::now() < end) {
        io.restart();
        io.run_one_for(std::chrono::milliseconds{20});
    }
    return condition();
}

// `call` gets a callback that takes a Result. Throws when it is not called, called at once, or twice.
template <class Result, class Call> Result result_of(boost::asio::io_context& io, const Call& call)
{
    std::optional<Result> out;
    bool twice = false;
    call([&](Result result) {
        twice = out.has_value();
        out.emplace(std::move(result));
    });
    if (out) throw std::runtime_error{"the callback was called inside of the call"};
    if (!run_until(io, [&] { return out.has_value(); })) throw std::runtime_error{"no result"};
    if (twice) throw std::runtime_error{"the callback was called twice"};
    return std::move(*out);
}

} // namespace agenthost::test
