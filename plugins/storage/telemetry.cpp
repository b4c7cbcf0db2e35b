#include "telemetry.hpp"

#include "base/json_writer.hpp"

namespace agenthost::storage {

namespace {

std::string definition(std::string_view name, std::string_view type, std::string_view help,
                       std::string_view unit = {}, std::string_view labels = {})
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("name", name).member("type", type).member("help", help);
    if (!unit.empty()) json.member("unit", unit);
    if (!labels.empty()) json.member("labels", base::RawJson{labels});
    json.end();
    return out;
}

} // namespace

Telemetry::Telemetry(Context& context) : context_{context}
{
    const auto transfers = [&](std::string_view labels) {
        return context.metric(definition("transfers_total", "counter", "Transfers ended.", {}, labels));
    };
    const auto bytes = [&](std::string_view labels) {
        return context.metric(definition("transferred_bytes_total", "counter",
                                         "Content of transfers that succeeded.", "bytes", labels));
    };
    const auto gauge = [&](std::string_view name, std::string_view help, std::string_view unit = {}) {
        return context.metric(definition(name, "gauge", help, unit));
    };
    uploads_ = {transfers(R"({"dir":"in","result":"ok"})"), transfers(R"({"dir":"in","result":"error"})"),
                bytes(R"({"dir":"in"})")};
    downloads_ = {transfers(R"({"dir":"out","result":"ok"})"), transfers(R"({"dir":"out","result":"error"})"),
                  bytes(R"({"dir":"out"})")};
    retries_ =
        context.metric(definition("retries_total", "counter", "Attempts beyond the first of a transfer."));
    files_ = gauge("files", "Files stored.");
    bytes_ = gauge("bytes", "Bytes stored.", "bytes");
    free_ = gauge("free_bytes", "Bytes free on the disk.", "bytes");
    quarantined_ = gauge("quarantined_files", "Orphans in quarantine.");
    missing_ = gauge("missing_files", "Files of the index that are missing or damaged on the disk.");
    running_ = gauge("transfers_running", "Transfers running.");
    waiting_ = gauge("transfers_waiting", "Transfers waiting for a slot.");
}

void Telemetry::publish(const Snapshot& now)
{
    std::string fact;
    base::JsonWriter json{fact};
    json.object().member("files", now.files).member("bytes", now.bytes).member("free_bytes", now.free_bytes);
    if (now.quota > 0) json.member("quota_bytes", now.quota);
    json.end();
    context_.publish("storage", fact);
    count(files_, static_cast<double>(now.files));
    count(bytes_, static_cast<double>(now.bytes));
    count(free_, static_cast<double>(now.free_bytes));
    count(quarantined_, static_cast<double>(now.quarantined));
    count(missing_, static_cast<double>(now.missing + now.damaged));
    count(running_, static_cast<double>(now.running));
    count(waiting_, static_cast<double>(now.waiting));
}

void Telemetry::upload_done(std::string_view code, std::uint64_t bytes, int attempts)
{
    count(code.empty() ? uploads_.ok : uploads_.failed, 1);
    if (code.empty()) count(uploads_.bytes, static_cast<double>(bytes));
    if (attempts > 1) count(retries_, attempts - 1);
}

void Telemetry::download_done(std::string_view code, std::uint64_t bytes, int attempts)
{
    count(code.empty() ? downloads_.ok : downloads_.failed, 1);
    if (code.empty()) count(downloads_.bytes, static_cast<double>(bytes));
    if (attempts > 1) count(retries_, attempts - 1);
}

void Telemetry::quarantined(const std::string& blob, std::uint64_t bytes)
{
    const std::string json = base::json_object("file", blob, "bytes", bytes);
    log(Level::warn, "a file that no row of the index knows went into quarantine", json);
    context_.emit("storage.file_quarantined", json);
}

void Telemetry::missing(const std::string& id)
{
    const std::string json = base::json_object("file_id", id);
    log(Level::error, "the content of a stored file is missing on the disk; send it again or delete it",
        json);
    context_.emit("storage.file_missing", json);
}

void Telemetry::damaged(const std::string& id)
{
    const std::string json = base::json_object("file_id", id);
    log(Level::error, "the content of a stored file is damaged on the disk; send it again or delete it",
        json);
    context_.emit("storage.file_damaged", json);
}

} // namespace agenthost::storage
