// A client of the Docker Engine's API, and of Podman's compatible one, over a unix socket.
//
//     Client client{io, {.socket = "/run/docker.sock"}};
//     client.start("agenthost-7", [](Result<Started> r) { if (!r) log(r.error().text); });
//
// Threads: one thread runs the io_context, and every function is called on it. Nothing blocks. A callback is
// called exactly once, on the same thread, never inside the function that received it, and never after the
// client was destroyed. Each call has a deadline, which counts from when it has a connection, and waits for one
// for at most 60 s or its deadline, if that is longer. A call that ends
// with an error whose `sent` is true may have had an effect: inspect before repeating it. The version of the
// API is chosen at the first call and again after the engine was away (forget_version).
//
// Calls are in client.cpp (machinery), containers.cpp, images.cpp and streams.cpp.
#pragma once

#include "api_version.hpp"
#include "connections.hpp"
#include "facts.hpp"
#include "log_parts.hpp"
#include "log_position.hpp"
#include "pull_progress.hpp"
#include "result.hpp"
#include "stats.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::docker::engine {

// A call or stream that may still run. Dropping it does not end the call.
class Running {
public:
    Running() = default;
    explicit Running(std::weak_ptr<Exchange> exchange) : exchange_{std::move(exchange)} {}

    // The callback gets Cause::cancelled, unless it has been called already. Pieces may arrive until then.
    void cancel() const
    {
        if (const auto exchange = exchange_.lock()) exchange->cancel();
    }
    // Stops and continues reading; the engine waits meanwhile.
    void pause() const
    {
        if (const auto exchange = exchange_.lock()) exchange->pause();
    }
    void resume() const
    {
        if (const auto exchange = exchange_.lock()) exchange->resume();
    }
    [[nodiscard]] bool active() const
    {
        const auto exchange = exchange_.lock();
        return exchange && !exchange->over();
    }

protected:
    std::weak_ptr<Exchange> exchange_;
};

// Bytes to the engine: a container's standard input, or an archive.
class Sending : public Running {
public:
    using Running::Running;
    static constexpr std::size_t max_unsent = 256 * 1024;

    // False: nothing was taken, because more than max_unsent would wait, or the stream has ended. on_sent
    // reports when everything was sent.
    bool send(std::string_view bytes) const;
    // Nothing more will be sent.
    void finish() const;
};

struct Started {
    bool was_running = false;
};
struct RemoveOptions {
    bool force = false;
    bool volumes = true; // anonymous ones
};
struct Removed {
    bool was_absent = false;
};
enum class WaitFor : std::uint8_t { not_running, next_exit, removed };

struct LogOptions {
    // Config.Tty of the container's inspection.
    bool tty = false;
    bool follow = true;
    // Continue here; without one from the beginning.
    LogPosition from;
    // Asks for only this many of the log's newest messages. LogReading::reaches_back() tells whether they
    // were enough.
    std::optional<std::uint32_t> tail;
    bool out = true, err = true;
};
struct LogHandlers {
    std::function<void()> on_open;
    std::function<void(const LogPart&)> on_part;
    // No error: the log is complete, because the container has ended or `follow` is off.
    std::function<void(std::optional<Error>)> on_end;
};
class LogReading : public Running {
public:
    LogReading(std::weak_ptr<Exchange> exchange, std::shared_ptr<const LogResume> resume)
        : Running{std::move(exchange)}, resume_{std::move(resume)}
    {}
    // The position after the last part that on_part received.
    [[nodiscard]] LogPosition position() const { return resume_->position(); }
    // Whether log rotation has dropped messages after LogOptions::from. Known from the first part on.
    [[nodiscard]] bool gap() const { return resume_->gap(); }
    // With LogOptions::tail: whether the messages reach back to LogOptions::from. If not, some may be missing
    // or taken for old ones. Known from the first part on, and at the end.
    [[nodiscard]] bool reaches_back() const { return resume_->reaches_back(); }

private:
    std::shared_ptr<const LogResume> resume_;
};

struct InputHandlers {
    std::function<void()> on_open;
    std::function<void()> on_sent;
    // No error: the engine has closed the stream.
    std::function<void(std::optional<Error>)> on_end;
};

struct PullOptions {
    // Value of X-Registry-Auth. A secret: error texts never contain it.
    std::string registry_auth;
    std::chrono::milliseconds deadline = std::chrono::hours{1};
    // Without a line from the engine.
    std::chrono::milliseconds idle = std::chrono::minutes{5};
};

class Client {
public:
    struct Options {
        std::string socket = "/run/docker.sock";
        Connections::Limits limits{};
        // For calls that only read, and for those that make the engine work.
        std::chrono::milliseconds read_deadline = std::chrono::seconds{15};
        std::chrono::milliseconds work_deadline = std::chrono::seconds{60};
        // A signal is never slow unless the engine is stuck.
        std::chrono::milliseconds signal_deadline = std::chrono::seconds{15};
        // How long an archive may stall.
        std::chrono::milliseconds transfer_idle = std::chrono::seconds{60};
    };

