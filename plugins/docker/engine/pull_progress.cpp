#include "pull_progress.hpp"

#include "base/json_depth.hpp"
#include "json_read.hpp"
#include "netclient/url.hpp"

#include <algorithm>

namespace agenthost::docker::engine {

namespace {

constexpr std::size_t max_status = 200;
constexpr std::size_t max_error = 1024;
constexpr std::uint64_t max_layer_bytes = std::uint64_t{1} << 50;

bool names_a_layer(std::string_view status)
{
    for (const std::string_view text :
         {"Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum", "Download complete",
          "Extracting", "Pull complete", "Already exists", "Retrying"})
        if (status.starts_with(text)) return true;
    return false;
}

} // namespace

bool PullProgress::read(std::string_view line)
{
    const auto root = base::parse_json<nlohmann::json>(line);
    if (!root.is_object()) return false;
    std::string error = text_at(member(root, "errorDetail"), "message");
    if (error.empty()) error = text_at(root, "error");
    if (!error.empty()) {
        error_ = netclient::printable(error, max_error);
        return true;
    }
    const std::string status = text_at(root, "status");
    if (status.empty()) return true;
    status_ = netclient::printable(status, max_status);
    if (status_.starts_with("Digest: ")) digest_ = status_.substr(8);
    const std::string id = text_at(root, "id");
    if (id.empty() || id.size() > 128 || !names_a_layer(status)) return true;
    const auto& detail = member(root, "progressDetail");
    // Extraction counts from 0 again; only the download is the progress.
    const bool extracting = status.starts_with("Extracting");
    read_layer(id, extracting ? 0 : count_at(detail, "current"), extracting ? 0 : count_at(detail, "total"));
    return true;
}

void PullProgress::read_layer(const std::string& id, std::uint64_t current, std::uint64_t total)
{
    auto at = layers_.find(id);
    if (at == layers_.end()) {
        if (layers_.size() >= max_layers) return;
        at = layers_.emplace(id, Layer{}).first;
    }
    Layer& layer = at->second;
    if (total > 0) layer.total = std::min(total, max_layer_bytes);
    if (current > 0) layer.current = std::min(current, layer.total > 0 ? layer.total : max_layer_bytes);
    const bool downloaded = status_.starts_with("Download complete") || status_.starts_with("Extracting");
    const bool done = status_ == "Pull complete" || status_ == "Already exists";
    if (downloaded || done) layer.current = layer.total;
    if (done && !layer.done) {
        layer.done = true;
        ++done_;
    }
}

std::uint64_t PullProgress::bytes() const
{
    std::uint64_t sum = 0;
    for (const auto& [id, layer] : layers_) sum += layer.total > 0 ? layer.current : 0;
    return sum;
}

std::uint64_t PullProgress::bytes_total() const
{
    std::uint64_t sum = 0;
    for (const auto& [id, layer] : layers_) sum += layer.total;
    return sum;
}

int PullProgress::percent() const
{
    if (layers_.empty()) return 0;
    if (done_ == layers_.size()) return 100;
    const auto total = static_cast<double>(bytes_total());
    const double share = total > 0 ? static_cast<double>(bytes()) / total
                                   : static_cast<double>(done_) / static_cast<double>(layers_.size());
    return std::min(99, static_cast<int>(share * 100));
}

} // namespace agenthost::docker::engine
