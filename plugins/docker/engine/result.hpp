// The result of a call to the engine: a value, or an Error.
#pragma once

#include "error.hpp"

#include <functional>
#include <utility>
#include <variant>

namespace agenthost::docker::engine {

// The value of calls that return nothing but success.
struct Done {};

template <class Value> class [[nodiscard]] Result {
public:
    Result(Value value) : content_{std::in_place_index<0>, std::move(value)} {}
    Result(Error error) : content_{std::in_place_index<1>, std::move(error)} {}

    [[nodiscard]] bool ok() const { return content_.index() == 0; }
    explicit operator bool() const { return ok(); }
    // Only when ok().
    [[nodiscard]] Value& value() { return std::get<0>(content_); }
    [[nodiscard]] const Value& value() const { return std::get<0>(content_); }
    Value* operator->() { return &value(); }
    const Value* operator->() const { return &value(); }
    // Only when not ok().
    [[nodiscard]] Error& error() { return std::get<1>(content_); }
    [[nodiscard]] const Error& error() const { return std::get<1>(content_); }

private:
    std::variant<Value, Error> content_;
};

// Called exactly once.
template <class Value> using Then = std::function<void(Result<Value>)>;

} // namespace agenthost::docker::engine
