#include "look.hpp"

#include "answers.hpp"

#include "plugins/printer/job/condition.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace agenthost::printer::service {

Look::Look(Parts parts) : parts_{std::move(parts)}, bound_{parts_.io} {}

void Look::ask(Link* link, std::function<void()> done)
{
    if (!running_ && fresh()) {
        boost::asio::post(parts_.io, std::move(done));
        return;
    }
    waiting_.push_back(std::move(done));
    if (running_) return;
    running_ = true;
    ending_ = false;
    answers_ = {};
    port_.reset();
    ++turn_;
    end_at(std::chrono::steady_clock::now() + look_bound);
    link_ = link;
    if (link_ != nullptr) return begin();
    opening_ = true;
    parts_.open([this, alive = std::weak_ptr{alive_}](Opened result) {
        if (!alive.expired()) opened(std::move(result));
    });
}

void Look::end_at(std::chrono::steady_clock::time_point time)
{
    bound_.expires_at(time);
    bound_.async_wait(
        [this, turn = turn_, alive = std::weak_ptr{alive_}](const boost::system::error_code& error) {
            if (!error && !alive.expired() && turn == turn_) hurry();
        });
}

bool Look::fresh() const
{
    const auto time = parts_.shared ? shared_fresh : look_fresh;
    return looked_at_ && std::chrono::steady_clock::now() - *looked_at_ < time;
}

void Look::forget()
{
    result_.reset();
    if (!parts_.shared) looked_at_.reset();
}

void Look::opened(Opened result)
{
    opening_ = false;
    if (result.error) {
        keep({job::trouble_of(result.error->kind), result.error->message});
        return end();
    }
    own_ = std::move(result.link);
    link_ = own_.get();
    if (ending_) return end();
    if (parts_.shared) end_at(std::min(bound_.expiry(), std::chrono::steady_clock::now() + shared_hold));
    begin();
}

void Look::begin()
{
    const auto mine = [this, turn = turn_, alive = std::weak_ptr{alive_}] {
        return !alive.expired() && turn == turn_;
    };
    asking_port_ = true;
    link_->port_status([this, mine](std::optional<std::uint8_t> status) {
        if (!mine()) return;
        asking_port_ = false;
        port_ = status;
        judge();
    });
    if (!link_->can_read() || !parts_.model.realtime_status) return;
    link_->read([this, mine](Bytes bytes) {
        if (!mine()) return;
        answers_.feed(bytes);
        judge();
    });
    write();
}

void Look::write()
{
    question_.clear();
    for (const Question question : job::status_questions) {
        answers_.asked(question);
        for (const std::uint8_t byte : command(question)) question_ += static_cast<char>(byte);
    }
    writing_ = true;
    link_->write({reinterpret_cast<const std::uint8_t*>(question_.data()), question_.size()},
                 [this, alive = std::weak_ptr{alive_}](const Written& written) {
                     if (alive.expired()) return;
                     writing_ = false;
                     if (ending_ || written.fault != Fault::none) return end();
                     judge();
                 });
}

// What it reports of itself says more than its port.
void Look::judge()
{
    if (ending_ || writing_ || asking_port_ || answers_.outstanding() > 0) return;
    end();
}

void Look::keep(job::Condition condition) { result_ = Result{std::move(condition), now_ms()}; }

void Look::hurry()
{
    if (!running_) return;
    end();
}

// Answers; the printer is free when nothing is under way on the link.
void Look::end()
{
    if (!ending_) {
        ending_ = true;
        const Status& status = answers_.status();
        if (status.known)
            keep(job::condition_of(status));
        else if (port_)
            keep(job::condition_of_port(*port_));
        looked_at_ = std::chrono::steady_clock::now();
        bound_.cancel();
        answer();
    }
    if (opening_) return;
    if (writing_) return link_->cancel_write();
    release();
}

void Look::answer()
{
    for (auto& done : std::exchange(waiting_, {})) boost::asio::post(parts_.io, std::move(done));
}

// A link must not be destroyed inside of its own callback.
void Look::release()
{
    ++turn_;
    if (link_ != nullptr) link_->stop_reading();
    link_ = nullptr;
    boost::asio::post(parts_.io, [this, alive = std::weak_ptr{alive_}] {
        if (alive.expired()) return;
        own_.reset();
        running_ = false;
        parts_.released();
    });
}

} // namespace agenthost::printer::service