    Client(boost::asio::io_context&, Options);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    [[nodiscard]] const Options& options() const { return options_; }
    [[nodiscard]] boost::asio::io_context& io() { return io_; }
    // nullopt: not chosen yet.
    [[nodiscard]] std::optional<ApiVersion> api() const { return api_; }
    [[nodiscard]] bool podman() const { return podman_; }
    // When the engine last sent anything; the epoch: never.
    [[nodiscard]] Clock::time_point heard() const { return connections_.heard(); }
    // The engine was away and may be another one.
    void forget_version();

    Running ping(Then<Done>);
    // Two consecutive calls; Podman needs seconds for them on a busy machine.
    Running probe(Then<EngineFacts>);
    Running disk_use(Then<DiskUse>);

    // `body`: the JSON of POST /containers/create.
    Running create(std::string_view name, std::string body, Then<Created>);
    Running start(std::string_view container, Then<Started>);
    // On a connection of its own, so that it never waits behind other calls. Cause::conflict: not running.
    Running signal(std::string_view container, std::string_view signal, Then<Done>);
    // Sends the signal, and SIGKILL after `grace`; completes when the container has ended.
    void stop(std::string_view container, std::string_view signal, std::chrono::milliseconds grace,
              Then<Exit>);
    // Completes when the container ends, or at the deadline; 0: no deadline.
    Running wait(std::string_view container, WaitFor, std::chrono::milliseconds deadline, Then<Exit>);
    Running inspect(std::string_view container, Then<ContainerFacts>);
    // All containers, running or not, with this label ("agenthost.server", "agenthost.server=7").
    Running list(std::string_view label, Then<std::vector<ContainerRow>>);
    Running remove(std::string_view container, RemoveOptions, Then<Removed>);
    // `body`: the JSON of POST /containers/ID/update.
    Running update(std::string_view container, std::string body, Then<Updated>);
    Running rename(std::string_view container, std::string_view name, Then<Done>);

    // One reading. The engine itself takes up to 2 s.
    Running stats(std::string_view container, Then<StatsSample>);
    Running follow_stats(std::string_view container, std::function<void(const StatsSample&)>,
                         std::function<void(std::optional<Error>)> on_end);
    // The version must have been chosen before (podman() decides how a position is asked for): probe first.
    LogReading logs(std::string_view container, const LogOptions&, LogHandlers);
    // Standard input only. Output by attach would block the container whenever its reader stalls. When the
    // attachment is closed, Podman ends the container's input; Docker does not. Docker keeps it open when the
    // container ends: the owner must then cancel it, and attach again after the next start.
    Sending attach_input(std::string_view container, InputHandlers);
    // A tar archive of `path`. on_piece may pause the returned Running.
    Running get_archive(std::string_view container, std::string_view path,
                        std::function<void(std::string_view)> on_piece, Then<Done>);
    // Extracts a tar archive below `path`, which must exist; the bytes come from Sending.
    Sending put_archive(std::string_view container, std::string_view path, std::function<void()> on_sent,
                        Then<Done>);

    Running image(std::string_view image, Then<ImageFacts>);
    // `on_progress` after each line that changed something. A reference without tag and digest is :latest.
    Running pull(std::string_view image, PullOptions, std::function<void(const PullProgress&)> on_progress,
                 Then<Done>);
    Running remove_image(std::string_view image, bool force, Then<Removed>);

    // For other streams of this room: sends it when the version is known.
    std::shared_ptr<Exchange> begin(Request, Handlers);
    // The complete body, as text.
    struct Answer {
        int status = 0;
        std::string body;
        // Of the head: the newest API that the engine offers, and whether it is Podman.
        std::string api_version;
        bool podman = false;
    };
    Running ask(Request, Then<Answer>);

    // Of one answer. A list of some hundred containers is a few hundred KiB.
    static constexpr std::size_t max_answer = 16 * 1024 * 1024;

private:
    void choose_version();
    void on_version(Result<Answer>);
    [[nodiscard]] Request request(std::string_view method, std::string what, std::string target,
                                  std::chrono::milliseconds deadline) const;
    template <class Value, class Read> Running ask_for(Request, Read, Then<Value>);
    template <class Value> Running refuse(std::string what, std::string_view why, Then<Value>);

    boost::asio::io_context& io_;
    Options options_;
    std::optional<ApiVersion> api_;
    bool podman_ = false, choosing_ = false;
    std::vector<std::weak_ptr<Exchange>> unversioned_;      // wait for the version
    std::shared_ptr<int> alive_ = std::make_shared<int>(0); // posted callbacks check that it still exists
    // The last member: abandons all exchanges first.
    Connections connections_;
};

} // namespace agenthost::docker::engine
