#include "file_readers.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr auto try_again = std::chrono::milliseconds{50}; // the worker's queue was full

}

void FileReaders::add(Conn conn, Head head)
{
    Reader reader;
    reader.head = std::move(head);
    readers_.insert_or_assign(conn, std::move(reader));
}

bool FileReaders::has(Conn conn) const { return readers_.contains(conn); }

bool FileReaders::begun(Conn conn) const
{
    const auto it = readers_.find(conn);
    return it != readers_.end() && it->second.begun;
}

void FileReaders::due(Conn conn)
{
    const auto it = readers_.find(conn);
    if (it == readers_.end()) return;
    it->second.due = true;
    begin(conn, it->second);
}

void FileReaders::arriving(Conn conn, const Arriving& now)
{
    const auto it = readers_.find(conn);
    if (it == readers_.end()) return;
    Reader& reader = it->second;
    if (reader.whole) return; // the agent sends again what is here already
    // A new attempt of the agent continues what the reader has only when it is the same content.
    if (reader.begun && now.file != reader.from.file &&
        (now.sha256.empty() || now.sha256 != reader.from.sha256 || now.length != reader.from.length))
        return cut(conn);
    reader.from = now;
    if (reader.begun)
        pump(conn, reader);
    else if (reader.due)
        begin(conn, reader);
}

void FileReaders::begin(Conn conn, Reader& reader)
{
    const Arriving& from = reader.from;
    if (reader.begun || !from.file || from.landed == 0 || from.length == 0) return;
    Range range;
    Answer answer = file_head(reader.head, from.length, from.sha256, range);
    if (answer.status >= 400) { // the range lies outside the file
        remove(conn);
        return core_.answer(conn, std::move(answer));
    }
    reader.begun = true;
    reader.at = range.first;
    reader.end = range.first + range.length;
    core_.host.record(Metric::requests, 1);
    core_.outbox.push_back([this, conn, answer = std::move(answer), length = range.length] {
        core_.host.begin(conn, answer, length);
    });
    pump(conn, reader);
}

void FileReaders::pump(Conn conn, Reader& reader)
{
    if (!reader.begun || reader.reading) return;
    std::uint64_t limit = std::min(reader.end, reader.whole ? reader.from.length : reader.from.landed);
    if (!reader.whole) limit = std::min(limit, reader.end - 1);
    if (reader.at == reader.end) {
        core_.outbox.push_back([this, conn] { core_.host.finish(conn); });
        return remove(conn);
    }
    if (reader.at >= limit) return;
    reader.reading = true;
    // After what is in the outbox: the answer's head.
    core_.outbox.push_back([this, conn, file = reader.from.file, at = reader.at, limit] {
        if (core_.blocking([this, conn, file, at, limit] { read(conn, file, at, limit); })) return;
        core_.enter([&] {
            core_.timers.at(core_.now() + try_again, [this, conn, at] { stopped(conn, at, AGH_OK); });
        });
    });
}

// On the worker, without the lock.
void FileReaders::read(Conn conn, const std::shared_ptr<const SpoolFile>& file, std::uint64_t at,
                       std::uint64_t limit)
{
    std::string bytes;
    agh_status status = AGH_OK;
    const std::uint64_t stop = std::min(limit, at + turn);
    while (at < stop && status == AGH_OK) {
        bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece, stop - at)));
        const ::ssize_t n = ::pread(file->fd(), bytes.data(), bytes.size(), static_cast<::off_t>(at));
        if (n <= 0) {
            status = AGH_E_INTERNAL;
            break;
        }
        bytes.resize(static_cast<std::size_t>(n));
        status = core_.host.chunk(conn, bytes);
        if (status == AGH_OK) at += bytes.size();
    }
    core_.enter([&] { stopped(conn, at, status); });
}

void FileReaders::stopped(Conn conn, std::uint64_t at, agh_status status)
{
    const auto it = readers_.find(conn);
    if (it == readers_.end()) return;
    core_.host.record(Metric::bytes_out, double(at - it->second.at));
    it->second.at = at;
    it->second.reading = false;
    if (status == AGH_OK) return pump(conn, it->second);
    if (status != AGH_E_BUSY) return cut(conn);
    // writable() comes; when it came while we read, nobody else would go on.
    core_.timers.cancel(it->second.retry);
    it->second.retry =
        core_.timers.at(core_.now() + std::chrono::seconds{1}, [this, conn] { writable(conn); });
}

void FileReaders::complete(Conn conn, std::shared_ptr<const SpoolFile> file)
{
    const auto it = readers_.find(conn);
    if (it == readers_.end()) return;
    Reader& reader = it->second;
    if (reader.begun && file->size() != reader.from.length) return cut(conn);
    reader.from.length = reader.from.landed = file->size();
    reader.from.sha256 = file->sha256();
    reader.from.file = std::move(file);
    reader.whole = true;
    pump(conn, reader);
}

void FileReaders::fail(Conn conn)
{
    const auto it = readers_.find(conn);
    if (it == readers_.end() || it->second.whole) return;
    if (it->second.begun) return cut(conn);
    remove(conn);
}

void FileReaders::cut(Conn conn)
{
    remove(conn);
    core_.outbox.push_back([this, conn] { core_.host.close(conn, 1011, "the file did not come whole"); });
}

void FileReaders::remove(Conn conn)
{
    const auto it = readers_.find(conn);
    if (it == readers_.end()) return;
    core_.timers.cancel(it->second.retry);
    readers_.erase(it);
}

void FileReaders::writable(Conn conn)
{
    if (const auto it = readers_.find(conn); it != readers_.end()) pump(conn, it->second);
}

} // namespace agenthost::hub
