#include "loops.hpp"

namespace agenthost::host {

std::vector<Loops::Context*> Loops::connections()
{
    std::vector<Context*> all{&main_};
    for (auto& loop : more_) all.push_back(loop.get());
    return all;
}

void Loops::start(std::uint32_t io_threads)
{
    for (std::uint32_t i = 1; i < io_threads; ++i) {
        more_.push_back(std::make_unique<Context>(1));
        more_work_.push_back(boost::asio::make_work_guard(*more_.back()));
    }
    watch_.emplace(connections());
    for (auto& loop : more_) more_threads_.emplace_back([&loop] { loop->run(); });
}

void Loops::start_control()
{
    control_work_.emplace(control_.get_executor());
    control_thread_ = std::thread{[this] { control_.run(); }};
}

void Loops::leave_after(std::chrono::milliseconds time, std::function<void()> late)
{
    too_long_.expires_after(time);
    too_long_.async_wait([this, late = std::move(late)](const auto& error) {
        if (error) return;
        late();
        main_.stop();
    });
}

void Loops::end()
{
    control_work_.reset();
    control_.stop();
    if (control_thread_.joinable()) control_thread_.join();
    more_work_.clear();
    for (auto& loop : more_) loop->stop();
    for (auto& thread : more_threads_) thread.join();
    more_threads_.clear();
}

} // namespace agenthost::host
