#include "session.hpp"

#include "daemon.hpp"
#include "detach_keys.hpp"
#include "verbs.hpp"

#include "base/base64.hpp"
#include "base/visible.hpp"
#include "base/write_all.hpp"
#include "netclient/call_reader.hpp"
#include "netclient/control_client.hpp"

#include <agenthost/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>
#include <utility>

namespace agenthost::hub::cli {

using nlohmann::json;

namespace {

constexpr auto said_to_wait_after = std::chrono::seconds{1};
constexpr std::size_t max_typed = 128 << 10; // of standard input in one request; the agent buffers 256 KiB

std::string text_of(const json& object, const char* key)
{
    const auto at = object.is_object() ? object.find(key) : object.end();
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

} // namespace

void Session::say(const std::string& text) const
{
    const std::string end = tty_.is_raw() ? "\r\n" : "\n";
    base::write_all(STDERR_FILENO, "agenthost hub: " + base::visible(text) + end);
}

void Session::leave(int code)
{
    tty_.restore();
    std::fflush(nullptr);
    ::_exit(code); // the other threads block in system calls; the daemon sees our connection close
}

void Session::run()
{
    block_signals();
    std::thread{[this] { watch_signals(); }}.detach();
    std::thread{[this] { send_wishes(); }}.detach();
    if (options_.input) std::thread{[this] { pump_input(); }}.detach();

    netclient::CallReader reader{{
        .progress = [this](const json& said) { progress(said); },
        .stream = [this](std::uint32_t channel, std::string_view bytes) { output(channel, bytes); },
        .lost = [this](std::uint32_t, std::uint64_t bytes) { lost(bytes); },
    }};
    const json body{{"action", options_.action}, {"params", options_.params}};
    const auto answer = netclient::ControlClient{options_.control}.request(
        "POST", "/v1/call", body.dump(-1, ' ', false, json::error_handler_t::replace),
        std::chrono::milliseconds{0}, [&](std::string_view bytes) { reader.feed(bytes); });
    reader.end();
    if (reader.result()) ended(*reader.result());
    tty_.restore();
    say(answer.good() ? "the daemon ended the call without a result; its log says why" : answer.error());
    const std::lock_guard lock{mutex_};
    if (!id_.empty() && options_.detaches)
        say("the command keeps running. Reattach: agenthost hub attach " + id_);
    leave(not_ours);
}

// ---- messages from the hub ----

void Session::progress(const json& said)
{
    const std::string id = text_of(said, "id"), status = text_of(said, "status");
    if (const auto at = said.is_object() ? said.find("replay") : said.end();
        at != said.end() && at->is_number_unsigned() && ::isatty(STDOUT_FILENO) == 1)
        replay_ = at->get<std::uint64_t>();
    bool first = false, start = false;
    {
        const std::lock_guard lock{mutex_};
        if (!id.empty() && id_.empty()) {
            id_ = id;
            first = true;
        }
        start = status == "running" && !running_ && !id_.empty();
    }
    if (first) changed_.notify_all();
    notice(said);
    if (start) began();
}

void Session::notice(const json& from)
{
    const std::string text = text_of(from, "notice");
    if (!text.empty() && !std::exchange(noticed_, true)) say(text);
}

void Session::began()
{
    if (options_.interactive) {
        if (options_.detaches)
            say("run " + id_ + ". Detach: Ctrl-] then d. Reattach: agenthost hub attach " + id_);
        tty_.raw();
        wish(&Wishes::resize); // it may have changed since the request
    }
    const std::lock_guard lock{mutex_};
    running_ = true;
    changed_.notify_all();
}

void Session::output(std::uint32_t channel, std::string_view bytes)
{
    if (channel != 1 && channel != 2) return;
    if (!running_ && !id_.empty()) began(); // only this thread writes them; a busy daemon may omit progress
    std::string shown;
    if (seen_ < replay_)
        bytes = shown = without_queries(bytes);
    else
        seen_ += bytes.size();
    if (!base::write_all(channel == 1 ? STDOUT_FILENO : STDERR_FILENO, bytes) && channel == 1)
        leave(128 + SIGPIPE); // our reader is gone: exit like a local command
}

// Output from before we attached: our terminal must not answer queries meant for another one.
std::string Session::without_queries(std::string_view bytes)
{
    const std::size_t old = std::min<std::uint64_t>(bytes.size(), replay_ - seen_);
    seen_ += bytes.size();
    std::string shown = filter_.feed(bytes.substr(0, old));
    if (seen_ >= replay_) shown += filter_.finish();
    return shown.append(bytes.substr(old));
}

void Session::lost(std::uint64_t bytes)
{
    lost_ += bytes;
    seen_ += bytes;
    say(std::to_string(bytes) + " bytes of output were dropped here");
}

void Session::ended(const json& result)
{
    tty_.restore();
    if (result.value("status", "") != "success") {
        const Failed why = refusal(result);
        say(why.what());
        leave(why.code() == "TIMEOUT" ? timed_out : why.code() == "FILE_NOT_FOUND" ? not_found : not_ours);
    }
    const json data = result.value("data", json::object());
    if (options_.as_json)
        base::write_all(STDERR_FILENO, data.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
    notice(data);
    leave(code_of(data));
}

int Session::code_of(const json& data)
{
    const auto at = data.is_object() ? data.find("exit_code") : data.end();
    const auto code = at == data.end() ? std::nullopt : json_integer(*at);
    if (!code) {
        say("the agent did not report how the command ended");
        return not_ours;
    }
    if (text_of(data, "reason") == "timeout") {
        say("the command timed out");
        return timed_out;
    }
    if (const std::string signal = text_of(data, "signal"); !signal.empty() && interrupts_ == 0)
        say("ended by " + signal);
    if (*code == 0 && lost_ > 0 && !options_.interactive)
        return not_ours; // the output in the pipe is incomplete
    return *code >= 0 && *code <= 255 ? static_cast<int>(*code) : not_ours;
}

// ---- input from the user ----

void Session::block_signals()
{
    ::signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals_);
    for (const int sig : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) sigaddset(&signals_, sig);
    if (options_.interactive)
        for (const int sig : {SIGTSTP, SIGCONT}) sigaddset(&signals_, sig);
    sigset_t all = signals_;
    sigaddset(&all, SIGTTOU); // restoring the terminal from the background must not stop us
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr); // threads made later inherit it
}

void Session::watch_signals()
{
    for (;;) {
        int sig = 0;
        if (::sigwait(&signals_, &sig) != 0) continue;
        const bool was_raw = tty_.is_raw();
        switch (sig) {
        case SIGWINCH:
            if (options_.interactive) wish(&Wishes::resize);
            break;
        case SIGTSTP:
            tty_.restore();
            // Sent to this thread: sent to the process, it might stop another thread first, and this one
            // would restore the terminal too early.
            ::pthread_kill(::pthread_self(), SIGSTOP);
            if (was_raw) tty_.raw();
            break;
        case SIGCONT: wish(&Wishes::resize); break;
        case SIGINT:
            if (!options_.interactive) {
                interrupted();
                break;
            }
            [[fallthrough]];
        default: leave(128 + sig);
        }
    }
}

// The first interrupts, the second kills, the third detaches.
void Session::interrupted()
{
    ++interrupts_;
    if (interrupts_ > 2) leave(128 + SIGINT);
    if (interrupts_ == 2) {
        const std::lock_guard lock{mutex_};
        if (id_.empty()) leave(128 + SIGINT); // the hub has not accepted the command yet
    }
    wish(interrupts_ == 1 ? &Wishes::interrupt : &Wishes::force);
}

void Session::wish(bool Wishes::*what)
{
    const std::lock_guard lock{mutex_};
    wishes_.*what = true;
    changed_.notify_all();
}

void Session::report_waiting()
{
    std::string id;
    {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, said_to_wait_after, [this] { return running_ || wishes_.interrupt; });
        if (running_ || wishes_.interrupt || id_.empty() || ::isatty(STDERR_FILENO) != 1) return;
        id = id_;
    }
    try {
        const json data = call(options_.control, {"hub.runs", {{"id", id}}});
        for (const json& run : data.at("runs")) {
            const auto position = run.value("position", 0);
            say("waits " + (position > 0 ? "in the agent's queue, position " + std::to_string(position)
                                         : std::string{"for the agent"}));
        }
    } catch (const std::exception&) {
        return; // best effort
    }
}

