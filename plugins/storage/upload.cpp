// storage.upload: look up, claim space, fetch, check, sync, rename, write the row, answer. A failure before
// the row leaves nothing behind.
#include "actions.hpp"
#include "job.hpp"

#include "base/json_writer.hpp"
#include <sys/stat.h>

#include <chrono>

namespace agenthost::storage {

namespace {

class Upload : public Job {
public:
    Upload(const Parts& parts, Request request, UploadParams params)
        : Job{parts, std::move(request)}, params_{std::move(params)}
    {}

protected:
    MaybeProblem work(std::string& reply) override
    {
        const auto row = parts_.index.find(params_.id);
        if (row && unchanged(*row)) {
            if (row->name != params_.name || row->owner != params_.owner)
                parts_.index.describe(row->id, params_.name, params_.owner);
            reply = answer(row->size, row->sha256, true);
            return std::nullopt;
        }
        // Replacing a row whose content is missing frees no disk space, but its size is counted until then.
        Quota::Claim space{parts_.quota, row ? row->size : 0};
        if (params_.declared.size)
            if (auto shortage = space.raise(*params_.declared.size); !shortage.empty())
                return problem::disk_full(std::move(shortage));
        MaybeProblem failed;
        auto temp = parts_.store.create(failed);
        if (!temp) return failed;
        FileSink sink{temp->fd(), space, params_.declared, parts_.config.checksum_always};
        if ((failed = fetch(sink))) return failed;
        if ((failed = sink.finish())) return failed;
        if (cancel().is_set()) return stopped_problem();
        if ((failed = parts_.store.place(*temp))) return failed;
        if ((failed = enter(temp->blob(), sink, space))) return failed;
        reply = answer(sink.size(), sink.sha256(), false);
        return std::nullopt;
    }

    void ended(const MaybeProblem& failed) override
    {
        parts_.telemetry.upload_done(failed ? failed->code : "", bytes_, attempts_);
        if (failed)
            parts_.telemetry.log(Level::warn, "upload failed: " + failed->message + ": " + failed->detail,
                                 base::json_object("file_id", params_.id, "host", params_.url.host));
    }

private:
    // The same content is already stored: its checksum matches, and the file has the right size.
    bool unchanged(const FileRecord& row) const
    {
        if (params_.declared.sha256.empty() || row.sha256 != params_.declared.sha256 ||
            row.state != FileState::whole)
            return false;
        if (params_.declared.size && *params_.declared.size != row.size) return false;
        int error = 0;
        const base::Fd file = parts_.store.open(row.blob, error);
        struct stat info {};
        return file && ::fstat(file.get(), &info) == 0 &&
               static_cast<std::uint64_t>(info.st_size) == row.size;
    }

    MaybeProblem fetch(FileSink& sink)
    {
        const std::uint64_t total = params_.declared.size.value_or(0);
        netclient::HttpClient::Call call{
            params_.url, {}, [this, total](std::uint64_t done) { progress(done, total); }};
        call.network = network();
        const auto transfer = parts_.http.get(call, sink, wait_limits());
        bytes_ = sink.size();
        attempts_ = transfer.attempts;
        if (transfer.end == netclient::Transfer::End::done) return std::nullopt;
        if (transfer.end == netclient::Transfer::End::stopped && sink.problem()) return sink.problem();
        return problem_of(transfer);
    }

    // Writes the row: from here on the file is acknowledged.
    MaybeProblem enter(const std::string& blob, const FileSink& sink, Quota::Claim& space)
    {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const FileRecord row{params_.id,
                             params_.name,
                             params_.owner,
                             blob,
                             sink.size(),
                             sink.sha256(),
                             std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
        std::optional<std::string> old;
        try {
            old = parts_.index.put(row);
        } catch (const base::SqliteError& e) {
            // A full disk certainly rolled back. After any other error the row may exist after the next
            // start, so the file must be kept, too; without a row it is an orphan and goes to quarantine.
            if (e.disk_full()) parts_.store.remove(blob);
            throw;
        }
        space.settle(sink.size());
        if (old) parts_.unlink(*old);
        return std::nullopt;
    }

    [[nodiscard]] std::string answer(std::uint64_t size, const std::string& sha256, bool unchanged) const
    {
        std::string out;
        base::JsonWriter json{out};
        json.object().member("id", params_.id).member("size", size);
        if (!sha256.empty()) json.member("sha256", sha256);
        json.member("free_bytes", parts_.store.free_bytes());
        if (unchanged) json.member("unchanged", true);
        json.end();
        return out;
    }

    UploadParams params_;
    std::uint64_t bytes_ = 0;
    int attempts_ = 0;
};

} // namespace

void upload(const Parts& parts, Request request)
{
    auto params = parse_upload(request.params());
    submit<Upload>(parts, std::move(request), std::move(params), {Schedule::Access::write, true});
}

} // namespace agenthost::storage
