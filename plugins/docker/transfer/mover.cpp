#include "mover.hpp"

#include "plugins/docker/errors/codes.hpp"
#include "plugins/docker/files/error.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace agenthost::docker::transfer {

namespace {

using netclient::Clock;
using netclient::Transfer;

constexpr std::chrono::milliseconds progress_interval{250};

netclient::HttpClient::Call call_of(const Order& order, std::uint64_t total)
{
    netclient::HttpClient::Call call{order.url, {}, {}};
    call.network = order.network;
    if (order.progress)
        call.progress = [&order, total, next = Clock::time_point{}](std::uint64_t done) mutable {
            const auto now = Clock::now();
            if (now < next) return;
            next = now + progress_interval;
            order.progress(done, total);
        };
    return call;
}

[[noreturn]] void fail_ended(Transfer::End end)
{
    if (end == Transfer::End::deadline)
        throw Error{
            "TIMEOUT",
            "the command's deadline passed during the transfer; nothing was changed. Send it again with "
            "more time.",
            AGH_E_DEADLINE};
    files::fail("CANCELLED",
                "the transfer was cancelled; nothing was changed. Send the command again if it is "
                "still wanted.");
}

// `what` is a clause: "config/a.txt cannot be sent".
[[noreturn]] void fail_transfer(const Transfer& transfer, const std::string& what)
{
    using End = Transfer::End;
    switch (transfer.end) {
    case End::cancelled:
    case End::deadline: fail_ended(transfer.end);
    case End::denied: throw Error{"DENIED", what + ": " + transfer.detail + ".", AGH_E_DENIED};
    case End::local: throw Error{"INTERNAL", what + ": " + transfer.detail + ".", AGH_E_INTERNAL};
    case End::done:
    case End::refused:
    case End::network:
    case End::stopped: break;
    }
    network_error(what + ": " + transfer.detail);
}

std::uint64_t size_of(int file, const files::Path& path)
{
    struct stat info {};
    if (::fstat(file, &info) != 0) files::fail_errno(errno, path, "cannot be read");
    return static_cast<std::uint64_t>(info.st_size);
}

// A cancel after the last byte still keeps the old file.
void check_still_wanted(const netclient::WaitLimits& limits)
{
    if (Clock::now() >= limits.deadline) fail_ended(Transfer::End::deadline);
    if (limits.cancel.is_set()) fail_ended(Transfer::End::cancelled);
}

} // namespace

Moved Mover::download(const files::Root& root, const files::Path& path, const files::WriteOptions& given,
                      const Declared& declared, const Order& order)
{
    files::WriteOptions options = given;
    options.declared_size = declared.size;
    files::Writer writer{root, path, options};
    ContentSink sink{writer, declared};
    const Transfer transfer = http_.get(call_of(order, declared.size.value_or(0)), sink, order.limits);
    if (sink.problem()) throw Error{*sink.problem()};
    if (transfer.end != Transfer::End::done) fail_transfer(transfer, path.shown() + " cannot be fetched");
    Moved moved;
    moved.sha256 = sink.finish();
    moved.status = transfer.status;
    check_still_wanted(order.limits);
    moved.size = writer.commit();
    return moved;
}

Moved Mover::upload(const files::Root& root, const files::Path& path, const Order& order)
{
    const base::Fd file = root.open_file(path);
    const std::uint64_t size = size_of(file.get(), path);
    netclient::HttpClient::Call call = call_of(order, size);
    call.headers.emplace_back("Content-Type", "application/octet-stream");
    const Transfer transfer = http_.send("PUT", call, {file.get(), {}, size}, order.limits);
    if (transfer.end == Transfer::End::local && size_of(file.get(), path) < size)
        files::fail_at("BUSY", path, "the server made the file shorter while it was sent. Send it again.");
    if (transfer.end != Transfer::End::done) fail_transfer(transfer, path.shown() + " cannot be sent");
    return {size, {}, transfer.status};
}

} // namespace agenthost::docker::transfer
