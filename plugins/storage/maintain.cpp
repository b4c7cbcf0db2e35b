// storage.delete and storage.verify.
#include "actions.hpp"
#include "job.hpp"

#include "base/buffer.hpp"
#include "base/json_writer.hpp"
#include <sys/stat.h>

#include <nlohmann/json.hpp>

namespace agenthost::storage {

namespace {

constexpr std::size_t verify_page = 100;
constexpr std::size_t max_verify_report = 1000; // ids listed in the answer; the counts are complete

// The row is deleted first, in one transaction with an entry in the trash: after a crash the next start
// unlinks the file.
class Remove : public Job {
public:
    Remove(const Parts& parts, Request request, std::string id)
        : Job{parts, std::move(request)}, id_{std::move(id)}
    {}

protected:
    MaybeProblem work(std::string& reply) override
    {
        const auto row = parts_.index.find(id_);
        const auto blob = row ? remove_row() : std::nullopt;
        if (!blob) return problem::file_not_found("no file with the id " + id_ + " is stored");
        parts_.quota.removed(row->size);
        parts_.unlink(*blob);
        reply = base::json_object("id", id_, "free_bytes", parts_.store.free_bytes());
        return std::nullopt;
    }

private:
    // Deleting frees space on a full disk, so it must not need space.
    std::optional<std::string> remove_row()
    {
        try {
            return parts_.index.remove(id_);
        } catch (const base::SqliteError& e) {
            if (e.locked() || !parts_.store.drop_ballast()) throw;
            return parts_.index.remove(id_);
        }
    }

    std::string id_;
};

// Reads and compares content: one file, or all of them page by page. Concurrent changes are fine.
class Verify : public Job {
public:
    Verify(const Parts& parts, Request request, std::string id)
        : Job{parts, std::move(request)}, id_{std::move(id)}
    {}

protected:
    MaybeProblem work(std::string& reply) override
    {
        if (!id_.empty()) {
            const auto row = parts_.index.find(id_);
            if (!row) return problem::file_not_found("no file with the id " + id_ + " is stored");
            total_ = row->size;
            if (auto failed = check(*row)) return failed;
        } else {
            total_ = parts_.index.totals().bytes;
            Index::Query query;
            query.limit = verify_page;
            for (auto rows = parts_.index.list(query); !rows.empty(); rows = parts_.index.list(query)) {
                for (const auto& row : rows)
                    if (auto failed = check(row)) return failed;
                query.after = rows.back().id;
            }
        }
        reply = base::json_object("checked", checked_, "whole", whole_, "unverifiable", unverifiable_,
                                  "missing", missing_, "damaged", damaged_);
        return std::nullopt;
    }

private:
    MaybeProblem check(const FileRecord& row)
    {
        int error = 0;
        const base::Fd file = parts_.store.open(row.blob, error);
        if (!id_.empty()) opened();
        if (!file && error != ENOENT) return problem::from_errno(error, "opening the content of " + row.id);
        if (!file) {
            const auto now = parts_.index.find(row.id);
            if (now && now->blob == row.blob)
                found(row, FileState::missing, missing_); // otherwise it was deleted or replaced meanwhile
            return std::nullopt;
        }
        struct stat info {};
        if (::fstat(file.get(), &info) != 0)
            return problem::from_errno(errno, "looking at the content of " + row.id);
        if (static_cast<std::uint64_t>(info.st_size) != row.size)
            return found(row, FileState::damaged, damaged_), std::nullopt;
        if (row.sha256.empty()) {
            ++checked_;
            ++unverifiable_; // the size is correct, and nothing else is known
            return std::nullopt;
        }
        bool same = false;
        if (auto failed = compare(row, file.get(), same)) return failed;
        if (!same) return found(row, FileState::damaged, damaged_), std::nullopt;
        ++checked_;
        ++whole_;
        if (row.state != FileState::whole)
            parts_.index.mark(row.id, row.blob, FileState::whole); // it has been repaired
        return std::nullopt;
    }

    MaybeProblem compare(const FileRecord& row, int file, bool& same)
    {
        base::Sha256 hash;
        for (std::uint64_t at = 0; at < row.size;) {
            if (cancel().is_set()) return stopped_problem();
            const ssize_t n = ::pread(file, buffer_.data(), buffer_.size(), static_cast<off_t>(at));
            if (n < 0) return problem::from_errno(errno, "reading the content of " + row.id);
            if (n == 0) break;
            hash.update(buffer_.data(), static_cast<std::size_t>(n));
            at += static_cast<std::uint64_t>(n);
            done_ += static_cast<std::uint64_t>(n);
            progress(done_, total_);
        }
        same = base::hex(hash.finish()) == row.sha256;
        return std::nullopt;
    }

    void found(const FileRecord& row, FileState state, std::vector<std::string>& ids)
    {
        ++checked_;
        if (ids.size() < max_verify_report) ids.push_back(row.id);
        if (row.state != state) parts_.mark(row, state);
    }

    std::string id_;
    base::Buffer buffer_{128 * 1024};
    std::uint64_t checked_ = 0, whole_ = 0, unverifiable_ = 0, done_ = 0, total_ = 0;
    std::vector<std::string> missing_, damaged_;
};

} // namespace

void remove(const Parts& parts, Request request)
{
    auto id = parse_file_id(request.params());
    submit<Remove>(parts, std::move(request), std::move(id), {Schedule::Access::write, false});
}

void verify(const Parts& parts, Request request)
{
    auto id = parse_file_id(request.params());
    submit<Verify>(parts, std::move(request), std::move(id), {Schedule::Access::read, true});
}

} // namespace agenthost::storage
