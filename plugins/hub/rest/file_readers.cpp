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

bool read_all(int fd, std::string& bytes, std::uint64_t at)
{
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ::ssize_t n =
            ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<::off_t>(at + done));
        if (n <= 0) return false;
        done += static_cast<std::size_t>(n);
    }
    return true;
}

bool same_bytes(const SpoolFile& a, const SpoolFile& b, std::uint64_t from, std::uint64_t to)
{
    constexpr std::uint64_t step = 128U << 10;
    std::string left, right;
    for (; from < to; from += left.size()) {
        left.resize(static_cast<std::size_t>(std::min(step, to - from)));
        right.resize(left.size());
        if (!read_all(a.fd(), left, from) || !read_all(b.fd(), right, from) || left != right) return false;
    }
    return true;
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
    if (reader.begun && now.file != reader.from.file) {
        // An older attempt goes on beside a newer one.
        for (const Source& source : reader.sources)
            if (source.file == now.file) return;
        if (reader.sources.size() == max_sources) return cut(exchange);
        // The bytes that are being read belong to the source before. Its next progress comes, or its end.
        if (reader.reading) return;
        reader.sources.push_back({now.file, reader.at});
    }
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
    reader.sources.push_back({from.file, reader.at});
    exchange.begin(std::move(answer), range.length);
    pump(exchange, reader);
}

void FileReaders::pump(const Exchange& exchange, Reader& reader)
{
    if (!reader.begun || reader.reading) return;
    if (reader.complete) return compare(exchange, reader);
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
    reader.from.file = file;
    reader.whole = true;
    if (reader.begun) reader.complete = std::move(file);
    pump(exchange, reader);
}

void FileReaders::compare(const Exchange& exchange, Reader& reader)
{
    const auto file = std::exchange(reader.complete, nullptr);
    std::vector<Source> sources = std::exchange(reader.sources, {{file, reader.at}});
    sources.push_back({file, reader.at}); // the end of the last one
    const auto other = [&file](const Source& source) { return source.file != file; };
    if (std::none_of(sources.begin(), sources.end(), other)) return pump(exchange, reader);
    reader.reading = true;
    core_.strand.post([this, exchange, file, sources = std::move(sources)] {
        const auto job = [this, exchange, file, sources] {
            bool same = true;
            for (std::size_t i = 0; same && i + 1 < sources.size(); ++i)
                same = sources[i].file == file ||
                       same_bytes(*sources[i].file, *file, sources[i].begin, sources[i + 1].begin);
            core_.strand.run([&]() UNDER_LOCK { compared(exchange, same); });
        };
        if (core_.blocking(job)) return;
        // The worker's queue is full, and the sources are gone: the caller tries again.
        core_.strand.run([&]() UNDER_LOCK { compared(exchange, false); });
    });
}

void FileReaders::compared(const Exchange& exchange, bool same)
{
    const auto it = readers_.find(exchange);
    if (it == readers_.end()) return;
    it->second.reading = false;
    if (!same) return cut(exchange);
    pump(exchange, it->second);
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
