// storage.download: opens the file, then sends it. An open file cannot change: a delete unlinks it, a
// replacement is another file.
#include "actions.hpp"
#include "job.hpp"

#include "base/json_writer.hpp"

namespace agenthost::storage {

namespace {

class Download : public Job {
public:
    Download(const Parts& parts, Request request, DownloadParams params)
        : Job{parts, std::move(request)}, params_{std::move(params)}
    {}

protected:
    MaybeProblem work(std::string& reply) override
    {
        FileRecord row;
        base::Fd file;
        const auto unreadable = parts_.open(params_.id, row, file);
        opened();
        if (unreadable) return unreadable;
        netclient::HttpClient::Call call{params_.url, {{"Content-Type", "application/octet-stream"}}};
        if (!row.sha256.empty()) call.headers.emplace_back("X-Content-SHA256", row.sha256);
        call.network = network();
        call.progress = [this, total = row.size](std::uint64_t done) { progress(done, total); };
        const auto transfer =
            parts_.http.send(params_.method, call, {file.get(), {}, row.size}, wait_limits());
        bytes_ = row.size;
        attempts_ = transfer.attempts;
        if (transfer.end != netclient::Transfer::End::done) return problem_of(transfer);
        reply.clear();
        base::JsonWriter json{reply};
        json.object().member("id", row.id).member("size", row.size);
        if (!row.sha256.empty()) json.member("sha256", row.sha256);
        json.member("http_status", transfer.status).end();
        return std::nullopt;
    }

    void ended(const MaybeProblem& failed) override
    {
        parts_.telemetry.download_done(failed ? failed->code : "", bytes_, attempts_);
        if (failed)
            parts_.telemetry.log(Level::warn, "download failed: " + failed->message + ": " + failed->detail,
                                 base::json_object("file_id", params_.id, "host", params_.url.host));
    }

private:
    DownloadParams params_;
    std::uint64_t bytes_ = 0;
    int attempts_ = 0;
};

} // namespace

void download(const Parts& parts, Request request)
{
    auto params = parse_download(request.params());
    submit<Download>(parts, std::move(request), std::move(params), {Schedule::Access::read, true});
}

} // namespace agenthost::storage
