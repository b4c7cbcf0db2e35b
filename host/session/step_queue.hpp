// An executor that runs posted steps one after another without returning to the event loop in between.
//
// Beast posts several steps per message. Through the io_context each step costs a lock and a poll of the
// descriptors; here a buffer of frames is processed in one run. Bound: `max_in_a_row` steps, then the event
// loop runs. Single-threaded (the io_context's thread). An Executor is a plain pointer: handlers bound to it
// must keep the StepQueue alive.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <memory>
#include <new>
#include <utility>

namespace agenthost::host {

class StepQueue : public std::enable_shared_from_this<StepQueue> {
public:
    static constexpr int max_in_a_row = 1024;

    explicit StepQueue(const boost::asio::any_io_executor& loop) : loop_{loop} {}
    ~StepQueue() { clear(); }
    StepQueue(const StepQueue&) = delete;
    StepQueue& operator=(const StepQueue&) = delete;

    class Executor {
    public:
        explicit Executor(StepQueue* queue, bool never_inline = false)
            : queue_{queue}, never_inline_{never_inline}
        {}

        template <class F> void execute(F&& f) const
        {
            if (never_inline_)
                queue_->post(std::forward<F>(f));
            else
                queue_->dispatch(std::forward<F>(f));
        }
        Executor require(boost::asio::execution::blocking_t::never_t) const noexcept
        {
            return Executor{queue_, true};
        }
        Executor require(boost::asio::execution::blocking_t::possibly_t) const noexcept
        {
            return Executor{queue_, false};
        }
        [[nodiscard]] boost::asio::execution::blocking_t
        query(boost::asio::execution::blocking_t) const noexcept
        {
            if (never_inline_) return boost::asio::execution::blocking.never;
            return boost::asio::execution::blocking.possibly;
        }
        [[nodiscard]] boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept
        {
            return boost::asio::query(queue_->loop_, boost::asio::execution::context);
        }
        bool operator==(const Executor&) const noexcept = default;

    private:
        StepQueue* queue_;
        bool never_inline_;
    };
    [[nodiscard]] Executor executor() { return Executor{this}; }

private:
    struct Step {
        Step* next = nullptr;
        void (*run)(Step*, bool call) = nullptr; // frees the step; calls its function if `call`
    };
    template <class F> struct StepOf : Step {
        explicit StepOf(F f) : function{std::move(f)} {}
        F function;
        static void run_it(Step* step, bool call)
        {
            auto* self = static_cast<StepOf*>(step);
            F function{std::move(self->function)};
            boost::asio::recycling_allocator<StepOf> memory;
            self->~StepOf();
            memory.deallocate(self, 1); // before the call, so that steps it posts can reuse the memory
            if (call) std::move(function)();
        }
    };
    // Posted to the loop once; cleans up if the loop ends without calling it.
    struct Resume {
        std::shared_ptr<StepQueue> queue;
        explicit Resume(std::shared_ptr<StepQueue> q) : queue{std::move(q)} {}
        Resume(Resume&&) noexcept = default;
        ~Resume()
        {
            if (queue) queue->clear();
        }
        void operator()()
        {
            const auto self = std::exchange(queue, nullptr);
            self->resume_posted_ = false;
            if (!self->running_) self->run();
        }
    };

    template <class F> void post(F&& f)
    {
        using Made = StepOf<std::decay_t<F>>;
        boost::asio::recycling_allocator<Made> memory;
        auto* step = new (memory.allocate(1)) Made{std::forward<F>(f)};
        step->run = &Made::run_it;
        *last_ = step;
        last_ = &step->next;
        if (!running_) resume_later();
    }
    template <class F> void dispatch(F&& f)
    {
        if (running_) return std::decay_t<F>{std::forward<F>(f)}();
        const auto self = shared_from_this();
        running_ = true;
        std::decay_t<F>{std::forward<F>(f)}();
        run();
    }
    void run()
    {
        const auto self = shared_from_this();
        running_ = true;
        for (int n = 0; first_ && n < max_in_a_row; ++n) next(true);
        running_ = false;
        if (first_) resume_later();
    }
    void resume_later();
    void clear();
    void next(bool call)
    {
        Step* const step = first_;
        first_ = step->next;
        if (!first_) last_ = &first_;
        step->run(step, call);
    }

    boost::asio::any_io_executor loop_;
    Step* first_ = nullptr;
    Step** last_ = &first_;
    bool running_ = false, resume_posted_ = false;
};

inline void StepQueue::resume_later()
{
    if (std::exchange(resume_posted_, true)) return;
    boost::asio::post(loop_, Resume{shared_from_this()});
}

inline void StepQueue::clear()
{
    while (first_) next(false);
}

} // namespace agenthost::host