void Session::send_wishes()
{
    report_waiting();
    for (;;) {
        Wishes now;
        std::string id;
        {
            std::unique_lock lock{mutex_};
            changed_.wait(lock, [this] {
                return !id_.empty() && (wishes_.interrupt || wishes_.force || (wishes_.resize && running_));
            });
            now = std::exchange(wishes_, {});
            id = id_;
        }
        try {
            if (now.interrupt || now.force)
                call(options_.control, {"hub.interrupt", {{"id", id}, {"force", now.force}}});
            else if (const auto size = Tty::size())
                call(options_.control,
                     {"hub.resize", {{"id", id}, {"cols", size->cols}, {"rows", size->rows}}});
        } catch (const std::exception& e) {
            if (now.interrupt || now.force) say(std::string{"the command was not interrupted: "} + e.what());
        }
    }
}

void Session::pump_input()
{
    {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return running_; });
    }
    std::string buffer(max_typed, '\0');
    DetachKeys keys;
    for (bool more = true; more;) {
        const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0 && options_.interactive) leave(128 + SIGHUP); // the terminal is gone
        if (n <= 0) {
            type({}, true);
            return;
        }
        const std::string_view read{buffer.data(), static_cast<std::size_t>(n)};
        if (!options_.interactive || !options_.detaches) {
            more = type(read, false);
            continue;
        }
        const auto typed = keys.feed(read);
        more = typed.bytes.empty() || type(typed.bytes, false);
        if (typed.detach) {
            tty_.restore();
            base::write_all(STDERR_FILENO, "\n");
            say("left " + id_ + " running. Reattach: agenthost hub attach " + id_);
            leave(0);
        }
    }
}

bool Session::type(std::string_view bytes, bool eof)
{
    json params{{"id", id_}, {"data", base::base64(bytes)}, {"encoding", "base64"}};
    if (eof) params["eof"] = true;
    try {
        call(options_.control, {"hub.input", params, 0});
        return true;
    } catch (const Failed& e) {
        // It has ended, which run() reports; or it has closed its input.
        if (e.code() != "COMMAND_NOT_FOUND" && e.code() != "INVALID_REQUEST") {
            say(std::string{"input was lost: "} + e.what());
            if (!options_.interactive) leave(not_ours);
        }
        return options_.interactive;
    } catch (const std::exception& e) {
        say(std::string{"input was lost: "} + e.what());
        leave(not_ours);
    }
}

} // namespace agenthost::hub::cli
