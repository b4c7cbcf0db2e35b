#include "file_readers.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr auto try_again = std::chrono::milliseconds{50}; // the worker's queue was full

// Whether `file` is the content that `from` announced, so that a reader can go on with it.
bool is_content_of(const FileReaders::Arriving& from, const std::shared_ptr<const SpoolFile>& file)
{
    if (file->size() != from.length) return false;
    return from.sha256.empty() ? file == from.file : file->sha256() == from.sha256;
}

} // namespace

void FileReaders::add(const Exchange& exchange, Head head)
{
    Reader reader;
    reader.head = std::move(head);
    readers_.insert_or_assign(exchange, std::move(reader));
}

bool FileReaders::has(const Exchange& exchange) const { return readers_.contains(exchange); }

bool FileReaders::begun(const Exchange& exchange) const
{
    const auto it = readers_.find(exchange);
    return it != readers_.end() && it->second.begun;
}

void FileReaders::due(const Exchange& exchange)
{
    const auto it = readers_.find(exchange);
    if (it == readers_.end()) return;
    it->second.due = true;
    begin(exchange, it->second);
}

void FileReaders::arriving(const Exchange& exchange, const Arriving& now)
{
    const auto it = readers_.find(exchange);
    if (it == readers_.end()) return;
    Reader& reader = it->second;
    if (reader.whole) return; // the agent resends a file that is already complete
    // The reader can continue with a new attempt of the agent only if the content is the same.
    if (reader.begun && now.file != reader.from.file &&
        (now.sha256.empty() || now.sha256 != reader.from.sha256 || now.length != reader.from.length))
        return cut(exchange);
    reader.from = now;
    if (reader.begun)
        pump(exchange, reader);
    else if (reader.due)
        begin(exchange, reader);
}

void FileReaders::begin(const Exchange& exchange, Reader& reader)
{
    const Arriving& from = reader.from;
    if (reader.begun || !from.file || from.landed == 0 || from.length == 0) return;
    Range range;
    Answer answer = file_head(reader.head, from.length, from.sha256, range);
    if (answer.status >= 400) { // the range is outside the file
        remove(exchange);
        return exchange.answer(std::move(answer));
    }
    reader.begun = true;
    reader.at = range.first;
    reader.end = range.first + range.length;
    exchange.begin(std::move(answer), range.length);
    pump(exchange, reader);
}

void FileReaders::pump(const Exchange& exchange, Reader& reader)
{
    if (!reader.begun || reader.reading) return;
    std::uint64_t limit = std::min(reader.end, reader.whole ? reader.from.length : reader.from.landed);
    if (!reader.whole) limit = std::min(limit, reader.end - 1);
    if (reader.at == reader.end) {
        exchange.finish();
        return remove(exchange);
    }
    if (reader.at >= limit) return;
    reader.reading = true;
    // Posted, so that it runs after the answer's head, which is in the outbox.
    core_.strand.post([this, exchange, file = reader.from.file, at = reader.at, limit] {
        if (core_.blocking([this, exchange, file, at, limit] { read(exchange, file, at, limit); })) return;
        core_.strand.run([&]() UNDER_LOCK {
            core_.after(try_again, [this, exchange, at]() UNDER_LOCK { stopped(exchange, at, AGH_OK); });
        });
    });
}

// On the worker, without the lock.
void FileReaders::read(const Exchange& exchange, const std::shared_ptr<const SpoolFile>& file,
                       std::uint64_t at, std::uint64_t limit)
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
        status = exchange.chunk(bytes);
        if (status == AGH_OK) at += bytes.size();
    }
    core_.strand.run([&]() UNDER_LOCK { stopped(exchange, at, status); });
}

void FileReaders::stopped(const Exchange& exchange, std::uint64_t at, agh_status status)
{
    const auto it = readers_.find(exchange);
    if (it == readers_.end()) return;
    core_.host.record(Metric::bytes_out, double(at - it->second.at));
    it->second.at = at;
    it->second.reading = false;
    if (status == AGH_OK) return pump(exchange, it->second);
    if (status != AGH_E_BUSY) return cut(exchange);
    // writable() will resume; the retry timer covers the case that it came while we read.
    core_.timers.cancel(it->second.retry);
    it->second.retry =
        core_.after(std::chrono::seconds{1}, [this, exchange]() UNDER_LOCK { writable(exchange); });
}

void FileReaders::complete(const Exchange& exchange, std::shared_ptr<const SpoolFile> file)
{
    const auto it = readers_.find(exchange);
    if (it == readers_.end()) return;
    Reader& reader = it->second;
    if (reader.whole) return; // the agent sent the file twice
    if (reader.begun && !is_content_of(reader.from, file)) return cut(exchange);
    reader.from.length = reader.from.landed = file->size();
    reader.from.sha256 = file->sha256();
    reader.from.file = std::move(file);
    reader.whole = true;
    pump(exchange, reader);
}

void FileReaders::refused(const Exchange& exchange)
{
    const auto it = readers_.find(exchange);
    if (it == readers_.end() || it->second.whole) return;
    if (it->second.begun) return cut(exchange);
    it->second.from = {}; // another attempt may follow
}

void FileReaders::fail(const Exchange& exchange)
{
    const auto it = readers_.find(exchange);
    if (it == readers_.end() || it->second.whole) return;
    if (it->second.begun) return cut(exchange);
    remove(exchange);
}

void FileReaders::cut(const Exchange& exchange)
{
    remove(exchange);
    exchange.cut(1011, "the file arrived incomplete");
}

void FileReaders::remove(const Exchange& exchange)
{
    const auto it = readers_.find(exchange);
    if (it == readers_.end()) return;
    core_.timers.cancel(it->second.retry);
    readers_.erase(it);
}

void FileReaders::writable(const Exchange& exchange)
{
    if (const auto it = readers_.find(exchange); it != readers_.end()) pump(exchange, it->second);
}

} // namespace agenthost::hub
