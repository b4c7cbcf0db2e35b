// storage.delete and storage.verify.
#include "submit.hpp"

#include "base/buffer.hpp"
#include "base/json_writer.hpp"
#include <sys/stat.h>

#include <nlohmann/json.hpp>

namespace agenthost::storage {

namespace {

constexpr std::size_t verify_page = 100;
constexpr std::size_t verify_report_most = 1000; // ids named in the answer; the counts are complete

} // namespace

// The row goes first, in one transaction with an entry of the trash: after a crash the next start unlinks what is left.
class Remove : public Job {
public:
    Remove(Service& service, Request request, std::string id)
        : Job{service, std::move(request)}, id_{std::move(id)}
    {}

protected:
    MaybeProblem work(std::string& reply) override
    {
        const auto row = service_.index_->find(id_);
        const auto blob = row ? remove_row() : std::nullopt;
        if (!blob) return problem::file_not_found("no file with the id " + id_ + " is stored");
        {
            const std::lock_guard lock{service_.ledger_mutex_};
            service_.ledger_->removed(row->size);
        }
        service_.sweep(*blob);
        reply = base::json_object("id", id_, "free_bytes", service_.store_->free_bytes());
        return std::nullopt;
    }

private:
    // Deleting is how a full disk gets room again, so it must not need room.
    std::optional<std::string> remove_row()
    {
        try {
            return service_.index_->remove(id_);
        } catch (const base::SqliteError&) {
            if (!service_.store_->drop_ballast()) throw;
            return service_.index_->remove(id_);
        }
    }

    std::string id_;
};

// Reads content and compares. One file, or all, page by page; files that come or go meanwhile are fine.
class Verify : public Job {
public:
    Verify(Service& service, Request request, std::string id)
        : Job{service, std::move(request)}, id_{std::move(id)}
    {}

protected:
    MaybeProblem work(std::string& reply) override
    {
        if (!id_.empty()) {
            const auto row = service_.index_->find(id_);
            if (!row) return problem::file_not_found("no file with the id " + id_ + " is stored");
            total_ = row->size;
            if (auto failed = check(*row)) return failed;
        } else {
            total_ = service_.index_->totals().bytes;
            Index::Query query;
            query.limit = verify_page;
            for (auto rows = service_.index_->list(query); !rows.empty();
                 rows = service_.index_->list(query)) {
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
        const base::Fd file = service_.store_->open(row.blob, error);
        if (!id_.empty()) service_.pool_->opened(ticket());
        if (!file && error != ENOENT) return problem::from_errno(error, "opening the content of " + row.id);
        if (!file) {
            const auto now = service_.index_->find(row.id);
            if (now && now->blob == row.blob)
                found(row, FileState::missing, missing_); // else it was deleted or replaced meanwhile
            return std::nullopt;
        }
        struct stat info {};
        if (::fstat(file.get(), &info) != 0)
            return problem::from_errno(errno, "looking at the content of " + row.id);
        if (static_cast<std::uint64_t>(info.st_size) != row.size)
            return found(row, FileState::damaged, damaged_), std::nullopt;
        if (row.sha256.empty()) {
            ++checked_;
            ++unverifiable_; // the size is right, and that is all we know
            return std::nullopt;
        }
        bool same = false;
        if (auto failed = compare(row, file.get(), same)) return failed;
        if (!same) return found(row, FileState::damaged, damaged_), std::nullopt;
        ++checked_;
        ++whole_;
        if (row.state != FileState::whole)
            service_.index_->mark(row.id, row.blob, FileState::whole); // someone put it right
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
        if (ids.size() < verify_report_most) ids.push_back(row.id);
        if (row.state != state) service_.mark(row, state);
    }

    std::string id_;
    base::Buffer buffer_{128 * 1024};
    std::uint64_t checked_ = 0, whole_ = 0, unverifiable_ = 0, done_ = 0, total_ = 0;
    std::vector<std::string> missing_, damaged_;
};

void Service::remove(Request request)
{
    auto parsed = parse_file_id(request.params());
    if (const auto* bad = std::get_if<Problem>(&parsed)) {
        request.fail(bad->code, bad->message, bad->detail);
        return;
    }
    auto& id = std::get<std::string>(parsed);
    Schedule::Job job{{}, id, Schedule::Access::write, false};
    submit(std::move(job), std::make_shared<Remove>(*this, std::move(request), std::move(id)));
}

void Service::verify(Request request)
{
    auto parsed = parse_file_id(request.params());
    if (const auto* bad = std::get_if<Problem>(&parsed)) {
        request.fail(bad->code, bad->message, bad->detail);
        return;
    }
    auto& id = std::get<std::string>(parsed);
    Schedule::Job job{{}, id, Schedule::Access::read, true};
    submit(std::move(job), std::make_shared<Verify>(*this, std::move(request), std::move(id)));
}

} // namespace agenthost::storage
