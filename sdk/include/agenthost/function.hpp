// A callable that can hold move-only captures such as a Request. std::function cannot, and
// std::move_only_function is C++23.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace agenthost {

template <class Signature> class Function;

template <class R, class... Args> class Function<R(Args...)> {
    struct Held {
        virtual ~Held() = default;
        virtual R call(Args...) = 0;
    };
    template <class F> struct Holds final : Held {
        explicit Holds(F f) : f{std::move(f)} {}
        R call(Args... args) override { return f(std::forward<Args>(args)...); }
        F f;
    };

public:
    Function() = default;
    Function(std::nullptr_t) {}
    template <class F>
    requires(!std::is_same_v<std::decay_t<F>, Function> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>) Function(F&& f)
        : held_{std::make_unique<Holds<std::decay_t<F>>>(std::forward<F>(f))}
    {}

    explicit operator bool() const noexcept { return held_ != nullptr; }
    R operator()(Args... args) { return held_->call(std::forward<Args>(args)...); } // not when empty

private:
    std::unique_ptr<Held> held_;
};

} // namespace agenthost
