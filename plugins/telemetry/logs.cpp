#include "logs.hpp"

#include "system_reader.hpp" // small_file

#include "base/json_writer.hpp"

#include <agenthost/json.hpp>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <utility>

namespace agenthost::telemetry {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kept_message = 1024; // of a line kept for telemetry.logs

FilePosition position_of(const Json& json)
{
    return {.device = json.value("device", std::uint64_t{0}),
            .inode = json.value("inode", std::uint64_t{0}),
            .offset = json.value("offset", std::uint64_t{0}),
            .before = json.value("before", std::uint64_t{0})};
}

// Positions of the last run; empty if there are none or they cannot be read: then files are followed from
// their end.
std::map<std::string, FilePosition> load_positions(const std::string& file, std::uint64_t& daemon_position)
try {
    std::map<std::string, FilePosition> out;
    const auto text = file.empty() ? std::nullopt : small_file(file);
    if (!text) return out;
    const Json json = Json::parse(*text);
    daemon_position = json.value("daemon", std::uint64_t{0});
    for (const auto& [path, position] : json.at("files").items()) out.emplace(path, position_of(position));
    return out;
} catch (const std::exception&) {
    daemon_position = 0;
    return {};
}

bool write_whole(const std::string& file, std::string_view text)
{
    const std::string fresh = file + ".new";
    {
        const base::Fd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            return false;
    }
    return std::rename(fresh.c_str(), file.c_str()) == 0;
}

} // namespace

Logs::Logs(const Config& config, std::string state_file, Outputs outputs)
    : config_{config}, state_file_{std::move(state_file)}, outputs_{std::move(outputs)}, bucket_{
                                                                                             config.log_rate,
                                                                                             config.log_burst}
{
    const auto positions = load_positions(state_file_, daemon_position);
    for (const LogFile& file : config_.logs) {
        const auto at = positions.find(file.path);
        sources_.push_back(
            {.config = file,
             .follower =
                 Follower{file.path, at == positions.end() ? std::optional<FilePosition>{} : at->second},
             .skipped_said = 0,
             .problem_said = {}});
    }
    saved_ = places_json();
}

Logs::~Logs()
{
    try {
        save();
    } catch (...) { // out of memory: the next run starts from the last save
    }
}

void Logs::poll(std::chrono::nanoseconds now, std::int64_t utc_ms)
{
    for (Source& source : sources_) {
        source.follower.poll([&](std::string_view text, bool cut) {
            const auto level = source.config.level.value_or(guess_severity(text).value_or(Severity::info));
            std::string message{text};
            if (cut) message += "...";
            offer({.level = level,
                   .source = source.config.source,
                   .message = std::move(message),
                   .at_ms = utc_ms},
                  level >= config_.forward, now);
        });
        if (const auto& problem = source.follower.problem(); problem != source.problem_said) {
            if (!problem.empty() && outputs_.log) outputs_.log(problem);
            source.problem_said = problem;
        }
        if (const auto skipped = source.follower.skipped() - source.skipped_said; skipped > 0) {
            source.skipped_said += skipped;
            offer({.level = Severity::warn,
                   .source = source.config.source,
                   .message = std::to_string(skipped) + " bytes of " + source.config.path +
                              " were skipped: it grows faster than it can be followed",
                   .at_ms = utc_ms},
                  true, now);
        }
    }
    report_losses(now, utc_ms);
    if (std::exchange(saved_before_, true) && now - saved_at_ < save_every) return;
    saved_at_ = now;
    save();
}

void Logs::daemon_line(std::string_view text, std::chrono::nanoseconds now)
{
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return;
    const auto text_of = [&](const char* key) {
        const auto at = json.find(key);
        return at != json.end() && at->is_string() ? at->get<std::string>() : std::string{};
    };
    const auto part = text_of("source");
    Line line{.level = severity(text_of("level")).value_or(Severity::info),
              .source = part.empty() || part == "agenthost" ? "agenthost" : "agenthost/" + part,
              .message = text_of("message"),
              .at_ms = 0};
    if (const auto at = json.find("at"); at != json.end()) line.at_ms = json_integer(*at).value_or(0);
    if (const auto fields = json.find("fields");
        fields != json.end() && fields->is_object() && !fields->empty())
        line.message += " " + fields->dump(-1, ' ', false, Json::error_handler_t::replace);
    const bool wanted = config_.daemon_log && line.level >= *config_.daemon_log;
    offer(std::move(line), wanted, now);
}

void Logs::daemon_lost(std::uint64_t count) { dropped_ += count; }

void Logs::offer(Line line, bool wanted, std::chrono::nanoseconds now)
{
    if (line.message.size() > Splitter::max_line + 3) line.message.resize(Splitter::max_line);
    keep(line);
    if (!wanted) return;
    if (!bucket_.take(now)) {
        ++dropped_;
        return;
    }
    if (outputs_.forward && outputs_.forward(line))
        ++forwarded_;
    else
        ++dropped_;
}

void Logs::keep(const Line& line)
{
    Line kept = line;
    if (kept.message.size() > kept_message) kept.message.resize(kept_message);
    if (line.level >= Severity::warn) {
        warnings_.push_back(kept);
        if (warnings_.size() > max_warnings) warnings_.pop_front();
        ++changes_;
    }
    recent_.push_back(std::move(kept));
    if (recent_.size() > max_recent) recent_.pop_front();
}

// Reports lost lines to the servers, as a line exempt from the rate, and to the daemon's log, whose line is
// not forwarded.
void Logs::report_losses(std::chrono::nanoseconds now, std::int64_t utc_ms)
{
    const auto lost = dropped_ - dropped_said_;
    if (lost == 0 || (std::exchange(said_before_, true) && now - said_at_ < report_every)) return;
    said_at_ = now;
    dropped_said_ = dropped_;
    char rate[32];
    std::snprintf(rate, sizeof rate, "%g", config_.log_rate);
    const Line line{.level = Severity::warn,
                    .source = "telemetry",
                    .message = std::to_string(lost) + " log lines were not forwarded: more than " + rate +
                               " a second, or more than the host could accept",
                    .at_ms = utc_ms};
    keep(line);
    if (outputs_.forward) outputs_.forward(line);
    if (outputs_.log)
        outputs_.log(line.message + ". Raise plugins.telemetry.config.log_rate to forward more.");
}

std::string Logs::places_json() const
{
    Json files = Json::object();
    for (const Source& source : sources_)
        if (const auto position = source.follower.position())
            files[source.config.path] = {{"device", position->device},
                                         {"inode", position->inode},
                                         {"offset", position->offset},
                                         {"before", position->before}};
    return Json{{"daemon", daemon_position}, {"files", std::move(files)}}.dump(
        -1, ' ', false, Json::error_handler_t::replace);
}

void Logs::save()
{
    if (state_file_.empty()) return;
    auto now = places_json();
    if (now != saved_ && write_whole(state_file_, now)) saved_ = std::move(now);
}

std::string Logs::warnings_json() const
{
    std::string out;
    base::JsonWriter json{out};
    json.array();
    for (const Line& line : warnings_) json.value(line_text(line));
    json.end();
    return out;
}

std::vector<std::string> Logs::problems() const
{
    std::vector<std::string> out;
    for (const Source& source : sources_)
        if (!source.follower.problem().empty()) out.push_back(source.follower.problem());
    return out;
}

} // namespace agenthost::telemetry
