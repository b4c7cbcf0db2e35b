#include "input.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <deque>
#include <utility>

namespace agenthost::docker::console {

namespace {

constexpr const char* not_running = "the server is not running. Start it before sending commands";
constexpr const char* not_reading =
    "the server does not read its standard input. It may be busy, or may not accept commands there";

} // namespace

struct Input::State : std::enable_shared_from_this<State> {
    explicit State(engine::Client& c) : client{c}, timer{c.io()} {}

    struct Waiting {
        std::chrono::steady_clock::time_point until;
        Then then;
    };

    engine::Client& client;
    boost::asio::steady_timer timer;
    std::string container;
    engine::Sending sending;
    std::uint64_t attachment = 0; // identifies callbacks of an earlier one
    std::deque<Waiting> waiting;  // sent, but not all taken
    std::size_t bytes = 0;
    bool stopped = false;

    void answer(Then then, std::string why)
    {
        boost::asio::post(client.io(),
                          [weak = weak_from_this(), then = std::move(then), why = std::move(why)] {
                              if (const auto self = weak.lock(); self && !self->stopped) then(why);
                          });
    }

    // Every line that waits.
    void answer_all(const std::string& why)
    {
        timer.cancel();
        bytes = 0;
        for (auto& one : std::exchange(waiting, {}))
            if (one.then) answer(std::move(one.then), why);
    }

    void detach(const std::string& why)
    {
        ++attachment;
        sending.cancel();
        sending = {};
        answer_all(why);
    }

    void attach()
    {
        const auto bound = [weak = weak_from_this(), mine = ++attachment](auto function) {
            return [weak, mine, function](auto&&... arguments) {
                if (const auto self = weak.lock(); self && !self->stopped && self->attachment == mine)
                    function(*self, arguments...);
            };
        };
        sending = client.attach_input(
            container, {.on_open = {},
                        .on_sent = bound([](State& self) { self.answer_all({}); }),
                        .on_end = bound([](State& self, const std::optional<engine::Error>& error) {
                            self.sending = {};
                            self.answer_all(error ? error->text : not_running);
                        })});
    }

    // Until the first line's deadline.
    void watch()
    {
        const auto next = std::find_if(waiting.begin(), waiting.end(), [](auto& one) { return !!one.then; });
        if (next == waiting.end()) return;
        timer.expires_at(next->until);
        timer.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
            const auto self = weak.lock();
            if (!cancelled && self && !self->stopped) self->expire();
        });
    }

    // The bytes cannot be recalled; the server may still read them later.
    void expire()
    {
        const auto now = std::chrono::steady_clock::now();
        for (auto& one : waiting)
            if (one.then && one.until <= now) answer(std::exchange(one.then, {}), not_reading);
        watch();
    }
};

Input::Input(engine::Client& client) : state_{std::make_shared<State>(client)} {}

Input::~Input()
{
    state_->stopped = true;
    state_->timer.cancel();
    state_->sending.cancel();
}

void Input::open(std::string_view container)
{
    if (state_->container == container) return;
    close();
    state_->container = container;
}

void Input::close()
{
    state_->container.clear();
    state_->detach(not_running);
}

void Input::send(std::string_view line, Then then)
{
    State& state = *state_;
    if (state.container.empty()) return state.answer(std::move(then), not_running);
    if (line.size() > max_line)
        return state.answer(std::move(then), "the command is longer than 8 KiB. Shorten it");
    if (line.find_first_of({"\n\r\0", 3}) != std::string_view::npos)
        return state.answer(std::move(then), "the command contains a line break. Send one line at a time");
    if (state.bytes + line.size() >= max_waiting) return state.answer(std::move(then), not_reading);
    if (!state.sending.active()) state.attach();
    if (!state.sending.send(std::string{line} + '\n')) return state.answer(std::move(then), not_reading);
    state.bytes += line.size() + 1;
    state.waiting.push_back({std::chrono::steady_clock::now() + deadline, std::move(then)});
    if (state.waiting.size() == 1) state.watch();
}

} // namespace agenthost::docker::console
