#include "announced.hpp"

#include "binary.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"

#include <algorithm>
#include <charconv>

namespace agenthost::wire::print {

namespace {

constexpr std::string_view data_key = "data", encoding_key = "encoding", length_key = "length",
                           sha256_key = "sha256";

bool is_sha256(std::string_view text)
{
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

} // namespace

bool AnnouncedBytes::announces(std::span<const json::Member> params)
{
    const json::Member* encoding = find(params, encoding_key);
    return encoding != nullptr && encoding->text == binary_encoding;
}

std::string AnnouncedBytes::add(std::string_view id, std::string_view params,
                                std::span<const json::Member> members)
{
    Task task{.id = std::string{id}, .params = std::string{params}};
    const json::Member *length = find(members, length_key), *sha256 = find(members, sha256_key);
    if (length == nullptr || length->kind != json::Kind::number) return "length is missing or not a number";
    const char* const end = length->raw.data() + length->raw.size();
    const auto [at, bad] = std::from_chars(length->raw.data(), end, task.length);
    if (bad != std::errc{} || at != end) return "length is not a number of bytes";
    if (sha256 == nullptr || !is_sha256(sha256->text)) return "sha256 is missing or not 64 hex digits";
    if (id.empty() || id.size() > max_id) return "the id of a task in binary must have 1 to 255 bytes";
    if (params.size() > max_params) return "the parameters of a task in binary are longer than 64 KiB";
    task.sha256 = sha256->text;
    const auto same = [&](const Task& t) { return t.id == id; };
    tasks_.erase(std::remove_if(tasks_.begin(), tasks_.end(), same), tasks_.end());
    if (tasks_.size() >= max_tasks) return "16 tasks wait for their binary frames already";
    tasks_.push_back(std::move(task));
    return {};
}

AnnouncedBytes::Taken AnnouncedBytes::take(std::string_view id, std::string_view bytes, std::string& params)
{
    const auto found = std::find_if(tasks_.begin(), tasks_.end(), [&](const Task& t) { return t.id == id; });
    if (found == tasks_.end()) return Taken::not_announced;
    const Task task = std::move(*found);
    tasks_.erase(found);
    if (bytes.size() != task.length || base::hex(base::sha256(bytes)) != task.sha256)
        return Taken::not_as_announced;
    std::string why;
    const auto members = json::split(task.params, why);
    if (!members) return Taken::not_as_announced;
    params.clear();
    base::JsonWriter writer{params};
    writer.object();
    bool has_data = false;
    for (const json::Member& m : *members) {
        if (m.key == length_key || m.key == sha256_key) continue;
        if (m.key == data_key) {
            writer.member("data", base::Base64Json{bytes});
            has_data = true;
        } else if (m.key == encoding_key) {
            writer.member("encoding", "base64");
        } else {
            write_member(writer, m);
        }
    }
    if (!has_data) writer.member("data", base::Base64Json{bytes});
    writer.end();
    return Taken::complete;
}

} // namespace agenthost::wire::print
