#include "audit.hpp"

#include "log.hpp"

#include "base/fd.hpp"
#include "base/iso8601.hpp"
#include "base/json_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace agenthost::host {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_action = 80; // of an unknown action
constexpr auto complain_every = 1min;

std::int64_t utc_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string_view to_string(wire::Outcome outcome)
{
    switch (outcome) {
    case wire::Outcome::success: return "success";
    case wire::Outcome::error: return "error";
    case wire::Outcome::not_started: return "not_started";
    case wire::Outcome::unknown: return "unknown";
    case wire::Outcome::interrupted: break;
    }
    return "interrupted";
}

void write_members(base::JsonWriter& json, const AuditEntry& e)
{
    constexpr std::string_view plugin_prefix = "plugin:";
    constexpr std::size_t max_id = 256;
    if (e.caller == "control")
        json.member("caller", "control");
    else if (e.caller.starts_with(plugin_prefix))
        json.member("caller", "plugin").member("plugin", e.caller.substr(plugin_prefix.size()));
    else
        json.member("caller", "server").member("server", e.caller);
    if (!e.protocol.empty()) json.member("protocol", e.protocol);
    json.member("action", e.action.substr(0, max_action)).member("id", e.id.substr(0, max_id));
    json.member("effects", e.effects).member("outcome", to_string(e.outcome));
    if (!e.code.empty()) json.member("code", e.code);
    std::array<char, 40> took{};
    std::snprintf(took.data(), took.size(), "%.3f", static_cast<double>(e.took.count()) / 1e6);
    json.member("took_ms", base::RawJson{took.data()});
}

std::string cannot_write(const std::string& file, int error)
{
    return "audit.file: cannot write " + file + ": " + std::strerror(error) +
           ". Give its folder to the daemon's user, or name another file.";
}

} // namespace

std::string audit_line(const AuditEntry& e, std::int64_t at)
{
    std::string line;
    base::JsonWriter json{line};
    json.object().member("time", base::iso8601(at));
    write_members(json, e);
    json.end();
    return line;
}

struct Audit::Writer {
    Writer(Options o, std::string& problem) : options{std::move(o)}
    {
        problem = open();
        if (!problem.empty()) return;
        sigset_t all, before; // signals are the main thread's
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, &before);
        thread = std::thread{[this] { run(); }};
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    ~Writer()
    {
        if (!thread.joinable()) return;
        {
            const std::scoped_lock lock{mutex};
            stop = true;
        }
        wake.notify_one();
        thread.join();
    }

    void add(std::string line)
    {
        bool first = false;
        {
            const std::scoped_lock lock{mutex};
            if (waiting.size() >= max_waiting) {
                ++stats.dropped;
                return;
            }
            first = waiting.empty();
            waiting.push_back(std::move(line));
        }
        if (first) wake.notify_one();
    }

    // Empty: it is open.
    std::string open()
    {
        file.reset(::open(options.file.c_str(),
                          O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
        struct stat info {};
        if (!file || ::fstat(file.get(), &info) != 0) return cannot_write(options.file, errno);
        if (!S_ISREG(info.st_mode)) {
            file.reset();
            return "audit.file: " + options.file + " is not a regular file. Name another file.";
        }
        device = info.st_dev;
        inode = info.st_ino;
        return {};
    }

    [[nodiscard]] bool replaced() const
    {
        struct stat info {};
        return ::stat(options.file.c_str(), &info) != 0 || info.st_dev != device || info.st_ino != inode;
    }

    void run()
    {
        std::unique_lock lock{mutex};
        for (;;) {
            wake.wait(lock, [this] { return stop || !waiting.empty(); });
            std::deque<std::string> batch;
            batch.swap(waiting);
            const std::uint64_t lost = stats.dropped - said;
            if (batch.empty()) return; // stop
            lock.unlock();
            const bool good = write(batch, lost);
            lock.lock();
            if (good) {
                stats.written += batch.size();
                said += lost;
            } else {
                stats.dropped += batch.size();
            }
        }
    }

    bool write(const std::deque<std::string>& batch, std::uint64_t lost)
    {
        if (options.before_write) options.before_write();
        if (!file || replaced())
            if (const auto problem = open(); !problem.empty()) return complain(problem);
        std::string text;
        if (torn) text += '\n'; // a line that a full disk cut off
        if (lost > 0) text += base::json_object("time", base::iso8601(utc_ms()), "dropped", lost) + '\n';
        for (const auto& line : batch) (text += line) += '\n';
        std::string_view rest{text};
        while (!rest.empty()) {
            const auto wrote = ::write(file.get(), rest.data(), rest.size());
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote <= 0) {
                const int error = wrote < 0 ? errno : ENOSPC;
                torn = rest.size() != text.size() || torn;
                file.reset();
                return complain(cannot_write(options.file, error));
            }
            rest.remove_prefix(static_cast<std::size_t>(wrote));
        }
        torn = false;
        return true;
    }

    bool complain(const std::string& problem)
    {
        const auto now = std::chrono::steady_clock::now();
        if (complained && now - *complained < complain_every) return false;
        complained = now;
        log::error("audit", problem);
        return false;
    }

    Options options;
    base::Fd file; // the thread's, once it runs
    dev_t device = 0;
    ino_t inode = 0;
    bool torn = false;
    std::optional<std::chrono::steady_clock::time_point> complained;

    std::mutex mutex; // what follows
    std::condition_variable wake;
    std::deque<std::string> waiting;
    Stats stats;
    std::uint64_t said = 0; // of stats.dropped
    bool stop = false;
    std::thread thread;
};

Audit::Audit(Options options, std::string& problem) : sample_{options.sample}
{
    if (!options.file.empty()) writer_ = std::make_unique<Writer>(std::move(options), problem);
}

Audit::~Audit() = default;

void Audit::record(const AuditEntry& e)
{
    if (!e.audited && (sample_ == 0 || others_++ % sample_ != 0)) return;
    if (writer_) return writer_->add(audit_line(e, utc_ms()));
    if (!log::enabled(log::Level::info)) return;
    ++logged_;
    std::string fields;
    base::JsonWriter json{fields};
    json.object();
    write_members(json, e);
    json.end();
    log::write(log::Level::info, "audit",
               std::string{e.action.substr(0, max_action)} + " for " + std::string{e.caller} + ": " +
                   std::string{e.code.empty() ? to_string(e.outcome) : e.code},
               fields);
}

Audit::Stats Audit::stats() const
{
    if (!writer_) return {.written = logged_, .dropped = 0, .waiting = 0};
    const std::scoped_lock lock{writer_->mutex};
    auto out = writer_->stats;
    out.waiting = writer_->waiting.size();
    return out;
}

} // namespace agenthost::host
