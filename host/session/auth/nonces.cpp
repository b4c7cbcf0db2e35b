#include "nonces.hpp"

#include <algorithm>

namespace agenthost::host {
namespace {

using Record = wire::ReplayWindow::Record;

// While the disk fails; beyond it the oldest are dropped.
constexpr std::size_t max_pending = 65'536 * Record::size;
// Records in a file before a snapshot pays off.
constexpr std::size_t small = 4096;

} // namespace

Nonces::Nonces(boost::asio::any_io_executor main, StateFile file, std::function<std::int64_t()> utc_ms)
    : main_{std::move(main)}, file_{std::move(file)}, utc_ms_{std::move(utc_ms)},
      book_{window_, [this] { return utc_ms_(); },
            [this](const Record& record) {
                const auto bytes = record.bytes();
                pending_.append(bytes.data(), bytes.size());
                if (!busy_) write();
                return true;
            }}
{}

void Nonces::restore(std::string_view bytes)
{
    restored_ = true;
    const std::int64_t now = utc_ms_();
    // An incomplete last record is ignored.
    for (; bytes.size() >= Record::size; bytes.remove_prefix(Record::size)) {
        window_.restore(Record::of(bytes), now);
        ++in_file_;
    }
    torn_ = !bytes.empty();
}

void Nonces::write()
{
    if (pending_.empty()) return;
    busy_ = true;
    writing_ = std::exchange(pending_, {});
    std::string content = writing_;
    const bool rewrite = torn_ || (in_file_ > small && in_file_ > 2 * window_.size());
    if (rewrite) {
        const auto records = window_.snapshot(utc_ms_()); // includes the pending records
        content.clear();
        for (const Record& record : records) {
            const auto bytes = record.bytes();
            content.append(bytes.data(), bytes.size());
        }
        in_file_ = 0;
    }
    in_file_ += content.size() / Record::size;
    const bool started = job_.start<std::string>(
        main_,
        [file = file_, content = std::move(content), rewrite] {
            return rewrite ? file.replace(content) : file.append(content);
        },
        [this](std::string problem) { written(std::move(problem)); });
    if (!started) written("too many threads are stuck; the nonces of the last commands are not saved");
}

void Nonces::written(std::string problem)
{
    busy_ = false;
    problem_ = std::move(problem);
    // Part of it may have been written.
    torn_ = !problem_.empty();
    if (problem_.empty()) {
        if (!pending_.empty()) return write();
    } else {
        // Retried with the next command.
        pending_.insert(0, writing_);
        if (pending_.size() > max_pending) pending_.erase(0, pending_.size() - max_pending);
    }
    writing_.clear();
    if (flushed_) std::exchange(flushed_, nullptr)();
}

void Nonces::flush(std::function<void()> done)
{
    flushed_ = std::move(done);
    if (!busy_ && !pending_.empty()) write();
    if (!busy_ && flushed_) std::exchange(flushed_, nullptr)();
}

} // namespace agenthost::host
