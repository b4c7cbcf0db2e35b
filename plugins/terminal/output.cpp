#include "output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace agenthost::terminal {

namespace {
constexpr std::size_t stays_in_memory = 8 << 10; // of a finished command's channel
}

Output::~Output()
{
    free_memory();
    if (fd_) ::unlink(file_.c_str());
}

std::span<char> Output::free_space()
{
    if (!memory_) memory_ = std::make_unique_for_overwrite<char[]>(size_);
    if (size_ - (end_ - kept_) < read_size) make_space();
    const std::size_t at = end_ % size_;
    return {memory_.get() + at, std::min<std::size_t>({size_ - at, size_ - (end_ - kept_), read_size})};
}

void Output::make_space()
{
    if (grow()) return;
    if (whole_ring())
        kept_ = end_ - ring_;
    else
        spill(end_ - window / 2); // by the half, so that the disk sees few and large writes
}

bool Output::grow()
{
    if (!budget_ || fd_ || broken_ || whole_ring() || ring_ == 0 || ring_ > budget_->left) return false;
    const std::size_t size = window + static_cast<std::size_t>(ring_);
    auto memory = std::make_unique_for_overwrite<char[]>(size);
    for (std::uint64_t at = kept_; at < end_;) {
        const auto n = std::min<std::uint64_t>({end_ - at, window - at % window, size - at % size});
        std::memcpy(memory.get() + at % size, memory_.get() + at % window, n);
        at += n;
    }
    budget_->left -= static_cast<std::size_t>(ring_);
    memory_ = std::move(memory);
    size_ = size;
    return true;
}

void Output::free_memory()
{
    memory_.reset();
    if (whole_ring()) budget_->left += size_ - window;
    size_ = window;
}

void Output::append(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto to = free_space();
        const std::size_t n = std::min(to.size(), bytes.size());
        std::memcpy(to.data(), bytes.data(), n);
        wrote(n);
        bytes.remove_prefix(n);
    }
}

std::uint64_t Output::begin() const
{
    if (broken_ || !fd_) return kept_;
    return std::max(on_disk_, kept_ > ring_ ? kept_ - ring_ : 0);
}

void Output::spill(std::uint64_t until)
{
    while (kept_ < until) {
        const std::size_t at = kept_ % size_;
        const auto n = std::min<std::uint64_t>(size_ - at, until - kept_);
        write_ring(kept_, {memory_.get() + at, n});
        kept_ += n;
    }
}

void Output::write_ring(std::uint64_t offset, std::string_view bytes)
{
    if (broken_ || ring_ == 0) return;
    if (!fd_) {
        fd_.reset(::open(file_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd_) broken_ = true;
        on_disk_ = offset;
    }
    if (bytes.size() > ring_) {
        offset += bytes.size() - ring_;
        bytes.remove_prefix(bytes.size() - ring_);
    }
    while (!bytes.empty() && !broken_) {
        const std::uint64_t at = offset % ring_;
        const ::ssize_t n =
            ::pwrite(fd_.get(), bytes.data(), std::min<std::uint64_t>(bytes.size(), ring_ - at),
                     static_cast<::off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            broken_ = true;
            return;
        }
        offset += static_cast<std::uint64_t>(n);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

bool Output::read_ring(std::uint64_t offset, char* to, std::size_t n) const
{
    while (n > 0) {
        const std::uint64_t at = offset % ring_;
        const ::ssize_t got =
            ::pread(fd_.get(), to, std::min<std::uint64_t>(n, ring_ - at), static_cast<::off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        offset += static_cast<std::uint64_t>(got);
        to += got;
        n -= static_cast<std::size_t>(got);
    }
    return true;
}

std::string_view Output::read(std::uint64_t offset, std::size_t max, std::string& scratch) const
{
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(max, end_ - offset));
    if (n == 0) return {};
    if (offset < kept_) {
        scratch.resize(static_cast<std::size_t>(std::min<std::uint64_t>(n, kept_ - offset)));
        if (!read_ring(offset, scratch.data(), scratch.size())) return {};
        return scratch;
    }
    if (!memory_) return std::string_view{little_}.substr(offset - kept_, n);
    const std::size_t at = offset % size_;
    if (at + n <= size_) return {memory_.get() + at, n};
    scratch.assign(memory_.get() + at, size_ - at);
    scratch.append(memory_.get(), n - (size_ - at));
    return scratch;
}

void Output::settle()
{
    if (!memory_) return;
    if (whole_ring()) kept_ = std::max(kept_, end_ > ring_ ? end_ - ring_ : 0);
    if (!broken_ && ring_ > 0 && (fd_ || end_ - kept_ > stays_in_memory)) spill(end_);
    if (kept_ < end_) { // little, or the disk does not take it
        kept_ = std::max(kept_, end_ > stays_in_memory ? end_ - stays_in_memory : 0);
        std::string scratch;
        little_ = read(kept_, stays_in_memory, scratch);
    }
    free_memory();
}

std::size_t whole_utf8(std::string_view text)
{
    // The last up to 3 bytes: is there a lead byte whose sequence is not complete?
    for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
        const auto c = static_cast<unsigned char>(text[text.size() - back]);
        if ((c & 0xc0) == 0x80) continue;
        const std::size_t length = c >= 0xf0 && c <= 0xf4 ? 4
                                   : c >= 0xe0            ? (c < 0xf0 ? 3 : 1)
                                   : c >= 0xc2            ? 2
                                                          : 1;
        return length > back ? text.size() - back : text.size();
    }
    return text.size();
}

} // namespace agenthost::terminal
